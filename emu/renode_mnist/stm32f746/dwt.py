"""The cycle counter of the data watchpoint and trace unit (DDI 0403E C1.8, DDI 0489 11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.trace_lock import TraceLock

CTRL, CYCCNT = 0x000, 0x004

_CYCCNTENA = 1 << 0

_RESET_VALUES = {CTRL: 0x4000_0000}


def nobody() -> None:
    """Who looks at reads of CYCCNT by default."""


class Dwt(Peripheral):
    """CYCCNT: what the clock model counted, modulo 2**32. Stands still while the core sleeps, as on silicon.

    Args:
        cycles_now: Cycles by the clock model.
        trace_enabled: Tells DEMCR.TRCENA.
        lock: Of its registers.

    Attributes:
        on_count_read: Called when the program reads CYCCNT, before it is answered.
    """

    lacks = "comparators, sampling, the counters of 8 bits"

    def __init__(self, cycles_now: Callable[[], int], trace_enabled: Callable[[], bool], lock: TraceLock) -> None:
        super().__init__("DWT", _RESET_VALUES)
        self.on_count_read: Callable[[], None] = nobody
        self._cycles_now = cycles_now
        self._trace_enabled = trace_enabled
        self._lock = lock
        self._count = 0
        self._since = 0

    def reset(self) -> None:
        """Back to the reset values."""
        super().reset()
        self._lock.reset()
        self._count = 0

    @property
    def counted(self) -> tuple[int, int, bool]:
        """CYCCNT without its wrap at a cycle count of the core, that cycle count, and whether it counts since."""
        return self._count, self._since, self._counting

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "locked": self._lock.locked, "count": self._count, "since": self._since}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._lock.locked, self._count, self._since = state["locked"], state["count"], state["since"]

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
        if (status := self._lock.read(offset)) is not None:
            return status
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if not self._lock.takes(offset, value):
            self.settle()
            if offset == CYCCNT:
                self._count = value
            elif offset == CTRL:
                super().write(offset, _RESET_VALUES[CTRL] | value & 0x0FFF_FFFF)
            else:
                super().write(offset, value)
