"""Devices on the chip's SPI and I2C buses: the protocol of a user's own.

::

    class Flash(SpiDevice):
        \"\"\"Answers 0x9F with its identification.\"\"\"

        def select(self) -> None:
            self.answer = []

        def exchange(self, byte: int) -> int:
            if byte == 0x9F:
                self.answer = [0xEF, 0x40, 0x16]
                return 0xFF
            return self.answer.pop(0) if self.answer else 0xFF


    class Thermometer(I2cDevice):
        \"\"\"Degrees in the one register that it has.\"\"\"

        def read(self) -> int:
            return 25
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.named_class import failure, made_by, named

SPIS = tuple(f"SPI{number}" for number in range(1, 7))
I2CS = tuple(f"I2C{number}" for number in range(1, 5))
_FORM = "Write it as module:Class@SPI1, module:Class@SPI1:PA4 (its chip select) or module:Class@I2C1:0x48."
_PROTOCOL = "The class has to be derived from SpiDevice or I2cDevice of renode_mnist.stm32f746.devices."
_PIN = re.compile(r"P([A-K])(\d|1[0-5])")
_RESERVED_BELOW, _SEVEN_BITS = 0x08, 0x80


class Device:
    """What SPI and I2C devices have in common.

    Attributes:
        now_seconds: Tells virtual time, in seconds since power-on, once the device is wired.
    """

    now_seconds: Callable[[], float]

    def reset(self) -> None:
        """The chip was reset; a device without a reset line goes on as it was."""

    def state(self) -> dict[str, Any]:
        """All that `take_state` needs, for a snapshot: its attributes, where a class says nothing else."""
        return copy.deepcopy({name: value for name, value in vars(self).items() if name != "now_seconds"})

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Becomes what it was when `state` returned that."""
        vars(self).update(copy.deepcopy(dict(state)))


class SpiDevice(Device):
    """A device on an SPI bus, which has the chip as its master."""

    def select(self) -> None:
        """Its chip select goes low; without a pin for it, the SPI is switched on."""

    def deselect(self) -> None:
        """It goes high; or the SPI is switched off."""

    def exchange(self, byte: int) -> int:
        """What it sends while it is sent ``byte``; of a frame with more than 8 bits the upper ones come first."""
        return 0xFF


class I2cDevice(Device):
    """A device on an I2C bus, as a slave."""

    def start(self, reading: bool) -> bool:
        """It is addressed, after a start or a repeated one; whether it acknowledges."""
        return True

    def write(self, byte: int) -> bool:
        """It is sent a byte; whether it acknowledges."""
        return True

    def read(self) -> int:
        """The byte that it sends."""
        return 0xFF

    def stop(self) -> None:
        """The transfer is over."""


@dataclass(frozen=True)
class Attached:
    """A device at its place.

    Attributes:
        make: Makes it, once for each machine.
        bus: ``SPI1``, ``I2C1``.
        address: Of 7 bits, on an I2C bus.
        select: The pin of its chip select, ``PA4``, on an SPI bus; empty: the SPI itself.
    """

    make: Callable[[], Device]
    bus: str
    address: int = 0
    select: str = ""


def attached_devices(texts: Iterable[str]) -> tuple[Attached, ...]:
    """The devices that a user names.

    Raises:
        TargetError: There is no such class or place, or two are at the same.
    """
    found = [_attached(text) for text in texts]
    for index, each in enumerate(found):
        for other in found[:index]:
            if (each.bus, each.address, each.select) == (other.bus, other.address, other.select):
                raise TargetError(
                    f"two devices are on {each.bus} at one place", "Give each its own address or chip select."
                )
    return tuple(found)


def _attached(text: str) -> Attached:
    reference, _, place = text.rpartition("@")
    bus, _, at = place.upper().partition(":")
    if not reference or bus not in (*SPIS, *I2CS):
        raise TargetError(f"'{text}' names no device and its bus", _FORM)
    if bus in I2CS:
        address = _address(text, at)
        return Attached(made_by(named(reference, I2cDevice, _PROTOCOL)), bus, address=address)
    select = ""
    if at:
        pin = _PIN.fullmatch(at)
        if pin is None:
            raise TargetError(f"'{at}' in '{text}' is no pin", _FORM)
        select = f"P{pin[1]}{int(pin[2])}"
    return Attached(made_by(named(reference, SpiDevice, _PROTOCOL)), bus, select=select)


def _address(text: str, at: str) -> int:
    try:
        address = int(at, 0)
    except ValueError:
        raise TargetError(f"'{text}' names no address on its bus", _FORM) from None
    if not _RESERVED_BELOW <= address < _SEVEN_BITS - _RESERVED_BELOW:
        raise TargetError(
            f"{address:#04x} in '{text}' is no address of 7 bits for a device",
            "It lies from 0x08 to 0x77; leave out the bit that says whether to read.",
        )
    return address


@contextmanager
def told(device: Device, method: str) -> Iterator[None]:
    """What goes wrong in a user's device ends in words that name the line.

    Raises:
        TargetError: It did.
    """
    try:
        yield
    except TargetError:
        raise
    except (Exception, SystemExit) as error:
        raise failure(device, method, error) from error


def byte_of(device: Device, method: str, value: object) -> int:
    """What a device returned, as a byte.

    Raises:
        TargetError: It is none.
    """
    if isinstance(value, int) and 0 <= value <= 0xFF:
        return value
    raise TargetError(f"{type(device).__name__}.{method} returned {value!r} and no byte", "Return 0 to 255.")
