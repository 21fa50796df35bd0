"""Plots of what an inference costs, and of a training, for a page and for a notebook."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem

try:
    import matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as missing:
    raise EnvironmentProblem(f"plots need {missing.name}", remedies.run_extra("plots")) from missing

from renode_mnist.measure.bench import PARTS, Row
from renode_mnist.measure.quantisation_error import QuantisationRow
from renode_mnist.measure.verify import Verification
from renode_mnist.model.difference import Verdict, units_text
from renode_mnist.model.train import Progress
from renode_mnist.session.record import MILLISECOND_HEADINGS, Record
from renode_mnist.targets.base import CounterUnit

if TYPE_CHECKING:
    from matplotlib.typing import RcKeyType

_WIDTH_INCHES = 4.4  # so that a phone, which shows it 3.6 inches wide, shows its letters readable
_BAR_INCHES = 0.34
_NAME_CHARACTERS = 28
"""Of a case or an operator beside its bar."""
# Okabe and Ito's colours, told apart by the colour-blind too.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#999999")

_MOST_UNITS = 1e9  # what is further off, or no number, is drawn no longer

_INK = "#010203"
"""Of text and axes: black to the eye in a PNG; found again in the SVG, where the page's takes its place."""


class Plot(Figure):
    """A matplotlib figure that shows itself in a notebook, in the colours of a light or a dark page."""

    def svg(self) -> str:
        """An element for a page: its text is text and takes the page's colour; the same plot gives the same bytes."""
        stream = io.StringIO()
        with matplotlib.rc_context({"svg.hashsalt": "renode-mnist", "svg.fonttype": "none"}):
            self.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
        svg = stream.getvalue()
        return svg[svg.index("<svg") :].replace(_INK, "currentColor")

    def _repr_html_(self) -> str:
        return f'<div style="max-width: {_WIDTH_INCHES}in; overflow-x: auto">{self.svg()}</div>'


def steps(record: Record) -> Plot:
    """A bar for each step of one inference."""
    layers = record.inference.layers
    heading = MILLISECOND_HEADINGS[record.target.counter_unit]
    with axes_of(len(layers)) as (plot, axes):
        times = [record.milliseconds(layer.counter) for layer in layers]
        axes.barh(range(len(layers)), times, color=_COLOURS[0])
        whole = sum(times)
        for number, time in enumerate(times):
            axes.text(time, number, f" {time:.3f}  ({time / whole:.0%})" if whole else "", va="center", fontsize=9)
        axes.set_yticks(
            range(len(layers)), [f"{number}  {short_name(layer.op)}" for number, layer in enumerate(layers)]
        )
        axes.set_xlim(0, 1.2 * max(times, default=1) or 1)
        axes.set_xlabel(heading)
        firmware = record.firmware
        axes.set_title(
            f"{short_name(firmware.model_name)}, engine {firmware.engine}, {record.target.target}", fontsize=10
        )
    return plot


def layers(rows: Sequence[Row]) -> Plot:
    """A bar for each case, the time of its layers in a row."""
    with axes_of(len(rows)) as (plot, axes):
        operators = list(dict.fromkeys(layer.op for row in rows for layer in row.layers))
        for number, row in enumerate(rows):
            start = 0.0
            for layer in row.layers:
                width = row.milliseconds(layer.counts[row.time_unit])
                colour = _COLOURS[operators.index(layer.op) % len(_COLOURS)]
                axes.barh(number, width, left=start, color=colour, edgecolor="white", linewidth=0.5)
                start += width
            axes.text(start, number, f" {start:.2f}", va="center", fontsize=9)
        for number, operator in enumerate(operators):
            axes.barh(0, 0, color=_COLOURS[number % len(_COLOURS)], label=short_name(operator))
        axes.set_yticks(range(len(rows)), [short_name(row.case) for row in rows])
        axes.set_xlabel(MILLISECOND_HEADINGS[CounterUnit(rows[0].time_unit)])
        legend(axes, columns=2)
    return plot


def split(row: Row) -> Plot:
    """A bar for each layer of a case, in it what its modelled cycles were spent on."""
    with axes_of(len(row.layers)) as (plot, axes):
        for number, layer in enumerate(row.layers):
            start = 0.0
            for part, colour in zip(PARTS, _COLOURS, strict=False):
                width = row.milliseconds(layer.split[part])
                axes.barh(number, width, left=start, color=colour, edgecolor="white", linewidth=0.5)
                start += width
            axes.text(start, number, f" {start:.2f}", va="center", fontsize=9)
        for part, colour in zip(PARTS, _COLOURS, strict=False):
            axes.barh(0, 0, color=colour, label=part)
        axes.set_yticks(
            range(len(row.layers)), [f"{number}  {short_name(layer.op)}" for number, layer in enumerate(row.layers)]
        )
        axes.set_xlabel(MILLISECOND_HEADINGS[CounterUnit.CYCLES_MODELLED])
        legend(axes, columns=3)
    return plot


def instructions_and_cycles(rows: Sequence[Row]) -> Plot:
    """Both counts of each case, which must have them."""
    with axes_of(len(rows) * 1.6) as (plot, axes):
        for unit, offset, colour in (("instructions", -0.2, _COLOURS[0]), ("cycles_modelled", 0.2, _COLOURS[1])):
            millions = [row.counts[unit] / 1e6 for row in rows]
            places = [number + offset for number in range(len(rows))]
            axes.barh(places, millions, height=0.38, color=colour, label=unit.replace("_", " "))
            for place, value in zip(places, millions, strict=True):
                axes.text(value, place, f" {value:.2f}", va="center", fontsize=8)
        axes.set_yticks(range(len(rows)), [short_name(row.case) for row in rows])
        axes.set_xlabel("millions")
        legend(axes, columns=2)
    return plot


def memory(rows: Sequence[Row]) -> Plot:
    """Flash and RAM of each case's image."""
    with axes_of(len(rows)) as (plot, axes):
        places = range(len(rows))
        upper, lower = [place - 0.2 for place in places], [place + 0.2 for place in places]
        code = [(row.flash_bytes - row.weights_bytes) / 1e3 for row in rows]
        weights = [row.weights_bytes / 1e3 for row in rows]
        ram = [row.ram_bytes / 1e3 for row in rows]
        axes.barh(upper, code, height=0.36, color=_COLOURS[0], label="flash: code")
        axes.barh(upper, weights, left=code, height=0.36, color=_COLOURS[4], label="flash: weights")
        axes.barh(lower, ram, height=0.36, color=_COLOURS[1], label="RAM")
        for place, row in enumerate(rows):
            axes.text(row.flash_bytes / 1e3, place - 0.2, f" {row.flash_bytes / 1e3:.1f}", va="center", fontsize=8)
            axes.text(row.ram_bytes / 1e3, place + 0.2, f" {row.ram_bytes / 1e3:.1f}", va="center", fontsize=8)
        axes.set_yticks(list(places), [short_name(row.case) for row in rows])
        axes.set_xlabel("kB")
        legend(axes, columns=3)
    return plot


def training(progress: Sequence[Progress]) -> Plot:
    """Accuracy batch by batch; each phase has a line of its own."""
    with axes_of(5) as (plot, axes):
        axes.invert_yaxis()
        start = 0
        for number, phase in enumerate(dict.fromkeys(now.phase for now in progress)):
            shares = [now.accuracy * 100 for now in progress if now.phase == phase]
            axes.plot(range(start, start + len(shares)), shares, color=_COLOURS[number], label=phase)
            start += len(shares)
        axes.set_xlabel("batches")
        axes.set_ylabel("% right, mean of the epoch so far")
        legend(axes, columns=2)
    return plot


def errors(found: Verification) -> Plot:
    """How far each compared tensor is off, in the order of execution; within what rounding explains or beyond."""
    rows = [(row, row.difference) for row in found.rows if row.difference is not None]
    colours = {Verdict.EQUAL: _COLOURS[2], Verdict.WITHIN: _COLOURS[1], Verdict.DIFFERENT: _COLOURS[5]}
    with axes_of(len(rows)) as (plot, axes):
        for place, (_, difference) in enumerate(rows):
            value = min(difference.most_units, _MOST_UNITS)
            axes.barh(place, value, color=colours[difference.verdict])
            axes.plot(0, place, "o", color=colours[difference.verdict], markersize=5, clip_on=False)
            said = f"{units_text(difference)}, {difference.share:.1%}" if difference.differing else "equal"
            _beside(axes, value, place, said)
        for verdict in dict.fromkeys(difference.verdict for _, difference in rows):
            axes.barh(0, 0, color=colours[verdict], label=str(verdict))
        axes.set_yticks(range(len(rows)), [f"{row.step.split(' ')[0]}  {short_name(row.op)}" for row, _ in rows])
        # Straight up to 1, by powers of ten from there: one step and 255 are both to be seen.
        axes.set_xscale("symlog", linthresh=1)
        most = max((min(difference.most_units, _MOST_UNITS) for _, difference in rows), default=0)
        axes.set_xlim(0, max(10, most * 30))
        axes.set_ylim(-0.5, len(rows) - 0.5)
        axes.set_xlabel("largest error, units in the last place")
        legend(axes, columns=2)
    return plot


def quantisation(rows: Sequence[QuantisationRow]) -> Plot:
    """Signal to noise of each tensor against the float model."""
    known = [(row, row.difference.snr_db) for row in rows if row.difference is not None]
    with axes_of(len(known)) as (plot, axes):
        for place, (_, decibels) in enumerate(known):
            value = max(0.0, decibels) if math.isfinite(decibels) else 0.0
            axes.barh(place, value, color=_COLOURS[0])
            _beside(axes, value, place, "no error" if decibels == math.inf else f"{decibels:.1f}")
        axes.set_yticks(range(len(known)), [short_name(row.op) for row, _ in known])
        axes.set_ylim(-0.5, len(known) - 0.5)
        axes.set_xlabel("SNR, dB")
    return plot


def short_name(name: str) -> str:
    """A name without its middle where it is long: beside one as wide as the plot, nothing could be drawn."""
    if len(name) <= _NAME_CHARACTERS:
        return name
    end = _NAME_CHARACTERS // 2
    return f"{name[: _NAME_CHARACTERS - end - 1]}…{name[-end:]}"


def _beside(axes: Axes, value: float, place: int, said: str) -> None:
    """A text at the end of a bar, whatever the scale."""
    axes.annotate(said, (value, place), (5, 0), textcoords="offset points", va="center", fontsize=8)


@contextmanager
def axes_of(bars: float) -> Iterator[tuple[Plot, Axes]]:
    """Axes high enough for so many bars, the first at the top; what is drawn inside takes the page's ink."""
    inked: dict[RcKeyType, str] = {
        "text.color": _INK,
        "axes.edgecolor": _INK,
        "axes.labelcolor": _INK,
        "xtick.color": _INK,
        "ytick.color": _INK,
        "font.family": "sans-serif",
    }
    with matplotlib.rc_context(inked):
        plot = Plot(figsize=(_WIDTH_INCHES, 1.1 + _BAR_INCHES * bars), layout="constrained")
        axes = plot.subplots()
        yield plot, axes
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(left=False)
        axes.invert_yaxis()


def legend(axes: Axes, columns: int) -> None:
    """Above the axes."""
    axes.legend(fontsize=8, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
