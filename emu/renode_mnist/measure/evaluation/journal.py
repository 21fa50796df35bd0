"""What of a run is done, on the disk: a file a piece, each whole or not there, all of one run."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
from filelock import FileLock, Timeout

from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure.evaluation.job import Answers
from renode_mnist.model import tensor_files

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""What reading a file raises that is not what was written."""


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file so that nobody ever sees half of it, whenever this process ends.

    Raises:
        EnvironmentProblem: It cannot be written.
    """
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), 0o666 & ~_umask())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise EnvironmentProblem(f"{path} cannot be written: {error.strerror}", "Give another path.") from error


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


T = TypeVar("T")


@dataclass(frozen=True)
class Keeping(Generic[T]):
    """How the pieces of a run are kept.

    Attributes:
        name: Of the folder in the cache.
        what: A run of this kind is, in a message.
        suffix: Of a piece's file.
        to_bytes: A piece's content.
        from_bytes: The piece again; raises one of `DAMAGED` where that is none.
    """

    name: str
    what: str
    suffix: str
    to_bytes: Callable[[T], bytes]
    from_bytes: Callable[[bytes], T]


class Journal(Generic[T]):
    """The pieces of one run that are done.

    Args:
        folder: Its own.
        keeping: How they are kept.
    """

    def __init__(self, folder: Path, keeping: Keeping[T]) -> None:
        self._folder = folder
        self._keeping = keeping

    def done(self) -> set[int]:
        """Numbers of the pieces that are there."""
        files = self._folder.glob(f"*{self._keeping.suffix}")
        return {int(file.stem) for file in files if file.stem.isdecimal()}

    def keep(self, number: int, piece: T) -> None:
        """Writes a piece down; one that is there already is what it is.

        Raises:
            EnvironmentProblem: There is no room.
        """
        write_whole(self._file(number), self._keeping.to_bytes(piece))

    def read(self, number: int) -> T | None:
        """A piece; None where it is damaged, or was never there."""
        try:
            return self._keeping.from_bytes(self._file(number).read_bytes())
        except DAMAGED:
            self._file(number).unlink(missing_ok=True)
            return None

    def drop(self) -> None:
        """Forgets the run, once its result is handed out."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:08}{self._keeping.suffix}"


def _answers_to_bytes(answers: Answers) -> bytes:
    stream = io.BytesIO()
    arrays = {f"output{index}": column for index, column in enumerate(answers.outputs)}
    aside = json.dumps({str(position): why for position, why in answers.aside.items()}).encode()
    arrays |= {
        "counters": answers.counters,
        "reference_units": answers.reference_units,
        "reference_bounds": answers.reference_bounds,
        "reference_equal": answers.reference_equal,
        "aside": np.frombuffer(aside, np.uint8),
    }
    tensor_files.save_npz(stream, arrays)
    return stream.getvalue()


def _answers_from_bytes(content: bytes) -> Answers:
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        outputs = [name for name in found.files if name.startswith("output")]
        aside = json.loads(found["aside"].tobytes())
        return Answers(
            tuple(found[name] for name in sorted(outputs, key=lambda name: int(name[6:]))),
            found["counters"],
            found["reference_units"],
            found["reference_bounds"],
            found["reference_equal"],
            {int(position): why for position, why in aside.items()},
        )


ANSWERS = Keeping("evaluate", "evaluation", ".npz", _answers_to_bytes, _answers_from_bytes)


@contextmanager
def opened(run_sha256: str, *, resume: bool) -> Iterator[Journal[Answers]]:
    """The journal of an evaluation: see `opened_for`."""
    with opened_for(ANSWERS, run_sha256, resume=resume) as journal:
        yield journal


@contextmanager
def opened_for(keeping: Keeping[T], run_sha256: str, *, resume: bool) -> Iterator[Journal[T]]:
    """The journal of a run, empty unless it is to be resumed; no other process has it meanwhile.

    Raises:
        EnvironmentProblem: Another process runs the same, or the cache cannot be written.
    """
    folder = paths.made(paths.cache() / keeping.name) / run_sha256[:32]
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EnvironmentProblem(
            f"the same {keeping.what} is under way in another process", "Wait for it, or end that process."
        ) from None
    try:
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        yield Journal(paths.made(folder), keeping)
    finally:
        lock.release()
