"""What of a run is done, on the disk: a file a chunk, each whole or not there, all of one run."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure.evaluation.job import Answers
from renode_mnist.model import tensor_files

_DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


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


class Journal:
    """The chunks of one run that are answered.

    Args:
        folder: Its own.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def done(self) -> set[int]:
        """Numbers of the chunks that are there."""
        return {int(file.stem) for file in self._folder.glob("*.npz") if file.stem.isdecimal()}

    def keep(self, number: int, answers: Answers) -> None:
        """Writes a chunk down; one that is there already is what it is.

        Raises:
            EnvironmentProblem: There is no room.
        """
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
        write_whole(self._file(number), stream.getvalue())

    def read(self, number: int) -> Answers | None:
        """A chunk; None where it is damaged, or was never there."""
        try:
            with np.load(self._file(number), allow_pickle=False) as found:
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
        except _DAMAGED:
            self._file(number).unlink(missing_ok=True)
            return None

    def drop(self) -> None:
        """Forgets the run, once its result is handed out."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:08}.npz"


@contextmanager
def opened(run_sha256: str, *, resume: bool) -> Iterator[Journal]:
    """The journal of a run, empty unless it is to be resumed; no other process has it meanwhile.

    Raises:
        EnvironmentProblem: Another process runs the same, or the cache cannot be written.
    """
    folder = paths.made(paths.cache() / "evaluate") / run_sha256[:32]
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise EnvironmentProblem(
            "the same evaluation is under way in another process", "Wait for it, or end that process."
        ) from None
    try:
        if not resume:
            shutil.rmtree(folder, ignore_errors=True)
        yield Journal(paths.made(folder))
    finally:
        lock.release()
