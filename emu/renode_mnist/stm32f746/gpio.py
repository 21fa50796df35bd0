"""A GPIO port: outputs read back what was driven (RM0385 6.4)."""

from __future__ import annotations

from renode_mnist.stm32f746.peripheral import Peripheral

MODER, OSPEEDR, PUPDR, IDR, ODR, BSRR = 0x00, 0x08, 0x0C, 0x10, 0x14, 0x18
AFRL = 0x20

_RESET = {
    "GPIOA": {MODER: 0xA800_0000, OSPEEDR: 0x0C00_0000, PUPDR: 0x6400_0000},
    "GPIOB": {MODER: 0x0000_0280, OSPEEDR: 0x0000_00C0, PUPDR: 0x0000_0100},
}


class Gpio(Peripheral):
    """One port; inputs read 0, pulled-up ones 1."""

    lacks = "levels from outside, lock"
    steady = True

    def __init__(self, name: str) -> None:
        super().__init__(name, _RESET.get(name, {}))

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == IDR:
            return self._levels()
        return 0 if offset == BSRR else super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == BSRR:
            self.registers[ODR] = self.read(ODR) & ~(value >> 16) | value & 0xFFFF  # BSy wins (RM0385 6.4.7)
        elif offset != IDR:
            super().write(offset, value)

    def _levels(self) -> int:
        modes, pulls, driven = self.read(MODER), self.read(PUPDR), self.read(ODR)
        levels = 0
        for pin in range(16):
            output = modes >> 2 * pin & 3 == 1
            high = driven >> pin & 1 if output else pulls >> 2 * pin & 3 == 1
            levels |= int(high) << pin
        return levels

    def drives_low(self, pin: int) -> bool:
        """Whether a pin is an output that is low; all others are pulled up on a board, if they select something."""
        return self.peek(MODER) >> 2 * pin & 3 == 1 and not self.peek(ODR) >> pin & 1

    def alternate_function(self, pin: int) -> int | None:
        """The alternate function that a pin is switched to; None if it is an input, output or analog."""
        if self.read(MODER) >> 2 * pin & 3 != 2:
            return None
        return self.read(AFRL + 4 * (pin // 8)) >> 4 * (pin % 8) & 0xF
