"""The low-power timer (RM0385 27)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.kernel_clock import KernelClock

ISR, ICR, IER, CFGR, CR, CMP, ARR, CNT = range(0x00, 0x20, 4)

_CMPM, _ARRM, _CMPOK, _ARROK = 1 << 0, 1 << 1, 1 << 3, 1 << 4
_FLAGS = 0x7F
_ENABLE, _SNGSTRT, _CNTSTRT = 1 << 0, 1 << 1, 1 << 2
_WAVPOL = 1 << 21
_CFGR_WRITABLE = 0x01FF_EEDF
_NOT_MODELLED = {0: "CKSEL", 19: "TIMOUT", 20: "WAVE", 23: "COUNTMODE", 24: "ENC"}
_TRIGEN = 0b11 << 17
_UPDATE_EDGES = 3
"""Of its clock, that a write to CMP or ARR takes to come into effect, about (RM0385 27.4.9)."""

_COMPARES, _ENDS, _COMPARE_UPDATED, _RELOAD_UPDATED = "compares", "ends", "compare updated", "reload updated"


class LowPowerTimer(Peripheral):
    """LPTIM1, on the clock that the RCC gives it, also in stop where that is LSI or LSE.

    Args:
        name: ``LPTIM1``.
    """

    steady = True
    lacks = "external clock and triggers, encoder, time-out and set-once modes, preload"

    def __init__(self, name: str) -> None:
        super().__init__(name, {ARR: 1})
        self._clock = KernelClock()
        self._from_edge = 0
        self._runs = self._once = False

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._runs = self._once = False
        for plan in (_COMPARES, _ENDS, _COMPARE_UPDATED, _RELOAD_UPDATED):
            self.slot.plan(plan, None)
        self._interrupt()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        runs = (self._from_edge, self._runs, self._once)
        return {**super().state(), "clock": self._clock.state(), "runs": runs}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._clock.take_state(state["clock"])
        self._from_edge, self._runs, self._once = state["runs"]

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self._clock.changes(self.slot.now_ps, self.slot.hertz if self.slot.clocked else 0):
            self._plan()

    # Counting

    @property
    def _edges_a_tick(self) -> int:
        return 1 << field(self.registers[CFGR], 9, 3)

    @property
    def _period(self) -> int:
        return self.registers[ARR] + 1

    def _ticks(self) -> int:
        return (self._clock.edges(self.slot.now_ps) - self._from_edge) // self._edges_a_tick

    def _count(self) -> int:
        return self._ticks() % self._period if self._runs else 0

    def _plan(self) -> None:
        """When a flag that is clear is to be set, or a single count ends."""
        flags, count = self.registers[ISR], self._count()
        for plan, flag, at in ((_COMPARES, _CMPM, self.registers[CMP]), (_ENDS, _ARRM, self.registers[ARR])):
            wanted = self._runs and (not flags & flag or (self._once and flag == _ARRM)) and at <= self.registers[ARR]
            ahead = (at - count - 1) % self._period + 1
            edge = self._from_edge + (self._ticks() + ahead) * self._edges_a_tick
            self.slot.plan(plan, self._clock.time_ps(edge) if wanted else None)

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        self.registers[ISR] |= {
            _COMPARES: _CMPM,
            _ENDS: _ARRM,
            _COMPARE_UPDATED: _CMPOK,
            _RELOAD_UPDATED: _ARROK,
        }[what]
        if what == _ENDS and self._once:
            self._runs = self._once = False
        self._interrupt()
        self._plan()

    def _interrupt(self) -> None:
        asked = bool(self.registers[ISR] & self.registers[IER])
        self.slot.set_interrupt(asked)
        self.slot.drive("LPTIM1", asked)

    def output(self, signal: str) -> bool | None:
        """See `pads.Drives`: OUT is high from the match of CMP on to that of ARR."""
        if signal != "OUT" or not self.registers[CR] & _ENABLE:
            return None
        return (self._runs and self._count() > self.registers[CMP]) != bool(self.registers[CFGR] & _WAVPOL)

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset != CNT:
            return 0 if offset == ICR else super().read(offset)
        if self._runs and self._clock.hertz:
            tick_ps = PICOSECONDS * self._edges_a_tick // self._clock.hertz
            self.slot.counts(tick_ps, self._period - self._count(), falls=False)
        return self._count()

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        registers = self.registers
        if offset == ICR:
            registers[ISR] &= ~value
        elif offset == IER:
            registers[IER] = value & _FLAGS
        elif offset == CFGR:
            self._configure(value)
        elif offset == CR:
            self._control(value)
        elif offset in (CMP, ARR):
            self._load(offset, value & 0xFFFF)
        self._interrupt()
        self._plan()

    def _configure(self, value: int) -> None:
        if self.registers[CR] & _ENABLE:
            self.slot.log.once(f"{self.name}.CFGR was written while the timer is enabled: ignored (RM0385 27.7.4)")
            return
        self.registers[CFGR] = value & _CFGR_WRITABLE
        for bit, name in _NOT_MODELLED.items():
            if value >> bit & 1:
                self.slot.log.lacks(f"{self.name}.CFGR.{name}", f"{self.name}.CFGR.{name} is not modelled")
        if value & _TRIGEN:
            self.slot.log.lacks(f"{self.name}.CFGR.TRIGEN", f"{self.name}.CFGR.TRIGEN is not modelled")

    def _control(self, value: int) -> None:
        registers = self.registers
        registers[CR] = value & _ENABLE
        if not value & _ENABLE:
            self._runs = self._once = False
            registers[ISR] = 0
        elif value & (_SNGSTRT | _CNTSTRT):
            if not self._runs:
                self._from_edge = self._clock.edges(self.slot.now_ps)
            self._runs, self._once = True, not value & _CNTSTRT

    def _load(self, offset: int, value: int) -> None:
        if not self.registers[CR] & _ENABLE:
            register = "CMP" if offset == CMP else "ARR"
            self.slot.log.once(f"{self.name}.{register} was written while the timer is off: ignored (RM0385 27.7.6)")
            return
        count = self._count()
        self.registers[offset] = value
        if self._runs:
            self._from_edge += (self._ticks() - min(count, value if offset == ARR else count)) * self._edges_a_tick
        updated = self._clock.edges(self.slot.now_ps) + _UPDATE_EDGES
        self.slot.plan(_COMPARE_UPDATED if offset == CMP else _RELOAD_UPDATED, self._clock.time_ps(updated))
