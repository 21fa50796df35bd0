"""Both sides of a talk with the firmware's text console: lines go there, what it prints is shown."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable
from contextlib import suppress

from renode_mnist.errors import TargetTimeout
from renode_mnist.stream import ByteStream, Deadline

_ANSWER_SECONDS = 5.0
"""By then a line is answered: the slowest inference that it may have to wait for takes 3 s."""

_QUIET_SECONDS = 0.25
"""A reply that has paused so long is complete: between its bytes there are 0.09 ms."""

_ANNOUNCES_MORE = "Running inference..."
"""After this line the firmware computes, and says nothing meanwhile."""

_SLICE_SECONDS = 0.05
"""How long the target runs, and a person waits at most, between two looks at what was typed."""

_SHOWN = {byte: chr(byte) if 32 <= byte < 127 or byte in b"\n\t" else "\ufffd" for byte in range(256)} | {13: ""}
"""Garbage of a wrong baud rate must not command the user's terminal."""


class Console:
    """Talks to a console.

    Args:
        stream: Its line.
        show: Takes each line that it prints, as it comes; a line that stays unfinished follows when all is quiet.
        virtual_time: Whether the line's time passes only while it is read.
    """

    def __init__(self, stream: ByteStream, show: Callable[[str], None], *, virtual_time: bool) -> None:
        self._stream = stream
        self._show = show
        self._pause_seconds = _SLICE_SECONDS if virtual_time else 0.0
        self._last_line = self._begun = ""

    def converse(self, lines: Iterable[bytes]) -> None:
        """Sends each line once the one before is answered in full.

        Raises:
            TargetTimeout: A line is not answered.
            TargetError: The target is gone.
        """
        self._listen_until_quiet()
        for line in lines:
            if self._type(line):
                self._receive(_ANSWER_SECONDS)
                self._listen_until_quiet()

    def attend(self, typed: queue.SimpleQueue[bytes | None]) -> None:
        """Sends lines as they are typed and shows at any time what comes, until a None and the reply before it.

        Raises:
            TargetError: The target is gone.
        """
        pause_seconds, answer_due = 0.0, None
        while True:
            with suppress(queue.Empty):
                line = typed.get(timeout=pause_seconds) if pause_seconds else typed.get_nowait()
                if line is None:
                    self._listen_until_quiet()
                    return
                if self._type(line):
                    answer_due = Deadline.after(self._stream, _ANSWER_SECONDS)
            try:
                self._receive(_SLICE_SECONDS)
                pause_seconds, answer_due = 0.0, None
            except TargetTimeout as silence:
                pause_seconds = self._pause_seconds
                if answer_due is not None and self._stream.now() >= answer_due.at_seconds:
                    self._show(f"No answer within {_ANSWER_SECONDS:g} s. {silence}")
                    answer_due = None

    def _type(self, line: bytes) -> bool:
        text = line.strip(b"\r\n")
        if text:
            self._stream.send(text + b"\r")
        return bool(text)

    def _listen_until_quiet(self) -> None:
        with suppress(TargetTimeout):
            while True:
                self._receive(_ANSWER_SECONDS if self._last_line == _ANNOUNCES_MORE else _QUIET_SECONDS)
        if self._begun:
            self._show(self._begun)
            self._begun = ""

    def _receive(self, seconds: float) -> None:
        data = self._stream.receive(Deadline.after(self._stream, seconds))
        *lines, self._begun = (self._begun + "".join(_SHOWN[byte] for byte in data)).split("\n")
        for line in lines:
            self._show(line)
            self._last_line = line
