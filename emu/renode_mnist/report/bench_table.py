"""A benchmark as a table laid out as the article's: a row for each layer, a column for each case."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group

from renode_mnist.bench import Refused, Row
from renode_mnist.report.grid import Grid, table
from renode_mnist.report.published import ARTICLE, X_CUBE_AI, Published
from renode_mnist.timing.accuracy import STATED_ERROR

_UNIT_NAMES = {
    "instructions": "instructions",
    "cycles_modelled": "cycles modelled",
    "cycles_measured": "cycles measured",
}
FUSED = "↑"
_COLUMN_WIDTH = 18


def grid(rows: Sequence[Row], refused: Sequence[Refused] = ()) -> Grid:
    """Lays rows out; networks that differ in their operators stand below each other's labels."""
    operators = _operators(rows)
    published = _published(rows, operators)
    body: list[tuple[str, ...]] = []
    for place, operator in enumerate(operators):
        cells = [_layer_cell(row, operators, place) for row in rows]
        theirs = [f"{column.milliseconds[place]:.3f}" if column.milliseconds else "" for column in published]
        body.append((operator, *cells, *theirs))
    body.append(
        (
            "total, ms",
            *(f"{row.milliseconds(row.counts[row.time_unit]):.3f}" for row in rows),
            *(f"{column.total_milliseconds:.3f}" for column in published),
        )
    )
    for unit, name in _UNIT_NAMES.items():
        if any(unit in row.counts for row in rows):
            cells = [f"{row.counts[unit]:,}" if unit in row.counts else "" for row in rows]
            body.append((f"total, {name}", *cells, *("" for _ in published)))
    body.append(("cycles/MAC", *(_cycles_per_mac(row) for row in rows), *("" for _ in published)))
    for label, values in (
        ("flash, B", [row.flash_bytes for row in rows]),
        ("of it weights, B", [row.weights_bytes for row in rows]),
        ("RAM, B", [row.ram_bytes for row in rows]),
    ):
        body.append((label, *(f"{value:,}" for value in values), *("" for _ in published)))
    headings = (
        "layer",
        *(f"{row.case} {row.clock_mhz} MHz" for row in rows),
        *(f"{column.heading} {column.clock_mhz} MHz" for column in published),
    )
    notes = tuple(_notes(rows, refused, published))
    return Grid(headings, tuple(body), notes, totals=len(body) - len(operators))


def terminal(laid_out: Grid, width: int) -> Group:
    """For rich: as many tables as the width needs, each with the layers' names."""
    label_width = max(len(row[0]) for row in laid_out.rows) + 4
    fitting = max(1, (width - label_width) // _COLUMN_WIDTH)
    columns = range(1, len(laid_out.headings))
    tables = (columns[start : start + fitting] for start in range(0, len(columns), fitting))
    return Group(*(table(laid_out, shown, max_width=_COLUMN_WIDTH - 3) for shown in tables))


def markdown(laid_out: Grid) -> str:
    """For a step summary of GitHub."""
    lines = [
        "| " + " | ".join(laid_out.headings) + " |",
        "| --- |" + " ---: |" * (len(laid_out.headings) - 1),
        *("| " + " | ".join(row) + " |" for row in laid_out.rows),
        "",
        *(f"- {note}" for note in laid_out.notes),
    ]
    return "\n".join(lines) + "\n"


def _operators(rows: Sequence[Row]) -> list[str]:
    """The operators of the longest program; fused steps name each of theirs."""
    return max(([op for layer in row.layers for op in layer.op.split("+")] for row in rows), key=len, default=[])


def _layer_cell(row: Row, operators: Sequence[str], place: int) -> str:
    own = [(layer, number) for layer in row.layers for number in range(len(layer.op.split("+")))]
    if [op for layer in row.layers for op in layer.op.split("+")] != list(operators):
        return f"{own[place][0].op if place < len(own) else ''}"
    layer, number = own[place]
    return f"{row.milliseconds(layer.counts[row.time_unit]):.3f}" if number == 0 else FUSED


def _cycles_per_mac(row: Row) -> str:
    best = row.time_unit
    return f"{row.counts[best] / row.macs:.2f}" if best != "instructions" and row.macs else ""


def _published(rows: Sequence[Row], operators: Sequence[str]) -> list[Published]:
    """The article's columns, where its network is in the table."""
    if not any(row.firmware["model_name"].startswith("mnist_") for row in rows):
        return []
    clocks = sorted({row.clock_mhz for row in rows} & set(ARTICLE))
    columns = [ARTICLE[clock] for clock in clocks if len(ARTICLE[clock].milliseconds) == len(operators)]
    return columns + ([X_CUBE_AI] if X_CUBE_AI.clock_mhz in clocks else [])


def _notes(rows: Sequence[Row], refused: Sequence[Refused], published: Sequence[Published]) -> list[str]:
    notes = []
    units = {row.time_unit for row in rows}
    if "cycles_modelled" in units:
        notes.append(
            f"Milliseconds are modelled cycles at the clock ({STATED_ERROR}, {STATED_ERROR.points} published points; "
            "flash wait states and cache misses are not in them)."
        )
    if units == {"instructions"}:
        notes.append("Milliseconds are instructions at one cycle each: an orientation, no estimate of silicon.")
    if any("+" in layer.op for row in rows for layer in row.layers):
        notes.append(f"{FUSED}: computed in one step with the layer above it.")
    if published:
        notes.append("Published columns are measurements of others on silicon, float32 (docs/benchmark.md).")
    identities: dict[str, list[str]] = {}
    for row in {row.case: row for row in rows}.values():
        who = (
            f"commit {row.firmware['commit']}, {row.firmware['compiler']} {row.firmware['flags']}, "
            f"{row.firmware['model_name']} {row.firmware['model_sha256'][:12]}, {row.target['target']} "
            f"({row.target['version']})"
        )
        identities.setdefault(who, []).append(row.case)
    notes += [f"{', '.join(names)}: {who}." for who, names in identities.items()]
    notes += [f"{refusal.case} is not there: {refusal.reason}" for refusal in refused]
    return notes
