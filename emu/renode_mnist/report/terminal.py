"""Records on a terminal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.panel import Panel
from rich.style import Style
from rich.table import Table
from rich.text import Text

from renode_mnist.report import grid, record_table
from renode_mnist.report.identity import rows
from renode_mnist.session.record import Record
from renode_mnist.targets.base import TargetIdentity
from renode_mnist.wire.messages import Stats

_BAR_CELLS = 24
_AROUND_BARS = 13
"""Characters of a class, its score, and what stands beside each."""
_SHADES = " .:-=+*#%@"


def digit(pixels: npt.NDArray[np.uint8]) -> Text:
    """A picture in characters: two pixel rows a line by half blocks in grey.

    Args:
        pixels: uint8, height x width, an even height.
    """
    text = Text()
    for upper, lower in zip(pixels[0::2], pixels[1::2], strict=True):
        for top, bottom in zip(upper, lower, strict=True):
            text.append("▀", Style(color=f"rgb({top},{top},{top})", bgcolor=f"rgb({bottom},{bottom},{bottom})"))
        text.append("\n")
    text.rstrip()
    return text


def plain_digit(pixels: npt.NDArray[np.uint8]) -> Text:
    """A picture where there is no colour: one character a pixel, every second row."""
    rows = pixels.reshape(pixels.shape[0] // 2, 2, pixels.shape[1]).max(axis=1).astype(int)
    return Text("\n".join("".join(_SHADES[value * (len(_SHADES) - 1) // 255] for value in row) for row in rows))


@dataclass(frozen=True)
class Scores:
    """For rich: the scores as bars, the winner marked; where there is little room bars are shorter, not figures."""

    record: Record

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As `rich.console.ConsoleRenderable`."""
        cells = max(1, min(_BAR_CELLS, options.max_width - _AROUND_BARS))
        table = Table(box=None, show_header=False, padding=(0, 1))
        table.add_column(justify="right")
        table.add_column(width=cells)
        table.add_column(justify="right")
        for label, score in enumerate(self.record.inference.scores):
            style = "bold green" if label == self.record.inference.winner else ""
            bar = "█" * round(float(np.clip(score, 0, 1)) * cells)
            table.add_row(str(label), bar, f"{score:.4f}", style=style)
        yield table

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As rich's protocol has it."""
        return Measurement(_AROUND_BARS + 1, _AROUND_BARS + _BAR_CELLS).with_maximum(options.max_width)


def identity(target: TargetIdentity, firmware: Stats, why_target: str = "") -> Table:
    """What produced the figures; ``why_target`` says why this target, where nobody named it."""
    why = f", since {why_target}" if why_target else ""
    return grid.facts(
        (label, f"{text}{why}" if label == "target" else text) for label, text in rows(target, firmware)
    )


def run(record: Record, *, colour: bool, why_target: str = "") -> RenderableType:
    """The whole result of ``renode-mnist run``; ``why_target`` as `identity` takes it."""
    picture = digit(record.pixels) if colour else plain_digit(record.pixels)
    winner = record.inference.winner
    verdict = Text.assemble("class ", (str(winner), "bold green"), f"  score {record.inference.scores[winner]:.4f}")
    return Group(
        Columns(
            [
                Panel(picture, title=Text(record.picture), expand=False),
                Panel(Scores(record), title=verdict, expand=False),
            ]
        ),
        grid.table(record_table.layers(record)),
        identity(record.target, record.firmware, why_target),
    )
