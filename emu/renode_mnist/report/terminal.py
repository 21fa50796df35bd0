"""Records on a terminal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from rich.columns import Columns
from rich.console import Group, RenderableType
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


def scores(record: Record) -> Table:
    """The scores as bars, the winner marked."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(justify="right")
    table.add_column(width=_BAR_CELLS)
    table.add_column(justify="right")
    for label, score in enumerate(record.inference.scores):
        style = "bold green" if label == record.inference.winner else ""
        bar = "█" * round(float(np.clip(score, 0, 1)) * _BAR_CELLS)
        table.add_row(str(label), bar, f"{score:.4f}", style=style)
    return table


def identity(target: TargetIdentity, firmware: Stats, why_target: str = "") -> Table:
    """What produced the figures; ``why_target`` says why this target, where nobody named it."""
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    for label, text in rows(target, firmware):
        why = f", since {why_target}" if why_target and label == "target" else ""
        table.add_row(Text(label), Text(f"{text}{why}"))
    return table


def run(record: Record, *, colour: bool, why_target: str = "") -> RenderableType:
    """The whole result of ``renode-mnist run``; ``why_target`` as `identity` takes it."""
    picture = digit(record.pixels) if colour else plain_digit(record.pixels)
    winner = record.inference.winner
    verdict = Text.assemble("class ", (str(winner), "bold green"), f"  score {record.inference.scores[winner]:.4f}")
    return Group(
        Columns(
            [
                Panel(picture, title=Text(record.picture), expand=False),
                Panel(scores(record), title=verdict, expand=False),
            ]
        ),
        grid.table(record_table.layers(record)),
        identity(record.target, record.firmware, why_target),
    )
