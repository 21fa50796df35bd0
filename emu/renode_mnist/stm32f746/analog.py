"""Voltages at the pins, and those within the chip, as datasheet and factory calibration have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol, SupportsFloat

import numpy as np

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.named_class import function_failure

SUPPLY_VOLTS = 3.3
"""VDDA, VREF+ and VBAT."""
REFERENCE_VOLTS = 1.21
"""VREFINT, typically (DS10916, embedded reference voltage)."""
_VOLTS_AT_25, _VOLTS_A_DEGREE = 0.76, 0.0025
"""Of the temperature sensor, typically (DS10916, temperature sensor characteristics)."""
_TOP = 4095


def code_of(volts: float) -> int:
    """12 bits of a voltage, which the supply limits."""
    return min(_TOP, max(0, round(volts * _TOP / SUPPLY_VOLTS)))


def temperature_volts(degrees: float) -> float:
    """Of the temperature sensor at so many degrees Celsius."""
    return _VOLTS_AT_25 + (degrees - 25) * _VOLTS_A_DEGREE


class Source(Protocol):
    """What is wired to an analog input."""

    def volts(self, index: int, seconds: float) -> float:
        """At the ``index``-th conversion of the pin, counted from 0, ``seconds`` after power-on."""
        ...

    def remark(self, index: int) -> str:
        """What is worth a line in the log at that conversion; empty where nothing is."""
        ...


class Constant:
    """The same voltage for ever."""

    def __init__(self, volts: float) -> None:
        self._volts = volts

    def volts(self, index: int, seconds: float) -> float:
        """See `Source.volts`."""
        return self._volts

    def remark(self, index: int) -> str:
        """See `Source.remark`."""
        return ""


class Function:
    """A user's function of the seconds since power-on."""

    def __init__(self, function: Callable[[float], float]) -> None:
        self._function = function

    def volts(self, index: int, seconds: float) -> float:
        """See `Source.volts`.

        Raises:
            TargetError: The function failed, or returned no number.
        """
        try:
            volts: object = self._function(seconds)
        except (Exception, SystemExit) as error:
            raise function_failure(self._function, error) from error
        if isinstance(volts, SupportsFloat) and math.isfinite(number := float(volts)):
            return number
        function = self._function
        raise TargetError(
            f"{getattr(function, '__name__', 'a function')} of {getattr(function, '__module__', '')} returned "
            f"{volts!r} and no voltage",
            "Return a number of volts.",
        )

    def remark(self, index: int) -> str:
        """See `Source.remark`."""
        return ""


class Samples:
    """A voltage for each conversion; the last one stays."""

    def __init__(self, values: list[float]) -> None:
        self._values = values

    def volts(self, index: int, seconds: float) -> float:
        """See `Source.volts`."""
        return self._values[min(index, len(self._values) - 1)]

    def remark(self, index: int) -> str:
        """See `Source.remark`."""
        count = len(self._values)
        return f"its {count} values are used up at a conversion more: the last one stays" if index == count else ""


class Curve:
    """Voltages at moments, with straight lines between them, and the first and last before and behind."""

    def __init__(self, seconds: list[float], values: list[float]) -> None:
        self._seconds = seconds
        self._values = values

    def volts(self, index: int, seconds: float) -> float:
        """See `Source.volts`."""
        return float(np.interp(seconds, self._seconds, self._values))

    def remark(self, index: int) -> str:
        """See `Source.remark`."""
        return ""


class Seen(NamedTuple):
    """What a pin sees, and what the log is to say of it."""

    volts: float
    remarks: tuple[str, ...] = ()


class Analog:
    """All that an ADC may see.

    Args:
        sources: By pin, ``PA0``.
        degrees: Of the die, in Celsius.
    """

    battery_volts = SUPPLY_VOLTS
    reference_volts = REFERENCE_VOLTS

    def __init__(self, sources: Mapping[str, Source], degrees: float = 25.0) -> None:
        self._sources = sources
        self.temperature_volts = temperature_volts(degrees)

    def code(self, volts: float) -> int:
        """See `code_of`."""
        return code_of(volts)

    def volts(self, pin: str, index: int, now_ps: int) -> Seen:
        """At a pin's ``index``-th conversion; 0 V where nothing is wired."""
        source = self._sources.get(pin)
        if source is None:
            return Seen(0.0, (f"{pin} is converted, and nothing is wired to it: it reads 0 V",))
        remarks = [f"{pin}: {remark}"] if (remark := source.remark(index)) else []
        volts = source.volts(index, now_ps / PICOSECONDS)
        if volts < 0:
            remarks.append(f"{pin} has come to less than 0 V: it reads 0")
        elif volts > SUPPLY_VOLTS:
            remarks.append(f"{pin} has come to more than the supply's {SUPPLY_VOLTS} V: it reads {_TOP}")
        return Seen(volts, tuple(remarks))
