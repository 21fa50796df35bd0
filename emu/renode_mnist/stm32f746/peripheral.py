"""What all peripherals have in common: 32-bit registers at offsets, and their place in the chip."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, runtime_checkable

from renode_mnist.stm32f746.slot import Slot


class Peripheral:
    """Registers that keep what is written to them; a real peripheral overrides what does more.

    Args:
        name: As RM0385 calls it.
        reset_values: Offset to value, for those that are not 0.

    Attributes:
        registers: Offset to value; an offset that never was written reads as 0.
        slot: Its connections, from `connected` on.
        size_bytes: Of its place in the address space, for a class of a user's own.
        interrupts: Likewise the positions of its lines in the NVIC; None: those that the chip has under its name.
        steady: Reading has no effect and gives the same until an event or a store. A class that says so lets loops
            that wait for such a register be skipped to the next event.
        takes_narrow_writes: Bytes and half-words go to `write_narrow`; else the bus makes words of them.
        takes_narrow_reads: Likewise by `read_narrow`.
        unmodelled: By offset the bits of a register, by name, that have an effect on silicon and none here; the log
            names one that a program sets.
        lacks: What silicon's has and this one does not, for docs/peripherals.md; empty where that is nothing.
    """

    lacks = ""
    steady = False
    takes_narrow_writes = False
    takes_narrow_reads = False
    size_bytes = 1024
    interrupts: tuple[int, ...] | None = None
    unmodelled: Mapping[int, Mapping[str, int]] = MappingProxyType({})
    slot: Slot

    def __init__(self, name: str, reset_values: Mapping[int, int] = MappingProxyType({})) -> None:
        self.name = name
        self.reset_values = reset_values
        self.registers: defaultdict[int, int] = defaultdict(int, reset_values)

    def reset(self) -> None:
        """Back to the reset values."""
        self.registers = defaultdict(int, self.reset_values)

    def read(self, offset: int) -> int:
        """The register at ``offset``, a multiple of 4."""
        return self.registers[offset]

    def write(self, offset: int, value: int) -> None:
        """Writes the register at ``offset``, a multiple of 4."""
        self.registers[offset] = value

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """Writes 1 or 2 bytes of a register, where the class `takes_narrow_writes`."""

    def read_narrow(self, offset: int, size_bytes: int) -> int:
        """Reads 1 or 2 bytes of a register, where the class `takes_narrow_reads`."""
        return field(self.read(offset & ~3), 8 * (offset & 3), 8 * size_bytes)

    def connected(self, slot: Slot) -> None:
        """It has come into a chip, once, before all else; the reset that follows is like any other."""
        self.slot = slot

    def due(self, what: str) -> None:
        """An event that it has asked its `Slot` for has come."""

    def clock_changed(self) -> None:
        """Its kernel clock may be another from now on, or off: the RCC was written, or an oscillator became ready."""

    def state(self) -> dict[str, Any]:
        """All that `take_state` needs to bring it back, as plain data."""
        return {"registers": dict(self.registers)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Becomes what it was when `state` returned that."""
        self.registers = defaultdict(int, state["registers"])

    def peek(self, offset: int) -> int:
        """What a narrow write leaves of the register; has no effect on it."""
        return self.registers[offset]


@runtime_checkable
class InBackupDomain(Protocol):
    """A peripheral, or a part of one, that a reset of the backup domain by the RCC brings back (RM0385 5.1.3)."""

    def reset_backup(self) -> None:
        """Back to the reset values, which a system reset leaves alone."""
        ...


class Registers(Peripheral):
    """What a program may set up, and what is only to be read: nothing follows from it here."""

    lacks = "any effect: registers keep what is written"
    steady = True


def field(value: int, low: int, bits: int) -> int:
    """``bits`` bits of ``value`` from bit ``low`` up."""
    return (value >> low) & ((1 << bits) - 1)
