"""Writes what was measured into the budget file; what else stands in it, and how, stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomlkit

from renode_mnist.measure.bench import Row
from renode_mnist.measure.budget_rows import by_case, figures, worth_a_name
from renode_mnist.measure.budgets import FUNCTIONS, LAYERS, Bounds, BudgetError, Budgets, load

_HEAD = """\
What each case may cost (docs/benchmark.md). `renode-mnist bench --check` fails where one grew:
instructions by any amount, the rest by more than tolerance_percent. `renode-mnist bench --update`
writes what it measured.
"""
_TOLERANCE_PERCENT = 2
"""Of a new file."""


def update(file: Path, rows: Sequence[Row]) -> list[str]:
    """Writes what was measured, keeping cases that were not; tells each change in a line.

    Raises:
        BudgetError: The file is there and cannot be used, or cannot be written.
    """
    old = load(file) if file.exists() else Budgets(tolerance_percent=_TOLERANCE_PERCENT)
    changes: list[str] = []
    document = tomlkit.parse(file.read_text(encoding="utf-8")) if file.exists() else tomlkit.document()
    if not file.exists():
        for line in _HEAD.splitlines():
            document.add(tomlkit.comment(line))
        document["tolerance_percent"] = old.tolerance_percent
    if "cases" not in document:
        document["cases"] = tomlkit.table(is_super_table=True)
    written: Any = document["cases"]
    for row in by_case(rows):
        before = old.cases[row.case].model_dump(exclude_none=True) if row.case in old.cases else {}
        now = figures(row)
        for key in now:
            if before.get(key) != now[key]:
                changes.append(f"{row.case}: {key} {before.get(key, 'new')} -> {now[key]}")
        by_layer = _by_layer(row)
        if changed := [key for key in by_layer if key in before and before[key] != by_layer[key]]:
            changes.append(f"{row.case}: {', '.join(changed)} differ")
        if added := [key for key in by_layer if key not in before]:
            changes.append(f"{row.case}: {', '.join(added)} new")
        _write(written, row.case, {**before, **now, **by_layer})
    try:
        file.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise BudgetError(f"cannot write {file}: {error.strerror}", "Check its permissions.") from error
    return changes


def _by_layer(row: Row) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {LAYERS[unit]: [layer.counts[unit] for layer in row.layers] for unit in row.counts}
    if any(layer.functions for layer in row.layers):
        lists[FUNCTIONS] = [worth_a_name(row, layer) for layer in row.layers]
    return lists


def _write(cases: Any, case: str, values: Mapping[str, Any]) -> None:
    """Figures take the place of the old ones, so that comments stay; keys that are new need a new table."""
    in_place = case in cases and values.keys() <= cases[case].keys()
    table = cases[case] if in_place else tomlkit.table()
    for key in (key for key in Bounds.model_fields if key in values):
        if not in_place or table[key] != values[key]:
            table[key] = _functions(values[key]) if key == FUNCTIONS else values[key]
    if not in_place:
        cases[case] = table


def _functions(layers: Sequence[Mapping[str, int]]) -> tomlkit.items.Array:
    """A line for each layer."""
    array = tomlkit.array()
    for functions in layers:
        inline = tomlkit.inline_table()
        for function, count in functions.items():
            inline.append(tomlkit.items.SingleKey(function, tomlkit.items.KeyType.Basic), count)
        array.append(inline)
    return array.multiline(True)
