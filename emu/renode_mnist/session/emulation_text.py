"""What a program says, by the place that it says it at."""

from __future__ import annotations

import re
from collections.abc import Callable

from renode_mnist.plain_text import harmless
from renode_mnist.targets.any_elf import ITM, SEMIHOSTING

_LAST_LINES = 5


def shown(data: bytes) -> str:
    """Text fit for a terminal and for a CI system's log; what is none of either becomes a space."""
    return harmless(data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", ""))


class Text:
    """Bytes by place, and how far somebody has read them."""

    beside = (SEMIHOSTING, ITM)
    """Places that are no UART."""

    def __init__(self) -> None:
        self.heard: dict[str, bytearray] = {}
        self._read: dict[str, int] = {}

    def add(self, place: str, data: bytes) -> None:
        """More was said."""
        self.heard.setdefault(place, bytearray()).extend(data)

    def _of(self, place: str) -> list[str]:
        return [name for name in self.heard if not place or name.upper() == place.upper()]

    def wait_for(self, text: bytes, place: str) -> Callable[[], bool]:
        """What tells whether a text has come, however often it is asked."""
        looked: dict[str, int] = {}

        def has_come() -> bool:
            for name in self._of(place):
                data = self.heard[name]
                if data.find(text, max(0, looked.get(name, 0) - len(text) + 1)) >= 0:
                    return True
                looked[name] = len(data)
            return False

        return has_come

    def take_line(self, expression: re.Pattern[str], place: str) -> str | None:
        """The next line that matches as a whole; it and those passed over count as read. None: none does yet."""
        for name in self._of(place):
            data, at = self.heard[name], self._read.get(name, 0)
            while (end := data.find(b"\n", at)) >= 0:
                line = bytes(data[at:end]).decode("utf-8", "replace").strip("\r")
                self._read[name] = at = end + 1
                if expression.fullmatch(line):
                    return line
        return None

    def end(self, place: str) -> str:
        """The last lines, for the end of a message; control characters as a string of Python has them."""
        lines = [line for name in self._of(place) for line in self._lines(name)]
        return ", ".join(repr(line) for line in lines[-_LAST_LINES:])

    def _lines(self, name: str) -> list[str]:
        lines = [line.removesuffix("\r") for line in self.heard[name].decode("utf-8", "replace").split("\n")]
        return lines if lines[-1] else lines[:-1]


class Printer:
    """Shows whole lines as they come, with their place before them once there is more than one.

    Args:
        show: Takes a line.
        only: The one place to show; empty: all.
    """

    def __init__(self, show: Callable[[str], None], only: str = "") -> None:
        self._show = show
        self._only = only.upper()
        self._begun: dict[str, bytes] = {}

    def hear(self, place: str, data: bytes) -> None:
        """More was said."""
        if self._only and place.upper() != self._only:
            return
        *lines, rest = (self._begun.get(place, b"") + data).split(b"\n")
        self._begun[place] = rest
        for line in lines:
            self._line(place, line)

    def close(self) -> None:
        """Shows lines that did not end."""
        for place, line in self._begun.items():
            if line.strip(b"\r"):
                self._line(place, line)
        self._begun = {}

    def _line(self, place: str, line: bytes) -> None:
        before = f"{place}: " if len(self._begun) > 1 else ""
        self._show(f"{before}{shown(line)}")
