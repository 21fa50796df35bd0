"""A table as cells of text: the same for a terminal, Markdown and HTML."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Grid:
    """What a table holds.

    Attributes:
        headings: Of the columns.
        rows: A cell a column.
        notes: What the reader must know beside it.
        labels: How many columns at the left are text; the others are figures.
        totals: How many rows at the end a rule sets apart.
        title: Above it; may be empty.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    labels: int = 1
    totals: int = 0
    title: str = ""


def table(
    grid: Grid, columns: Iterable[int] | None = None, *, max_width: int | None = None, boxed: bool = True
) -> Table:
    """For rich.

    Args:
        grid: What to show.
        columns: Which columns beside the labels; all without it.
        max_width: Of a column of figures, in characters.
        boxed: Whether to draw lines; without them more columns fit.
    """
    shown = Table(title=grid.title or None, title_justify="left", pad_edge=boxed)
    if not boxed:
        shown.box = None
    figures = list(range(grid.labels, len(grid.headings)) if columns is None else columns)
    for column in range(grid.labels):
        shown.add_column(grid.headings[column], no_wrap=column == 0, overflow="fold")
    for column in figures:
        shown.add_column(grid.headings[column], justify="right", max_width=max_width)
    last = len(grid.rows) - grid.totals - 1
    for number, row in enumerate(grid.rows):
        cells = [*row[: grid.labels], *(row[column] for column in figures)]
        shown.add_row(*cells, end_section=number == last)
    return shown


def text(grid: Grid, width: int = 160) -> str:
    """In plain characters, the notes below."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, color_system=None)
    with console.capture() as captured:
        console.print(table(grid))
        for note in grid.notes:
            console.print(note, soft_wrap=True)
    return captured.get().rstrip()
