"""Stations that a worker's process keeps from chunk to chunk: a chip that runs is a fifth of a second to make."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class _Cargo(Protocol):
    @property
    def key(self) -> str: ...


class _Station(Protocol):
    def close(self) -> None: ...


CargoT = TypeVar("CargoT", bound=_Cargo)
StationT = TypeVar("StationT", bound=_Station)
Worked = TypeVar("Worked")


class Stations(Generic[CargoT, StationT]):
    """Those of one process, of one cargo at a time.

    Args:
        make: Makes a station for a cargo.
    """

    def __init__(self, make: Callable[[CargoT], StationT]) -> None:
        self._make = make
        self._idle: dict[str, list[StationT]] = {}
        self._lock = threading.Lock()

    def work(self, cargo: CargoT, work: Callable[[StationT], Worked]) -> Worked:
        """Does ``work`` at a free station; a call beside it gets one of its own.

        One whose work raised is closed. Stations of another cargo are of a run before this one, and closed too.
        """
        with self._lock:
            for other in [key for key in self._idle if key != cargo.key]:
                for station in self._idle.pop(other):
                    station.close()
            waiting = self._idle.setdefault(cargo.key, [])
            free = waiting.pop() if waiting else None
        mine = free or self._make(cargo)
        try:
            worked = work(mine)
        except BaseException:
            mine.close()
            raise
        with self._lock:
            self._idle.setdefault(cargo.key, []).append(mine)
        return worked

    def close(self) -> None:
        """Closes all that are free."""
        with self._lock:
            for stations in self._idle.values():
                for station in stations:
                    station.close()
            self._idle.clear()
