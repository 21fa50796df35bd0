"""Calls that may end the process: a runtime that aborts, C++ that traps what is undefined."""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, TypeVar

T = TypeVar("T")


def apart(call: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T | None]:
    """Results of `call` with each tuple of arguments; None where that ended the process that it ran in."""
    results: list[T | None] = []
    while len(results) < len(arguments):
        results += _until_it_ends(call, arguments[len(results) :])
        if len(results) < len(arguments):
            results.append(None)
    return results


def _until_it_ends(call: Callable[..., T], arguments: Sequence[tuple[Any, ...]]) -> list[T]:
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    process = fork.Process(target=_send, args=(call, arguments, sender))
    process.start()
    sender.close()
    results: list[T] = []
    with contextlib.suppress(EOFError):
        while len(results) < len(arguments):
            results.append(receiver.recv())
    process.join()
    return results


def _send(call: Callable[..., T], arguments: Sequence[tuple[Any, ...]], sender: Connection) -> None:
    faulthandler.disable()
    for entry in arguments:
        sender.send(call(*entry))
