"""Measurements of commits that nobody made."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from renode_mnist.measure.measurement import CaseCost, Commit, Layer, Measurement

BEGUN = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPERATORS = ("CONV_2D", "MAX_POOL_2D", "FULLY_CONNECTED")


def commit(number: int, **changed: Any) -> Commit:
    """The commit of a day."""
    id = hashlib.sha1(str(number).encode()).hexdigest()
    moment = (BEGUN + timedelta(days=number)).isoformat()
    fields = {"id": id, "message": f"Change {number}", "author": "A. Uthor", "timestamp": moment}
    return Commit(**{**fields, "url": f"https://forge.example/team/project/commit/{id}", **changed})


def cost(case: str = "int8/m7", instructions: int = 1000, **changed: Any) -> CaseCost:
    """A case whose three layers take half, a third and a sixth of its instructions."""
    parts = (instructions // 2, instructions // 3, instructions // 6)
    fields = {
        "case": case,
        "target": "embedded",
        "compiler": "GNU 12.2.1, newlib 3.3.0",
        "cycle_model": "a" * 64,
        "clock_mhz": 216,
        "instructions": instructions,
        "cycles_modelled": instructions * 2,
        "flash_bytes": 50_000,
        "ram_bytes": 9_000,
        "accuracy": None,
        "verdict": "unjudged",
        "reasons": [],
        "layers": [
            Layer(op=op, instructions=part, cycles_modelled=part * 2)
            for op, part in zip(OPERATORS, parts, strict=True)
        ],
    }
    return CaseCost(**{**fields, **changed})


def measurement(number: int, *costs: CaseCost, **changed: Any) -> Measurement:
    """What the commit of a day costs."""
    return Measurement(
        schema="renode-mnist/measurement/1",
        commit=commit(number, **changed),
        package="0.1.0",
        cases=list(costs or [cost()]),
    )
