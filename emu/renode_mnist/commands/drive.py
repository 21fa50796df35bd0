"""What is to drive a pin, as an option's value: ``PI11=high@0.1s``."""

from __future__ import annotations

from typing import Any, NamedTuple

import click

from renode_mnist.commands.duration import duration
from renode_mnist.errors import TargetError
from renode_mnist.session.emulation_pins import LEVELS
from renode_mnist.stm32f746.pads import pin_of


class Drive(NamedTuple):
    """One level from outside.

    Attributes:
        pin: Its name.
        high: The level; None releases it.
        at_seconds: When, of virtual time; None: from the start.
    """

    pin: str
    high: bool | None
    at_seconds: float | None


class _Drive(click.ParamType):  # type: ignore[type-arg]
    name = "pin=level[@time]"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Drive:
        """See ``click.ParamType``."""
        if isinstance(value, Drive):
            return value
        pin, _, rest = value.partition("=")
        level, at, moment = rest.partition("@")
        if level not in LEVELS:
            self.fail(f"'{value}' says no level; give PI11=high, low or released.", parameter, context)
        try:
            pin_of(pin)
        except TargetError as error:
            self.fail(str(error), parameter, context)
        when = duration.convert(moment, parameter, context) if at else None
        return Drive(pin, LEVELS[level], when)


drive = _Drive()
