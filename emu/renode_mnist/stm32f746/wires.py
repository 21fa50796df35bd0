"""What leads from one peripheral to another: interrupt lines that several share, and signals by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Wires:
    """The wires of one chip.

    A signal is a pin (``PA0``), what an alternate function makes of one (``TIM2_CH1``), or leads within the chip
    (``TIM2_TRGO``, ``RTC_ALARM``); it is low until somebody drives it.

    Args:
        set_line: Drives the NVIC's line of a position.

    Attributes:
        moment_ps: When what is being told has happened, where that is known better than by the clock: an event runs
            behind the block of instructions that it falls into.
        on_watch: Called with all pins that somebody watches.
    """

    def __init__(self, set_line: Callable[[int, bool], None]) -> None:
        self._set_line = set_line
        self.moment_ps: int | None = None
        self._drivers: defaultdict[int, set[str]] = defaultdict(set)
        self._high: set[str] = set()
        self._listeners: dict[str, list[Callable[[bool], None]]] = {}
        self._watched: dict[str, frozenset[str]] = {}
        self.on_watch: Callable[[frozenset[str]], None] = lambda _pins: None

    def reset(self) -> None:
        """All interrupt lines are low, as the NVIC's are out of reset."""
        self._drivers.clear()

    def drive_interrupt(self, driver: str, position: int, active: bool) -> None:
        """Drives an interrupt line that others may drive too: it is high as long as any of them has it so."""
        drivers = self._drivers[position]
        if active:
            drivers.add(driver)
        else:
            drivers.discard(driver)
        self._set_line(position, bool(drivers))

    def is_high(self, signal: str) -> bool:
        """A signal's level."""
        return signal in self._high

    def drive(self, signal: str, high: bool) -> None:
        """Gives a signal a level; who listens is told if that is another."""
        if high == (signal in self._high):
            return
        if high:
            self._high.add(signal)
        else:
            self._high.discard(signal)
        for told in self._listeners.get(signal, ()):
            told(high)

    @contextmanager
    def at(self, time_ps: int | None) -> Iterator[None]:
        """What is driven within happened then; None: nobody knows better."""
        before = self.moment_ps
        self.moment_ps = before if time_ps is None else time_ps
        try:
            yield
        finally:
            self.moment_ps = before

    def pulse(self, signal: str) -> None:
        """A signal goes high and low at one moment."""
        if signal in self._listeners:
            self.drive(signal, True)
            self.drive(signal, False)

    def listen(self, signal: str, told: Callable[[bool], None]) -> None:
        """``told`` is called with a signal's level each time it changes."""
        self._listeners.setdefault(signal, []).append(told)

    def watch(self, driver: str, pins: Iterable[str]) -> None:
        """These pins are of interest to ``driver`` also while they are outputs, and no others."""
        self._watched[driver] = frozenset(pins)
        self.on_watch(frozenset().union(*self._watched.values()))

    def state(self) -> dict[str, Any]:
        """All that `take_state` needs to bring it back."""
        drivers = {position: sorted(names) for position, names in self._drivers.items() if names}
        return {"drivers": drivers, "high": sorted(self._high)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Becomes what it was when `state` returned that; nobody is told, and the NVIC has its own state."""
        self._drivers = defaultdict(set, {position: set(names) for position, names in state["drivers"].items()})
        self._high = set(state["high"])
