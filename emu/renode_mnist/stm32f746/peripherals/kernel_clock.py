"""Edges of a peripheral's kernel clock as a function of time, through changes of its frequency."""

from __future__ import annotations

from renode_mnist.stm32f746.clock import PICOSECONDS


class KernelClock:
    """Counts the edges of a clock without doing anything at an edge."""

    def __init__(self) -> None:
        self._hertz = 0
        self._since_ps = 0
        self._since_edges = 0

    @property
    def hertz(self) -> int:
        """0 while it is off."""
        return self._hertz

    def edges(self, now_ps: int) -> int:
        """Rising edges up to a moment, that moment's included."""
        return self._since_edges + (now_ps - self._since_ps) * self._hertz // PICOSECONDS

    def time_ps(self, edge: int) -> int | None:
        """When an edge to come is; None while the clock is off."""
        if not self._hertz:
            return None
        return self._since_ps - (-(edge - self._since_edges) * PICOSECONDS // self._hertz)

    def changes(self, now_ps: int, hertz: int) -> bool:
        """From now on it has that frequency, the first edge a period from now; whether that is another one."""
        if hertz == self._hertz:
            return False
        self._since_edges = self.edges(now_ps)
        self._since_ps, self._hertz = now_ps, hertz
        return True

    def state(self) -> tuple[int, int, int]:
        """All that `take_state` needs to bring it back."""
        return self._hertz, self._since_ps, self._since_edges

    def take_state(self, state: tuple[int, int, int]) -> None:
        """Becomes what it was when `state` returned that."""
        self._hertz, self._since_ps, self._since_edges = state
