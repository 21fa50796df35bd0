"""The CRC unit (RM0385 12)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral, field

DR, IDR, CR, INIT, POL = 0x00, 0x04, 0x08, 0x10, 0x14

_RESET = 1 << 0
_REV_OUT = 1 << 7
_CR_WRITABLE = 0xF8
_SIZES = (32, 16, 8, 7)
"""Bits of the polynomial by POLYSIZE (CR bits 4:3)."""
_REVERSED = (0, 1, 2, 4)
"""Bytes within which REV_IN (CR bits 6:5) turns bits round; 0: none."""
_ETHERNET = 0x04C1_1DB7


def _turned(value: int, bits: int) -> int:
    return int(f"{value:0{bits}b}"[::-1], 2)


@lru_cache(maxsize=8)
def _table(polynomial: int) -> tuple[int, ...]:
    """What a byte does to a remainder of 32 bits, by the byte; ``polynomial`` stands in the upper bits."""
    found = []
    for byte in range(256):
        remainder = byte << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ (polynomial if remainder >> 31 else 0)) & 0xFFFF_FFFF
        found.append(remainder)
    return tuple(found)


class Crc(Peripheral):
    """The CRC unit: polynomials of 7, 8, 16 and 32 bits over bytes, half-words and words.

    A remainder stands in the upper bits of `_remainder`, so that one table serves all sizes.
    """

    lacks = "the wait states of an access while it computes: a word is done at once"
    steady = True
    takes_narrow_writes = True

    def __init__(self) -> None:
        super().__init__("CRC", {INIT: 0xFFFF_FFFF, POL: _ETHERNET})
        self._remainder = 0xFFFF_FFFF

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._begin()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "remainder": self._remainder}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._remainder = state["remainder"]

    @property
    def _bits(self) -> int:
        return _SIZES[field(self.registers[CR], 3, 2)]

    def _begin(self) -> None:
        self._remainder = self.registers[INIT] << (32 - self._bits) & 0xFFFF_FFFF

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset != DR:
            return super().read(offset)
        bits = self._bits
        value = self._remainder >> (32 - bits)
        return _turned(value, bits) if self.registers[CR] & _REV_OUT else value

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == DR:
            self._take(value, 4)
        elif offset == CR:
            self.registers[CR] = value & _CR_WRITABLE
            if value & _RESET:
                self._begin()
        elif offset == IDR:
            self.registers[IDR] = value & 0xFF
        elif offset in (INIT, POL):
            self.registers[offset] = value
            if offset == INIT:
                self._begin()  # (RM0385 12.3.3)

    def write_narrow(self, offset: int, size_bytes: int, value: int) -> None:
        """See `Peripheral.write_narrow`: what DR takes is as wide as the access."""
        if offset == DR:
            self._take(value, size_bytes)
            return
        shift, mask = 8 * (offset & 3), (1 << 8 * size_bytes) - 1
        self.write(offset & ~3, self.registers[offset & ~3] & ~(mask << shift) | value << shift)

    def _take(self, value: int, size_bytes: int) -> None:
        """Data of 1, 2 or 4 bytes, the most significant bit first."""
        data = value.to_bytes(size_bytes, "big")
        if unit := min(_REVERSED[field(self.registers[CR], 5, 2)], size_bytes):
            whole = [int.from_bytes(data[at : at + unit], "big") for at in range(0, size_bytes, unit)]
            data = b"".join(_turned(each, 8 * unit).to_bytes(unit, "big") for each in whole)
        table = _table(self.registers[POL] << (32 - self._bits) & 0xFFFF_FFFF)
        remainder = self._remainder
        for byte in data:
            remainder = (remainder << 8 & 0xFFFF_FFFF) ^ table[remainder >> 24 ^ byte]
        self._remainder = remainder
