"""Virtual time: what the core executed, divided by its clock, and what it slept through."""

from __future__ import annotations

import heapq
from collections.abc import Callable

PICOSECONDS = 10**12
"""In a second. Integers, so that sums do not depend on their order."""


class VirtualClock:
    """Turns the core's cycles into time, through changes of the frequency and sleep.

    Args:
        cycles_now: Cycles that the core has executed.
        hertz: Frequency after reset.
    """

    def __init__(self, cycles_now: Callable[[], int], hertz: int) -> None:
        self._cycles_now = cycles_now
        self._hertz = hertz
        self._since_cycles = 0
        self._since_ps = 0

    @property
    def hertz(self) -> int:
        """Of the core: HCLK."""
        return self._hertz

    def now_ps(self) -> int:
        """Picoseconds since power-on."""
        return self._since_ps + (self._cycles_now() - self._since_cycles) * PICOSECONDS // self._hertz

    def now_seconds(self) -> float:
        """Seconds since power-on."""
        return self.now_ps() / PICOSECONDS

    def set_hertz(self, hertz: int) -> None:
        """From now on the core runs at ``hertz``."""
        self._since_ps, self._since_cycles = self.now_ps(), self._cycles_now()
        self._hertz = hertz

    def cycles_at(self, time_ps: int) -> int:
        """The core's cycle count at the first cycle not before ``time_ps``, if it does not sleep until then."""
        return self._since_cycles - (self._since_ps - time_ps) * self._hertz // PICOSECONDS

    def sleep_until(self, time_ps: int) -> None:
        """Time goes by without a cycle."""
        self._since_ps += max(0, time_ps - self.now_ps())


class Event:
    """Something that is to happen."""

    __slots__ = ("_action", "time_ps")

    def __init__(self, time_ps: int, action: Callable[[], None]) -> None:
        self.time_ps = time_ps
        self._action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Keeps it from happening."""
        self._action = None

    @property
    def cancelled(self) -> bool:
        """Whether it happened or was cancelled."""
        return self._action is None

    def happen(self) -> None:
        """Runs the action, once."""
        action, self._action = self._action, None
        if action:
            action()


class Scheduler:
    """Events in virtual time; those of one moment happen in the order in which they were asked for."""

    def __init__(self, clock: VirtualClock, on_earlier: Callable[[], None]) -> None:
        """Takes the clock, and whom to tell when an event comes before all others."""
        self.clock = clock
        self._on_earlier = on_earlier
        self._queue: list[tuple[int, int, Event]] = []
        self._asked = 0

    def at(self, time_ps: int, action: Callable[[], None]) -> Event:
        """``action`` is to run at ``time_ps``, or now if that has passed."""
        event = Event(time_ps, action)
        earlier = not self._queue or time_ps < self._queue[0][0]
        self._asked += 1
        heapq.heappush(self._queue, (time_ps, self._asked, event))
        if earlier:
            self._on_earlier()
        return event

    def known(self, time_ps: int, name: int) -> Event:
        """An event that a snapshot has brought back, by the name that it has there."""
        raise NotImplementedError(f"event {name} at {time_ps} ps: models in Python are not saved")

    def after(self, delay_ps: int, action: Callable[[], None]) -> Event:
        """``action`` is to run in ``delay_ps``."""
        return self.at(self.clock.now_ps() + delay_ps, action)

    def next_ps(self) -> int | None:
        """When the next event is due; None if none is."""
        while self._queue and self._queue[0][2].cancelled:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def run_due(self) -> None:
        """Runs what is due by now."""
        while (due := self.next_ps()) is not None and due <= self.clock.now_ps():
            heapq.heappop(self._queue)[2].happen()

    def clear(self) -> None:
        """Forgets all events (a reset of the chip)."""
        self._queue.clear()
