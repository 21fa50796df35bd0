"""From an address to a peripheral's register."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral

_PAGE_SHIFT = 10


class Bus:
    """AHB, APB and the private peripheral bus.

    Reserved addresses fault, as the AHB decoder does; reserved registers within a peripheral read as 0. A peripheral
    that is not modelled keeps what is written to it and is named once in the log. One whose clock is off in the RCC
    reads as 0 and ignores writes, as on silicon, and is named too.

    Args:
        log: Where that is said.
        is_clocked: Tells from a peripheral's name whether the RCC gives it a clock.
    """

    def __init__(self, log: EventLog, is_clocked: Callable[[str], bool]) -> None:
        self._log = log
        self._is_clocked = is_clocked
        self._ranges = {
            page: place
            for place in memory_map.PERIPHERALS
            for page in range(place.base >> _PAGE_SHIFT, (place.base + place.size_bytes) >> _PAGE_SHIFT)
        }
        self._models: dict[str, Peripheral] = {}
        self._unmodelled: dict[str, Peripheral] = {}

    def add(self, peripheral: Peripheral) -> None:
        """Puts a model in the place that `memory_map` has under its name."""
        self._models[peripheral.name] = peripheral

    def reset(self) -> None:
        """Resets all peripherals."""
        for peripheral in (*self._models.values(), *self._unmodelled.values()):
            peripheral.reset()

    def answers(self, address: int, _size_bytes: int, _store: bool) -> bool:
        """Whether there is a peripheral."""
        return address >> _PAGE_SHIFT in self._ranges

    def _find(self, address: int, verb: str) -> tuple[Peripheral | None, memory_map.PeripheralRange]:
        place = self._ranges[address >> _PAGE_SHIFT]
        model = self._models.get(place.name)
        if model is None:
            self._log.once(f"{place.name} is not modelled: registers keep what is written, nothing else happens")
            model = self._unmodelled.setdefault(place.name, Peripheral(place.name))
        elif not self._is_clocked(place.name):
            self._log.once(f"{place.name} was {verb} while the RCC gives it no clock: reads 0, ignores writes")
            return None, place
        return model, place

    def read(self, address: int, size_bytes: int) -> int:
        """A load of 1, 2 or 4 bytes."""
        model, place = self._find(address, "read")
        if model is None:
            return 0
        offset = address - place.base
        value = model.read(offset & ~3) >> (8 * (offset & 3))
        return value & ((1 << (8 * size_bytes)) - 1)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        """A store of 1, 2 or 4 bytes."""
        model, place = self._find(address, "written")
        if model is None:
            return
        offset = address - place.base
        if size_bytes < 4:
            mask = (1 << (8 * size_bytes)) - 1
            value &= mask
            if place.apb:
                value *= 0xFFFF_FFFF // mask
            else:
                shift = 8 * (offset & 3)
                value = model.peek(offset & ~3) & ~(mask << shift) | value << shift
        model.write(offset & ~3, value & 0xFFFF_FFFF)
