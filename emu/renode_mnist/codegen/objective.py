"""What a plan makes small, and within which limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Objective(Enum):
    """What an engine makes small where it has a choice.

    ``TIME`` is modelled cycles of one inference at 216 MHz, memory included; ``INSTRUCTIONS`` is a figure that no
    chip has, and serves comparisons.
    """

    TIME = "time"
    FLASH = "flash"
    RAM = "ram"
    INSTRUCTIONS = "instructions"


@dataclass(frozen=True)
class Aim:
    """An objective, and what a plan may take at most: within that its time is made small.

    Attributes:
        objective: What to make small first.
        flash_bytes: For constants and the code of kernels; None for no limit.
        arena_bytes: Of RAM for activations and scratch; None for no limit.
        kernel: Name of the candidate that layers take where they have it, whatever it costs: for measurements.
    """

    objective: Objective = Objective.TIME
    flash_bytes: int | None = None
    arena_bytes: int | None = None
    kernel: str = ""
