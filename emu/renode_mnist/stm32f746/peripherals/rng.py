"""The random number generator (RM0385, chapter RNG), which is none here: the same seed gives the same numbers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.slot import Slot

CR, SR, DR = 0x00, 0x04, 0x08

_RNGEN, _IE = 1 << 2, 1 << 3
DRDY, CECS, SECS, CEIS, SEIS = 1 << 0, 1 << 1, 1 << 2, 1 << 5, 1 << 6

CLOCKS_A_NUMBER = 40
"""Periods of PLL48CLK between two numbers."""
_SLOWEST = 16
"""PLL48CLK has to be faster than HCLK divided by this, or it is a clock error."""


class Rng(Peripheral):
    """The generator.

    Args:
        seed: Of its numbers, which go on through resets.
    """

    steady = True
    lacks = "randomness: numbers follow from a seed"

    def __init__(self, seed: int) -> None:
        super().__init__("RNG")
        self._numbers = random.Random(seed)

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._next = Alarm(slot, "number")

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._next.cancel()
        self.slot.set_interrupt(False)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "numbers": self._numbers.getstate(), "next": self._next.state()}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._numbers.setstate(state["numbers"])
        self._next.take_state(state["next"])

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self.registers[CR] & _RNGEN and not self.registers[SR] & (DRDY | SECS):
            self._begin()

    def seed_error(self) -> None:
        """The noise source fails, as a test may want it: no number comes until RNGEN was off."""
        self._next.cancel()
        self.registers[SR] = self.registers[SR] & ~DRDY | SECS | SEIS
        self._drive()

    def _begin(self) -> None:
        self._next.cancel()
        hertz = self.slot.hertz
        if hertz * _SLOWEST <= self.slot.hclk_hertz:
            self.registers[SR] |= CECS | CEIS
        else:
            self.registers[SR] &= ~CECS
        if hertz:
            self._next.after(CLOCKS_A_NUMBER * PICOSECONDS // hertz)
        self._drive()

    def due(self, what: str) -> None:
        """See `Peripheral.due`: a number is there."""
        if not self._next.rings(what):
            return
        self.registers[DR] = self._numbers.getrandbits(32)
        self.registers[SR] |= DRDY
        self._drive()

    def _drive(self) -> None:
        flags = self.registers[SR] & (DRDY | CEIS | SEIS)
        self.slot.set_interrupt(bool(flags and self.registers[CR] & _IE))

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset != DR:
            return super().read(offset)
        if not self.registers[SR] & DRDY:
            return 0
        self.slot.moves()
        self.registers[SR] &= ~DRDY
        self._begin()
        return self.registers[DR]

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == SR:
            self.registers[SR] &= value | ~(CEIS | SEIS)  # they are cleared by 0
            self._drive()
        elif offset == CR:
            before = self.registers[CR]
            self.registers[CR] = value & (_RNGEN | _IE)
            if not value & _RNGEN:
                self._next.cancel()
                self.registers[SR] &= ~(DRDY | SECS | CECS)
            elif not before & _RNGEN:
                self._begin()
            self._drive()
