"""What an engine makes small."""

from __future__ import annotations

from enum import Enum


class Objective(Enum):
    """What an engine makes small where it has a choice."""

    INSTRUCTIONS = "instructions"
    CYCLES = "cycles"
    FLASH = "flash"
