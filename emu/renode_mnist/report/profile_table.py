"""A profile on a terminal, and as plain values."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from renode_mnist.report.profile import Cost, FunctionCost, Line, Profile
from renode_mnist.report.sources import Sources
from renode_mnist.timing.accuracy import STATED_ERROR
from renode_mnist.timing.memory import InstructionFetch

_BAR_CELLS = 12


def render(profile: Profile, sources: Sources, *, most: int, fetch: InstructionFetch | None = None) -> RenderableType:
    """The hottest functions and lines.

    Args:
        profile: What ran.
        sources: For the text of the lines.
        most: Rows a table.
        fetch: To be told as a term of its own.
    """
    parts: list[RenderableType] = [_functions(profile, most)]
    if profile.lines:
        parts.append(_lines(profile, sources, most))
    parts += [Text(sentence, style="yellow") for sentence in profile.missing]
    note = f"Instructions are exact. Cycles are modelled: {STATED_ERROR} ({STATED_ERROR.points} published points)."
    parts.append(Text(note, style="dim"))
    if fetch is not None:
        share = fetch.cycles / (profile.total.cycles_modelled or 1)
        waits = f"{fetch.cycles:,} cycles more, {share:.1%}, not in the figures above and not validated"
        parts.append(Text(f"Code from flash: {fetch.cache.misses:,} instruction cache misses, {waits}.", style="dim"))
    return Group(*parts)


def _table(title: str, total: Cost) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_footer=True)
    table.add_column("instructions", f"{total.instructions:,}", justify="right")
    table.add_column("", "", width=_BAR_CELLS, no_wrap=True)
    table.add_column("share", "", justify="right")
    table.add_column("cycles (modelled)", f"{total.cycles_modelled:,}", justify="right")
    return table


def _cells(cost: Cost, total: Cost) -> tuple[str, str, str, str]:
    share = cost.instructions / (total.instructions or 1)
    return f"{cost.instructions:,}", "█" * round(share * _BAR_CELLS), f"{share:.1%}", f"{cost.cycles_modelled:,}"


def _functions(profile: Profile, most: int) -> Table:
    table = _table("Hottest functions, by their own lines", profile.total)
    table.add_column("with callees", justify="right")
    table.add_column("calls", justify="right")
    table.add_column("function", overflow="fold")
    for function in profile.functions[:most]:
        calls = f"{function.calls:,}" if function.calls else "inlined" if function.inlined_into else ""
        total = f"{function.total.instructions:,}"
        table.add_row(*_cells(function.own, profile.total), total, calls, function.name)
    return table


def _lines(profile: Profile, sources: Sources, most: int) -> Table:
    table = _table("Hottest lines", profile.total)
    table.add_column("line", overflow="fold")
    for line, cost in profile.lines[:most]:
        text = sources.text(line.file, line.number)
        place = Text(f"{sources.short(line.file)}:{line.number}", style="cyan")
        table.add_row(*_cells(cost, profile.total), Text("\n").join([place, Text(text)]) if text else place)
    return table


def to_json(profile: Profile, *, most: int, fetch: InstructionFetch | None = None) -> dict[str, Any]:
    """For ``--json``: units in the names."""
    return {
        **({"fetch_misses": fetch.cache.misses, "fetch_cycles_modelled": fetch.cycles} if fetch else {}),
        **_cost_json(profile.total),
        "cycles_modelled_error_percent": {
            "mean": STATED_ERROR.mean_percent,
            "worst": STATED_ERROR.worst_percent,
            "points": STATED_ERROR.points,
        },
        "functions": [_function_json(function) for function in profile.functions[:most]],
        "lines": [_line_json(line, cost) for line, cost in profile.lines[:most]],
        "missing": profile.missing,
    }


def _cost_json(cost: Cost) -> dict[str, int]:
    return {"instructions": cost.instructions, "cycles_modelled": cost.cycles_modelled}


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
