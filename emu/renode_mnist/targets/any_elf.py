"""An emulator with a program that knows nothing of this project: what it says, how far it comes, why it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from renode_mnist.stm32f746.pads import Pin

SEMIHOSTING, ITM = "semihosting", "ITM"
"""Places of text beside UARTs, which go by their names in the manual."""

HANDLED_SECONDS = 0.2
"""Of virtual time in a fault's handler, which may print a report; after that the fault is the end."""

Heard = Callable[[str, bytes], None]
"""(Place, bytes): called as a program's output comes."""


class EndKind(StrEnum):
    """Why no more can come of a run."""

    EXIT = "exit"
    """The program ended itself by semihosting."""
    FAULT = "fault"
    """It is in a fault's handler, or locked up."""
    HANG = "hang"
    """It polls a register for what cannot come."""
    REST = "rest"
    """It sleeps or goes round, and nothing is to come that could change that."""


@dataclass(frozen=True)
class End:
    """The end of a program.

    Attributes:
        kind: Why.
        text: In words.
        status: What the program gave as its exit status; 0 where it gave none.
    """

    kind: EndKind
    text: str
    status: int = 0


class Stopped(StrEnum):
    """Why a run came back with the program still going on."""

    TIME = "time"
    """The moment has come, but for a rounding of seconds."""
    CONDITION = "condition"
    FUNCTION = "function"


@dataclass(frozen=True)
class Count:
    """What was executed since the start.

    Attributes:
        instructions: Exact.
        cycles: By the clock model; None where there is none.
    """

    instructions: int
    cycles: int | None


class AnyElf(Protocol):
    """One program on one emulator; a context manager."""

    name: str
    version: str

    def __enter__(self) -> Self:
        """Starts the emulator with the program at its first instruction."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        ...

    @property
    def uarts(self) -> tuple[str, ...]:
        """Those that can be heard."""
        ...

    def run(self, until_seconds: float, done: Callable[[], bool]) -> Stopped | End:
        """Runs to a moment of virtual time, or less far: to `stop_at`, until ``done``, or to the program's end.

        ``done`` is asked at least each time when something was heard. Behind an exit a run ends at once, with that.
        """
        ...

    def stop_at(self, address: int | None) -> None:
        """Runs end before the instruction at ``address``, which a function or a call's return has; None: nowhere."""
        ...

    def send(self, uart: str, data: bytes) -> None:
        """Puts data on a UART's line."""
        ...

    def drive(self, pin: Pin, high: bool | None, at_seconds: float | None = None) -> None:
        """Drives a pin from outside, high or low; None releases it. Now, or at a moment of virtual time to come."""
        ...

    def is_high(self, pin: Pin) -> bool:
        """A pin's level as it is measured on the board."""
        ...

    def now(self) -> float:
        """Virtual seconds since power-on."""
        ...

    def count(self) -> Count:
        """See `Count`."""
        ...

    def registers(self) -> tuple[int, int, int]:
        """PC, LR and SP."""
        ...

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """What a debugger sees."""
        ...

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes it."""
        ...

    def whereabouts(self) -> str:
        """What the core is doing, in words."""
        ...

    def lacking(self) -> tuple[str, ...]:
        """What the program used and this emulator does not have, once each."""
        ...

    def remarks(self) -> tuple[str, ...]:
        """What else is to be told of the run: faults, clocks out of limits, locks."""
        ...
