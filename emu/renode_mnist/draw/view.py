"""Sessions and records as the plain values that the page shows."""

from __future__ import annotations

from typing import Any

from renode_mnist.report.identity import rows, told_error
from renode_mnist.session.record import COUNTER_HEADINGS, MILLISECOND_HEADINGS, Record
from renode_mnist.session.session import Session
from renode_mnist.targets.base import CounterUnit, TargetIdentity


def of_session(session: Session) -> dict[str, Any]:
    """Which target and firmware answer."""
    return {"identity": [list(row) for row in rows(session.target.identity(), session.firmware)]}


def of_record(record: Record) -> dict[str, Any]:
    """One classification; counters with their unit, and as milliseconds with what those are."""
    inference, unit = record.inference, record.target.counter_unit
    return {
        "class": inference.winner,
        "scores": [float(score) for score in inference.scores],
        "counter": inference.counter,
        "milliseconds": record.milliseconds(inference.counter),
        "counter_heading": COUNTER_HEADINGS[unit],
        "milliseconds_heading": MILLISECOND_HEADINGS[unit],
        "note": note(record.target, record.firmware.freq_hz / 1e6),
        "layers": [
            {
                "op": layer.op,
                "name": layer.name,
                "macs": layer.macs,
                "counter": layer.counter,
                "milliseconds": record.milliseconds(layer.counter),
            }
            for layer in inference.layers
        ],
    }


def note(target: TargetIdentity, megahertz: float) -> str:
    """What the figures of a target are, in a sentence or two."""
    step = f", in steps of {target.counter_step}" if target.counter_step > 1 else ""
    return {
        CounterUnit.INSTRUCTIONS: (
            f"Instructions executed{step}; the same drawing takes the same number in every run. They are no cycles: "
            f"milliseconds take each as one cycle at {megahertz:g} MHz."
        ),
        CounterUnit.CYCLES_MODELLED: (
            f"Cycles as a model of the Cortex-M7's pipeline estimates them: {told_error(target.cycle_parameters)}. "
            f"Milliseconds are these at {megahertz:g} MHz."
        ),
        CounterUnit.CYCLES_MEASURED: (
            f"Cycles that the chip's own counter measured. Milliseconds are these at {megahertz:g} MHz."
        ),
        CounterUnit.NANOSECONDS: (
            "Time on this PC, which says nothing about the microcontroller and differs from run to run."
        ),
    }[target.counter_unit]
