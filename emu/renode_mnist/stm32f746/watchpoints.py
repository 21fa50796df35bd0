"""Data watchpoints of a debugger: accesses that end a run before they are made."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from renode_mnist.stm32f746.access import Access


class WatchKind(Enum):
    """Which accesses are watched for, by what GDB's protocol calls the stop (GDB manual, appendix E)."""

    WRITE = "watch"
    READ = "rwatch"
    ACCESS = "awatch"

    def sees(self, store: bool) -> bool:
        """Whether a store, or a load, is one."""
        return self is WatchKind.ACCESS or (self is WatchKind.WRITE) == store


class Watchpoint(NamedTuple):
    """A range of addresses that is watched."""

    kind: WatchKind
    begin: int
    end: int


class Hit(NamedTuple):
    """An access that is about to be made to what is watched."""

    kind: WatchKind
    address: int
    """The first byte of it that is."""


class Watchpoints:
    """All that are set; the core's loads and stores alone are seen, not what it stacks for an exception, nor DMA.

    Attributes:
        hit: What has ended the last run, until it is taken.
    """

    def __init__(self) -> None:
        self._set: set[Watchpoint] = set()
        self.hit: Hit | None = None

    def __bool__(self) -> bool:
        """Whether any is set."""
        return bool(self._set)

    def put(self, point: Watchpoint, *, wanted: bool) -> None:
        """Sets one, or takes it away."""
        (self._set.add if wanted else self._set.discard)(point)

    def clear(self) -> None:
        """Takes all away."""
        self._set.clear()
        self.hit = None

    def borders(self) -> Iterator[int]:
        """Addresses where what is watched begins or ends."""
        for point in self._set:
            yield point.begin
            yield point.end

    def rights(self, begin: int, rights: Access) -> Access:
        """``rights`` of a piece that begins there, which lies within each range or outside of it."""
        watched = any(point.begin <= begin < point.end for point in self._set)
        return rights | Access.WATCHED if watched else rights

    def sees(self, address: int, size_bytes: int, store: bool) -> bool:
        """Whether that access is watched for; then it is the `hit`."""
        for point in self._set:
            if point.kind.sees(store) and address < point.end and point.begin < address + size_bytes:
                self.hit = Hit(point.kind, max(address, point.begin))
                return True
        return False

    def take_hit(self) -> Hit | None:
        """The hit, which is forgotten."""
        hit, self.hit = self.hit, None
        return hit
