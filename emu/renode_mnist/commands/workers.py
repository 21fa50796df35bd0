"""Options of commands whose work may be shared: ``--workers``, ``--scheduler``, ``--resume``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _workers(context: click.Context, parameter: click.Parameter, value: str) -> int | None:
    if value == "auto":
        return None
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter("give auto, or how many.")
    return int(value)


def worker_options(command: F) -> F:
    """Adds them; the command gets ``workers``, ``scheduler`` and ``resume``."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--workers",
        metavar="N",
        default="auto",
        callback=_workers,
        show_default=True,
        help="Processes on this machine; auto is one a core where Dask is installed (extra cluster), else 1.",
    ),
    click.option(
        "--scheduler", metavar="ADDRESS", help="A scheduler of Dask with workers: tcp://HOST:PORT, tls://..."
    ),
    click.option("--resume", is_flag=True, help="Go on where the same call was ended."),
)
