#include "nvic.h"

#include <string.h>

enum { kPriorityMask = 0xF0, kWords = kExceptions / 32 };

bool nvic_has(const Nvic* self, NumberSet set, int number) {
  return self->sets[set][number / 32] >> (number % 32) & 1;
}

void nvic_put(Nvic* self, NumberSet set, int number, bool in) {
  const uint32_t bit = UINT32_C(1) << (number % 32);
  if (in)
    self->sets[set][number / 32] |= bit;
  else
    self->sets[set][number / 32] &= ~bit;
}

void nvic_reset(Nvic* self) {
  static const uint8_t always_enabled[] = {kNmi, kHardFault, 11, kPendSv, kSysTickException};
  memset(self->sets, 0, sizeof self->sets);
  memset(self->priorities, 0, sizeof self->priorities);
  self->priority_group = 0;
  for (unsigned i = 0; i < sizeof always_enabled; ++i) nvic_put(self, kEnabled, always_enabled[i], true);
}

static int priority_of(const Nvic* self, int number) {
  return number <= kHardFault ? number - 4 : self->priorities[number];
}

static int masked(const Nvic* self, int priority) {
  return priority >> (self->priority_group + 1) << (self->priority_group + 1);
}

int nvic_group_priority(const Nvic* self, int number) {
  const int priority = priority_of(self, number);
  return priority < 0 ? priority : masked(self, priority);
}

int nvic_execution_priority(const Nvic* self, uint32_t primask, uint32_t basepri, uint32_t faultmask) {
  int priority = kThreadPriority;
  for (int word = 0; word < kWords; ++word)
    for (uint32_t left = self->sets[kActive][word]; left; left &= left - 1) {
      const int active = nvic_group_priority(self, 32 * word + __builtin_ctz(left));
      if (active < priority) priority = active;
    }
  if (basepri & kPriorityMask) {
    const int base = masked(self, (int)(basepri & kPriorityMask));
    if (base < priority) priority = base;
  }
  if (primask && priority > 0) priority = 0;
  return faultmask && priority > -1 ? -1 : priority;
}

int nvic_best_pending(const Nvic* self) {
  int best = kNoException;
  for (int word = 0; word < kWords; ++word)
    for (uint32_t left = self->sets[kPending][word] & self->sets[kEnabled][word]; left; left &= left - 1) {
      const int number = 32 * word + __builtin_ctz(left);  // in rising order, so the lowest of equals comes first
      if (best == kNoException || priority_of(self, number) < priority_of(self, best)) best = number;
    }
  return best;
}

void nvic_pend(Nvic* self, int number) {
  nvic_put(self, kPending, number, true);
  if (nvic_has(self, kEnabled, number)) self->on_change(self->of);
}

void nvic_unpend(Nvic* self, int number) {
  if (!nvic_has(self, kLines, number)) nvic_put(self, kPending, number, false);
}

void nvic_enable(Nvic* self, int number, bool on) {
  nvic_put(self, kEnabled, number, on);
  if (on) self->on_change(self->of);
}

void nvic_set_line(Nvic* self, int interrupt, bool active) {
  const int number = kFirstInterrupt + interrupt;
  if (!active) {
    nvic_put(self, kLines, number, false);
  } else if (!nvic_has(self, kLines, number)) {
    nvic_put(self, kLines, number, true);
    if (!nvic_has(self, kActive, number)) nvic_pend(self, number);
  }
}

void nvic_activate(Nvic* self, int number) {
  nvic_put(self, kPending, number, false);
  nvic_put(self, kActive, number, true);
}

void nvic_deactivate(Nvic* self, int number) {
  nvic_put(self, kActive, number, false);
  if (nvic_has(self, kLines, number)) nvic_pend(self, number);
  self->on_change(self->of);
}

static int first_of_word(uint32_t offset) { return kFirstInterrupt + (int)(offset & 0x3C) * 8; }

uint32_t nvic_read(const Nvic* self, uint32_t offset) {
  const NumberSet set = offset < 0x200 ? kEnabled : offset < 0x300 ? kPending : kActive;
  uint32_t value = 0;
  for (int bit = 0; bit < 32; ++bit) value |= (uint32_t)nvic_has(self, set, first_of_word(offset) + bit) << bit;
  return value;
}

void nvic_write(Nvic* self, uint32_t offset, uint32_t value) {
  for (; value; value &= value - 1) {
    const int number = first_of_word(offset) + __builtin_ctz(value);
    if (offset < 0x200)
      nvic_enable(self, number, offset < 0x180);
    else if (offset < 0x280)
      nvic_pend(self, number);
    else if (offset < 0x300)
      nvic_unpend(self, number);
  }
}

static bool any_interrupt_pending(const Nvic* self) {
  if (self->sets[kPending][0] >> kFirstInterrupt) return true;
  for (int word = 1; word < kWords; ++word)
    if (self->sets[kPending][word]) return true;
  return false;
}

static bool at_most_one_active(const Nvic* self) {
  int count = 0;
  for (int word = 0; word < kWords; ++word) count += __builtin_popcount(self->sets[kActive][word]);
  return count <= 1;
}

uint32_t nvic_read_icsr(const Nvic* self, uint32_t exception_number) {
  const int best = nvic_best_pending(self);
  uint32_t value = exception_number;
  value |= best == kNoException ? 0 : (uint32_t)best << 12;
  value |= (uint32_t)at_most_one_active(self) << 11;
  value |= (uint32_t)any_interrupt_pending(self) << 22;
  value |= (uint32_t)nvic_has(self, kPending, kSysTickException) << 26;
  value |= (uint32_t)nvic_has(self, kPending, kPendSv) << 28;
  return value | (uint32_t)nvic_has(self, kPending, kNmi) << 31;
}

void nvic_write_icsr(Nvic* self, uint32_t value) {
  if (value >> 25 & 1) nvic_unpend(self, kSysTickException);
  if (value >> 27 & 1) nvic_unpend(self, kPendSv);
  if (value >> 26 & 1) nvic_pend(self, kSysTickException);
  if (value >> 28 & 1) nvic_pend(self, kPendSv);
  if (value >> 31 & 1) nvic_pend(self, kNmi);
}
