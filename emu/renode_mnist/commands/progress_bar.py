"""A bar with rate and time left, for commands that go through many of the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from renode_mnist.measure.evaluation.evaluate import Progress


@contextmanager
def shown() -> Iterator[Callable[[Progress], None]]:
    """On a terminal; into a pipe goes nothing."""
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True, markup=False)
    columns = (
        progress.TextColumn("{task.description}", markup=False),
        progress.BarColumn(bar_width=20),
        progress.MofNCompleteColumn(),
        progress.TextColumn("{task.fields[rate]}"),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None, rate="")
        begun = time.monotonic()

        def show(now: Progress) -> None:
            nonlocal begun
            if now.done == now.resumed:
                begun = time.monotonic()
            done = now.done - now.resumed
            seconds = time.monotonic() - begun
            rate = f"{done / seconds:.1f}/s" if done and seconds else ""
            bar.update(task, description=f"{now.doing} …", completed=now.done, total=now.count or None, rate=rate)

        yield show
