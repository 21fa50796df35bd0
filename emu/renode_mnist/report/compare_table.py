"""What changed between two benchmarks, as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from renode_mnist.measure.compare import Change
from renode_mnist.report.fitted import Fitted


def table(changes: Sequence[Change]) -> Fitted:
    """A row a figure, below the name of its case."""
    shown = Table()
    shown.add_column("case, and what", overflow="fold")
    shown.add_column("unit", no_wrap=True)
    for heading in ("before", "after", "change"):
        shown.add_column(heading, justify="right", no_wrap=True)
    last = ""
    for change in changes:
        if change.case != last:
            shown.add_section()
            shown.add_row(Text(change.case, "bold"))
            last = change.case
        unit = change.unit.replace("_", " ")
        shown.add_row(Text(f"  {change.what}"), unit, f"{change.before:,}", f"{change.after:,}", change.percent_text)
    return Fitted(shown)
