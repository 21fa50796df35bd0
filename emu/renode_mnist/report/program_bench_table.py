"""What the functions of programs took, as tables."""

from __future__ import annotations

from renode_mnist.measure.program_bench import FunctionRow, ProgramRow
from renode_mnist.profile.layer_functions import short_name
from renode_mnist.report.grid import Grid
from renode_mnist.report.identity import told_error

_HEADINGS = ("function", "instructions", "with callees", "calls")
_CYCLES = "cycles (modelled)"


def grid(row: ProgramRow, most: int) -> Grid:
    """A program's functions, most instructions first, and its sum.

    Args:
        row: The program.
        most: Functions that have a row of their own; the rest is one.
    """
    modelled = row.cycles_modelled is not None
    shown, rest = row.functions[:most], row.functions[most:]
    rows = [_cells(each, modelled) for each in shown]
    if rest:
        cycles = [f"{sum(each.cycles_modelled or 0 for each in rest):,}"] if modelled else []
        rows.append((f"{len(rest)} others", f"{sum(each.instructions for each in rest):,}", *cycles, "", ""))
    total = [f"{row.cycles_modelled:,}"] if modelled else []
    rows.append(("all", f"{row.instructions:,}", *total, "", ""))
    first, second, *others = _HEADINGS
    headings = (first, second, *([_CYCLES] if modelled else []), *others)
    return Grid(headings, tuple(rows), tuple(_notes(row)), totals=1, title=f"{row.case}, {row.run}")


def _cells(function: FunctionRow, modelled: bool) -> tuple[str, ...]:
    cycles = [f"{function.cycles_modelled:,}"] if modelled else []
    calls = f"{function.calls:,}" if function.calls else "inlined" if function.inlined_into else ""
    with_callees = f"{function.instructions_with_callees:,}"
    return short_name(function.name), f"{function.instructions:,}", *cycles, with_callees, calls


def _notes(row: ProgramRow) -> list[str]:
    notes = [
        f"{row.case}: {row.flash_bytes:,} B of flash, {row.ram_bytes:,} B of RAM by its sections; {row.compiler}; "
        f"{row.seconds:.6f} s of virtual time on the embedded emulator. Instructions are exact, in a function's own "
        "lines wherever they were inlined."
    ]
    if row.cycles_modelled is not None:
        notes.append(f"Cycles are modelled: {told_error(row.cycle_parameters)}.")
    return [*notes, *row.missing]
