"""What changed between two benchmarks as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence

from renode_mnist.measure.bench import Row
from renode_mnist.measure.compare import Change, Comparison
from renode_mnist.report import identity, pages
from renode_mnist.report.bars import Bar, Chart, Part
from renode_mnist.report.grid import Grid


def render(found: Comparison, before: Sequence[Row], after: Sequence[Row], names: tuple[str, str]) -> str:
    """The page.

    Args:
        found: What changed.
        before: The rows of the one side.
        after: Of the other.
        names: What the sides were called.
    """
    changed = {change.case for change in found.changes}
    unchanged = [case for case in found.compared if case not in changed]
    sides = [
        (label, f"{name}: {dict(identity.of_rows(rows))['firmware']}")
        for label, name, rows in zip(("before", "after"), names, (before, after), strict=True)
    ]
    shared = [row for row in identity.of_rows(after) if row[0] != "firmware"]
    return pages.render(
        "comparison.html",
        identity=[*sides, *shared],
        names=names,
        changed=len(changed),
        compared=len(found.compared),
        charts=[(case, _chart([each for each in found.changes if each.case == case])) for case in sorted(changed)],
        grid=_grid(found.changes),
        notes=[*found.alone, *([f"Nothing changed in {', '.join(unchanged)}."] if unchanged else [])],
    )


def _grid(changes: Sequence[Change]) -> Grid:
    rows = tuple(
        (each.case, each.what, each.unit.replace("_", " "), f"{each.before:,}", f"{each.after:,}", each.percent_text)
        for each in changes
    )
    return Grid(("case", "what", "unit", "before", "after", "change"), rows, labels=3)


def _chart(changes: Sequence[Change]) -> Chart:
    """The growth of each figure of a case, in either direction."""
    bars = []
    for each in changes:
        share = abs(each.percent) if each.before else 100.0
        part = Part(share, int(each.after > each.before), f"{each.before:,} to {each.after:,}")
        bars.append(Bar(f"{each.what}, {each.unit.replace('_', ' ')}", (part,), each.percent_text))
    return Chart("By how many per cent each figure changed.", "%", ("less", "more"), tuple(bars))
