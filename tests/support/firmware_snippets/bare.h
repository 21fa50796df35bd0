/* What small programs in C need of the chip: USART1 at 115200 baud from HSI, semihosting, and no library. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t*)(uintptr_t)(address))
#define RCC 0x40023800u
#define PWR 0x40007000u
#define USART1 0x40011000u

static inline uint32_t semihosting(uint32_t operation, uint32_t argument) {
  register uint32_t r0 __asm("r0") = operation;
  register uint32_t r1 __asm("r1") = argument;
  __asm volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
#define SEMIHOSTING(operation, argument) semihosting(operation, (uint32_t)(argument))

int main(void);
/* What a program does not define, bare.c has. */
void hard_fault(void);
void systick(void);
void usart1(void);
void rcc_ready(void);

static inline void usart1_on(void) {
  REGISTER(RCC + 0x30) |= 1;       /* GPIOA */
  REGISTER(RCC + 0x44) |= 1 << 4;  /* USART1 */
  REGISTER(0x40020000) |= 2u << 18; /* PA9: alternate function */
  REGISTER(0x40020024) |= 7 << 4;  /* AF7 */
  REGISTER(USART1 + 0x0C) = 16000000 / 115200;
  REGISTER(USART1) = 0x2D; /* UE, RE, TE, RXNEIE */
}

static inline void put(char character) {
  while (!(REGISTER(USART1 + 0x1C) & 0x80)) continue;
  REGISTER(USART1 + 0x28) = (uint8_t)character;
}

static inline void print(const char* text) {
  while (*text) put(*text++);
}

static inline void print_hex(uint32_t value) {
  for (int shift = 28; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
  put('\n');
}

static inline void pause_for(int rounds) {
  for (volatile int i = 0; i < rounds; i++) continue;
}
