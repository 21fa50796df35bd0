"""The independent watchdog (RM0385 28)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripherals.kernel_clock import KernelClock
from renode_mnist.stm32f746.slot import ResetCause

KR, PR, RLR, SR, WINR = range(0x00, 0x14, 4)
RELOAD, UNLOCK, START = 0xAAAA, 0x5555, 0xCCCC
"""Keys."""

_WRITABLE = {PR: 0b111, RLR: 0xFFF, WINR: 0xFFF}
_UPDATING = {PR: 1 << 0, RLR: 1 << 1, WINR: 1 << 2}
"""Bits of SR that stand while a value goes over to the watchdog's own clock domain,"""
_UPDATE_EDGES = 5
"""which takes at most so many cycles of LSI (RM0385 28.4.4)."""
_MOST_SHIFT = 6
_UPDATED, _ENDS = "updated", "ends"


class IndependentWatchdog(Peripheral):
    """The IWDG, on LSI; once started it runs until a reset."""

    steady = True
    lacks = "start by option bytes"

    def __init__(self) -> None:
        super().__init__("IWDG", {RLR: 0xFFF, WINR: 0xFFF})
        self._clock = KernelClock()
        self._start()

    def _start(self) -> None:
        self._unlocked = self._runs = False
        self._from_edge = 0
        self._updated_edge = 0

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._start()
        for plan in (_UPDATED, _ENDS):
            self.slot.plan(plan, None)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        runs = (self._unlocked, self._runs, self._from_edge, self._updated_edge)
        return {**super().state(), "clock": self._clock.state(), "runs": runs}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._clock.take_state(state["clock"])
        self._unlocked, self._runs, self._from_edge, self._updated_edge = state["runs"]

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self._clock.changes(self.slot.now_ps, self.slot.hertz):
            self._plan()

    @property
    def _edges_a_tick(self) -> int:
        return 4 << min(self.registers[PR], _MOST_SHIFT)

    def _now(self) -> int:
        return self._clock.edges(self.slot.now_ps)

    def _count(self) -> int:
        return self.registers[RLR] - (self._now() - self._from_edge) // self._edges_a_tick

    def _plan(self) -> None:
        end = self._from_edge + (self.registers[RLR] + 1) * self._edges_a_tick
        self.slot.plan(_ENDS, self._clock.time_ps(end) if self._runs else None)
        self.slot.plan(_UPDATED, self._clock.time_ps(self._updated_edge) if self.registers[SR] else None)

    def _reload(self) -> None:
        self._from_edge = self._now()
        self._plan()

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        if what == _UPDATED:
            self.registers[SR] = 0
        else:
            self.slot.reset_chip(ResetCause.INDEPENDENT_WATCHDOG)

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        return 0 if offset == KR else super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == KR:
            self._take_key(value & 0xFFFF)
        elif offset in _WRITABLE:
            self._set(offset, value)

    def _take_key(self, key: int) -> None:
        self._unlocked = key == UNLOCK
        if key == START and not self._runs:
            self._runs = True
            self.slot.start_lsi()
            self._reload()
        elif key == RELOAD and self._runs:
            if self._count() > self.registers[WINR]:
                self.slot.log.add("the program has reloaded the independent watchdog before its window opened")
                self.slot.reset_chip(ResetCause.INDEPENDENT_WATCHDOG)
            self._reload()

    def _set(self, offset: int, value: int) -> None:
        register = {PR: "PR", RLR: "RLR", WINR: "WINR"}[offset]
        if not self._unlocked:
            self.slot.log.once(f"IWDG.{register} was written without the key 0x5555 in KR: ignored (RM0385 28.3.3)")
            return
        if self.registers[SR] & _UPDATING[offset]:
            self.slot.log.once(f"IWDG.{register} was written while SR says that it is being updated (RM0385 28.4.4)")
        self.registers[offset] = value & _WRITABLE[offset]
        self.registers[SR] |= _UPDATING[offset]
        self._updated_edge = self._now() + _UPDATE_EDGES
        if offset == WINR:
            self._from_edge = self._now()  # which reloads it (RM0385 28.3.2)
        self._plan()
