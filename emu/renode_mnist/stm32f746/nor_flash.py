"""A serial NOR flash of 128 Mbit, by the instructions that its makers share (N25Q128A of the 32F746GDISCOVERY)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SIZE_BYTES = 1 << 24
_PAGE_BYTES = 256
_IDENTIFICATION = (0x20, 0xBA, 0x18)
_WEL = 1 << 1
_READY = 0x80
"""Of the flag status register: neither a program nor an erase cycle is under way."""

READS = frozenset((0x03, 0x0B, 0x3B, 0xBB, 0x6B, 0xEB, 0x13, 0x0C, 0x6C, 0xEC))
_PROGRAMS = frozenset((0x02, 0xA2, 0xD2, 0x32, 0x12, 0x34))
_ERASES = {0x20: 1 << 12, 0x21: 1 << 12, 0xD8: 1 << 16, 0xDC: 1 << 16, 0xC7: SIZE_BYTES, 0x60: SIZE_BYTES}
_REGISTERS = {0x85: 0x81, 0x65: 0x61, 0xB5: 0xB1}
"""Instructions that read and write volatile, enhanced volatile and non-volatile configuration."""
_DEFAULTS = {0x81: (0xFB,), 0x61: (0xFF,), 0xB1: (0xFF, 0xFF)}
_WRITE_ENABLE, _WRITE_DISABLE = 0x06, 0x04
_WITHOUT_EFFECT = frozenset((0x66, 0x99, 0x35, 0xF5, 0xB7, 0xE9, 0x50, 0xAB, 0xB9))
"""Resets, quad and four-byte modes, power-down: what follows from them for a transfer is the controller's setting."""


class NorFlash:
    """The device, without the time that its program and erase cycles take.

    Args:
        content: From its first byte; the rest is blank.

    Attributes:
        data: All that it holds.
    """

    def __init__(self, content: bytes) -> None:
        self.data = bytearray(content) + bytearray(b"\xff") * (SIZE_BYTES - len(content))
        self._enabled = False
        self._instruction = 0
        self._at = 0
        self._written = 0
        self._configuration = {name: bytearray(value) for name, value in _DEFAULTS.items()}

    def state(self) -> dict[str, Any]:
        """For a snapshot."""
        return {
            "data": bytes(self.data),
            "transfer": (self._enabled, self._instruction, self._at, self._written),
            "configuration": {name: bytes(value) for name, value in self._configuration.items()},
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """Likewise; `data` stays the object that it is."""
        self.data[:] = state["data"]
        self._enabled, self._instruction, self._at, self._written = state["transfer"]
        self._configuration = {name: bytearray(value) for name, value in state["configuration"].items()}

    def begin(self, instruction: int, address: int) -> bool:
        """A transfer begins; whether the device knows the instruction."""
        self._instruction, self._at, self._written = instruction, address % SIZE_BYTES, 0
        if instruction == _WRITE_ENABLE:
            self._enabled = True
        elif instruction == _WRITE_DISABLE:
            self._enabled = False
        elif instruction in _ERASES:
            if self._enabled:
                size = _ERASES[instruction]
                begin = self._at // size * size
                self.data[begin : begin + size] = b"\xff" * size
            self._enabled = False
        return (
            instruction in READS | _PROGRAMS | _WITHOUT_EFFECT | _ERASES.keys() | _REGISTERS.keys()
            or instruction in _REGISTERS.values()
            or instruction in (_WRITE_ENABLE, _WRITE_DISABLE, 0x9F, 0xAF, 0x9E, 0x05, 0x70)
        )

    def read(self) -> int:
        """The next byte that it sends."""
        place, self._at = self._at, (self._at + 1) % SIZE_BYTES
        index, self._written = self._written, self._written + 1
        if self._instruction in READS:
            return self.data[place]
        if self._instruction in (0x9F, 0xAF, 0x9E):
            return _IDENTIFICATION[index] if index < len(_IDENTIFICATION) else 0
        if self._instruction == 0x05:
            return _WEL if self._enabled else 0
        if self._instruction == 0x70:
            return _READY
        if self._instruction in _REGISTERS:
            register = self._configuration[_REGISTERS[self._instruction]]
            return register[index % len(register)]
        return 0xFF

    def write(self, byte: int) -> None:
        """The next byte that it is sent."""
        index, self._written = self._written, self._written + 1
        if not self._enabled:
            return
        if self._instruction in _PROGRAMS:
            page = self._at // _PAGE_BYTES * _PAGE_BYTES
            self.data[page + (self._at - page + index) % _PAGE_BYTES] &= byte
        elif self._instruction in self._configuration:
            register = self._configuration[self._instruction]
            register[index % len(register)] = byte

    def end(self) -> None:
        """The transfer is over: what needed to be enabled needs it again."""
        if self._instruction in _PROGRAMS or self._instruction in self._configuration:
            self._enabled = False
