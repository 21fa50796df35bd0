"""Writes what was measured into the budget file; what else stands in it, and how, stays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import tomlkit

from renode_mnist import remedies
from renode_mnist.measure.bench import Row
from renode_mnist.measure.budget_choice import Maker, toolchain_of
from renode_mnist.measure.budget_rows import MODELLED, by_case, cycle_model, figures, worth_a_name
from renode_mnist.measure.budgets import FUNCTIONS, LAYERS, UNNAMED, Bounds, BudgetError, Budgets, Toolchain, load

_HEAD = """\
What each case may cost ({page}). `renode-mnist bench --check` fails where one grew:
instructions and fallbacks by any amount, the rest by more than tolerance_percent. `renode-mnist bench --update`
writes what it measured. The figures are exact for their toolchain, and images of another are not judged.
"""
_TOLERANCE_PERCENT = 2
"""Of a new file."""
_CYCLE_MODEL = "cycle_model"


@dataclass(frozen=True)
class Entry:
    """What was measured of a case, in the file's terms.

    Attributes:
        case: Its name.
        maker: Of the image.
        figures: By the keys of ``budgets.Bounds``, one number or word each.
        lists: By the keys whose values are lists.
    """

    case: str
    maker: Maker
    figures: Mapping[str, Any]
    lists: Mapping[str, list[Any]]


def update(file: Path, rows: Sequence[Row]) -> list[str]:
    """Writes what was measured, keeping cases and toolchains that were not; tells each change in a line.

    A budget that names no toolchain gives way to the one that is measured: it can't be told for which it was.

    Raises:
        BudgetError: The file is there and cannot be used, or cannot be written.
    """
    return write(file, [_entry(row) for row in by_case(rows)])


def _entry(row: Row) -> Entry:
    values: dict[str, Any] = figures(row)
    if MODELLED in values and (model := cycle_model(row)):
        values[_CYCLE_MODEL] = model
    return Entry(row.case, Maker.of(row.firmware), values, _by_layer(row))


def write(file: Path, entries: Sequence[Entry]) -> list[str]:
    """The same of what is in the file's terms already.

    Raises:
        BudgetError: Likewise.
    """
    old = load(file) if file.exists() else Budgets(tolerance_percent=_TOLERANCE_PERCENT)
    changes: list[str] = []
    added = _added(old, entries)
    toolchains = {each.case: toolchain_of(old, each.maker) or added[each.maker.toolchain] for each in entries}
    document = _document(file, toolchains)
    for new, name in added.items():
        changes.append(f"toolchain {name} new: {', '.join(filter(None, (new.compiler, new.flags)))}")
        _tables(document, "toolchains")[name] = _table(new.model_dump(exclude_none=True))
    for entry in entries:
        toolchain, now, lists = toolchains[entry.case], entry.figures, entry.lists
        case = entry.case if len({*old.toolchains, *added.values()}) == 1 else f"{entry.case} for {toolchain}"
        bounds = old.cases.get(entry.case, {})
        kept = bounds.get(toolchain) or bounds.get(UNNAMED)
        before = kept.model_dump(exclude_none=True) if kept else {}
        for key in now:
            if before.get(key) != now[key]:
                changes.append(f"{case}: {key} {before.get(key, 'new')} -> {now[key]}")
        if changed := [key for key in lists if key in before and before[key] != lists[key]]:
            changes.append(f"{case}: {', '.join(changed)} differ")
        if first := [key for key in lists if key not in before]:
            changes.append(f"{case}: {', '.join(first)} new")
        _write(document, entry.case, toolchain, {**before, **now, **lists})
    try:
        file.write_text(tomlkit.dumps(document).rstrip("\n") + "\n", encoding="utf-8")
    except OSError as error:
        raise BudgetError(f"cannot write {file}: {error.strerror}", "Check its permissions.") from error
    return changes


def _added(old: Budgets, entries: Sequence[Entry]) -> dict[Toolchain, str]:
    """What made an image and is none of the file's toolchains, each with a name."""
    added: dict[Toolchain, str] = {}
    for maker in (entry.maker for entry in entries):
        if toolchain_of(old, maker) is None and maker.toolchain not in added:
            added[maker.toolchain] = _name(maker.compiler, {*old.toolchains, *added.values()})
    return added


def _name(compiler: str, taken: Collection[str]) -> str:
    """``gcc-12`` of "GNU 12.2.1, ...", or its like; where that is taken, ``gcc-12-b``."""
    found = re.match(r"(\w+) (\d+)", compiler)
    name = f"{found[1].lower().replace('gnu', 'gcc')}-{found[2]}" if found else "toolchain"
    return next(each for each in (name, *(f"{name}-{letter}" for letter in "bcdefghij")) if each not in taken)


def _document(file: Path, toolchains: Mapping[str, str]) -> Any:
    """The file's content, with a toolchain for each case that is measured."""
    if not file.exists():
        document = tomlkit.document()
        for line in _HEAD.format(page=remedies.page("benchmark")).splitlines():
            document.add(tomlkit.comment(line))
        document["tolerance_percent"] = _TOLERANCE_PERCENT
        document.add(tomlkit.nl())
        return document
    text = file.read_text(encoding="utf-8")
    for case, toolchain in toolchains.items():
        # In the text, since a table that changes its place in the tree loses its place in the file.
        without = rf"""(?m)^(\s*\[\s*cases\s*\.\s*["']?{re.escape(case)}["']?)\s*\]"""
        text = re.sub(without, rf"\1.{toolchain}]", text)
    return tomlkit.parse(text)


def _tables(table: Any, key: str) -> Any:
    """A table that holds tables only."""
    if key not in table:
        table[key] = tomlkit.table(is_super_table=True)
    return table[key]


def _table(values: Mapping[str, Any]) -> Any:
    """With a blank line behind it."""
    table = tomlkit.table()
    for key, value in values.items():
        table[key] = value
    table.add(tomlkit.nl())
    return table


def _by_layer(row: Row) -> dict[str, list[Any]]:
    units = [unit for unit in row.counts if unit in figures(row)]
    lists: dict[str, list[Any]] = {LAYERS[unit]: [layer.counts[unit] for layer in row.layers] for unit in units}
    if any(layer.functions for layer in row.layers):
        lists[FUNCTIONS] = [worth_a_name(row, layer) for layer in row.layers]
    return lists


def _write(document: Any, case: str, toolchain: str, values: Mapping[str, Any]) -> None:
    """Figures take the place of the old ones, so that comments stay."""
    cases = _tables(document, "cases")
    is_new = case not in cases
    by_toolchain = _tables(cases, case)
    if is_new and tomlkit.dumps(document).endswith("\n\n"):
        by_toolchain.trivia.indent = ""
    table = by_toolchain.get(toolchain)
    if table is None or not values.keys() <= table.keys():
        by_toolchain[toolchain] = table = _with_all_keys(table, values.keys())
    for key in (key for key in Bounds.model_fields if key in values):
        if table[key] != values[key]:
            table[key] = _functions(values[key]) if key == FUNCTIONS else values[key]


def _with_all_keys(table: Any, wanted: Collection[str]) -> Any:
    """The table with the keys that it lacks, each behind the one that it follows in `Bounds`."""
    order = [key for key in Bounds.model_fields if key in wanted]
    if table is None:
        return _table(dict.fromkeys(order, 0))
    whole = tomlkit.table()
    present = {key.key for key, _ in table.value.body if key is not None}

    def add(following: Iterable[str]) -> None:
        for key in takewhile(lambda key: key not in present, following):
            whole.append(key, 0)

    add(order)
    for key, item in table.value.body:
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
