// GPIO ports: the twin of gpio.py, by the same names.
#ifndef RENODE_MNIST_GPIO_H
#define RENODE_MNIST_GPIO_H

#include <stdbool.h>
#include <stdint.h>

enum { kGpioRegisters = 256 };

typedef struct {
  bool clocked;  // by the RCC
  uint32_t registers[kGpioRegisters];
} Gpio;

uint32_t gpio_read(const Gpio* gpio, uint32_t offset);
void gpio_write(Gpio* gpio, uint32_t offset, uint32_t value);
// What a narrow write leaves of a register.
uint32_t gpio_peek(const Gpio* gpio, uint32_t offset);

#endif
