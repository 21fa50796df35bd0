"""What may watch a machine run, block by block."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol


class FlowBreak(Enum):
    """Why a block does not follow from the one before it."""

    RESET = auto()
    EXCEPTION_ENTRY = auto()
    EXCEPTION_RETURN = auto()


class BlockObserver(Protocol):
    """Something that wants to see each block as it begins, at the price of a Python call each."""

    def block(self, address: int, size_bytes: int, /) -> None:
        """A block begins."""
        ...

    def cut_short(self, size_bytes: int, /) -> None:
        """The block under way ended at a fault, after so much of it."""
        ...

    def break_flow(self, how: FlowBreak, /) -> None:
        """What comes next does not follow from the block before."""
        ...


DataObserver = Callable[[int, int, bool], None]
"""(Address, size in bytes, whether it stores): called at each access to memory."""
