"""Budgets: what each case may cost, in a file of the repository; a build that grows past it fails.

``budgets.toml`` holds a table for each case. ``instructions`` are exact, so any growth counts; modelled and measured
cycles, flash and RAM may grow by ``tolerance_percent`` of what is written.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit

from renode_mnist.bench import Row
from renode_mnist.errors import RenodeMnistError

_EXACT = "instructions"
_KEYS = ("instructions", "cycles_modelled", "cycles_measured", "flash_bytes", "ram_bytes")
_HEAD = """\
What each case may cost (docs/benchmark.md). `renode-mnist bench --check` fails where one grew:
instructions by any amount, the rest by more than tolerance_percent. `renode-mnist bench --update`
writes what it measured.
"""


class BudgetError(RenodeMnistError):
    """A budget file that cannot be used."""


@dataclass(frozen=True)
class Growth:
    """A bound that was crossed.

    Attributes:
        case: See ``bench.Case.name``.
        what: ``instructions``, ``flash_bytes``, ... or the layer, as ``layer 2 CONV_2D``.
        allowed: The bound, tolerance included.
        now: What was measured.
    """

    case: str
    what: str
    written: int
    allowed: int
    now: int

    @property
    def percent(self) -> float:
        """By how much it is over what is written."""
        return (self.now / self.written - 1) * 100 if self.written else float("inf")


@dataclass(frozen=True)
class Budgets:
    """What the file holds.

    Attributes:
        tolerance_percent: For all but instructions.
        cases: By case: bounds by key, and ``layers``: instructions of each layer, in order.
    """

    tolerance_percent: float
    cases: Mapping[str, Mapping[str, Any]]


def load(file: Path) -> Budgets:
    """Reads budgets.

    Raises:
        BudgetError: The file cannot be read, or holds an unknown key, a negative number or no number; the message
            names the line.
    """
    try:
        text = file.read_text()
    except OSError as error:
        raise BudgetError(
            f"cannot read {file}: {error.strerror}", "Make it: `renode-mnist bench --update`."
        ) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BudgetError(f"{file}: {error}", "Mend it, or write it anew: `renode-mnist bench --update`.") from error
    tolerance = content.get("tolerance_percent", 0)
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or tolerance < 0:
        raise _bad(file, text, "tolerance_percent", f"tolerance_percent is {tolerance!r}", "a number from 0 on")
    cases = content.get("cases", {})
    for name, bounds in cases.items():
        _check_bounds(file, text, name, bounds)
    return Budgets(tolerance, cases)


def _check_bounds(file: Path, text: str, name: str, bounds: Any) -> None:
    if not isinstance(bounds, dict) or _EXACT not in bounds:
        raise _bad(file, text, name, f"case {name} has no {_EXACT}", f"{', '.join(_KEYS)} and layers")
    for key, value in bounds.items():
        values = value if key == "layers" and isinstance(value, list) else [value]
        if key not in (*_KEYS, "layers"):
            raise _bad(file, text, key, f"case {name} has the unknown key {key}", f"{', '.join(_KEYS)} and layers")
        if any(isinstance(number, bool) or not isinstance(number, int) or number < 0 for number in values):
            raise _bad(file, text, f"{key} = ", f"case {name}: {key} is {value!r}", "whole numbers from 0 on")


def _bad(file: Path, text: str, needle: str, what: str, allowed: str) -> BudgetError:
    line = next((number for number, line in enumerate(text.splitlines(), 1) if needle in line), 1)
    return BudgetError(f"{file}, line {line}: {what}", f"Allowed: {allowed}.")


def check(budgets: Budgets, rows: Sequence[Row], file: Path) -> list[Growth]:
    """What grew past its budget.

    Raises:
        BudgetError: A row has no budget.
    """
    grown: list[Growth] = []
    for row in _once(rows):
        bounds = budgets.cases.get(row.case)
        if bounds is None:
            raise BudgetError(
                f"{file} has no case {row.case}, only {', '.join(budgets.cases) or 'none'}",
                "Add it: `renode-mnist bench --update`.",
            )
        grown += _growths(row, bounds, budgets.tolerance_percent)
    return grown


def _growths(row: Row, bounds: Mapping[str, Any], tolerance_percent: float) -> Iterator[Growth]:
    for key, now in _measured(row).items():
        if key not in bounds:
            continue
        written = bounds[key]
        allowed = written if key == _EXACT else int(written * (1 + tolerance_percent / 100))
        if now <= allowed:
            continue
        yield Growth(row.case, key, written, allowed, now)
        if key == _EXACT:
            for number, (layer, before) in enumerate(zip(row.layers, bounds.get("layers", ()), strict=False)):
                if layer.counts[_EXACT] > before:
                    yield Growth(row.case, f"layer {number} {layer.op}", before, before, layer.counts[_EXACT])


def update(file: Path, rows: Sequence[Row]) -> list[str]:
    """Writes what was measured, keeping cases that were not; tells each change in a line.

    Raises:
        BudgetError: The file is there and cannot be used, or cannot be written.
    """
    old = load(file) if file.exists() else Budgets(2, {})
    changes: list[str] = []
    document = tomlkit.parse(file.read_text()) if file.exists() else tomlkit.document()
    if not file.exists():
        for line in _HEAD.splitlines():
            document.add(tomlkit.comment(line))
        document["tolerance_percent"] = old.tolerance_percent
        document["cases"] = tomlkit.table(is_super_table=True)
    written: Any = document["cases"]
    for row in _once(rows):
        before = old.cases.get(row.case, {})
        table = tomlkit.table()
        for key, now in {**{k: v for k, v in before.items() if k in _KEYS}, **_measured(row)}.items():
            table[key] = now
            if before.get(key) != now:
                changes.append(f"{row.case}: {key} {before.get(key, 'new')} -> {now}")
        if all(_EXACT in layer.counts for layer in row.layers):
            table["layers"] = [layer.counts[_EXACT] for layer in row.layers]
        elif "layers" in before:
            table["layers"] = before["layers"]
        written[row.case] = table
    try:
        file.write_text(tomlkit.dumps(document))
    except OSError as error:
        raise BudgetError(f"cannot write {file}: {error.strerror}", "Check its permissions.") from error
    return changes


def _measured(row: Row) -> dict[str, int]:
    return {**row.counts, "flash_bytes": row.flash_bytes, "ram_bytes": row.ram_bytes}


def _once(rows: Sequence[Row]) -> list[Row]:
    """One row a case: the clock changes no count."""
    return list({row.case: row for row in reversed(rows)}.values())[::-1]
