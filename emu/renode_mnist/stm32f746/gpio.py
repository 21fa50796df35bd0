"""A GPIO port: what the program drives, what the world outside drives, and what both read (RM0385 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral

MODER, OTYPER, OSPEEDR, PUPDR, IDR, ODR, BSRR, LCKR = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C
AFRL, AFRH = 0x20, 0x24
PINS = 16

INPUT, OUTPUT, ALTERNATE, ANALOG = range(4)
"""A pin's mode in MODER."""
_PULL_UP, _PULL_DOWN = 1, 2
_LCKK = 1 << 16
_WRITES_TO_LOCK = 3
_BITS_A_PIN = {MODER: 2, OTYPER: 1, OSPEEDR: 2, PUPDR: 2, AFRL: 4, AFRH: 4}
"""Of what the lock freezes (RM0385 6.4.8)."""

_RESET = {
    "GPIOA": {MODER: 0xA800_0000, OSPEEDR: 0x0C00_0000, PUPDR: 0x6400_0000},
    "GPIOB": {MODER: 0x0000_0280, OSPEEDR: 0x0000_00C0, PUPDR: 0x0000_0100},
}


class Gpio(Peripheral):
    """One port.

    What nobody drives reads as it is pulled, else 0; an open-drain output that is released 1, as a board pulls such a
    line up.

    Attributes:
        changed: Called when levels of inputs or of watched pins may have changed, or what a pin is switched to.
    """

    lacks = "what other peripherals drive on their pins"
    steady = True

    def __init__(self, name: str) -> None:
        self.changed: Callable[[], None] = lambda: None
        self._to_come: list[tuple[int, int, bool | None]] = []
        self._driven = self._high = self._watched = 0
        self._lock_writes = 0
        super().__init__(name, _RESET.get(name, {}))

    def reset(self) -> None:
        """See `Peripheral.reset`; the world outside stays as it is, and does what it was to do."""
        super().reset()
        self._lock_writes = 0
        self._came_out_of_reset()

    def _came_out_of_reset(self) -> None:
        self.changed()
        for time_ps, _, _ in self._to_come:
            self.slot.at(time_ps, _TO_COME)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        outside = {"driven": self._driven, "high": self._high, "to_come": list(self._to_come)}
        return {**super().state(), **outside, "watched": self._watched, "lock_writes": self._lock_writes}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._driven, self._high, self._watched = state["driven"], state["high"], state["watched"]
        self._lock_writes, self._to_come = state["lock_writes"], list(state["to_come"])

    # The world outside

    def drive(self, pin: int, high: bool | None) -> None:
        """Drives a pin from outside, high or low; None releases it. An output that pushes and pulls wins."""
        self._driven = self._driven & ~(1 << pin) | (high is not None) << pin
        self._high = self._high & ~(1 << pin) | bool(high) << pin
        self._drive(self._driven, self._high)
        self.changed()

    def _drive(self, driven: int, high: int) -> None:
        """For the model in C, which has levels of its own."""

    def drive_at(self, time_ps: int, pin: int, high: bool | None) -> None:
        """Likewise at a moment of virtual time; a reset of the chip does not keep it from that."""
        self._to_come.append((time_ps, pin, high))
        self.slot.at(time_ps, _TO_COME)

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        del what
        now_ps = self.slot.now_ps
        due = [each for each in self._to_come if each[0] <= now_ps]
        self._to_come = [each for each in self._to_come if each[0] > now_ps]
        for time_ps, pin, high in sorted(due, key=lambda each: each[0]):
            with self.slot.happening_at(time_ps):
                self.drive(pin, high)

    def watch(self, pins: int) -> None:
        """`changed` is called for these, a bit each, also while they are outputs."""
        self._watched = pins

    @property
    def levels(self) -> int:
        """Of all pins, a bit each."""
        modes, pulls, out, open_drain = (self.peek(offset) for offset in (MODER, PUPDR, ODR, OTYPER))
        levels = 0
        for pin in range(PINS):
            mode, pull, bit = modes >> 2 * pin & 3, pulls >> 2 * pin & 3, 1 << pin
            released = bool(open_drain & bit and out & bit)
            if mode == OUTPUT and not released:
                high = bool(out & bit)
            elif mode == ANALOG:
                high = False  # its Schmitt trigger is off (RM0385 6.3.12)
            elif self._driven & bit:
                high = bool(self._high & bit)
            elif mode == OUTPUT:
                high = pull != _PULL_DOWN
            else:
                high = pull == _PULL_UP
            levels |= int(high) << pin
        return levels

    def alternate_function(self, pin: int) -> int | None:
        """The alternate function that a pin is switched to; None if it is an input, output or analog."""
        if self.peek(MODER) >> 2 * pin & 3 != ALTERNATE:
            return None
        return self.peek(AFRL + 4 * (pin // 8)) >> 4 * (pin % 8) & 0xF

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == IDR:
            return self.levels
        return 0 if offset == BSRR else super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == IDR:
            return
        levels, before = self.levels, self.registers[offset]
        if offset == BSRR:
            self.registers[ODR] = self.registers[ODR] & ~(value >> 16) | value & 0xFFFF  # BSy wins (RM0385 6.4.7)
        elif offset == LCKR:
            self._lock(value)
        else:
            kept = self._frozen(offset)
            self.registers[offset] = value & ~kept | before & kept
        switched = offset in (MODER, AFRL, AFRH) and self.registers[offset] != before
        if switched or (self.levels ^ levels) & (self._watched | ~self._outputs()):
            self.changed()

    def _outputs(self) -> int:
        return sum(1 << pin for pin in range(PINS) if self.registers[MODER] >> 2 * pin & 3 == OUTPUT)

    def _lock(self, value: int) -> None:
        """Locked by three writes of the same pins, with LCKK, without it and with it (RM0385 6.4.8)."""
        if self.registers[LCKR] & _LCKK:
            return
        same = self._lock_writes == 0 or value & 0xFFFF == self.registers[LCKR] & 0xFFFF
        as_wanted = same and bool(value & _LCKK) == (self._lock_writes != 1)
        self._lock_writes = self._lock_writes + 1 if as_wanted else 0
        self.registers[LCKR] = value & 0xFFFF
        if self._lock_writes == _WRITES_TO_LOCK:
            self.registers[LCKR] |= _LCKK

    def _frozen(self, offset: int) -> int:
        locked, bits = self.registers[LCKR], _BITS_A_PIN.get(offset, 0)
        if not locked & _LCKK or not bits:
            return 0
        first, count = (8 if offset == AFRH else 0), (8 if bits == 4 else PINS)
        each = (1 << bits) - 1
        return sum(each << bits * pin for pin in range(count) if locked >> first + pin & 1)


_TO_COME = "drive"
