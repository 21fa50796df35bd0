"""A peripheral of a user's own: its class by name, its place, and its errors in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import memory_map, wiring
from renode_mnist.stm32f746.named_class import failure, made_by, named
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.slot import Slot

_WHOLE = "Each access to it goes to that model, which no other can stand in front of: choose another address."
_PROTOCOL = "The class has to be derived from renode_mnist.stm32f746.peripheral.Peripheral, and take no arguments."
_FORM = "Write it as module:Class@0x40011000."


@dataclass(frozen=True)
class OwnPeripheral:
    """A peripheral that a user has written.

    Attributes:
        make: Makes it, once for each machine.
        base: Its first address, a multiple of 1 KiB within a window of the buses.
    """

    make: Callable[[], Peripheral]
    base: int


def own_peripheral(text: str) -> OwnPeripheral:
    """The one that ``module:Class@0x40011000`` names.

    Raises:
        TargetError: There is no such class, it is no peripheral, or that is no address.
    """
    reference, _, address = text.rpartition("@")
    if not reference:
        raise TargetError(f"'{text}' names no peripheral and its address", _FORM)
    try:
        base = int(address, 0)
    except ValueError:
        raise TargetError(f"'{address}' in '{text}' is no address", _FORM) from None
    return OwnPeripheral(made_by(named(reference, Peripheral, _PROTOCOL), has="name"), base)


class Guarded(Peripheral):
    """Stands in the chip for a user's peripheral; what goes wrong within it ends in words that name the line.

    Args:
        of: The user's.

    Attributes:
        of: As given.
    """

    def __init__(self, of: Peripheral) -> None:
        super().__init__(of.name, of.reset_values)
        self.of = of
        self.steady = of.steady
        self.takes_narrow_writes = of.takes_narrow_writes
        self.takes_narrow_reads = of.takes_narrow_reads
        self.unmodelled = of.unmodelled
        self.lacks = of.lacks
        self.size_bytes = of.size_bytes
        self.interrupts = of.interrupts

    @contextmanager
    def _told(self, method: str) -> Iterator[None]:
        try:
            yield
        except TargetError:
            raise
        except (Exception, SystemExit) as error:
            raise failure(self.of, method, error) from error

    def _number(self, method: str, value: object) -> int:
        if isinstance(value, int) and -(1 << 31) <= value < 1 << 32:
            return value & 0xFFFF_FFFF
        raise TargetError(
            f"{type(self.of).__name__}.{method} returned {value!r} and no register's value",
            "Return an integer of 32 bits.",
        )

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        with self._told("reset"):
            self.of.reset()

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        with self._told("read"):
            return self._number("read", self.of.read(offset))

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        with self._told("write"):
            self.of.write(offset, value)

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`."""
        with self._told("write_narrow"):
            self.of.write_narrow(offset, size_bytes, value)

    def read_narrow(self, offset: int, size_bytes: int) -> int:
        """See `Peripheral.read_narrow`."""
        with self._told("read_narrow"):
            return self._number("read_narrow", self.of.read_narrow(offset, size_bytes))

    def peek(self, offset: int) -> int:
        """See `Peripheral.peek`."""
        with self._told("peek"):
            return self._number("peek", self.of.peek(offset))

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        with self._told("connected"):
            self.of.connected(slot)

    def due(self, what: str) -> None:
        """See `Peripheral.due`."""
        with self._told("due"):
            self.of.due(what)

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        with self._told("clock_changed"):
            self.of.clock_changed()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        with self._told("state"):
            return self.of.state()

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        with self._told("take_state"):
            self.of.take_state(state)


def place_of(model: Peripheral, base: int) -> memory_map.PeripheralRange:
    """Where a user's peripheral is.

    Raises:
        TargetError: Nothing can be there.
    """
    size = model.size_bytes
    inside = any(begin <= base and base + size <= begin + length for begin, length in memory_map.BUS_WINDOWS)
    if not inside or base % memory_map.KIB or size % memory_map.KIB or size <= 0:
        windows = ", ".join(f"{begin:#010x} to {begin + length:#010x}" for begin, length in memory_map.BUS_WINDOWS)
        raise TargetError(
            f"{model.name} cannot be at {base:#010x} with {size} bytes",
            f"Its address and size must be multiples of 1024, within {windows}.",
        )
    if model.interrupts is not None:
        _check_interrupts(model.name, model.interrupts)
    for page in range(base, base + size, memory_map.KIB):
        if (name := _occupant(page)) is not None:
            raise TargetError(f"{model.name} cannot be at {base:#010x}: {name} is there", _WHOLE)
    if any(each.name == model.name and each.base != base for each in memory_map.PERIPHERALS):
        raise TargetError(
            f"a peripheral at {base:#010x} cannot be called {model.name}, which the chip has elsewhere",
            "Give it another name.",
        )
    on_apb = memory_map.BUS_WINDOWS[0][0] <= base < 0x4002_0000
    return memory_map.PeripheralRange(model.name, base, size, on_apb)


def _check_interrupts(name: str, positions: object) -> None:
    """A position that the NVIC does not have would never come to the core, without a word."""
    last = wiring.INTERRUPT_COUNT - 1
    if not isinstance(positions, tuple | list) or not all(isinstance(each, int) for each in positions):
        raise TargetError(f"the interrupts of {name} are {positions!r}", "Give a tuple of positions: (42,).")
    if outside := [each for each in positions if not 0 <= each <= last]:
        raise TargetError(
            f"{name} has its interrupt at position {outside[0]}, which the NVIC does not have",
            f"Positions go from 0 to {last} (RM0385, vector table); exception 16 is position 0.",
        )


def _occupant(address: int) -> str | None:
    """Who is there that nobody can stand in for: what runs in C too, and what holds the chip together."""
    if address >= memory_map.PRIVATE_PERIPHERAL_BUS:
        return "the core's own bus"
    place = memory_map.peripheral_at(address)
    fixed = (*wiring.USARTS, *wiring.DMAS, "RCC", "PWR", "FLASH")
    return place.name if place and (place.name in fixed or place.name.startswith("GPIO")) else None
