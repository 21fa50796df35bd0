"""An end by this machine's clock for what never comes back to look at it: a loop in a class of a user's own."""

from __future__ import annotations

import signal
import sysconfig
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

_AGAIN_SECONDS = 1.0
"""A class that catches all, ``except:``, is told once more, until it is left."""
_OF_OTHERS = tuple(
    {str(Path(__file__).parents[1]), *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))}
)
"""This package, the library and what is installed."""


class DeadlinePassed(BaseException):
    """The time is over. No ``Exception``, which a user's class may catch, and which is told as its failure."""


@contextmanager
def raised_after(seconds: float | None) -> Iterator[None]:
    """Raises `DeadlinePassed` within, once this machine's time is over.

    Without effect where a timer runs already, and outside the main thread, where no signal comes.

    Args:
        seconds: From now on; None: never.
    """
    if (
        seconds is None
        or threading.current_thread() is not threading.main_thread()
        or signal.getitimer(signal.ITIMER_REAL)[0]
    ):
        yield
        return

    def tell(_number: int, _frame: FrameType | None) -> None:
        raise DeadlinePassed

    before = signal.signal(signal.SIGALRM, tell)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, _AGAIN_SECONDS)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def place_of(passed: DeadlinePassed) -> str:
    """Where in a user's own code it was raised, ``read (sensor.py line 12)``; empty where it was in none."""
    frames = traceback.extract_tb(passed.__traceback__)
    own = [frame for frame in frames if not frame.filename.startswith((*_OF_OTHERS, "<"))]
    return f"{own[-1].name} ({Path(own[-1].filename).name} line {own[-1].lineno})" if own else ""
