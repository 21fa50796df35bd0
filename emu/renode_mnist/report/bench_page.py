"""A benchmark as one self-contained HTML page with plots, for a phone, a screen and paper."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.measure.bench import Row
from renode_mnist.report import bench_charts, identity, pages
from renode_mnist.report.bars import Chart
from renode_mnist.report.grid import Grid

_PAPER_COLUMNS = 7  # beside the layers' names; a screen can be moved along, paper has as many tables as that needs


def render(rows: Sequence[Row], laid_out: Grid) -> str:
    """The page.

    Args:
        rows: At least one; plots show each case at its first clock.
        laid_out: The same rows as a table, with their notes.
    """
    columns = range(1, len(laid_out.headings))
    return pages.render(
        "bench.html",
        identity=identity.of_rows(rows),
        charts=_charts(list({row.case: row for row in reversed(rows)}.values())[::-1]),
        grid=laid_out,
        others=[column for column in columns if laid_out.headings[column].startswith("published")],
        sheets=[[0, *columns[start : start + _PAPER_COLUMNS]] for start in range(0, len(columns), _PAPER_COLUMNS)],
    )


def _charts(cases: Sequence[Row]) -> list[tuple[str, Chart]]:
    found = [("Time by layer", bench_charts.layers(cases))]
    if all({"instructions", "cycles_modelled"} <= row.counts.keys() for row in cases):
        found.append(("Instructions against modelled cycles", bench_charts.instructions_and_cycles(cases)))
    found.append(("Memory", bench_charts.memory(cases)))
    return [*found, *((f"What {row.case} waits for", bench_charts.split(row)) for row in cases if row.split)]
