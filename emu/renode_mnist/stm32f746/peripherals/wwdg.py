"""The window watchdog (RM0385 29)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.kernel_clock import KernelClock
from renode_mnist.stm32f746.slot import ResetCause

CR, CFR, SR = 0x00, 0x04, 0x08
_WDGA, _COUNT, _T6 = 1 << 7, 0x7F, 1 << 6
_EWI, _EWIF = 1 << 9, 1
_PRESCALER = 4096
_EARLY, _ENDS = "early", "ends"


class WindowWatchdog(Peripheral):
    """The WWDG: its counter goes down with APB1's clock, also while it watches nothing."""

    steady = True

    def __init__(self) -> None:
        super().__init__("WWDG", {CR: _COUNT, CFR: _COUNT})
        self._clock = KernelClock()
        self._from_tick = 0

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._from_tick = self._ticks()
        self.slot.set_interrupt(False)
        self._plan()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "clock": self._clock.state(), "from_tick": self._from_tick}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._clock.take_state(state["clock"])
        self._from_tick = state["from_tick"]

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self._clock.changes(self.slot.now_ps, self.slot.hertz if self.slot.clocked else 0):
            self._plan()

    @property
    def _edges_a_tick(self) -> int:
        return _PRESCALER << field(self.registers[CFR], 7, 2)

    def _ticks(self) -> int:
        return self._clock.edges(self.slot.now_ps) // self._edges_a_tick

    def _value(self) -> int:
        return (self.registers[CR] - (self._ticks() - self._from_tick)) & _COUNT

    def _settle(self) -> None:
        """It is told from now on; where it has come down to 0x40 meanwhile, its flag is set."""
        before, now = self.registers[CR], self._value()
        if before & _WDGA and before & _COUNT > _T6 >= now:
            self.registers[SR] |= _EWIF
        self.registers[CR] = before & _WDGA | now
        self._from_tick = self._ticks()

    def _plan(self) -> None:
        watches, flagged = bool(self.registers[CR] & _WDGA), bool(self.registers[SR] & _EWIF)
        above = (self.registers[CR] & _COUNT) - _T6
        early = self._clock.time_ps((self._from_tick + above) * self._edges_a_tick)
        end = self._clock.time_ps((self._from_tick + above + 1) * self._edges_a_tick)
        self.slot.plan(_EARLY, early if watches and above > 0 and not flagged else None)
        self.slot.plan(_ENDS, end if watches else None)

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        if what == _ENDS:
            self.slot.reset_chip(ResetCause.WINDOW_WATCHDOG)
        else:
            self._settle()
            self._interrupt()
            self._plan()

    def _interrupt(self) -> None:
        self.slot.set_interrupt(bool(self.registers[SR] & _EWIF and self.registers[CFR] & _EWI))

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CR:
            self.slot.moves()
            return self.registers[CR] & _WDGA | self._value()
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        self._settle()
        if offset == CR:
            self._refresh(value)
        elif offset == CFR:
            self.registers[CFR] = value & 0x3FF | self.registers[CFR] & _EWI
            self._from_tick = self._ticks()
        elif offset == SR:
            self.registers[SR] &= value
        self._interrupt()
        self._plan()

    def _refresh(self, value: int) -> None:
        """The counter is written: too early, or to a value that is the end, it resets the chip."""
        watched = bool(self.registers[CR] & _WDGA)
        too_early = watched and self._value() > self.registers[CFR] & _COUNT
        self.registers[CR] = value & (_WDGA | _COUNT) | self.registers[CR] & _WDGA
        if too_early:
            self.slot.log.add("the program has refreshed the window watchdog before its window opened")
        if self.registers[CR] & _WDGA and (too_early or not value & _T6):
            self.slot.reset_chip(ResetCause.WINDOW_WATCHDOG)
