"""The software lock of DWT and ITM (CoreSight; DDI 0403E C1.7.8, C1.8.9): locked, a unit ignores what is written."""

from __future__ import annotations

from collections.abc import Callable

LAR, LSR = 0xFB0, 0xFB4
_UNLOCK = 0xC5AC_CE55
_PRESENT, _LOCKED = 1 << 0, 1 << 1


class TraceLock:
    """The lock of one unit.

    Args:
        starts_locked: How it is after a reset: as on a board that was powered up without a probe. One that a probe
            has programmed and started is left unlocked by it.
        ignored: Called with the offset of a register to which a write was ignored.

    Attributes:
        locked: Whether writes are ignored.
    """

    def __init__(self, *, starts_locked: bool, ignored: Callable[[int], None]) -> None:
        self._starts_locked = starts_locked
        self._ignored = ignored
        self.locked = starts_locked

    def reset(self) -> None:
        """See `starts_locked`."""
        self.locked = self._starts_locked

    def read(self, offset: int) -> int | None:
        """LSR; None for another register."""
        return _PRESENT | (_LOCKED if self.locked else 0) if offset == LSR else None

    def takes(self, offset: int, value: int) -> bool:
        """Whether a write ends here: to LAR, or because the unit is locked."""
        if offset == LAR:
            self.locked = value != _UNLOCK
        elif self.locked:
            self._ignored(offset)
        return offset in (LAR, LSR) or self.locked
