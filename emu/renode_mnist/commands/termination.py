"""SIGTERM and SIGHUP end a command as Ctrl-C does: by way of every ``with``, so that it leaves nothing behind.

Python itself would end at once: temporary folders, worktrees of git and programs that were started would stay.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType

SIGNALS = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))

_SAME_SECONDS = 2.0
"""Signals that come within this are one request: ``timeout`` sends its signal to the program and to its group."""


class _Heard:
    """The signal that came first, and when the last one was heeded."""

    number = 0
    at_seconds = 0.0


def heed() -> None:
    """From now on these signals raise `KeyboardInterrupt` in the main thread, but for those that are ignored.

    ``nohup`` has SIGHUP ignored, which stays so. Without effect outside the main thread, where no signal comes.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    _Heard.number = 0
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _raise)


def status() -> int:
    """What to exit with where a signal came: 128 and its number, 143 of SIGTERM; 0 where none did."""
    return 128 + _Heard.number if _Heard.number else 0


def _raise(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _Heard.number and now - _Heard.at_seconds < _SAME_SECONDS:
        return
    _Heard.number, _Heard.at_seconds = _Heard.number or number, now
    raise KeyboardInterrupt
