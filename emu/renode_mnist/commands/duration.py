"""A duration as an option's value: ``0.5s``, ``20ms``, ``2min``."""

from __future__ import annotations

from typing import Any

import click


class Duration(click.ParamType):  # type: ignore[type-arg]
    """Seconds; ``500ms``, ``20us`` and ``2min`` too."""

    name = "seconds"
    _UNITS = (("min", 60.0), ("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0), ("", 1.0))

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> float:
        """See ``click.ParamType``."""
        if isinstance(value, float):
            return value
        unit, factor = next(each for each in self._UNITS if value.endswith(each[0]))
        try:
            seconds = float(value.removesuffix(unit)) * factor
        except ValueError:
            seconds = 0.0
        if not 0 < seconds < float("inf"):
            self.fail(f"'{value}' is no duration; give 0.5s, 20ms or 2min.", parameter, context)
        return seconds


duration = Duration()
