"""A table where there is room for it, and its cells one below the other where there is none.

Rich shortens what does not fit its table, figures too: 194,688 becomes 19…. Here a figure never is: columns of text
give way as far as their longest word, and where that is not enough each row becomes a block of lines.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

_WORD_CHARACTERS = 16
"""Words of text up to this length stay whole in a table: names of operators, words of a sentence. Longer ones
(symbols of C++, paths) are folded, for a table that waits for room for them would hardly ever be one."""
_LEAST_HEADING = 8
"""Characters of a stack's headings, which stand at the left of each figure, where a long word leaves them none."""
_DRAWN = frozenset("█·")
"""What bars consist of: they repeat figures and are left out of a stack."""
_INDENT = 2
_FIGURE_CHARACTERS = 14
"""Figures up to this length stand with their ends in one column; intervals and their like begin there."""


@dataclass(frozen=True)
class Fitted:
    """For rich: a table that fits whatever it is shown in.

    Attributes:
        table: With all its rows; columns that are set to the right hold figures.
    """

    table: Table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As `rich.console.ConsoleRenderable`."""
        ranges = self._ranges(console, options)
        room = options.max_width - self._around()
        if sum(each.maximum for each in ranges) <= room:
            yield self.table
        elif sum(each.minimum for each in ranges) <= room:
            yield self._narrowed(ranges, room)
        else:
            yield from self._stacked(options.max_width)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        """As rich's protocol has it: it can do with a figure's width, and has no use for more than its cells."""
        ranges = self._ranges(console, options)
        widest = sum(each.maximum for each in ranges) + self._around()
        return Measurement(max(each.minimum for each in ranges), widest).with_maximum(options.max_width)

    def _ranges(self, console: Console, options: ConsoleOptions) -> list[Measurement]:
        """Of each column, in characters: the fewest that cut nothing, and the most that it has use for."""
        unbounded = options.update(width=10_000)
        return [self._range(console, unbounded, column) for column in self.table.columns]

    def _range(self, console: Console, options: ConsoleOptions, column: Column) -> Measurement:
        if column.width is not None:
            return Measurement(column.width, column.width)
        cells = [Measurement.get(console, options, cell) for cell in _cells(column)]
        widest = max((cell.maximum for cell in cells), default=0)
        if is_figure(column):
            words = widest
        else:
            words = min(max((cell.minimum for cell in cells), default=0), _WORD_CHARACTERS)
        above = [
            Measurement.get(console, options, each)
            for each, shown in ((column.header, self.table.show_header), (column.footer, self.table.show_footer))
            if shown
        ]
        least = max((words, *(each.minimum for each in above)))
        return Measurement(least, max((least, widest, *(each.maximum for each in above))))

    def _around(self) -> int:
        """Characters of padding and lines."""
        count = len(self.table.columns)
        _, right, _, left = self.table.padding
        lines = count + 1 if self.table.box else 0
        return count * (left + right) + lines

    def _narrowed(self, ranges: Sequence[Measurement], room: int) -> Table:
        """The table with what room is left over shared among columns that want it, the narrowest first."""
        widths = [each.minimum for each in ranges]
        for _ in range(room - sum(widths)):
            wanting = [place for place, each in enumerate(ranges) if widths[place] < each.maximum]
            widths[min(wanting, key=lambda place: widths[place])] += 1
        narrowed = copy.copy(self.table)
        narrowed.columns = [
            replace(column, width=width, min_width=None, max_width=None, no_wrap=False, overflow="fold")
            for column, width in zip(self.table.columns, widths, strict=True)
        ]
        return narrowed

    def _stacked(self, width: int) -> Iterator[RenderableType]:
        """A block a row: what it is called, below it what its other columns hold."""
        if self.table.title:
            yield self.table.title if isinstance(self.table.title, Text) else Text(str(self.table.title), "bold")
        columns = self.table.columns
        label = next((place for place, column in enumerate(columns) if not is_figure(column)), 0)
        cells = [list(column.cells) for column in columns]
        for number, row in enumerate(self.table.rows):
            yield from self._block(label, [column[number] for column in cells], width, str(row.style or ""))
            if row.end_section and number < len(self.table.rows) - 1:
                yield Text("─" * 8, "dim")
        if self.table.show_footer and any(map(_said, (column.footer for column in columns))):
            yield Text("─" * 8, "dim")
            yield from self._block(label, [column.footer for column in columns], width, called="all")

    def _block(
        self, label: int, cells: Sequence[RenderableType], width: int, style: str = "", called: str = ""
    ) -> Iterator[RenderableType]:
        columns = self.table.columns
        heading = _one_line(_said(columns[label].header))
        head = Text(called) if called else _text(cells[label])
        if is_figure(columns[label]) and heading:
            head = Text(f"{heading} ").append_text(head)
        head.stylize(f"bold {style}".strip())
        head.overflow = "fold"
        yield head
        values = {}
        for place, cell in enumerate(cells):
            said = _said(cell)
            if place != label and said.strip() and not set(said) <= _DRAWN:
                values[place] = _text(cell)
                is_short = is_figure(columns[place]) and len(said) <= _FIGURE_CHARACTERS
                values[place].justify = "right" if is_short else "left"
        if not values:
            return
        headings = {place: _one_line(_said(columns[place].header)) for place in values}
        longest = max(len(word) for value in values.values() for word in value.plain.split())
        room = max(_LEAST_HEADING, width - _INDENT - 1 - longest)
        below = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        below.add_column(style="dim", overflow="fold", width=min(room, max(map(len, headings.values()))))
        below.add_column(overflow="fold")
        for place, value in values.items():
            below.add_row(Text(headings[place]), value)
        yield Padding(below, (0, 0, 0, _INDENT))


def is_figure(column: Column) -> bool:
    """Whether a column is set to the right, as figures are."""
    return column.justify == "right"


def _cells(column: Column) -> list[RenderableType]:
    return list(column.cells)


def _text(cell: RenderableType) -> Text:
    while isinstance(cell, Padding):
        cell = cell.renderable
    return cell.copy() if isinstance(cell, Text) else Text(str(cell))


def _said(cell: RenderableType) -> str:
    return _text(cell).plain


def _one_line(heading: str) -> str:
    """A heading that was broken into lines for a narrow column, whole: a hyphen before the break was for that."""
    return heading.replace("-\n", "").replace("/\n", "/").replace("\n", " ")
