"""What the core may do with an address: plain data of MPU and address space."""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple


class Access(IntFlag):
    """What the core may do with an address."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4
    ALL = 7
    WATCHED = 16
    """Beside the others: a debugger wants to know."""


class Piece(NamedTuple):
    """A stretch of memory with the same rights throughout."""

    begin: int
    end: int
    access: Access
