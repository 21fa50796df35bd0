"""Memories outside the chip, which a controller brings into its address space."""

from __future__ import annotations

from renode_mnist.stm32f746.peripheral import Peripheral


class ExternalMemory(Peripheral):
    """Plain memory, as long as its controller shows it: `Slot.show_memory`.

    The core reaches it as it reaches a peripheral, word by word, and cannot run code from there.

    Args:
        name: For messages.
        data: What it holds; stores change it.

    Attributes:
        data: As given.
        writable: Whether stores to it succeed; else they fault.
    """

    steady = True
    takes_narrow_reads = True
    takes_narrow_writes = True

    def __init__(self, name: str, data: bytearray, *, writable: bool) -> None:
        super().__init__(name)
        self.data = data
        self.writable = writable

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        return int.from_bytes(self.data[offset : offset + 4], "little")

    def read_narrow(self, offset: int, size_bytes: int) -> int:
        """See `Peripheral.read_narrow`."""
        return int.from_bytes(self.data[offset : offset + size_bytes], "little")

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        self.data[offset : offset + 4] = value.to_bytes(4, "little")

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`."""
        self.data[offset : offset + size_bytes] = value.to_bytes(size_bytes, "little")
