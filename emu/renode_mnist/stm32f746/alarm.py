"""One event of a peripheral's, which it may put off or call off, also behind a snapshot."""

from __future__ import annotations

from renode_mnist.stm32f746.clock import Event
from renode_mnist.stm32f746.slot import Slot


class Alarm:
    """At most one event at a time.

    An `Event` does not come through a snapshot, only what it tells its peripheral does: so each carries a number, and
    one that is not the last is none.

    Args:
        slot: The peripheral's.
        what: Tells it from others of the same peripheral.
    """

    def __init__(self, slot: Slot, what: str) -> None:
        self._slot = slot
        self._what = what
        self._number = 0
        self._event: Event | None = None
        self.is_set = False

    def after(self, delay_ps: int) -> None:
        """It is due in ``delay_ps``, and no more when it was before."""
        self.cancel()
        self._number += 1
        self.is_set = True
        self._event = self._slot.after(delay_ps, f"{self._what} {self._number}")

    def cancel(self) -> None:
        """It is not due."""
        self.is_set = False
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def rings(self, what: str) -> bool:
        """Whether that event, of which the peripheral is told, is this one; it then is over."""
        if not self.is_set or what != f"{self._what} {self._number}":
            return False
        self.is_set, self._event = False, None
        return True

    def state(self) -> tuple[int, bool]:
        """For `Peripheral.state`."""
        return self._number, self.is_set

    def take_state(self, state: tuple[int, bool]) -> None:
        """For `Peripheral.take_state`."""
        self._number, self.is_set = state
        self._event = None
