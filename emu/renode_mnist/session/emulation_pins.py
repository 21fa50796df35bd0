"""Levels of pins in words: ``high``, ``low``, ``released``."""

from __future__ import annotations

from typing import Literal

PinLevel = Literal["high", "low", "released"]

LEVELS: dict[PinLevel, bool | None] = {"high": True, "low": False, "released": None}
"""As `Emulation.drive` takes them."""
