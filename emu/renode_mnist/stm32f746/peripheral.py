"""What all peripherals have in common: 32-bit registers at offsets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType


class Peripheral:
    """Registers that keep what is written to them; a real peripheral overrides what does more.

    Args:
        name: As RM0385 calls it.
        reset_values: Offset to value, for those that are not 0.

    Attributes:
        registers: Offset to value; an offset that never was written reads as 0.
    """

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

    def peek(self, offset: int) -> int:
        """What a narrow write leaves of the register; has no effect on it."""
        return self.registers[offset]


def field(value: int, low: int, bits: int) -> int:
    """``bits`` bits of ``value`` from bit ``low`` up."""
    return (value >> low) & ((1 << bits) - 1)
