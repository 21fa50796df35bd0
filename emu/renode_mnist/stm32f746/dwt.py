"""The cycle counter of the data watchpoint and trace unit (DDI 0403E C1.8, DDI 0489 11)."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.stm32f746.peripheral import Peripheral

CTRL, CYCCNT, LAR, LSR = 0x000, 0x004, 0xFB0, 0xFB4

_CYCCNTENA = 1 << 0
_UNLOCK = 0xC5AC_CE55
_LOCK_PRESENT, _LOCKED = 1 << 0, 1 << 1


_RESET_VALUES = {CTRL: 0x4000_0000}


class Dwt(Peripheral):
    """CYCCNT: what the clock model counted, modulo 2**32. Stands still while the core sleeps, as on silicon.

    Args:
        cycles_now: Cycles by the clock model.
        trace_enabled: Tells DEMCR.TRCENA.

    Attributes:
        on_count_read: Called when the program reads CYCCNT, before it is answered.
    """

    def __init__(self, cycles_now: Callable[[], int], trace_enabled: Callable[[], bool]) -> None:
        super().__init__("DWT", _RESET_VALUES)
        self.on_count_read: Callable[[], None] = lambda: None
        self._cycles_now = cycles_now
        self._trace_enabled = trace_enabled
        self._locked = True
        self._count = 0
        self._since = 0

    def reset(self) -> None:
        """Back to the reset values, and locked."""
        super().reset()
        self._locked = True
        self._count = 0

    @property
    def _counting(self) -> bool:
        return bool(self.registers[CTRL] & _CYCCNTENA) and self._trace_enabled()

    def settle(self) -> None:
        """To be called before what decides on counting changes (DEMCR)."""
        now = self._cycles_now()
        if self._counting:
            self._count += now - self._since
        self._since = now

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CYCCNT:
            self.on_count_read()
            self.settle()
            return self._count & 0xFFFF_FFFF
        if offset == LSR:
            return _LOCK_PRESENT | (_LOCKED if self._locked else 0)
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`; software must unlock the unit by LAR first."""
        if offset == LAR:
            self._locked = value != _UNLOCK
        elif not self._locked:
            self.settle()
            if offset == CYCCNT:
                self._count = value
            elif offset == CTRL:
                super().write(offset, _RESET_VALUES[CTRL] | value & 0x0FFF_FFFF)
            else:
                super().write(offset, value)
