"""What the DMA controllers reach: memories by the bus matrix, and the peripherals (RM0385 2.1, figure 1)."""

from __future__ import annotations

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.address_space import AddressSpace
from renode_mnist.stm32f746.bus import Bus

_CORES_OWN = (memory_map.ITCM.name, memory_map.FLASH_ITCM.name)
"""Only the core has the ITCM bus; DTCM is reached by the core's AHB slave port."""


class DmaBus:
    """The bus matrix as the controllers see it.

    Args:
        memory: Memories.
        bus: Peripherals.
    """

    def __init__(self, memory: AddressSpace, bus: Bus) -> None:
        self._memory = memory
        self._bus = bus

    def read(self, address: int, size_bytes: int) -> int | None:
        """What is there; None where nothing answers."""
        memory = self._memory_of(address, size_bytes)
        if memory:
            found = self._memory.peek(address, size_bytes)
            return None if found is None else int.from_bytes(found, "little")
        return self._bus.read(address, size_bytes) if self._is_peripheral(address) else None

    def write(self, address: int, size_bytes: int, value: int) -> bool:
        """Whether something answers."""
        memory = self._memory_of(address, size_bytes)
        if memory:
            if memory.writable:
                self._memory.poke(address, value.to_bytes(size_bytes, "little"))
            return memory.writable
        if not self._is_peripheral(address):
            return False
        if not self._bus.answers(address, size_bytes, True):
            return False
        self._bus.write(address, size_bytes, value)
        return True

    def _memory_of(self, address: int, size_bytes: int) -> memory_map.Memory | None:
        memory = memory_map.memory_at(address)
        whole = memory is not None and address + size_bytes <= memory.end
        return memory if memory and whole and memory.name not in _CORES_OWN else None

    def _is_peripheral(self, address: int) -> bool:
        return address < memory_map.PRIVATE_PERIPHERAL_BUS and self._bus.answers(address, 4, False)
