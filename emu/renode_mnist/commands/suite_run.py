"""Runs suites for ``renode-mnist test``: a line a test, Robot's report, and the page beside it."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from renode_mnist.commands import termination
from renode_mnist.commands.output import make_folder, write
from renode_mnist.errors import CheckFailed
from renode_mnist.plain_text import harmless

if TYPE_CHECKING:
    from renode_mnist.session.evidence import Evidence
    from renode_mnist.suites.plan import Plan
    from renode_mnist.suites.report import Files
    from renode_mnist.suites.workers import Call, Ended, Failed

_COLOURS = {"PASS": "green", "FAIL": "red", "SKIP": "yellow"}

_LINKED = "What it cost, and what was on the line"
"""In Robot's report and log."""


def run(plan: Plan, call: Call, jobs: int, files: Files, *, into_last: bool) -> None:
    """Runs suites, tells each test as it ends, and what all came to.

    Args:
        plan: With at least one part.
        call: What all parts have in common.
        jobs: How many at a time.
        files: Written.
        into_last: Whether this is the part of the last run that had failed.

    Raises:
        CheckFailed: A test failed.
        click.Abort: Ctrl-C; what was run is written.
        SystemExit: SIGTERM, likewise.
    """
    with _report_first() as ended_by:
        failed = _run_and_write(plan, call, jobs, files, ended_by, into_last=into_last)
    if ended_by:
        if ended_by[0] == signal.SIGINT:
            raise click.Abort
        click.echo("Interrupted.", err=True)
        raise SystemExit(128 + ended_by[0])
    if failed:
        raise CheckFailed(f"{failed} test(s) failed", f"Open {files.page}.")


@contextmanager
def _report_first() -> Iterator[list[int]]:
    """Signals that end a command wait until what was run is reported; yields those that came.

    The first one is the run's, which ends its processes (`workers.run`). One behind it must not tear the report
    apart: it would be lost, and the last run's would stand there.
    """
    came: list[int] = []
    told = False

    def wait(number: int, frame: FrameType | None) -> None:
        nonlocal told
        came.append(number)
        if not told:
            told = True
            os.write(2, b"The report of what was run is being written; it ends then.\n")

    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    numbers = [
        number for number in (signal.SIGINT, *termination.SIGNALS) if signal.getsignal(number) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, wait) for number in numbers}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run_and_write(plan: Plan, call: Call, jobs: int, files: Files, ended_by: list[int], *, into_last: bool) -> int:
    """Runs and reports; how many tests failed. What ended the run is put before what came behind it."""
    from renode_mnist.report import suites_page
    from renode_mnist.suites import report, workers

    kept = files.folder / "evidence"
    shutil.rmtree(kept, ignore_errors=True)
    make_folder(kept)
    stopped = None
    try:
        ran = workers.run(plan, call.knowing(f"EVIDENCE:{kept}"), jobs, _tell)
    except workers.Interrupted as interrupted:
        stopped, ran = interrupted, interrupted.ran
        ended_by.insert(0, interrupted.signal_number)
    evidence = _gathered(kept, files.evidence, onto_last=into_last)
    counts, verdicts = report.write(
        plan,
        ran,
        call.name,
        files,
        into_last=into_last,
        link=lambda test: f"[{files.page.name}#{suites_page.anchor(test)}|{_LINKED}]" if test in evidence else "",
    )
    failed = counts.failed - counts.not_run if stopped else counts.failed
    all_of_them = "1 test" if counts.total == 1 else f"{counts.total} tests"
    said = f"{all_of_them}, {counts.passed} passed, {failed} failed, {counts.skipped} skipped"
    if stopped and counts.not_run:
        said += f", {counts.not_run} not run to their end"
    write(files.page, suites_page.render(call.name, said, list(call.metadata.items()), verdicts, evidence))
    click.echo(f"\n{said}")
    for what in ("output", "xunit", "log", "report", "page"):
        click.echo(f"{what.capitalize() + ':':8} {getattr(files, what)}")
    return counts.failed


def _gathered(folder: Path, file: Path, *, onto_last: bool) -> dict[tuple[str, ...], Evidence]:
    """What all processes have kept, as one file, onto what there was of a run that this one is part of."""
    from renode_mnist.session import evidence

    before = [file] if onto_last and file.is_file() else []
    found = evidence.read([*before, *sorted(folder.glob("*.jsonl"))])
    file.unlink(missing_ok=True)
    for each in found.values():
        each.append_to(file)
    shutil.rmtree(folder)
    return found


def _tell(ended: Ended | Failed) -> None:
    """A line for each test as it ends, and why it failed or was skipped."""
    from renode_mnist.suites.workers import Ended

    if isinstance(ended, Ended):
        status, message = ended.status, ended.message
        click.echo(f"{click.style(status, fg=_COLOURS[status])}  {harmless(' / '.join(ended.test))}")
    else:
        message = ended.message
        click.echo(f"{click.style('FAIL', fg='red')}  {harmless(ended.what)}")
    for line in message.splitlines():
        click.echo(f"      {harmless(line)}")
