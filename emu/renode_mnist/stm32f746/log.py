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
        self._messages: list[str] = []
        self._said: set[str] = set()
        self._lacking: list[str] = []

    def add(self, message: str) -> None:
        """One more line."""
        self._messages.append(message)
        self._lines.append(f"{self._now_seconds() * 1e3:12.6f} ms  {message}")

    def once(self, message: str) -> None:
        """A line, unless the same was said before."""
        if message not in self._said:
            self._said.add(message)
            self.add(message)

    def lacks(self, what: str, message: str) -> None:
        """A line on something that silicon has and this emulator does not, unless ``what`` was told before."""
        if what not in self._said:
            self._said.add(what)
            self._lacking.append(message)
            self.add(message)

    @property
    def lacking(self) -> tuple[str, ...]:
        """What `lacks` told, without times."""
        return tuple(self._lacking)

    @property
    def others(self) -> tuple[str, ...]:
        """All other messages, without times."""
        return tuple(message for message in self._messages if message not in self._lacking)

    def state(self) -> tuple[tuple[str, ...], tuple[str, ...], frozenset[str], tuple[str, ...]]:
        """All that `take_state` needs to bring it back."""
        return tuple(self._lines), tuple(self._messages), frozenset(self._said), tuple(self._lacking)

    def take_state(self, state: tuple[tuple[str, ...], tuple[str, ...], frozenset[str], tuple[str, ...]]) -> None:
        """Becomes what it was when `state` returned that."""
        self._lines, self._messages = list(state[0]), list(state[1])
        self._said, self._lacking = set(state[2]), list(state[3])

    def end(self) -> str:
        """Its last lines, as a sentence for the end of a message."""
        lines = self._lines[-_LAST_LINES:]
        return "".join(["Its log ends in", *(f"\n  | {line}" for line in lines)]) if lines else "Its log is empty."

    def text(self) -> str:
        """All lines."""
        return "\n".join(self._lines)
