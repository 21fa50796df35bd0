"""A profile on a terminal, and as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from renode_mnist.profile.layer_functions import short_name
from renode_mnist.profile.profile import Cost, FunctionCost, Line, Profile
from renode_mnist.program.sources import Sources
from renode_mnist.timing.accuracy import Kind, stated_error
from renode_mnist.timing.memory import DataAccess, InstructionFetch

_BAR_CELLS = 12
_WIDE = 110


def render(
    profile: Profile,
    sources: Sources,
    *,
    most: int,
    width: int = 120,
    fetch: InstructionFetch | None = None,
    data: DataAccess | None = None,
) -> RenderableType:
    """The hottest functions and lines.

    Args:
        profile: What ran.
        sources: For the text of the lines.
        most: Rows a table.
        width: Of the terminal; where it is narrow, what can be read off other columns is left out.
        fetch: To be told as a term of its own.
        data: The same.
    """
    wide = width >= _WIDE
    parts: list[RenderableType] = [_functions(profile, most, wide=wide)]
    if profile.lines:
        parts.append(_lines(profile, sources, most, wide=wide))
    parts += [Text(sentence, style="yellow") for sentence in profile.missing]
    note = f"Instructions are exact. Cycles are modelled: {stated_error(Kind.FLASH_WITH_CACHES)}."
    parts.append(Text(note, style="dim"))
    parts += [Text(sentence, style="dim") for sentence in _memory_terms(profile, fetch, data)]
    return Group(*parts)


def _memory_terms(profile: Profile, fetch: InstructionFetch | None, data: DataAccess | None) -> Iterator[str]:
    def more(cycles: int) -> str:
        share = cycles / (profile.total.cycles_modelled or 1)
        return f"at least {cycles:,} cycles more, {share:.1%}, not in the figures above"

    if fetch is not None:
        yield f"Code from flash: {fetch.misses:,} lines were not in the cache, {more(fetch.cycles)}."
    if data is not None:
        yield (
            f"Data cache: loads missed {data.flash_misses:,} lines of flash ({data.flash_miss_cycles} cycles each), "
            f"{data.sram_misses:,} of SRAM ({data.sram_miss_cycles}), {more(data.cycles)}. What the bus adds is not "
            f"published. Stores missed {data.store_misses:,} lines, which cost nothing here."
        )


def _table(title: str, total: Cost, *, wide: bool) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", show_footer=True)
    table.add_column("instructions", f"{total.instructions:,}", justify="right", no_wrap=True)
    if wide:
        table.add_column("", "", width=_BAR_CELLS, no_wrap=True)
    table.add_column("share", "", justify="right", no_wrap=True)
    table.add_column("cycles\n(modelled)", f"{total.cycles_modelled:,}", justify="right", no_wrap=True)
    return table


def _cells(cost: Cost, total: Cost, *, wide: bool) -> list[str]:
    share = cost.instructions / (total.instructions or 1)
    bar = ["█" * round(share * _BAR_CELLS)] if wide else []
    return [f"{cost.instructions:,}", *bar, f"{share:.1%}", f"{cost.cycles_modelled:,}"]


def _functions(profile: Profile, most: int, *, wide: bool) -> Table:
    table = _table("Hottest functions, by their own lines", profile.total, wide=wide)
    if wide:
        table.add_column("with callees", justify="right", no_wrap=True)
    table.add_column("calls", justify="right", no_wrap=True)
    table.add_column("function", overflow="fold")
    for function in profile.functions[:most]:
        calls = f"{function.calls:,}" if function.calls else "inlined" if function.inlined_into else ""
        total = [f"{function.total.instructions:,}"] if wide else []
        cells = _cells(function.own, profile.total, wide=wide)
        table.add_row(*cells, *total, calls, Text(short_name(function.name)))
    return table


def _lines(profile: Profile, sources: Sources, most: int, *, wide: bool) -> Table:
    table = _table("Hottest lines", profile.total, wide=wide)
    table.add_column("line", overflow="fold")
    for line, cost in profile.lines[:most]:
        text = sources.text(line.file, line.number)
        place = Text(f"{sources.short(line.file)}:{line.number}", style="cyan")
        what = Text("\n").join([place, Text(text)]) if text else place
        table.add_row(*_cells(cost, profile.total, wide=wide), what)
    return table


def to_json(
    profile: Profile, *, most: int, fetch: InstructionFetch | None = None, data: DataAccess | None = None
) -> dict[str, Any]:
    """For ``--json``: units in the names."""
    error = stated_error(Kind.FLASH_WITH_CACHES)
    return {
        **({"fetch_misses": fetch.misses, "fetch_cycles_modelled": fetch.cycles} if fetch else {}),
        **(_data_json(data) if data else {}),
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


def _data_json(data: DataAccess) -> dict[str, int]:
    return {
        "data_flash_misses": data.flash_misses,
        "data_sram_misses": data.sram_misses,
        "data_store_misses": data.store_misses,
        "data_cycles_modelled": data.cycles,
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
