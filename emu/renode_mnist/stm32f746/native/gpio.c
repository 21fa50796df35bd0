#include "gpio.h"

#include <string.h>

enum { kModer = 0x00, kOtyper = 0x04, kOspeedr = 0x08, kPupdr = 0x0C, kIdr = 0x10, kOdr = 0x14, kBsrr = 0x18 };
enum { kLckr = 0x1C, kAfrl = 0x20, kAfrh = 0x24, kPins = 16 };
enum { kOutput = 1, kAnalog = 3, kPullUp = 1, kPullDown = 2, kLckk = 1 << 16, kWritesToLock = 3 };

uint32_t gpio_peek(const Gpio* self, uint32_t offset) { return self->registers[offset / 4 % kGpioRegisters]; }

static uint32_t mode_of(const Gpio* self, int pin) { return gpio_peek(self, kModer) >> 2 * pin & 3; }

static bool is_high(const Gpio* self, int pin) {
  const uint32_t mode = mode_of(self, pin), pull = gpio_peek(self, kPupdr) >> 2 * pin & 3;
  const bool out = gpio_peek(self, kOdr) >> pin & 1, open_drain = gpio_peek(self, kOtyper) >> pin & 1;
  if (mode == kOutput && !(open_drain && out)) return out;
  if (mode == kAnalog) return false;
  if (self->driven >> pin & 1) return self->high >> pin & 1;
  return mode == kOutput ? pull != kPullDown : pull == kPullUp;
}

uint32_t gpio_levels(const Gpio* self) {
  uint32_t high = 0;
  for (int pin = 0; pin < kPins; ++pin) high |= (uint32_t)is_high(self, pin) << pin;
  return high;
}

uint32_t gpio_read(const Gpio* self, uint32_t offset) {
  if (offset == kIdr) return gpio_levels(self);
  return offset == kBsrr ? 0 : gpio_peek(self, offset);
}

static void lock(Gpio* self, uint32_t value) {
  uint32_t* lckr = &self->registers[kLckr / 4];
  if (*lckr & kLckk) return;
  const bool same = !self->lock_writes || (value & 0xFFFF) == (*lckr & 0xFFFF);
  const bool as_wanted = same && ((value & kLckk) != 0) == (self->lock_writes != 1);
  self->lock_writes = as_wanted ? self->lock_writes + 1 : 0;
  *lckr = value & 0xFFFF;
  if (self->lock_writes == kWritesToLock) *lckr |= kLckk;
}

static int bits_a_pin(uint32_t offset) {
  if (offset == kAfrl || offset == kAfrh) return 4;
  if (offset == kOtyper) return 1;
  return offset == kModer || offset == kOspeedr || offset == kPupdr ? 2 : 0;
}

static uint32_t frozen(const Gpio* self, uint32_t offset) {
  const uint32_t locked = gpio_peek(self, kLckr);
  const int bits = bits_a_pin(offset), first = offset == kAfrh ? 8 : 0, count = bits == 4 ? 8 : kPins;
  uint32_t kept = 0;
  if (!(locked & kLckk) || !bits) return 0;
  for (int pin = 0; pin < count; ++pin)
    if (locked >> (first + pin) & 1) kept |= ((1u << bits) - 1) << bits * pin;
  return kept;
}

// BSRR: of the two, BSy wins.
static uint32_t set_and_reset(uint32_t odr, uint32_t value) { return (odr & ~(value >> 16)) | (value & 0xFFFF); }

bool gpio_write(Gpio* self, uint32_t offset, uint32_t value) {
  if (offset == kIdr) return false;
  if (!self->watched && (offset == kBsrr || offset == kOdr)) {  // often; inputs do not depend on it
    uint32_t* odr = &self->registers[kOdr / 4];
    *odr = offset == kOdr ? value : set_and_reset(*odr, value);
    return false;
  }
  const uint32_t levels = gpio_levels(self), before = gpio_peek(self, offset);
  if (offset == kBsrr) {
    self->registers[kOdr / 4] = set_and_reset(self->registers[kOdr / 4], value);
  } else if (offset == kLckr) {
    lock(self, value);
  } else {
    const uint32_t kept = frozen(self, offset);
    self->registers[offset / 4 % kGpioRegisters] = (value & ~kept) | (before & kept);
  }
  const bool switches = offset == kModer || offset == kAfrl || offset == kAfrh;
  if (switches && gpio_peek(self, offset) != before) return true;
  uint32_t outputs = 0;
  for (int pin = 0; pin < kPins; ++pin) outputs |= (uint32_t)(mode_of(self, pin) == kOutput) << pin;
  return (gpio_levels(self) ^ levels) & (self->watched | ~outputs);
}

void gpio_reset(Gpio* self) {
  memset(self->registers, 0, sizeof self->registers);
  self->lock_writes = 0;
}
