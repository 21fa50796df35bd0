"""A benchmark as a table laid out as the article's: a row for each layer, a column for each case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult

from renode_mnist import remedies
from renode_mnist.measure.bench import PARTS, Refused, Row, told
from renode_mnist.report.grid import Grid, table
from renode_mnist.report.identity import told_error
from renode_mnist.report.published import ARTICLE, X_CUBE_AI, Published
from renode_mnist.targets.base import CounterUnit

_UNIT_NAMES = {
    "instructions": "instructions",
    "cycles_modelled": "cycles modelled",
    "cycles_measured": "cycles measured",
}
FUSED = "↑"
_AROUND = "around the layers"
"""The call, the marks between layers, the scores made real numbers."""
_BETWEEN = 3
"""Characters from column to column: a line and a space on either side."""


def grid(rows: Sequence[Row], refused: Sequence[Refused] = ()) -> Grid:
    """Lays rows out; an operator that only some programs have is a row that the others leave empty."""
    published = _published(rows)
    operators: list[str] = []
    sequences = [*map(_operators, rows), *(column.operators for column in published)]
    for sequence in sequences:
        operators = _merged(operators, sequence)
    columns = [_layer_cells(row) for row in rows]
    columns += [[f"{value:.3f}" for value in column.milliseconds] for column in published]
    aligned = [_aligned(operators, own, cells) for own, cells in zip(sequences, columns, strict=True)]
    body: list[tuple[str, ...]] = [
        (operator, *(column[place] for column in aligned)) for place, operator in enumerate(operators)
    ]
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
            cells = [f"{_around(row, unit):,}" if unit in row.counts else "" for row in rows]
            body.append((f"of it {_AROUND}", *cells, *("" for _ in published)))
    body.append(("cycles/MAC", *(_cycles_per_mac(row) for row in rows), *("" for _ in published)))
    if any(layer.engine for row in rows for layer in row.layers):
        cells = [str(row.fallbacks) if row.layers and row.layers[0].engine else "" for row in rows]
        body.append(("fallbacks", *cells, *("" for _ in published)))
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


def splits(rows: Sequence[Row]) -> list[Grid]:
    """For each case what its modelled cycles were spent on, a layer a row, at its first clock.

    None where the target can't tell.
    """
    found = []
    cases: dict[str, Row] = {}
    for row in rows:
        if row.split:
            cases.setdefault(row.case, row)
    for row in cases.values():
        whole = row.counts[CounterUnit.CYCLES_MODELLED]
        body = [(layer.op, *_shares(layer.counts[CounterUnit.CYCLES_MODELLED], layer.split)) for layer in row.layers]
        around = {part: row.split[part] - sum(layer.split[part] for layer in row.layers) for part in PARTS}
        body.append((_AROUND, *_shares(sum(around.values()), around)))
        body.append(("total", *_shares(whole, row.split)))
        found.append(
            Grid(
                ("layer", "cycles", *PARTS),
                tuple(body),
                (_misses(row),),
                totals=1,
                title=f"What the cycles of {row.case} at {row.clock_mhz} MHz are",
            )
        )
    return found


def _shares(cycles: int, split: Mapping[str, int]) -> tuple[str, ...]:
    return (f"{cycles:,}", *(f"{split[part] / cycles:.1%}" if cycles else "" for part in PARTS))


def _misses(row: Row) -> str:
    counts = row.memory
    told = (
        f"{row.case}: {counts['loads']:,} loads and {counts['stores']:,} stores; lines missed: "
        f"{counts['flash_load_misses']:,} of flash, {counts['sram_load_misses'] + counts['sram_store_misses']:,} of "
        f"SRAM, {counts['fetch_misses']:,} of code"
    )
    unresolved = counts["unresolved"]
    return told + (f"; {unresolved:,} accesses of which the address is not known cost nothing" if unresolved else "")


def _around(row: Row, unit: str) -> int:
    """What a whole inference takes beyond its layers."""
    return row.counts[unit] - sum(layer.counts[unit] for layer in row.layers)


def overview(rows: Sequence[Row]) -> Grid:
    """A row a case, most telling first: its time as a multiple of the fastest's at that clock, then what it takes."""
    published = _published(rows)
    times = [(row.clock_mhz, row.milliseconds(row.counts[row.time_unit])) for row in rows]
    times += [(column.clock_mhz, column.total_milliseconds) for column in published]
    fastest = {clock: min(milliseconds for at, milliseconds in times if at == clock) for clock, _ in times}
    about = [
        (f"{row.case} {row.clock_mhz} MHz", (_cycles_per_mac(row), f"{row.flash_bytes:,}", f"{row.ram_bytes:,}"))
        for row in rows
    ]
    about += [(f"{column.heading} {column.clock_mhz} MHz", ("", "", "")) for column in published]
    body = tuple(
        (name, f"{milliseconds / fastest[clock]:.2f}" if fastest[clock] else "", f"{milliseconds:.3f}", *others)
        for (name, others), (clock, milliseconds) in zip(about, times, strict=True)
    )
    headings = ("case", "× fastest", "ms", "cycles/MAC", "flash, B", "RAM, B")
    return Grid(headings, body, totals=len(published))


def layers(rows: Sequence[Row]) -> Grid:
    """What each layer takes, a column a case of this machine's, at the first clock of each."""
    first = {row.case: row for row in reversed(rows)}
    shown = [row for row in rows if first[row.case] is row]
    operators: list[str] = []
    sequences = [_operators(row) for row in shown]
    for sequence in sequences:
        operators = _merged(operators, sequence)
    columns = [
        [*_aligned(operators, own, _layer_cells(row)), f"{row.milliseconds(row.counts[row.time_unit]):.3f}"]
        for own, row in zip(sequences, shown, strict=True)
    ]
    body = tuple(
        (label, *(column[place] for column in columns)) for place, label in enumerate([*operators, "total, ms"])
    )
    headings = (f"{row.case.replace('/', f'/{chr(10)}')}\n{row.clock_mhz} MHz" for row in shown)
    return Grid(("layer", *headings), body, totals=1)


@dataclass(frozen=True)
class SideBySide:
    """For rich: as many tables as the width needs, each with the rows' names."""

    laid_out: Grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As `rich.console.ConsoleRenderable`."""
        headings = (heading.split("\n") for heading in self.laid_out.headings)
        label, *widths = (
            max((*map(len, lines), *(len(row[place]) for row in self.laid_out.rows)))
            for place, lines in enumerate(headings)
        )
        groups: list[list[int]] = [[]]
        room = options.max_width - label - _BETWEEN - 1
        for place, taken in enumerate(widths, 1):
            room -= taken + _BETWEEN
            if groups[-1] and room < 0:
                groups.append([])
                room = options.max_width - label - taken - 2 * _BETWEEN - 1
            groups[-1].append(place)
        yield from (table(self.laid_out, group) for group in groups)


def _operators(row: Row) -> list[str]:
    """In order; a fused step names each of its own."""
    return [op for layer in row.layers for op in layer.op.split("+")]


def _layer_cells(row: Row) -> list[str]:
    """A cell for each of ``_operators``."""
    cells = []
    for layer in row.layers:
        cells.append(f"{row.milliseconds(layer.counts[row.time_unit]):.3f}")
        cells += [FUSED] * layer.op.count("+")
    return cells


def _merged(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The shortest sequence that holds both in their order."""
    # shortest[i][j]: of one[i:] and other[j:].
    shortest: list[list[list[str]]] = [[[] for _ in range(len(other) + 1)] for _ in range(len(one) + 1)]
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            if i == len(one) or j == len(other):
                shortest[i][j] = [*one[i:], *other[j:]]
            elif one[i] == other[j]:
                shortest[i][j] = [one[i], *shortest[i + 1][j + 1]]
            else:
                ways = [one[i], *shortest[i + 1][j]], [other[j], *shortest[i][j + 1]]
                shortest[i][j] = min(ways, key=len)
    return shortest[0][0]


def _aligned(operators: Sequence[str], own: Sequence[str], cells: Sequence[str]) -> list[str]:
    """The cells at the places of their operators in the merged sequence, empty ones between."""
    placed = [""] * len(operators)
    at = 0
    for operator, cell in zip(own, cells, strict=False):
        at = operators.index(operator, at)
        placed[at] = cell
        at += 1
    return placed


def _cycles_per_mac(row: Row) -> str:
    best = row.time_unit
    return f"{row.counts[best] / row.macs:.2f}" if best != "instructions" and row.macs else ""


def _fallbacks(rows: Sequence[Row]) -> list[str]:
    """A sentence for each reason why another engine's kernel computes layers."""
    found: dict[tuple[str, str], dict[str, list[str]]] = {}
    for row in {row.case: row for row in rows}.values():
        for number, layer in enumerate(row.layers):
            if layer.fallback:
                cases = found.setdefault((layer.engine, layer.fallback), {})
                cases.setdefault(row.case, []).append(f"{number} {layer.op}")
    return [
        f"Fallbacks, engine {engine}'s kernels: "
        + "; ".join(f"{case} {', '.join(layers)}" for case, layers in cases.items())
        + f": {reason}."
        for (engine, reason), cases in found.items()
    ]


def _published(rows: Sequence[Row]) -> list[Published]:
    """The article's columns, where its network is in the table."""
    if not any(row.firmware["model_name"].startswith("mnist_") for row in rows):
        return []
    clocks = sorted({row.clock_mhz for row in rows} & set(ARTICLE))
    return [ARTICLE[clock] for clock in clocks] + ([X_CUBE_AI] if X_CUBE_AI.clock_mhz in clocks else [])


def _notes(rows: Sequence[Row], refused: Sequence[Refused], published: Sequence[Published]) -> list[str]:
    notes = []
    units = {row.time_unit for row in rows}
    if "cycles_modelled" in units:
        modelled = [row for row in rows if row.time_unit == "cycles_modelled"]
        errors = dict.fromkeys(told_error(row.target.get("cycle_parameters", "")) for row in modelled)
        notes += [f"Milliseconds are modelled cycles at the clock: {error}." for error in errors]
    if units == {"instructions"}:
        notes.append("Milliseconds are instructions at one cycle each: an orientation, no estimate of silicon.")
    if any("+" in layer.op for row in rows for layer in row.layers):
        notes.append(f"{FUSED}: computed in one step with the layer above it.")
    notes += _fallbacks(rows)
    if published:
        notes.append(
            f"Published columns are measurements of others on silicon, float32 ({remedies.page('benchmark')})."
        )
    identities: dict[str, list[str]] = {}
    for row in {row.case: row for row in rows}.values():
        who = (
            f"commit {row.firmware['commit']}, {row.firmware['compiler']}; {row.firmware['flags']}, "
            f"{row.firmware['model_name']} {row.firmware['model_sha256'][:12]}, {row.target['target']} "
            f"({row.target['version']})"
        )
        identities.setdefault(who, []).append(row.case)
    notes += [f"{', '.join(names)}: {who}." for who, names in identities.items()]
    notes += [f"Not there: {sentence}" for sentence in told(refused)]
    return notes
