"""A profile on a terminal, and as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from renode_mnist.profile.layer_functions import short_name
from renode_mnist.profile.profile import Cost, FunctionCost, Line, Profile
from renode_mnist.program.sources import Sources
from renode_mnist.timing.accuracy import stated_error
from renode_mnist.timing.points import Kind

_PARTS = ("oper-\nands", "bran-\nches", "code", "data")
"""Waits, as the head of a column; what they leave is issue."""
_BAR_CELLS = 12
_WIDE = 110


def render(
    profile: Profile, sources: Sources, *, most: int, unit: str = "instructions", width: int = 120
) -> RenderableType:
    """The hottest functions and lines.

    Args:
        profile: What ran.
        sources: For the text of the lines.
        most: Rows a table.
        unit: ``instructions`` or ``cycles``: what makes a line hot. Cycles are split into what they are spent on.
        width: Of the terminal; where it is narrow, what can be read off other columns is left out.
    """
    view = _View(profile.total, unit, wide=width >= _WIDE)
    parts: list[RenderableType] = [_functions(profile, most, view)]
    if profile.lines:
        parts.append(_lines(profile, sources, most, view))
    parts += [Text(sentence, style="yellow") for sentence in profile.missing]
    note = f"Instructions are exact. Cycles are modelled: {stated_error(Kind.FLASH_WITH_CACHES)}."
    if unit == "cycles":
        note += " Waits for data are shared among the loads and stores of their block."
    parts.append(Text(note, style="dim"))
    return Group(*parts)


@dataclass(frozen=True)
class _View:
    """How costs are shown.

    Attributes:
        total: Of all, for shares.
        unit: What is counted: ``instructions`` or ``cycles``.
        wide: Whether there is room for what can be read off other columns.
    """

    total: Cost
    unit: str
    wide: bool

    def count(self, cost: Cost) -> int:
        return cost.cycles_modelled if self.unit == "cycles" else cost.instructions

    def table(self, title: str) -> Table:
        table = Table(title=title, title_justify="left", title_style="bold", show_footer=True)
        in_cycles = self.unit == "cycles"
        heading = "cycles\n(modelled)" if in_cycles else "instructions"
        table.add_column(heading, f"{self.count(self.total):,}", justify="right", no_wrap=True)
        if self.wide:
            table.add_column("", "", width=_BAR_CELLS, no_wrap=True)
        table.add_column("share", "", justify="right", no_wrap=True)
        if in_cycles:
            for name, part in zip(_PARTS, self._parts(self.total), strict=True):
                table.add_column(name, part, justify="right", no_wrap=True)
        else:
            table.add_column("cycles\n(modelled)", f"{self.total.cycles_modelled:,}", justify="right", no_wrap=True)
        return table

    def cells(self, cost: Cost) -> list[str]:
        count = self.count(cost)
        share = count / (self.count(self.total) or 1)
        bar = ["█" * round(share * _BAR_CELLS)] if self.wide else []
        more = self._parts(cost) if self.unit == "cycles" else [f"{cost.cycles_modelled:,}"]
        return [f"{count:,}", *bar, f"{share:.1%}", *more]

    def _parts(self, cost: Cost) -> list[str]:
        parts = (cost.dependencies, cost.mispredictions, cost.fetch, cost.data)
        return [f"{part / cost.cycles_modelled:.0%}" if cost.cycles_modelled and part else "" for part in parts]


def _functions(profile: Profile, most: int, view: _View) -> Table:
    table = view.table("Hottest functions, by their own lines")
    if view.wide:
        table.add_column("with callees", justify="right", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("function", overflow="fold")
    hottest = sorted(profile.functions, key=lambda function: -view.count(function.own))
    for function in hottest[:most]:
        calls = f"{function.calls:,}" if function.calls else "inlined" if function.inlined_into else ""
        total = [f"{view.count(function.total):,}"] if view.wide else []
        table.add_row(*view.cells(function.own), *total, calls, Text(short_name(function.name)))
    return table


def _lines(profile: Profile, sources: Sources, most: int, view: _View) -> Table:
    table = view.table("Hottest lines")
    table.add_column("line", overflow="fold")
    for line, cost in sorted(profile.lines, key=lambda entry: -view.count(entry[1]))[:most]:
        text = sources.text(line.file, line.number)
        place = Text(f"{sources.short(line.file)}:{line.number}", style="cyan")
        what = Text("\n").join([place, Text(text)]) if text else place
        table.add_row(*view.cells(cost), what)
    return table


def to_json(profile: Profile, *, most: int) -> dict[str, Any]:
    """For ``--json``: units in the names."""
    error = stated_error(Kind.FLASH_WITH_CACHES)
    return {
        **_cost_json(profile.total),
        "cycles_modelled_error_percent": {
            "mean": error.mean_percent,
            "worst": error.worst_percent,
            "lowest": error.lowest_percent,
            "highest": error.highest_percent,
            "points": error.points,
            "outside": error.outside,
        },
        "functions": [_function_json(function) for function in profile.functions[:most]],
        "lines": [_line_json(line, cost) for line, cost in profile.lines[:most]],
        "missing": profile.missing,
    }


def _cost_json(cost: Cost) -> dict[str, Any]:
    split = {
        "issue": cost.issue,
        "operands": cost.dependencies,
        "branches": cost.mispredictions,
        "code": cost.fetch,
        "data": cost.data,
    }
    return {"instructions": cost.instructions, "cycles_modelled": cost.cycles_modelled, "cycles_split": split}


def _function_json(function: FunctionCost) -> dict[str, Any]:
    return {
        "name": function.name,
        **_cost_json(function.own),
        "with_callees": _cost_json(function.total),
        "calls": function.calls,
        "inlined_into": sorted(function.inlined_into),
    }


def _line_json(line: Line, cost: Cost) -> dict[str, Any]:
    return {"file": line.file, "line": line.number, "function": line.function, **_cost_json(cost)}
