"""The 24-bit SysTick timer (DDI 0403E B3.3)."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.stm32f746.clock import PICOSECONDS, Event, Scheduler

CSR, RVR, CVR, CALIB = 0x010, 0x014, 0x018, 0x01C

_ENABLE, _TICKINT, _CLKSOURCE, _COUNTFLAG = 1 << 0, 1 << 1, 1 << 2, 1 << 16
_CALIB = 0x4000_0000 | 18750
"""SKEW and TENMS (RM0385 10.1.3: 18750, which is 1 ms at HCLK / 8 = 18.75 MHz)."""
_EXTERNAL_DIVIDER = 8


class SysTick:
    """Counts HCLK or HCLK / 8, also while the core sleeps.

    Between two writes the counter is a function of time: ``value`` ticks to the first zero, then RVR + 1 to each
    further one. No drift, and nothing to do at a tick.

    Args:
        scheduler: For the zeros.
        pend: Makes the exception pending.
    """

    def __init__(self, scheduler: Scheduler, pend: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._pend = pend
        self._zero: Event | None = None
        self.reset()

    def reset(self) -> None:
        """Off."""
        if self._zero:
            self._zero.cancel()
            self._zero = None
        self._control = 0
        self._reload = 0
        self._count_flag = False
        self._since_ps = 0
        self._since_value = 0

    def _hertz(self) -> int:
        hertz = self._scheduler.clock.hertz
        return hertz if self._control & _CLKSOURCE else hertz // _EXTERNAL_DIVIDER

    @property
    def _running(self) -> bool:
        return bool(self._control & _ENABLE) and (self._reload > 0 or self._since_value > 0)

    def _value(self) -> int:
        if not self._running:
            return self._since_value
        ticks = (self._scheduler.clock.now_ps() - self._since_ps) * self._hertz() // PICOSECONDS
        if ticks <= self._since_value:
            return self._since_value - ticks
        return (self._since_value - ticks) % (self._reload + 1)

    def settle(self) -> None:
        """To be called before the clock or a register changes: what was counted so far stands."""
        self._since_value = self._value()
        self._since_ps = self._scheduler.clock.now_ps()

    def plan(self) -> None:
        """To be called after it: when the next zero comes."""
        if self._zero:
            self._zero.cancel()
            self._zero = None
        if self._running:
            self._plan_zero(self._since_value or self._reload + 1)

    def _plan_zero(self, ticks: int) -> None:
        due_ps = self._since_ps - (-ticks * PICOSECONDS // self._hertz())
        self._zero = self._scheduler.at(due_ps, lambda: self._reach_zero(ticks))

    def _reach_zero(self, ticks: int) -> None:
        self._count_flag = True
        if self._control & _TICKINT:
            self._pend()
        if self._reload:
            self._plan_zero(ticks + self._reload + 1)

    def read(self, offset: int) -> int:
        """A register by its offset in the system control space."""
        if offset == CSR:
            value = self._control | (_COUNTFLAG if self._count_flag else 0)
            self._count_flag = False
            return value
        if offset == RVR:
            return self._reload
        return self._value() if offset == CVR else _CALIB

    def write(self, offset: int, value: int) -> None:
        """Writes a register by its offset in the system control space."""
        self.settle()
        if offset == CSR:
            self._control = value & 0b111
        elif offset == RVR:
            self._reload = value & 0xFF_FFFF
        elif offset == CVR:
            self._since_value = 0
            self._count_flag = False
        self.plan()
