#include "gpio.h"

enum { kModer = 0x00, kPupdr = 0x0C, kIdr = 0x10, kOdr = 0x14, kBsrr = 0x18, kPins = 16 };

uint32_t gpio_peek(const Gpio* self, uint32_t offset) { return self->registers[offset / 4 % kGpioRegisters]; }

static uint32_t levels(const Gpio* self) {
  const uint32_t modes = gpio_peek(self, kModer), pulls = gpio_peek(self, kPupdr), driven = gpio_peek(self, kOdr);
  uint32_t high = 0;
  for (int pin = 0; pin < kPins; ++pin) {
    const bool output = (modes >> 2 * pin & 3) == 1;
    high |= (output ? driven >> pin & 1 : (uint32_t)((pulls >> 2 * pin & 3) == 1)) << pin;
  }
  return high;
}

uint32_t gpio_read(const Gpio* self, uint32_t offset) {
  if (offset == kIdr) return levels(self);
  return offset == kBsrr ? 0 : gpio_peek(self, offset);
}

void gpio_write(Gpio* self, uint32_t offset, uint32_t value) {
  if (offset == kBsrr)
    self->registers[kOdr / 4] = (self->registers[kOdr / 4] & ~(value >> 16)) | (value & 0xFFFF);  // BSy wins
  else if (offset != kIdr)
    self->registers[offset / 4 % kGpioRegisters] = value;
}
