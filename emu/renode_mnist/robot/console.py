"""The text console of the firmware."""

from __future__ import annotations

import re

from robot.api import logger
from robot.api.deco import keyword

from renode_mnist.errors import TargetTimeout
from renode_mnist.robot.capabilities import CapabilityKeywords
from renode_mnist.stream import Deadline


class ConsoleKeywords(CapabilityKeywords):
    """Lines typed and lines awaited."""

    @keyword
    def write_console_line(self, line: str) -> None:
        """Types a line and the return key."""
        self._console.send(f"{line}\r".encode("latin-1"))

    @keyword
    def console_should_say(self, pattern: str, timeout_seconds: float = 5.0) -> str:
        """Waits for a line that the regular expression matches from its start to its end.

        Lines before it are passed over; the next call goes on behind it.
        """
        deadline = Deadline.after(self._console, timeout_seconds)
        expression = re.compile(pattern)
        while True:
            while "\n" in self._console_text:
                line, self._console_text = self._console_text.split("\n", 1)
                line = line.strip("\r")
                logger.info(f"console: {line}")
                if expression.fullmatch(line):
                    return line
            try:
                self._console_text += self._console.receive(deadline).decode("latin-1")
            except TargetTimeout as silence:
                raise AssertionError(f"no console line matches '{pattern}': {silence}") from silence
