"""A profile on a terminal, and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from renode_mnist.profile.layer_functions import short_name
from renode_mnist.profile.profile import Cost, FunctionCost, Line, Profile
from renode_mnist.program.sources import Sources
from renode_mnist.report.fitted import Fitted
from renode_mnist.report.identity import told_error
from renode_mnist.timing.accuracy import stated_error
from renode_mnist.timing.points import Kind

_PARTS = ("issue", "oper-\nands", "bran-\nches", "code", "data")
"""As the head of a column."""
_BAR_CELLS = 12
WIDE = 110
"""Characters of a terminal from which all columns fit."""


def render(
    profile: Profile,
    sources: Sources,
    *,
    most: int,
    unit: str = "instructions",
    wide: bool = True,
    modelled: bool = True,
) -> RenderableType:
    """The hottest functions and lines.

    Args:
        profile: What ran.
        sources: For the text of the lines.
        most: Rows a table.
        unit: ``instructions`` or ``cycles``: what makes a line hot. Cycles are split into what they are spent on.
        wide: With what takes room as well: bars, what callees took, cycles of issue.
        modelled: Whether cycles were.
    """
    view = _View(profile.total, unit, wide=wide, modelled=modelled)
    parts: list[RenderableType] = [_functions(profile, most, view)]
    if profile.lines:
        parts.append(_lines(profile, sources, most, view))
    parts += [Text(sentence, style="yellow") for sentence in profile.missing]
    note = "Instructions are exact."
    if modelled:
        note += f" Cycles are modelled: {told_error(profile.cycle_parameters)}."
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
        wide: Whether there is room for bars, callees and issue.
        modelled: Whether cycles were.
    """

    total: Cost
    unit: str
    wide: bool
    modelled: bool

    def count(self, cost: Cost) -> int:
        return cost.cycles_modelled if self.unit == "cycles" else cost.instructions

    def table(self, title: str) -> Table:
        table = Table(title=title, title_justify="left", title_style="bold", show_footer=True)
        in_cycles = self.unit == "cycles"
        heading = "cycles\n(modelled)" if in_cycles else "instructions"
        _add_figures(table, heading, f"{self.count(self.total):,}")
        if self.wide:
            table.add_column("", "", width=_BAR_CELLS, no_wrap=True)
        _add_figures(table, "share", "", least=len("100.0%"))
        if in_cycles:
            for name, part in zip(self._shown(_PARTS), self._parts(self.total), strict=True):
                _add_figures(table, name, part)
        elif self.modelled:
            _add_figures(table, "cycles\n(modelled)", f"{self.total.cycles_modelled:,}")
        return table

    def cells(self, cost: Cost) -> list[str]:
        count = self.count(cost)
        share = count / (self.count(self.total) or 1)
        bar = ["█" * round(share * _BAR_CELLS)] if self.wide else []
        return [f"{count:,}", *bar, f"{share:.1%}", *self._more(cost)]

    def _more(self, cost: Cost) -> list[str]:
        if self.unit == "cycles":
            return self._parts(cost)
        return [f"{cost.cycles_modelled:,}"] if self.modelled else []

    def _parts(self, cost: Cost) -> list[str]:
        parts = (cost.issue, cost.dependencies, cost.mispredictions, cost.fetch, cost.data)
        shares = [f"{part / cost.cycles_modelled:.0%}" if cost.cycles_modelled and part else "" for part in parts]
        return list(self._shown(shares))

    def _shown(self, parts: Sequence[str]) -> Sequence[str]:
        """Where there is little room only the waits: what they leave is issue."""
        return parts if self.wide else parts[1:]


def _add_figures(table: Table, heading: str, footer: str, *, least: int = 0) -> None:
    """A column in which no number is cut: names give way, and at last the width of the page.

    Args:
        table: Gets it.
        heading: Of one line or more.
        footer: The sum, which no number in the column is wider than.
        least: Characters of its widest cell where no sum stands below it.
    """
    widest = max(least, len(footer), *map(len, heading.split("\n")))
    table.add_column(heading, footer, justify="right", no_wrap=True, min_width=widest)


def _functions(profile: Profile, most: int, view: _View) -> Fitted:
    hottest = sorted(profile.functions, key=lambda function: -view.count(function.own))[:most]
    calls = [f"{each.calls:,}" if each.calls else "inlined" if each.inlined_into else "" for each in hottest]
    table = view.table("Hottest functions, by their own lines")
    if view.wide:
        _add_figures(table, "with callees", "", least=len(f"{view.count(view.total):,}"))
    _add_figures(table, "calls", "", least=max(map(len, calls), default=0))
    table.add_column("function", overflow="fold")
    for function, called in zip(hottest, calls, strict=True):
        total = [f"{view.count(function.total):,}"] if view.wide else []
        table.add_row(*view.cells(function.own), *total, called, Text(short_name(function.name)))
    return Fitted(table)


def _lines(profile: Profile, sources: Sources, most: int, view: _View) -> Fitted:
    table = view.table("Hottest lines")
    table.add_column("line", overflow="fold")
    for line, cost in sorted(profile.lines, key=lambda entry: -view.count(entry[1]))[:most]:
        text = sources.text(line.file, line.number)
        place = Text(f"{sources.short(line.file)}:{line.number}", style="cyan")
        what = Text("\n").join([place, Text(text)]) if text else place
        table.add_row(*view.cells(cost), what)
    return Fitted(table)


def to_json(profile: Profile, *, most: int, modelled: bool = True) -> dict[str, Any]:
    """For ``--json``: units in the names; without a model of cycles, nothing of them."""
    values = {
        **_cost_json(profile.total),
        **_error_json(profile.cycle_parameters),
        "functions": [_function_json(function) for function in profile.functions[:most]],
        "lines": [_line_json(line, cost) for line, cost in profile.lines[:most]],
        "missing": profile.missing,
    }
    return values if modelled else _without_cycles(values)


def _without_cycles(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_cycles(each) for name, each in value.items() if not name.startswith("cycles_")}
    return [_without_cycles(each) for each in value] if isinstance(value, list) else value


def _error_json(cycle_parameters: str) -> dict[str, Any]:
    if cycle_parameters:  # of which no published point was computed
        return {"cycle_parameters": cycle_parameters}
    error = stated_error(Kind.FLASH_WITH_CACHES)
    return {
        "cycles_modelled_error_percent": {
            "mean": error.mean_percent,
            "worst": error.worst_percent,
            "lowest": error.lowest_percent,
            "highest": error.highest_percent,
            "points": error.points,
            "outside": error.outside,
        }
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
