"""Registers of a Unicorn engine in one call each way."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from typing import Any

import unicorn
from unicorn.unicorn_py3.unicorn import uclib

_LOWER_HALVES = slice(0 if sys.byteorder == "little" else 1, None, 2)


def check(status: int) -> None:
    """Raises what the status of a call of Unicorn's C library stands for, unless all is well."""
    if status != unicorn.UC_ERR_OK:
        raise unicorn.UcError(status)


def address_of(function: Any) -> int:
    """Where a function of Unicorn's C library is."""
    return ctypes.cast(function, ctypes.c_void_p).value or 0


class RegisterSet:
    """A fixed choice of 32-bit registers, read and written in one call each."""

    def __init__(self, engine: unicorn.Uc, registers: Sequence[int]) -> None:
        self._engine = engine
        count = len(registers)
        self._ids = (ctypes.c_int * count)(*registers)
        # Unicorn writes 8 bytes for some registers: give each its own.
        self._values = (ctypes.c_uint64 * count)()
        # Their lower halves, by a slice: the ways in and out of exceptions spend most of their time here.
        self._words = (ctypes.c_uint32 * (2 * count)).from_buffer(self._values)
        base = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * count)(*(base + 8 * index for index in range(count)))
        self._count = count

    def read(self) -> list[int]:
        """Their values, in order."""
        check(uclib.uc_reg_read_batch(self._engine._uch, self._ids, self._pointers, self._count))
        return self._words[_LOWER_HALVES]

    def write(self, values: Sequence[int]) -> None:
        """Sets them, in order."""
        self._values[:] = list(values)
        check(uclib.uc_reg_write_batch(self._engine._uch, self._ids, self._pointers, self._count))
