/* The vector table, and what a program leaves out. */
#include "bare.h"

__attribute__((weak)) void hard_fault(void) {
  for (;;) continue;
}
__attribute__((weak)) void systick(void) {}
__attribute__((weak)) void usart1(void) {}
__attribute__((weak)) void rcc_ready(void) {}

static void start(void) {
  main();
  for (;;) __asm volatile("wfi");
}

__attribute__((section(".vectors"), used)) static void (*const vectors[16 + 98])(void) = {
    [0] = (void (*)(void))0x20050000,
    [1] = start,
    [3] = hard_fault,
    [4] = hard_fault, /* MemManage, BusFault and UsageFault, which Renode enters though they are not enabled */
    [5] = hard_fault,
    [6] = hard_fault,
    [15] = systick,
    [16 + 5] = rcc_ready,
    [16 + 37] = usart1,
};
