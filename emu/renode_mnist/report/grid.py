"""A table as cells of text: the same for a terminal, Markdown and HTML."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from renode_mnist.report.fitted import Fitted
from renode_mnist.report.prose import say


@dataclass(frozen=True)
class Grid:
    """What a table holds.

    Attributes:
        headings: Of the columns.
        rows: A cell a column.
        notes: What the reader must know beside it.
        labels: How many columns at the left are text; the others are figures, where ``figures`` says no other.
        totals: How many rows at the end a rule sets apart.
        title: Above it; may be empty.
        figures: Which columns are figures, where text stands among them.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    labels: int = 1
    totals: int = 0
    title: str = ""
    figures: tuple[int, ...] | None = None

    def is_figure(self, column: int) -> bool:
        """Whether a column is set to the right."""
        return column >= self.labels if self.figures is None else column in self.figures


def table(
    grid: Grid,
    columns: Iterable[int] | None = None,
    *,
    boxed: bool = True,
    centred: bool = False,
) -> Fitted:
    """For rich, stacked where there is no room; no cell is markup, for it may be a file's or a tensor's name.

    Args:
        grid: What to show.
        columns: Which columns beside the labels; all without it.
        boxed: Whether to draw lines; without them more columns fit.
        centred: Whether the title stands in the middle.
    """
    shown = Table(
        title=Text(grid.title) if grid.title else None, title_justify="center" if centred else "left", pad_edge=boxed
    )
    if not boxed:
        shown.box = None
    chosen = list(range(len(grid.headings)) if columns is None else (*range(grid.labels), *columns))
    for column in chosen:
        heading = Text(grid.headings[column])
        if grid.is_figure(column):
            shown.add_column(heading, justify="right")
        else:
            shown.add_column(heading, no_wrap=column == 0, overflow="fold")
    last = len(grid.rows) - grid.totals - 1
    for number, row in enumerate(grid.rows):
        shown.add_row(*(Text(row[column]) for column in chosen), end_section=number == last)
    return Fitted(shown)


def facts(rows: Iterable[tuple[str, str]]) -> Table:
    """For rich: what a thing is called and what it is, a row each, without lines; words give way, none is cut."""
    shown = Table(box=None, show_header=False, padding=(0, 1))
    shown.add_column(style="dim", no_wrap=True)
    shown.add_column(overflow="fold")
    for label, said in rows:
        shown.add_row(Text(label), Text(said))
    return shown


def markdown(grid: Grid) -> str:
    """For a step summary of GitHub, without the title; bars in cells have to be escaped, tags are here."""
    rules = " | ".join("---:" if grid.is_figure(column) else "---" for column in range(len(grid.headings)))
    rows = (" | ".join(map(_untagged, row)) for row in (grid.headings, *grid.rows))
    head, *body = (f"| {row} |" for row in rows)
    return "\n".join([head, f"| {rules} |", *body, "", *(f"- {note}" for note in grid.notes)]) + "\n"


def _untagged(cell: str) -> str:
    return cell if cell.startswith("`") else cell.replace("<", "&lt;")


def text(grid: Grid, width: int = 160) -> str:
    """In plain characters, the notes below."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, color_system=None)
    with console.capture() as captured:
        console.print(table(grid))
        for note in grid.notes:
            say(console, note)
    return captured.get().rstrip()
