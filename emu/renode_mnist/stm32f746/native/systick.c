#include "systick.h"

#include "wide.h"

enum { kEnable = 1 << 0, kTickInt = 1 << 1, kClkSource = 1 << 2, kCountFlag = 1 << 16 };
enum { kCalib = 0x40000000 | 18750, kExternalDivider = 8 };

static uint64_t hertz(const SysTick* self) {
  return self->control & kClkSource ? self->clock->hertz : self->clock->hertz / kExternalDivider;
}

static bool running(const SysTick* self) { return self->control & kEnable && (self->reload || self->since_value); }

static uint32_t value_now(const SysTick* self) {
  if (!running(self)) return self->since_value;
  const uint64_t passed_ps = (uint64_t)(clock_now_ps(self->clock) - self->since_ps);
  const uint64_t ticks = wide_scaled(passed_ps, hertz(self), PICOSECONDS, false);
  if (ticks <= self->since_value) return self->since_value - (uint32_t)ticks;
  const uint64_t period = (uint64_t)self->reload + 1;
  const uint64_t behind = (ticks - self->since_value) % period;
  return (uint32_t)(behind ? period - behind : 0);
}

void systick_reset(SysTick* self) {
  clock_cancel(self->clock, self->zero);
  self->zero = 0;
  self->control = self->reload = self->since_value = 0;
  self->count_flag = false;
  self->since_ps = 0;
}

void systick_settle(SysTick* self) {
  self->since_value = value_now(self);
  self->since_ps = clock_now_ps(self->clock);
}

static void plan_zero(SysTick* self, uint64_t ticks) {
  const uint64_t in_ps = wide_scaled(ticks, PICOSECONDS, hertz(self), true);
  self->zero = clock_at(self->clock, self->since_ps + (int64_t)in_ps, systick_reach_zero, self, ticks);
}

bool systick_reach_zero(void* of, uint64_t ticks) {
  SysTick* self = of;
  self->count_flag = true;
  if (self->control & kTickInt) nvic_pend(self->nvic, kSysTickException);
  if (self->reload) plan_zero(self, ticks + self->reload + 1);
  return true;
}

void systick_plan(SysTick* self) {
  clock_cancel(self->clock, self->zero);
  self->zero = 0;
  if (running(self)) plan_zero(self, self->since_value ? self->since_value : self->reload + 1);
}

uint32_t systick_read(SysTick* self, uint32_t offset) {
  switch (offset) {
    case kSysTickCsr: {
      const uint32_t value = self->control | (self->count_flag ? kCountFlag : 0);
      self->count_flag = false;
      return value;
    }
    case kSysTickRvr:
      return self->reload;
    case kSysTickCvr:
      return value_now(self);
    default:
      return kCalib;
  }
}

void systick_write(SysTick* self, uint32_t offset, uint32_t value) {
  systick_settle(self);
  if (offset == kSysTickCsr) {
    self->control = value & 7;
  } else if (offset == kSysTickRvr) {
    self->reload = value & 0xFFFFFF;
  } else if (offset == kSysTickCvr) {
    self->since_value = 0;
    self->count_flag = false;
  }
  systick_plan(self);
}
