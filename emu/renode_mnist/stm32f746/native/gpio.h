// GPIO ports: the twin of gpio.py, by the same names.
#ifndef RENODE_MNIST_GPIO_H
#define RENODE_MNIST_GPIO_H

#include <stdbool.h>
#include <stdint.h>

enum { kGpioRegisters = 256 };

typedef struct {
  bool clocked;           // by the RCC
  uint8_t lock_writes;    // of the three that lock it
  uint32_t driven, high;  // from outside, a bit a pin
  uint32_t watched;       // also while they are outputs
  uint32_t registers[kGpioRegisters];
} Gpio;

uint32_t gpio_read(const Gpio* gpio, uint32_t offset);
// Whether somebody is to be told: levels of inputs or of watched pins, or what a pin is switched to, have changed.
bool gpio_write(Gpio* gpio, uint32_t offset, uint32_t value);
// All registers are 0; what the world outside drives stays.
void gpio_reset(Gpio* gpio);
// What a narrow write leaves of a register.
uint32_t gpio_peek(const Gpio* gpio, uint32_t offset);
uint32_t gpio_levels(const Gpio* gpio);

#endif
