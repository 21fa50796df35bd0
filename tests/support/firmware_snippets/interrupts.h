/* Handlers for any interrupt: a vector table in RAM. Comes behind bare.h. */
#pragma once

static void (*interrupt_table[16 + 98])(void) __attribute__((aligned(512)));

/* position: in the NVIC (RM0385 table 46). */
static inline void on_interrupt(int position, void (*handler)(void)) {
  if (!interrupt_table[1]) {
    for (int i = 0; i < 16 + 98; i++) interrupt_table[i] = ((void (**)(void))0x08000000)[i];
    REGISTER(0xE000ED08) = (uint32_t)interrupt_table;
  }
  interrupt_table[16 + position] = handler;
  REGISTER(0xE000E100 + 4 * (position / 32)) = 1u << position % 32;
}
