"""What a place that runs the firmware can do.

A target moves bytes and tells the time; it knows no digits. ``Target`` is what each of them can do.
What only some can do is a protocol of its own, tested with ``isinstance``; none says "I cannot" by ``None``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from renode_mnist.stm32f746.memory_timing import CycleSplit
from renode_mnist.stream import ByteStream, Deadline, Timed

__all__ = [
    "ByteStream",
    "CounterUnit",
    "CountsInstructions",
    "CycleSplit",
    "Deadline",
    "HasConsole",
    "HasLineBaud",
    "NotesCounterReads",
    "ReachesMemory",
    "RunsVirtualTime",
    "SplitsCycles",
    "StopsAtCounterReads",
    "Target",
    "TargetIdentity",
    "Timed",
]


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
        counter_step: In how large steps the counter advances; a difference of two reads may be off by one step.
        cycle_parameters: Which figures modelled cycles are of, where a file's take the place of the model's own.
    """

    target: str
    version: str
    counter_unit: CounterUnit
    deterministic: bool
    counter_step: int = 1
    cycle_parameters: str = ""


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
class HasLineBaud(Protocol):
    """A line whose other end may run at another rate than the firmware's, and is then misread as on wires."""

    def set_line_baud(self, baud: int) -> None:
        """Sets the rate of the other end."""
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


@runtime_checkable
class NotesCounterReads(Protocol):
    """A target that can tell which code ran between two reads of the firmware's cycle counter."""

    def counter_reads(self) -> AbstractContextManager[Sequence[Mapping[int, int]]]:
        """While open, notes at each read how many instructions had run, by address of their block."""
        ...


@runtime_checkable
class SplitsCycles(Protocol):
    """A target that can tell what its modelled cycles were spent on."""

    def cycle_splits(self) -> AbstractContextManager[Sequence[CycleSplit]]:
        """While open, notes at each read of the firmware's cycle counter what was spent so far."""
        ...


@runtime_checkable
class StopsAtCounterReads(Protocol):
    """A target that stands still at each read of the firmware's cycle counter, for others to look around."""

    def at_counter_reads(self, look: Callable[[], None]) -> AbstractContextManager[None]:
        """While open, calls ``look`` at each read, before the firmware goes on."""
        ...


@runtime_checkable
class ReachesMemory(Protocol):
    """A target whose address space is open to others than the core, as to a debugger."""

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """What memories and registers hold, without the core's doing.

        Raises:
            TargetError: Nothing is there.
        """
        ...

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes it, also where the core may only read.

        Raises:
            TargetError: Nothing is there.
        """
        ...
