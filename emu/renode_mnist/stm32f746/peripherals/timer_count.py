"""A timer's prescaler and counter as a function of its clock (RM0385 22.3.1, 22.3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class Shape(IntEnum):
    """How a counter goes."""

    UP = 0
    DOWN = 1
    CENTRE = 2


@dataclass
class Count:
    """The counter from one clock edge on; nothing is to be done at a tick.

    It is kept as a phase, which only grows: from 0 to the reload value when it counts up or down, through twice that
    when it does both. Below 0 is a counter that was left beyond its reload value, and goes once through the end of
    its range.

    Attributes:
        top: The largest value that it can hold, 0xFFFF or 0xFFFF_FFFF.
        reload: The reload value in use.
        prescaler: The prescaler in use: ticks come each ``prescaler`` + 1 edges.
        shape: How it goes.
        runs: Whether it goes at all.
        edge: Of the clock, from which on the rest is told.
        phase: Of the counter at that edge.
        prescaled: Edges that the prescaler had counted then.
        descends: A phase below 0 is a counter that goes both ways and was on its way down beyond its reload value;
            else below 0 it goes through the end of its range.
    """

    top: int
    reload: int
    prescaler: int = 0
    shape: Shape = Shape.UP
    runs: bool = False
    edge: int = 0
    phase: int = 0
    prescaled: int = 0
    descends: bool = False

    @property
    def period(self) -> int:
        """Of the phase, in ticks."""
        return 2 * self.reload if self.shape is Shape.CENTRE else self.reload + 1

    @property
    def ends(self) -> tuple[int, ...]:
        """Phases at which it over- or underflows."""
        return (0, self.reload) if self.shape is Shape.CENTRE else (0,)

    def ticks(self, edge: int) -> int:
        """That have come up to an edge; a reload value of 0 blocks the counter."""
        if not self.runs or not self.reload:
            return 0
        return (self.prescaled + edge - self.edge) // (self.prescaler + 1)

    def edge_of(self, tick: int) -> int:
        """Of the clock, with that tick from now on."""
        return self.edge + tick * (self.prescaler + 1) - self.prescaled

    def _phase(self, ticks: int) -> int:
        phase = self.phase + ticks
        return phase if phase < 0 else phase % self.period if self.reload else 0

    def falls(self, edge: int) -> bool:
        """Whether it counts down."""
        if self.shape is Shape.CENTRE:
            phase = self._phase(self.ticks(edge))
            return phase >= self.reload > 0 or (phase < 0 and self.descends)
        return self.shape is Shape.DOWN

    def value(self, edge: int) -> int:
        """What is read of it."""
        if not self.reload:
            return 0
        phase = self._phase(self.ticks(edge))
        if self.shape is Shape.DOWN:
            return self.reload - phase
        if phase < 0:
            return -phase if self.descends else phase + self.top + 1
        return phase if phase <= self.reload else 2 * self.reload - phase

    def put(self, value: int, *, falling: bool = False) -> None:
        """Gives it a value; ``falling`` is the direction of one that counts up and down."""
        self.descends = falling and self.shape is Shape.CENTRE and value > self.reload
        if self.shape is Shape.DOWN:
            self.phase = self.reload - value
        elif self.descends:
            self.phase = -value
        elif value > self.reload:
            self.phase = value - self.top - 1
        else:
            self.phase = (2 * self.reload - value) % max(1, self.period) if falling and self.reload else value
        if self.shape is not Shape.CENTRE and self.phase >= 0:
            self.phase %= self.period

    def go_to(self, edge: int) -> None:
        """All is told from that edge on."""
        if self.runs:
            ticks = self.ticks(edge)
            self.prescaled = (self.prescaled + edge - self.edge) % (self.prescaler + 1)
            self.phase = self._phase(ticks)
        self.edge = edge

    def restart(self) -> None:
        """The prescaler and the counter begin anew."""
        self.phase = self.prescaled = 0

    def becomes(self, *, reload: int | None = None, shape: Shape | None = None) -> None:
        """Takes another reload value or shape; what is read of it stays."""
        value, falling = self.value(self.edge), self.falls(self.edge)
        if not self.reload:
            value = 0
        self.reload = self.reload if reload is None else reload
        self.shape = self.shape if shape is None else shape
        self.put(value, falling=falling)

    def _first(self, phase: int) -> int:
        """Ticks until it comes to a phase, at least 1; what is below 0 does not end at 0, it only comes there."""
        if self.phase < 0 and self.descends:
            on_the_way = phase - self.period if phase > self.reload else phase
            return (on_the_way if on_the_way > self.phase else phase) - self.phase
        if self.phase < 0:
            return phase - self.phase + (self.period if phase == 0 else 0)
        return (phase - self.phase - 1) % self.period + 1

    def next(self, phases: Iterable[int], passed: int = 0) -> int:
        """Ticks until it comes to one of some phases, after it came to ``passed`` of them."""
        firsts = sorted({self._first(phase) for phase in phases})
        rounds, index = divmod(passed, len(firsts))
        return firsts[index] + rounds * self.period

    def ticks_one_way(self) -> int:
        """For how long its value goes by one each tick, from `edge` on."""
        return min(self._first(end) for end in self.ends) if self.phase >= 0 else -self.phase

    def comes_to(self, phases: Iterable[int], ticks: int) -> int:
        """How often it comes to one of some phases in that many ticks."""
        times = 0
        for first in {self._first(phase) for phase in phases}:
            if ticks >= first:
                times += (ticks - first) // self.period + 1
        return times

    def phases_of(self, compared: int, *, up: bool = True, down: bool = True) -> tuple[int, ...]:
        """Where it is at a value, counting up or down; beyond the reload value that is where it ends."""
        if self.shape is Shape.UP:
            return (compared if compared <= self.reload else 0,)
        if self.shape is Shape.DOWN:
            return (self.reload - compared if compared <= self.reload else 0,)
        if compared >= self.reload:
            return (self.reload,)
        phases = (compared,) if up else ()
        return (*phases, (2 * self.reload - compared) % self.period) if down else phases
