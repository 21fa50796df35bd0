"""Programs that tests talk to over ports: the emulated board as `serve` shows it, and the command line itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CALL = [sys.executable, "-c", "from renode_mnist.cli import main; main()"]


def call(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    """One call of the command line, its output kept."""
    return subprocess.run([*CALL, *map(str, arguments)], capture_output=True, text=True, **options)  # type: ignore[call-overload]


@dataclass
class Served:
    """A board that `serve` emulates."""

    process: subprocess.Popen[str]
    binary: str
    console: str


@contextmanager
def served(*arguments: str, stop: signal.Signals = signal.SIGTERM, stderr: int | None = None) -> Iterator[Served]:
    """The emulated board behind a port, served by a process of its own, which must end well."""
    process = subprocess.Popen([*CALL, "serve", *arguments], stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    lines = dict(process.stdout.readline().split() for _ in range(2))
    try:
        yield Served(process, lines["binary"], lines["console"])
    finally:
        process.send_signal(stop)
        status = process.wait()
        process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()
    assert status in (0, -signal.SIGKILL)
