"""What each step of one inference cost, as a table."""

from __future__ import annotations

from renode_mnist.report.grid import Grid
from renode_mnist.session.record import COUNTER_HEADINGS, MILLISECOND_HEADINGS, Record


def layers(record: Record) -> Grid:
    """A row a step, what stands around them (entry, marks, what real numbers are made of stored ones), the total."""
    unit = record.target.counter_unit
    steps = [(layer.op, f"{layer.macs:,}", layer.counter) for layer in record.inference.layers]
    if around := record.inference.counter - sum(counter for _, _, counter in steps):
        steps.append(("around the layers", "", around))
    steps.append(("total", f"{record.macs:,}", record.inference.counter))
    return Grid(
        ("layer", "MACs", COUNTER_HEADINGS[unit], MILLISECOND_HEADINGS[unit]),
        tuple((op, macs, f"{counter:,}", f"{record.milliseconds(counter):.3f}") for op, macs, counter in steps),
        totals=1,
    )
