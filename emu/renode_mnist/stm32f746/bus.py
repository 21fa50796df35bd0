"""From an address to a peripheral's register."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.external import ExternalMemory
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.register_names import register_name

_PAGE_SHIFT = 10


class Bus:
    """AHB, APB and the private peripheral bus.

    Reserved addresses fault, as the AHB decoder does; reserved registers within a peripheral read as 0. A peripheral
    that is not modelled keeps what is written to it, and each of its registers is named once in the log. One whose
    clock is off in the RCC reads as 0 and ignores writes, as on silicon, and is named too.

    Args:
        log: Where that is said.
        is_clocked: Tells from a peripheral's name whether the RCC gives it a clock.
        who: What of the program makes the access under way, for the log; empty where a debugger does.
    """

    def __init__(self, log: EventLog, is_clocked: Callable[[str], bool], who: Callable[[], str]) -> None:
        self._log = log
        self._is_clocked = is_clocked
        self._who = who
        self._ranges: dict[int, memory_map.PeripheralRange] = {}
        for place in memory_map.PERIPHERALS:
            self._put(place)
        self._models: dict[str, Peripheral] = {}
        self._unmodelled: dict[str, Peripheral] = {}
        self._memories: dict[str, ExternalMemory] = {}
        self._told: set[int] = set()

    def add(self, peripheral: Peripheral) -> None:
        """Puts a model in the place that `memory_map` has under its name."""
        self._models[peripheral.name] = peripheral

    def add_at(self, peripheral: Peripheral, place: memory_map.PeripheralRange) -> None:
        """Puts a model that the chip does not have at ``place``, in front of what is there."""
        self._models[peripheral.name] = peripheral
        self._put(place)

    def show(self, memory: ExternalMemory, base: int) -> None:
        """Puts a memory from outside the chip into its address space, with as many bytes as it has."""
        self._memories[memory.name] = memory
        self._put(memory_map.PeripheralRange(memory.name, base, len(memory.data), False))

    def hide(self, memory: ExternalMemory) -> None:
        """Takes it out again."""
        if self._memories.pop(memory.name, None) is not None:
            self._ranges = {page: place for page, place in self._ranges.items() if place.name != memory.name}

    def external(self, address: int, size_bytes: int) -> bytes | None:
        """What a memory from outside the chip holds there; None where none is shown, or where it ends."""
        place = self._ranges.get(address >> _PAGE_SHIFT)
        memory = self._memories.get(place.name) if place else None
        if place is None or memory is None:
            return None
        offset = address - place.base
        data = bytes(memory.data[offset : offset + size_bytes])
        return data if len(data) == size_bytes else None

    def _put(self, place: memory_map.PeripheralRange) -> None:
        for page in range(place.base >> _PAGE_SHIFT, (place.base + place.size_bytes) >> _PAGE_SHIFT):
            self._ranges[page] = place

    def model(self, name: str) -> Peripheral | None:
        """What stands in a place of `memory_map`; None where that is not modelled."""
        return self._models.get(name)

    def reset(self, but: Collection[str] = ()) -> None:
        """Resets all peripherals, ``but`` those of these names."""
        for peripheral in (*self._models.values(), *self._unmodelled.values()):
            if peripheral.name not in but:
                peripheral.reset()

    def steady_pages(self) -> list[int]:
        """Pages of 1 KiB of which reading has no effect and gives the same until an event or a store.

        What is not modelled is plain registers.
        """
        return [
            page
            for page, place in self._ranges.items()
            if (model := self._models.get(place.name)) is None or model.steady
        ]

    def pages(self) -> list[int]:
        """Pages of 1 KiB with a peripheral."""
        return list(self._ranges)

    def state(self) -> dict[str, dict[str, Any]]:
        """By name what each peripheral says of itself."""
        return {each.name: each.state() for each in (*self._models.values(), *self._unmodelled.values())}

    def take_state(self, state: Mapping[str, Mapping[str, Any]]) -> None:
        """Each peripheral becomes what it was when `state` returned that."""
        self._told.clear()  # as the log does with what it has said
        self._unmodelled = {name: Peripheral(name) for name in state if name not in self._models}
        for each in (*self._models.values(), *self._unmodelled.values()):
            each.take_state(state[each.name])

    def answers(self, address: int, _size_bytes: int, store: bool) -> bool:
        """Whether there is a peripheral, or a memory from outside the chip that takes it."""
        place = self._ranges.get(address >> _PAGE_SHIFT)
        if place is None:
            return False
        memory = self._memories.get(place.name)
        return memory is None or not store or memory.writable

    def _find(self, address: int, verb: str) -> tuple[Peripheral | None, memory_map.PeripheralRange]:
        place = self._ranges[address >> _PAGE_SHIFT]
        model = self._models.get(place.name) or self._memories.get(place.name)
        if model is None:
            # Asked once an address: a program that has lost its way may write there without end.
            if address not in self._told and (who := self._who()):
                self._told.add(address)
                self._tell_not_modelled(place.name, address, who, verb)
            model = self._unmodelled.setdefault(place.name, Peripheral(place.name))
        elif not self._is_clocked(place.name):
            if self._who() or verb == "written":  # else a debugger looks around
                self._log.once(f"{place.name} was {verb} while the RCC gives it no clock: reads 0, ignores writes")
            return None, place
        return model, place

    def _tell_not_modelled(self, name: str, address: int, who: str, verb: str) -> None:
        register = register_name(address)
        self._log.lacks(
            register, f"{name} is not modelled: {register}, {verb} by {who}, keeps what is written and does nothing"
        )

    def tell_unmodelled(self, address: int, value: int) -> None:
        """Names each bit that a store sets and that has no effect here; ``value`` is the register's whole."""
        place = self._ranges[address >> _PAGE_SHIFT]
        model = self._models[place.name]
        offset = address - place.base & ~3
        found = [name for name, mask in model.unmodelled.get(offset, {}).items() if value & mask]
        if found and (who := self._who()):
            register = self.register_called(address)
            for name in found:
                bit = f"{register}.{name}"
                self._log.lacks(bit, f"{bit} is not modelled: set by {who}, it does nothing")

    def register_called(self, address: int) -> str:
        """As `register_name` has it; ``OWN+0x4`` where a peripheral of a user's own is."""
        place, ours = self._ranges.get(address >> _PAGE_SHIFT), memory_map.peripheral_at(address)
        if place is None or (ours is not None and ours.name == place.name):
            return register_name(address)
        return f"{place.name}+{(address & ~3) - place.base:#x}"

    def read(self, address: int, size_bytes: int) -> int:
        """A load of 1, 2 or 4 bytes."""
        model, place = self._find(address, "read")
        if model is None:
            return 0
        offset = address - place.base
        if size_bytes < 4 and model.takes_narrow_reads:
            return model.read_narrow(offset, size_bytes)
        value = model.read(offset & ~3) >> (8 * (offset & 3))
        return value & ((1 << (8 * size_bytes)) - 1)

    def write(self, address: int, size_bytes: int, value: int) -> None:
        """A store of 1, 2 or 4 bytes."""
        model, place = self._find(address, "written")
        if model is None:
            return
        offset = address - place.base
        if size_bytes < 4 and model.takes_narrow_writes:
            value &= (1 << (8 * size_bytes)) - 1
            if model.unmodelled:
                self.tell_unmodelled(address, value << 8 * (offset & 3))
            model.write_narrow(offset, size_bytes, value)
            return
        if size_bytes < 4:
            mask = (1 << (8 * size_bytes)) - 1
            value &= mask
            if place.apb:
                value *= 0xFFFF_FFFF // mask
            else:
                shift = 8 * (offset & 3)
                value = model.peek(offset & ~3) & ~(mask << shift) | value << shift
        if model.unmodelled:
            self.tell_unmodelled(address, value)
        model.write(offset & ~3, value & 0xFFFF_FFFF)
