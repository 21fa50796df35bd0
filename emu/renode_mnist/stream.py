"""A serial line with a clock of its own, and moments on that clock: what clients and targets share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Deadline:
    """A moment in a target's own time.

    Attributes:
        at_seconds: The moment, on the clock of ``Timed.now``.
        allowed_seconds: How long the wait was when it began, for the message of a timeout.
    """

    at_seconds: float
    allowed_seconds: float

    @classmethod
    def after(cls, clock: Timed, seconds: float) -> Deadline:
        """The moment ``seconds`` from now on ``clock``."""
        return cls(clock.now() + seconds, seconds)


class Timed(Protocol):
    """Something with a clock of its own: virtual in emulation, monotonic on a board."""

    def now(self) -> float:
        """Seconds since an arbitrary start."""
        ...


@runtime_checkable
class ByteStream(Timed, Protocol):
    """A serial line, both ways."""

    def send(self, data: bytes) -> None:
        """Hands ``data`` to the line at its baud rate; may return before the last byte has arrived.

        Raises:
            TargetError: The target is gone.
        """
        ...

    def receive(self, deadline: Deadline) -> bytes:
        """Runs the target until at least one byte has come.

        Returns:
            All bytes that are there, at least one.

        Raises:
            TargetTimeout: None came before ``deadline``; the message says how long was waited and where
                the log is.
            TargetError: The target is gone.
        """
        ...


@runtime_checkable
class FramedStream(ByteStream, Protocol):
    """A serial line that can be asked for whole frames, which spares a return for each byte."""

    def receive_frame(self, deadline: Deadline) -> bytes:
        """As `ByteStream.receive`, but runs the target until a zero byte has come, which ends a frame.

        Returns:
            All bytes that are there. Where the last is none, the deadline has passed.

        Raises:
            TargetTimeout: Nothing came before ``deadline``.
            TargetError: The target is gone.
        """
        ...


@runtime_checkable
class TakenAtOnce(ByteStream, Protocol):
    """A serial line that can be emptied without waiting."""

    def take_arrived(self) -> bytes:
        """All bytes that are there, maybe none; no time goes by.

        Raises:
            TargetError: The target is gone.
        """
        ...
