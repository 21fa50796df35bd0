"""Plots of what an inference costs, and of a training, for a notebook."""

from __future__ import annotations

import io
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

from renode_mnist.measure.bench import Row
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
    with _axes_of(len(layers)) as (plot, axes):
        times = [record.milliseconds(layer.counter) for layer in layers]
        axes.barh(range(len(layers)), times, color=_COLOURS[0])
        whole = sum(times)
        for number, time in enumerate(times):
            axes.text(time, number, f" {time:.3f}  ({time / whole:.0%})" if whole else "", va="center", fontsize=9)
        axes.set_yticks(
            range(len(layers)), [f"{number}  {_short_name(layer.op)}" for number, layer in enumerate(layers)]
        )
        axes.set_xlim(0, 1.2 * max(times, default=1) or 1)
        axes.set_xlabel(heading)
        firmware = record.firmware
        axes.set_title(
            f"{_short_name(firmware.model_name)}, engine {firmware.engine}, {record.target.target}", fontsize=10
        )
    return plot


def layers(rows: Sequence[Row]) -> Plot:
    """A bar for each case, the time of its layers in a row."""
    with _axes_of(len(rows)) as (plot, axes):
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
            axes.barh(0, 0, color=_COLOURS[number % len(_COLOURS)], label=_short_name(operator))
        axes.set_yticks(range(len(rows)), [_short_name(row.case) for row in rows])
        axes.set_xlabel(MILLISECOND_HEADINGS[CounterUnit(rows[0].time_unit)])
        _legend(axes, columns=2)
    return plot


def memory(rows: Sequence[Row]) -> Plot:
    """Flash and RAM of each case's image."""
    with _axes_of(len(rows)) as (plot, axes):
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
        axes.set_yticks(list(places), [_short_name(row.case) for row in rows])
        axes.set_xlabel("kB")
        _legend(axes, columns=3)
    return plot


def training(progress: Sequence[Progress]) -> Plot:
    """Accuracy batch by batch; each phase has a line of its own."""
    with _axes_of(5) as (plot, axes):
        axes.invert_yaxis()
        start = 0
        for number, phase in enumerate(dict.fromkeys(now.phase for now in progress)):
            shares = [now.accuracy * 100 for now in progress if now.phase == phase]
            axes.plot(range(start, start + len(shares)), shares, color=_COLOURS[number], label=phase)
            start += len(shares)
        axes.set_xlabel("batches")
        axes.set_ylabel("% right, mean of the epoch so far")
        _legend(axes, columns=2)
    return plot


def _short_name(name: str) -> str:
    """A name without its middle where it is long: beside one as wide as the plot, nothing could be drawn."""
    if len(name) <= _NAME_CHARACTERS:
        return name
    end = _NAME_CHARACTERS // 2
    return f"{name[: _NAME_CHARACTERS - end - 1]}…{name[-end:]}"


@contextmanager
def _axes_of(bars: float) -> Iterator[tuple[Plot, Axes]]:
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


def _legend(axes: Axes, columns: int) -> None:
    """Above the axes."""
    axes.legend(fontsize=8, ncols=columns, loc="lower center", bbox_to_anchor=(0.5, 1.0), frameon=False)
