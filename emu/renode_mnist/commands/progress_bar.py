"""What long work is at, with its rate and the time left, on a terminal; in a pipe one line before it.

With ``-q`` nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from renode_mnist import images
from renode_mnist.commands import verbosity

if TYPE_CHECKING:
    from renode_mnist.measure.evaluation.evaluate import Progress

_LOG = logging.getLogger(__name__)


class Show(Protocol):
    """Shows where work is."""

    def __call__(self, doing: str, done: int = 0, count: int = 0, resumed: int = 0) -> None:
        """Shows it.

        Args:
            doing: What, in a few words.
            done: Parts of it that are done.
            count: Of so many; 0 where nobody knows.
            resumed: Parts that were done before this call, and say nothing of its rate.
        """


def told(done: int, count: int, resumed: int, seconds: float) -> str:
    """``12/40  3.4/s  0:08 left``: as much of it as is known.

    Args:
        done: As `Show` has it.
        count: Likewise.
        resumed: Likewise.
        seconds: Since the first part of this call was begun.
    """
    if not count:
        return ""
    parts = [f"{done:,}/{count:,}"]
    own = done - resumed
    if own > 0 and seconds > 0:
        rate = own / seconds
        parts.append(f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s each")
        left = round((count - done) / rate)
        parts.append(f"{left // 3600}:{left // 60 % 60:02}:{left % 60:02} left" if left >= 3600 else _minutes(left))
    return "  ".join(parts)


def _minutes(left: int) -> str:
    return f"{left // 60}:{left % 60:02} left"


@contextmanager
def shown() -> Iterator[Show]:
    """A line for the work, and one below it for an image while that is built."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    is_shown = console.is_terminal and not verbosity.is_quiet()
    columns = (
        progress.SpinnerColumn(),
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=20),
        progress.TextColumn("{task.fields[tail]}", markup=False),
    )
    with progress.Progress(*columns, console=console, transient=True, disable=not is_shown) as bar:
        tasks = {}
        begun: dict[str, float] = {}

        def show(line: str, doing: str, done: int, count: int, resumed: int) -> None:
            if not is_shown:
                return
            if line not in tasks:  # not before: a display without lines leaves an empty one
                tasks[line] = bar.add_task("", total=None, tail="")
            if done <= resumed:
                begun[line] = time.monotonic()
            seconds = time.monotonic() - begun.setdefault(line, time.monotonic())
            tail = told(done, count, resumed, seconds)
            bar.update(
                tasks[line], description=f"{doing} …", completed=done, total=count or None, tail=tail, visible=True
            )

        def work(doing: str, done: int = 0, count: int = 0, resumed: int = 0) -> None:
            show("work", doing, done, count, resumed)

        def image(name: str, done: int, count: int) -> None:
            show("image", f"building {name}", done, count, 0)
            if done == count and "image" in tasks:
                bar.update(tasks["image"], visible=False)

        with images.watched(image):
            yield work


def begin(what: str) -> None:
    """One line before work of a minute, where no terminal shows what it is at: a log of CI is not silent so long.

    Args:
        what: As ``measuring int8``.
    """
    from rich.console import Console

    if not Console(stderr=True).is_terminal:
        _LOG.warning("%s ...", what)


@contextmanager
def doing(what: str) -> Iterator[Callable[[str], None]]:
    """The same for work of which nobody knows how much there is; yields what tells another sentence."""
    with shown() as show:
        show(what)
        yield show


def of_campaign(show: Show) -> Callable[[Progress], None]:
    """What `evaluate` and `faults` tell, shown."""
    return lambda now: show(now.doing, now.done, now.count, now.resumed)
