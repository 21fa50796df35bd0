"""What the commits of a branch cost: a file of JSON lines, each a measurement (`measurement.Measurement`).

Lines are in the order in which commits were made, each commit is there once.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError
from renode_mnist.measure import kept_file
from renode_mnist.measure.measurement import MOST_BYTES, Measurement, MeasurementError, parse

MOST_COMMITS = 20_000


class HistoryError(RenodeMnistError):
    """A history that cannot be read, is none, or does not have what is asked for."""


def add(file: Path, measurement: Measurement) -> list[Measurement]:
    """Adds a commit, or puts it in the place of what the file had of the same; returns all that is there then.

    A commit whose figures came late takes its place by its time, so that changes are told against the one before it;
    commits of the same second, which a rebase makes, stand as they came.

    Raises:
        HistoryError: The measurement is of no commit, or the file is no history; it stays as it was.
        KeptFileError: It cannot be written, or another process keeps it.
    """
    if not measurement.commit.id:
        raise HistoryError("the measurement is of no commit", "Measure in a repository of git.")
    kept: list[Measurement] = []

    def changed(content: bytes) -> bytes:
        by_commit = {each.commit.id: each for each in read(content, file)}
        by_commit[measurement.commit.id] = measurement  # in the place of what was there, else behind all
        kept[:] = sorted(by_commit.values(), key=lambda each: datetime.fromisoformat(each.commit.timestamp))
        if len(kept) > MOST_COMMITS:
            raise HistoryError(f"{file} has {MOST_COMMITS:,} commits already", "Begin another file.")
        return written(kept)

    kept_file.change(file, changed)
    return kept


def load(file: Path) -> list[Measurement]:
    """What a file holds, the oldest commit first.

    Raises:
        HistoryError: It cannot be read, is empty, or is no history; the message names the line.
    """
    try:
        content = outside.content(file)
    except OSError as error:
        raise HistoryError(
            f"cannot read {file}: {error.strerror}", "Name a file that `renode-mnist history add` wrote."
        ) from error
    found = read(content, file)
    if not found:
        raise HistoryError(f"{file} has no commits", "Add one: `renode-mnist history add`.")
    return found


def read(content: bytes, file: Path) -> list[Measurement]:
    """The commits in what a file holds.

    Args:
        content: Lines; all of them are whole, the last too.
        file: For messages.

    Raises:
        HistoryError: A line is no measurement, or a commit is there twice.
    """
    found: dict[str, Measurement] = {}
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            measurement = parse(line, f"line {number} of {file}")
        except MeasurementError as error:
            raise HistoryError(error.what, "Mend the line, or take it out.") from error
        if not measurement.commit.id:
            raise HistoryError(f"line {number} of {file} is of no commit", "Take it out.")
        if measurement.commit.id in found:
            raise HistoryError(
                f"line {number} of {file} is of commit {measurement.commit.id[:12]}, as one above it",
                "Take one of them out.",
            )
        found[measurement.commit.id] = measurement
    return list(found.values())


def written(measurements: Iterable[Measurement]) -> bytes:
    """The lines of a file.

    Raises:
        HistoryError: A measurement is longer than what would be read again.
    """
    lines = [each.model_dump_json().encode() for each in measurements]
    if any(len(line) > MOST_BYTES for line in lines):
        raise HistoryError(f"a measurement has more than {MOST_BYTES:,} bytes", "Measure fewer cases.")
    return b"".join(line + b"\n" for line in lines)
