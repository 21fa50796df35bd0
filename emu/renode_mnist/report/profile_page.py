"""A profile as one self-contained HTML page: the flame graph, functions and lines."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from renode_mnist.profile import rooms
from renode_mnist.profile.layer_functions import short_name
from renode_mnist.profile.profile import Cost, Profile
from renode_mnist.program.sources import Sources
from renode_mnist.report import flame, pages
from renode_mnist.report.grid import Grid
from renode_mnist.report.identity import told_error

MOST = 60
"""Functions and lines; a table of the page sorts, so that more of them than on a terminal are of use."""


def render(
    profile: Profile,
    sources: Sources,
    *,
    title: str,
    unit: str,
    identity: Sequence[tuple[str, str]],
    modelled: bool = True,
) -> str:
    """The page.

    Args:
        profile: What ran.
        sources: For the text of the lines.
        title: What ran, in words.
        unit: ``instructions`` or ``cycles``: what the graph's width is, and tables begin with the most of.
        identity: Who ran it.
        modelled: Whether cycles were.
    """
    named = rooms.of_functions(profile)
    graph = flame.svg(profile.counts(unit), title=title, unit=counted(unit), rooms=named, within_page=True)
    return pages.render(
        "profile.html",
        identity=identity,
        title=title,
        graph=Markup(graph),
        functions=_functions(profile, named, unit, modelled),
        lines=_lines(profile, sources, unit, modelled),
        notes=[
            *profile.missing,
            "Instructions are exact.",
            *([f"Cycles are modelled: {told_error(profile.cycle_parameters)}."] if modelled else []),
        ],
    )


def counted(unit: str) -> str:
    """A unit as it is said beside a figure."""
    return "cycles (modelled)" if unit == "cycles" else unit


def _count(cost: Cost, unit: str) -> int:
    return cost.cycles_modelled if unit == "cycles" else cost.instructions


def _figures(cost: Cost, whole: Cost, unit: str, modelled: bool) -> tuple[str, ...]:
    share = f"{_count(cost, unit) / (_count(whole, unit) or 1):.1%}"
    return (f"{cost.instructions:,}", *((f"{cost.cycles_modelled:,}",) if modelled else ()), share)


def _headings(modelled: bool) -> tuple[str, ...]:
    return ("instructions", *(("cycles (modelled)",) if modelled else ()), "share")


def _functions(profile: Profile, named: dict[str, str], unit: str, modelled: bool) -> Grid:
    hottest = sorted(profile.functions, key=lambda function: -_count(function.own, unit))[:MOST]
    rows = tuple(
        (
            short_name(each.name),
            named.get(each.name, rooms.UNKNOWN),
            *_figures(each.own, profile.total, unit, modelled),
            f"{_count(each.total, unit):,}",
            f"{each.calls:,}" if each.calls else "inlined" if each.inlined_into else "",
        )
        for each in hottest
    )
    return Grid(("function", "room", *_headings(modelled), "with callees", "calls"), rows, labels=2)


def _lines(profile: Profile, sources: Sources, unit: str, modelled: bool) -> Grid | None:
    if not profile.lines:
        return None
    hottest = sorted(profile.lines, key=lambda entry: -_count(entry[1], unit))[:MOST]
    rows = tuple(
        (
            f"{sources.short(line.file)}:{line.number}",
            sources.text(line.file, line.number),
            *_figures(cost, profile.total, unit, modelled),
        )
        for line, cost in hottest
    )
    return Grid(("line", "text", *_headings(modelled)), rows, labels=2)
