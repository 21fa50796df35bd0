"""A figure from commit to commit, as a table for a terminal of 80 columns and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from renode_mnist.measure.history_series import Point, Series
from renode_mnist.measure.measurement import Commit
from renode_mnist.report.fitted import Fitted

_HASH = 10
_BORDER = "│  "
"""What rich adds to a column: a line and a space on either side."""


def title(series: Series) -> str:
    """``int8/m7, layer 1 CONV_2D: cycles modelled``."""
    place = "" if series.layer is None else f", {series.name}"
    return f"{series.case}{place}: {series.metric.label}"


def table(series: Series, width: int, last: int | None = None) -> Fitted:
    """The newest commit at the bottom; a line stands where figures above and below it cannot be compared.

    Args:
        series: What to show.
        width: Of the terminal, in characters. Messages are cut to it, and where there is no room for them they are
            left out; where there is none for the rest either, each commit is a block of lines. A figure is never cut.
        last: How many commits; all without it. Changes are told against what is not shown, too.
    """
    points = _last(series, last)
    rows = [(point.commit.id[:_HASH], day(point.commit), _figure(point), change(point)) for point in points]
    headings = ("commit", "date", series.metric.unit, "change")
    taken = _taken([max(map(len, column)) for column in zip(headings, *rows, strict=True)])
    room = width - taken - len(_BORDER)
    has_messages = room >= len("message") or taken > width
    shown = Table(title=Text(title(series)), title_justify="left")
    for heading in headings:
        shown.add_column(heading, justify="right" if heading in headings[2:] else "left", no_wrap=True)
    if has_messages:
        shown.add_column("message", no_wrap=True)
    for number, (point, row) in enumerate(zip(points, rows, strict=True)):
        if point.breaks and number:
            shown.add_section()
        failed = point.verdict == "failed"
        message = Text(f"[failed] {point.commit.message}" if failed else point.commit.message)
        message.truncate(room if taken <= width else width, overflow="ellipsis")
        cells = [*map(Text, row), *([message] if has_messages else [])]
        shown.add_row(*cells, style="red" if failed else None)
    return Fitted(shown)


def _taken(widths: Sequence[int]) -> int:
    """Of the terminal's width, by columns with what stands around them."""
    return sum(widths) + len(widths) * len(_BORDER) + 1


def break_notes(series: Series, last: int | None = None) -> list[str]:
    """A sentence for each place where figures cannot be compared."""
    return [
        f"break at {point.commit.id[:_HASH]}: {', '.join(point.breaks)}; no change is told across it."
        for point in _last(series, last)
        if point.breaks
    ]


def change(point: Point) -> str:
    """Against the commit before it; ``break`` where that cannot be told, empty where there is nothing to tell."""
    if point.breaks:
        return "break"
    if point.percent is None:
        return ""
    return f"{point.percent:+.3g} %" if point.percent else "="


def day(commit: Commit) -> str:
    """When it was committed, as the committer's clock had it."""
    return datetime.fromisoformat(commit.timestamp).date().isoformat()


def _last(series: Series, count: int | None) -> tuple[Point, ...]:
    return series.points if count is None else series.points[-count:]


def _figure(point: Point) -> str:
    return "none" if point.figure is None else f"{point.figure:,}"


def as_json(series: Series, last: int | None = None) -> dict[str, Any]:
    """Plain data."""
    return {
        "case": series.case,
        "layer": series.layer,
        "op": series.op or None,
        "metric": str(series.metric),
        "unit": series.metric.unit,
        "commits": [
            {
                **point.commit.model_dump(),
                "figure": point.figure,
                "change_percent": point.percent,
                "breaks": list(point.breaks),
                "verdict": point.verdict or None,
            }
            for point in _last(series, last)
        ],
    }
