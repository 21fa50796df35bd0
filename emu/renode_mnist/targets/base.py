"""What a place that runs the firmware can do.

A target moves bytes and tells the time; it knows nothing of digits. ``Target`` is what each of them can do. What
only some can do is a protocol of its own, tested with ``isinstance``; a target never answers "I can't" by ``None``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable


class CounterUnit(StrEnum):
    """What the firmware's cycle counter counts on a target."""

    INSTRUCTIONS = "instructions"
    CYCLES_MODELLED = "cycles_modelled"
    CYCLES_MEASURED = "cycles_measured"
    NANOSECONDS = "nanoseconds"


@dataclass(frozen=True)
class TargetIdentity:
    """Which target produced a result.

    Attributes:
        target: ``embedded``, ``renode``, ``board`` or ``host``.
        version: Of the emulator, the probe or the compiler behind it.
        counter_unit: What the firmware's counter counts there.
        deterministic: Whether two runs give the same counts.
    """

    target: str
    version: str
    counter_unit: CounterUnit
    deterministic: bool


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
            TargetTimeout: None came before ``deadline``; the message says how long was waited and where the log is.
            TargetError: The target is gone.
        """
        ...


@runtime_checkable
class Target(ByteStream, Protocol):
    """A place that runs the firmware; its own stream is the binary line."""

    def __enter__(self) -> Self:
        """Starts the target with its firmware."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stops it and frees what it holds."""
        ...

    def reset(self) -> None:
        """Resets the chip; bytes not yet received are dropped."""
        ...

    def identity(self) -> TargetIdentity:
        """Which target this is."""
        ...

    def log(self) -> str:
        """What the target has to say about the run so far (unmodelled accesses, faults); may be empty."""
        ...


@runtime_checkable
class HasConsole(Protocol):
    """A target whose text console can be reached."""

    @property
    def console(self) -> ByteStream:
        """The line of the text console."""
        ...


@runtime_checkable
class RunsVirtualTime(Protocol):
    """A target whose time is its own."""

    def run_for(self, virtual_seconds: float) -> None:
        """Runs for an exact virtual time."""
        ...


@runtime_checkable
class CountsInstructions(Protocol):
    """A target that counts instructions exactly."""

    def instructions(self) -> int:
        """Executed since the last reset."""
        ...
