// The SysTick timer: the twin of systick.py, by the same names.
#ifndef RENODE_MNIST_SYSTICK_H
#define RENODE_MNIST_SYSTICK_H

#include "clock.h"
#include "nvic.h"

enum {
  kSysTickFirst = 0x010,
  kSysTickCsr = 0x010,
  kSysTickRvr = 0x014,
  kSysTickCvr = 0x018,
  kSysTickCalib = 0x01C
};

typedef struct {
  Clock* clock;
  Nvic* nvic;
  uint64_t zero;  // the event; 0 if none was asked for
  uint32_t control, reload;
  bool count_flag;
  int64_t since_ps;
  uint32_t since_value;
} SysTick;

// Its event, with how many ticks after `since_ps` it comes.
bool systick_reach_zero(void* systick, uint64_t ticks);

void systick_reset(SysTick* systick);
void systick_settle(SysTick* systick);
void systick_plan(SysTick* systick);
uint32_t systick_read(SysTick* systick, uint32_t offset);
void systick_write(SysTick* systick, uint32_t offset, uint32_t value);

#endif
