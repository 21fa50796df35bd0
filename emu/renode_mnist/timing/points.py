"""Published measurements of silicon and what the model says of the same programs, as ``points.toml`` has them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

_COARSE = 0.02
"""Half of the last digit as a share of the figure, above which a measurement is too coarse to judge by."""

_RATE = "iterations/s"
"""A unit of which more is faster."""
_RATIO = "ratio of times"
"""A unit that tells of two places of memory, and not how far a time is off."""


class Kind(StrEnum):
    """Where a program's code and data were."""

    TIGHTLY_COUPLED = "tightly coupled"
    """No access waits: the pipeline alone (``PipelineCosts``)."""
    FLASH_WITH_CACHES = "flash with caches"
    """Memory in play (``LiveCosts``)."""


class PointSet(StrEnum):
    """What a measurement was used for; never both."""

    FITTED = "fitted"
    """A parameter was read from it or fitted to it."""
    JUDGED = "judged"
    """It had no part in the model."""


@dataclass(frozen=True)
class Point:
    """One measurement.

    Attributes:
        name: Of what was measured, within its program.
        measured: As published, with its digits.
        modelled: In the same unit.
        set: What it was used for.
        unit: Of both.
        note: What else there is to say; for a fitted point the parameter.
        was_read: Whether the figure was read in its source; else it is quoted from memory.
    """

    name: str
    measured: Decimal
    modelled: float
    set: PointSet
    unit: str
    note: str
    was_read: bool = True

    @property
    def error_percent(self) -> float:
        """Of the time: positive where the model is slower than silicon."""
        ratio = self.modelled / float(self.measured)
        return 100 * ((1 / ratio if self.unit == _RATE else ratio) - 1)

    @property
    def uncounted(self) -> str:
        """Why no stated error takes it in: "unread", "coarse", "ratio", or nothing."""
        if not self.was_read:
            return "unread"
        exponent = self.measured.as_tuple().exponent
        assert isinstance(exponent, int)  # a finite number
        if 10.0**exponent / 2 > _COARSE * float(self.measured):
            return "coarse"
        return "ratio" if self.unit == _RATIO else ""


@dataclass(frozen=True)
class Program:
    """What was measured in one place, under one roof.

    Attributes:
        name: What it is.
        source: Where the measurements were published.
        commit: Of the source's code; empty where there is none.
        exercises: What of the core and its memories.
        chip: That was measured.
        clock_mhz: Of its core; None where it was not told and the measurements are cycles.
        memory: Where code and data were, and what was enabled.
        kind: The same, as the model tells them apart.
        unit: Of the measurements.
        differs: How the program that was modelled is another.
        model_sha256: The model that it was modelled with.
        points: The measurements.
    """

    name: str
    source: str
    commit: str
    exercises: str
    chip: str
    clock_mhz: float | None
    memory: str
    kind: Kind
    unit: str
    differs: str
    model_sha256: str
    points: Sequence[Point]


def _point(row: dict[str, Any], program: dict[str, Any]) -> Point:
    return Point(
        name=row["name"],
        measured=Decimal(row["measured"]),
        modelled=row["modelled"],
        set=PointSet(row.get("set", program["set"])),
        unit=program["unit"],
        note=row.get("note", ""),
        was_read=row.get("was_read", True),
    )


def _program(row: dict[str, Any]) -> Program:
    points = [_point(point, row) for point in row["points"]]
    told = {key: value for key, value in row.items() if key not in ("set", "points", "kind")}
    return Program(**{"commit": "", "clock_mhz": None, **told}, kind=Kind(row["kind"]), points=points)


@cache
def programs() -> Sequence[Program]:
    """All of ``points.toml``, in its order."""
    text = Path(__file__).with_name("points.toml").read_text(encoding="utf-8")
    return [_program(row) for row in tomllib.loads(text)["program"]]
