/* A program for the tests of the Renode target: it needs no start-up code, no linker script and no data section. It
 * sets the clock to 216 MHz first.
 *
 * On the console (USART6): "boot".
 * On the binary line (USART1): echoes what comes; `!` first reads an address that is not there.
 */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(uintptr_t)(address))

enum { BINARY = 0x40011000, BINARY_IRQ = 37, BINARY_CLOCK_HZ = 108000000 };
enum { CONSOLE = 0x40011400 };
enum { RCC = 0x40023800, CR = 0x00, PLLCFGR = 0x04, CFGR = 0x08 };
enum { CR1 = 0x00, BRR = 0x0C, ISR = 0x1C, RDR = 0x24, TDR = 0x28 };
enum { UE = 1 << 0, RE = 1 << 2, TE = 1 << 3, RXNEIE = 1 << 5, RXNE = 1 << 5, TXE = 1 << 7 };

static void put(uint32_t uart, uint8_t byte) {
  while ((REGISTER(uart + ISR) & TXE) == 0) continue;
  REGISTER(uart + TDR) = byte;
}

static void print(const char* text) {
  while (*text != '\0') put(CONSOLE, (uint8_t)*text++);
}

static void on_byte(void) {
  const uint8_t byte = (uint8_t)REGISTER(BINARY + RDR);
  if (byte == '!') (void)REGISTER(0x60000000);
  put(BINARY, byte);
}

static void set_clock(void) {
  REGISTER(RCC + PLLCFGR) = 16 | 432 << 6 | 9 << 24; /* HSI / 16 * 432 / 2 */
  REGISTER(RCC + CR) |= 1 << 24;
  while ((REGISTER(RCC + CR) & 1 << 25) == 0) continue;
  REGISTER(RCC + CFGR) = 2 | 5 << 10 | 4 << 13; /* PLL; APB1 / 4, APB2 / 2 */
}

static void start(void) {
  set_clock();
  REGISTER(BINARY + BRR) = BINARY_CLOCK_HZ / 115200;
  REGISTER(BINARY + CR1) = UE | RE | TE | RXNEIE;
  REGISTER(CONSOLE + CR1) = UE | TE;
  REGISTER(0xE000E100 + BINARY_IRQ / 32 * 4) = 1u << BINARY_IRQ % 32; /* NVIC_ISER */
  print("boot\n");
  for (;;) __asm volatile("wfi");
}

static void fault(void) {
  for (;;) continue;
}

__attribute__((section(".vectors"), used)) static const void* const vectors[16 + 98] = {
    (void*)0x20050000, start, fault, fault, [16 + BINARY_IRQ] = on_byte};
