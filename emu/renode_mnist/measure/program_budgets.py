"""Holds a program's run against the budgets of its case, function by function, and writes them.

What a function may take stands by itself: one that grew is told though the whole became smaller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from renode_mnist.measure import budget_update
from renode_mnist.measure.budget_check import Growth, Saving, Verdict
from renode_mnist.measure.budget_choice import Maker, Unjudged, choose
from renode_mnist.measure.budget_rows import MODEL_DIGITS, MODELLED
from renode_mnist.measure.budgets import EXACT, FUNCTIONS, UNNAMED, Bounds, BudgetError, Budgets, load
from renode_mnist.measure.program_bench import ProgramRow

_FUNCTION_SHARE = 0.01
"""Of the run's instructions that a function must take to be written by its name where the file has it not yet."""
_UPDATE = "`renode-mnist bench PROGRAM --update`"


def check(budgets: Budgets, rows: Sequence[ProgramRow], file: Path) -> Verdict:
    """Holds what was measured against the budgets.

    Args:
        budgets: What ``file`` holds.
        rows: Of the programs.
        file: For messages.

    Raises:
        BudgetError: A program has no budget.
    """
    grown: list[Growth] = []
    savings: list[Saving] = []
    unjudged: list[Unjudged] = []
    checked: list[str] = []
    notes: list[str] = []
    for row in rows:
        if row.case not in budgets.cases:
            raise BudgetError(
                f"{file} has no case {row.case}, only {', '.join(budgets.cases) or 'none'}", f"Add it: {_UPDATE}."
            )
        bounds = choose(budgets, row.case, Maker(row.compiler, None, is_soft=False), file)
        if isinstance(bounds, Unjudged):
            unjudged.append(bounds)
            continue
        if other := _of_another_run(row, bounds, file):
            unjudged.append(other)
            continue
        checked.append(row.case)
        grown += _whole_grown(row, bounds, budgets.tolerance_percent)
        for name, allowed in _functions(bounds).items():
            now = _instructions_of(row, name)
            if now is None:
                unjudged.append(_unknown_function(row, name))
            elif now > allowed:
                grown.append(Growth(row.case, EXACT, allowed, allowed, now, function=name))
            notes += _said_of(row, name)
        if (fewer := bounds.instructions - row.instructions) > 0:
            savings.append(Saving(row.case, fewer))
    unnamed = tuple(case for case in checked if UNNAMED in budgets.cases[case])
    return Verdict(
        budgets.tolerance_percent,
        tuple(checked),
        tuple(grown),
        (),
        tuple(savings),
        tuple(unjudged),
        unnamed,
        tuple(notes),
    )


def update(file: Path, rows: Sequence[ProgramRow]) -> list[str]:
    """Writes what was measured; see ``budget_update.update``.

    Functions that the file names stay named, as long as the image has them; others are added where they take 1 %.

    Raises:
        BudgetError: The file is there and cannot be used, or cannot be written.
    """
    old = load(file).cases if file.exists() else {}
    return budget_update.write(file, [_entry(row, old.get(row.case, {})) for row in rows])


def _entry(row: ProgramRow, old: Mapping[str, Bounds]) -> budget_update.Entry:
    kept = {name: None for bounds in old.values() for name in _functions(bounds)}
    large = {each.name for each in row.functions if each.instructions >= row.instructions * _FUNCTION_SHARE}
    counts = {each.name: each.instructions for each in row.functions}
    named = [name for name in (*counts, *row.not_run) if name in kept or name in large]
    figures: dict[str, int | str] = {"run": row.run, **_whole(row)}
    if row.cycles_modelled is not None:
        figures["cycle_model"] = row.cycle_model[:MODEL_DIGITS]
    lists = {FUNCTIONS: [{name: counts.get(name, 0) for name in named}]}
    return budget_update.Entry(row.case, Maker(row.compiler, None, is_soft=False), figures, lists)


def _whole(row: ProgramRow) -> dict[str, int]:
    cycles = {} if row.cycles_modelled is None else {MODELLED: row.cycles_modelled}
    return {EXACT: row.instructions, **cycles, "flash_bytes": row.flash_bytes, "ram_bytes": row.ram_bytes}


def _functions(bounds: Bounds) -> Mapping[str, int]:
    return bounds.functions[0] if bounds.functions else {}


def _of_another_run(row: ProgramRow, bounds: Bounds, file: Path) -> Unjudged | None:
    """Instructions are those of a run: to another end, or by another clock, they are others."""
    if bounds.run is not None and bounds.run != row.run:
        why = f"{file.name} has a run {bounds.run}, and this is one {row.run}"
        return Unjudged(row.case, "", why, "Give the same --until or --for, or write this run: --update.")
    model = row.cycle_model[:MODEL_DIGITS] or None
    if bounds.cycle_model != model:
        written, here = (f"cycle model {each}" if each else "no clock model" for each in (bounds.cycle_model, model))
        why = f"{file.name} has a run whose time goes by {written}, and this one's goes by {here}"
        return Unjudged(row.case, "", why, "Give the same --clock-model and --parameters, or write this: --update.")
    return None


def _whole_grown(row: ProgramRow, bounds: Bounds, tolerance_percent: float) -> Iterator[Growth]:
    for key, now in _whole(row).items():
        written = bounds.of(key)
        if written is None:
            continue  # by `_of_another_run` only of files that somebody wrote by hand
        allowed = written if key == EXACT else int(written * (1 + tolerance_percent / 100))
        if now > allowed:
            yield Growth(row.case, key, written, allowed, now)


def _instructions_of(row: ProgramRow, name: str) -> int | None:
    if (function := row.function(name)) is not None:
        return function.instructions
    return 0 if name in row.not_run else None


def _unknown_function(row: ProgramRow, name: str) -> Unjudged:
    why = (
        f"the image has no function {name}, and none of its lines ran: it was renamed or removed, or is inlined "
        "where no debug information tells"
    )
    return Unjudged(row.case, f"function {name}", why, f"Compile with -g, or take it out of the file: {_UPDATE}.")


def _said_of(row: ProgramRow, name: str) -> Iterator[str]:
    function = row.function(name)
    if function is None and name in row.not_run:
        yield f"{row.case}: {name} did not run."
    if function is not None and function.inlined_into:
        holders = ", ".join(function.inlined_into)
        yield f"{row.case}: {name} is inlined into {holders}; its lines there are counted for it."
