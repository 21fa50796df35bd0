"""Horizontal bars as plain values for `static/parts.html`: drawn by the browser, in the page's letters and colours.

They take the width that there is, on a phone, a screen and paper; a value stands beside the track, so that it touches
no bar, and carries its unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

SERIES = 8
"""Colours of `static/page.css`, told apart by the colour-blind too; more series begin anew."""

_TICKS = 6
"""At most, from 0 to the end."""


@dataclass(frozen=True)
class Part:
    """A piece of a bar.

    Attributes:
        value: From 0, in the chart's unit.
        series: Which of the legend.
        said: The value with its unit, for who points at it.
    """

    value: float
    series: int
    said: str


@dataclass(frozen=True)
class Bar:
    """One line of a chart.

    Attributes:
        name: Before it.
        parts: In a row.
        said: The value with its unit, behind it.
        interval: Within which the value is by 95 %.
    """

    name: str
    parts: tuple[Part, ...]
    said: str
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Chart:
    """Bars on one scale.

    Attributes:
        caption: What is drawn, in which unit.
        unit: Of the values.
        legend: A name a series.
        bars: From top to bottom.
        colours: By series, names of the style's colours; without them `series-0` and on.
        by_tens: Whether the scale is straight up to 1, and by powers of ten from there.
    """

    caption: str
    unit: str
    legend: tuple[str, ...]
    bars: tuple[Bar, ...]
    colours: tuple[str, ...] = ()
    by_tens: bool = False

    def colour(self, series: int) -> str:
        """Of the style."""
        return f"var(--{self.colours[series]})" if self.colours else f"var(--series-{series % SERIES})"

    def share(self, value: float) -> str:
        """A value as a share of the track."""
        return _percent(self._scaled(value) / self._scaled(self.end))

    @property
    def end(self) -> float:
        """Of the scale."""
        most = max((_reach(bar) for bar in self.bars), default=0.0)
        if self.by_tens:
            return 10.0 ** max(1, math.ceil(math.log10(most))) if most > 1 else 10.0
        step = self._step(most)
        return step * math.ceil(most / step - 1e-9) if most else 1.0

    @property
    def step(self) -> str:
        """Between lines of the track, as a share of it."""
        if self.by_tens:
            return _percent(1 / self._scaled(self.end))
        return _percent(self._step(self.end) / self.end)

    @property
    def ticks(self) -> list[tuple[str, str]]:
        """Places on the track with what stands there; the last says the unit."""
        if self.by_tens:
            values = [0.0, *(10.0**power for power in range(round(math.log10(self.end)) + 1))]
        else:
            step = self._step(self.end)
            values = [step * number for number in range(round(self.end / step) + 1)]
        said = [f"{value:.10g}" if value < 1e5 else f"{value:.0e}".replace("e+0", "e") for value in values]
        return [
            (self.share(value), f"{text} {self.unit}" if number == len(said) - 1 else text)
            for number, (value, text) in enumerate(zip(values, said, strict=True))
        ]

    def _scaled(self, value: float) -> float:
        if not self.by_tens or value <= 1:
            return value
        return 1 + math.log10(value)

    @staticmethod
    def _step(most: float) -> float:
        """1, 2 or 5 times a power of ten, so that few lines are needed."""
        if most <= 0:
            return 1.0
        power = 10.0 ** math.floor(math.log10(most / _TICKS))
        return next(power * each for each in (1, 2, 5, 10) if most / (power * each) <= _TICKS)


def single(name: str, value: float, said: str, series: int = 0) -> Bar:
    """A bar of one piece."""
    return Bar(name, (Part(value, series, said),), said)


def _reach(bar: Bar) -> float:
    return max(sum(part.value for part in bar.parts), bar.interval[1] if bar.interval else 0.0)


def _percent(share: float) -> str:
    return f"{100 * share:.3f}%"
