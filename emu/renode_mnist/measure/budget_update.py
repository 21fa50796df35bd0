"""Writes what was measured into the budget file; what else stands in it, and how, stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from pathlib import Path
from typing import Any

import tomlkit

from renode_mnist.measure.bench import Row
from renode_mnist.measure.budget_choice import Maker, toolchain_of
from renode_mnist.measure.budget_rows import by_case, cycle_model, figures, worth_a_name
from renode_mnist.measure.budgets import FUNCTIONS, LAYERS, UNNAMED, Bounds, BudgetError, Budgets, load

_HEAD = """\
What each case may cost (docs/benchmark.md). `renode-mnist bench --check` fails where one grew:
instructions by any amount, the rest by more than tolerance_percent. `renode-mnist bench --update`
writes what it measured. The figures are exact for their toolchain, and images of another are not judged.
"""
_TOLERANCE_PERCENT = 2
"""Of a new file."""
_CYCLE_MODEL = "cycle_model"


def update(file: Path, rows: Sequence[Row]) -> list[str]:
    """Writes what was measured, keeping cases and toolchains that were not; tells each change in a line.

    A budget that names no toolchain gives way to the one that is measured: it can't be told for which it was.

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
    toolchains = _Toolchains(old, document, changes)
    for row in by_case(rows):
        toolchain = toolchains.of(Maker.of(row.firmware))
        case = row.case if len(toolchains.names) == 1 else f"{row.case} for {toolchain}"
        bounds = old.cases.get(row.case, {})
        kept = bounds.get(toolchain) or bounds.get(UNNAMED)
        before = kept.model_dump(exclude_none=True) if kept else {}
        now: dict[str, Any] = {**figures(row), **({_CYCLE_MODEL: model} if (model := cycle_model(row)) else {})}
        for key in now:
            if before.get(key) != now[key]:
                changes.append(f"{case}: {key} {before.get(key, 'new')} -> {now[key]}")
        by_layer = _by_layer(row)
        if changed := [key for key in by_layer if key in before and before[key] != by_layer[key]]:
            changes.append(f"{case}: {', '.join(changed)} differ")
        if added := [key for key in by_layer if key not in before]:
            changes.append(f"{case}: {', '.join(added)} new")
        _write(document, row.case, toolchain, {**before, **now, **by_layer})
    try:
        file.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise BudgetError(f"cannot write {file}: {error.strerror}", "Check its permissions.") from error
    return changes


class _Toolchains:
    """Those of the file; what made an image and is none of them is added."""

    def __init__(self, old: Budgets, document: Any, changes: list[str]) -> None:
        self._budgets = old
        self._document = document
        self._changes = changes
        self._added: dict[Maker, str] = {}

    @property
    def names(self) -> set[str]:
        return {*self._budgets.toolchains, *self._added.values()}

    def of(self, maker: Maker) -> str:
        known = toolchain_of(self._budgets, maker)
        if known is not None:
            return known
        maker = replace(maker, is_soft=False)
        if maker not in self._added:
            self._added[maker] = name = self._new_name(maker.compiler)
            table = tomlkit.table()
            table["compiler"] = maker.compiler
            table["flags"] = maker.flags
            _of(self._document, "toolchains")[name] = table
            self._changes.append(f"toolchain {name} new: {maker.compiler}, {maker.flags}")
        return self._added[maker]

    def _new_name(self, compiler: str) -> str:
        """``gcc-12`` of "GNU 12.2.1, ...", or its like; the second of the name is ``gcc-12-b``."""
        found = re.match(r"(\w+) (\d+)", compiler)
        name = f"{found[1].lower().replace('gnu', 'gcc')}-{found[2]}" if found else "toolchain"
        return next(
            each for each in (name, *(f"{name}-{letter}" for letter in "bcdefghij")) if each not in self.names
        )


def _of(table: Any, key: str) -> Any:
    """A table that holds tables only."""
    if key not in table:
        table[key] = tomlkit.table(is_super_table=True)
    return table[key]


def _by_layer(row: Row) -> dict[str, list[Any]]:
    lists: dict[str, list[Any]] = {LAYERS[unit]: [layer.counts[unit] for layer in row.layers] for unit in row.counts}
    if any(layer.functions for layer in row.layers):
        lists[FUNCTIONS] = [worth_a_name(row, layer) for layer in row.layers]
    return lists


def _write(document: Any, case: str, toolchain: str, values: Mapping[str, Any]) -> None:
    """Figures take the place of the old ones, so that comments stay."""
    cases = _of(document, "cases")
    if case in cases and toolchain not in cases[case] and cases[case].keys() <= Bounds.model_fields.keys():
        unnamed = cases[case]
        cases[case] = tomlkit.table(is_super_table=True)
        cases[case][toolchain] = unnamed
    by_toolchain = _of(cases, case)
    table = by_toolchain.get(toolchain)
    if table is None or not values.keys() <= table.keys():
        by_toolchain[toolchain] = table = _with_all_keys(table, values.keys())
    for key in (key for key in Bounds.model_fields if key in values):
        if table[key] != values[key]:
            table[key] = _functions(values[key]) if key == FUNCTIONS else values[key]


def _with_all_keys(table: Any, wanted: Collection[str]) -> Any:
    """The table with the keys that it lacks, each behind the one that it follows in `Bounds`."""
    whole = tomlkit.table()
    order = [key for key in Bounds.model_fields if key in wanted]
    body = list(table.value.body) if table is not None else []
    present = {key.key for key, _ in body if key is not None}

    def add(following: Iterable[str]) -> None:
        for key in takewhile(lambda key: key not in present, following):
            whole.append(key, 0)

    add(order)
    for key, item in body:
        whole.append(key, item)
        if key is not None:
            add(order[order.index(key.key) + 1 :])
    return whole


def _functions(layers: Sequence[Mapping[str, int]]) -> tomlkit.items.Array:
    """A line for each layer."""
    array = tomlkit.array()
    for functions in layers:
        inline = tomlkit.inline_table()
        for function, count in functions.items():
            inline.append(tomlkit.items.SingleKey(function, tomlkit.items.KeyType.Basic), count)
        array.append(inline)
    return array.multiline(True)
