"""Why the core stopped: what `Core.run` tells those who go on from there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto


class StopKind(Enum):
    """Why the core stopped."""

    LIMIT = auto()
    """The cycle limit, a request or changed masks: nothing happened."""
    BREAKPOINT = auto()
    WAIT_FOR_INTERRUPT = auto()
    WAIT_FOR_EVENT = auto()
    SUPERVISOR_CALL = auto()
    EXCEPTION_RETURN = auto()
    BKPT_INSTRUCTION = auto()
    UNDEFINED_INSTRUCTION = auto()
    NO_COPROCESSOR = auto()
    INVALID_STATE = auto()
    """A branch to an address whose bit 0 is clear."""
    BAD_FETCH = auto()
    BAD_LOAD = auto()
    BAD_STORE = auto()


@dataclass(frozen=True)
class Stop:
    """Why and where the core stopped.

    Attributes:
        kind: The reason.
        address: That could not be accessed, for ``BAD_*``; else 0.
        event_sent: For ``WAIT_FOR_EVENT``: a SEV stands in the same block.
    """

    kind: StopKind
    address: int = 0
    event_sent: bool = False
