"""What the machine has to say about a run."""

from __future__ import annotations

from collections.abc import Callable

_LAST_LINES = 10


class EventLog:
    """Lines with their virtual time.

    Args:
        now_seconds: The virtual time, for the lines' beginnings.
    """

    def __init__(self, now_seconds: Callable[[], float]) -> None:
        self._now_seconds = now_seconds
        self._lines: list[str] = []
        self._said: set[str] = set()

    def add(self, message: str) -> None:
        """One more line."""
        self._lines.append(f"{self._now_seconds() * 1e3:12.6f} ms  {message}")

    def once(self, message: str) -> None:
        """A line, unless the same was said before."""
        if message not in self._said:
            self._said.add(message)
            self.add(message)

    def end(self) -> str:
        """Its last lines, as a sentence for the end of a message."""
        lines = self._lines[-_LAST_LINES:]
        return "".join(["Its log ends in", *(f"\n  | {line}" for line in lines)]) if lines else "Its log is empty."

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)
