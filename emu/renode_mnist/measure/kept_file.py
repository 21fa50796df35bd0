"""A file that is read, changed and written as a whole, by one process at a time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError

PATIENCE_SECONDS = 60


class KeptFileError(RenodeMnistError):
    """A file that another process keeps to itself, or that cannot be read or written."""


def change(file: Path, changed: Callable[[bytes], bytes], *, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Replaces what a file holds by what is made of it.

    Whoever reads meanwhile has the whole old content or the whole new one, also where the machine stops in between.
    The lock is a hidden file beside it, so that it holds for whoever can write there; it stays, for a lock that is
    deleted can be held twice.

    Args:
        file: It need not be there.
        changed: From its content, empty where it is not there, to the new one. Where it raises, nothing is written.
        patience_seconds: How long to wait for another process that does the same.

    Raises:
        KeptFileError: The file cannot be read or written, or another process kept it longer than that.
    """
    file = file.resolve()  # what a link leads to is replaced, not the link
    try:
        with FileLock(file.with_name(f".{file.name}.lock"), timeout=patience_seconds):
            before = outside.content(file) if file.exists() else b""
            after = changed(before)
            if after != before:
                _replace(file, after)
    except Timeout as error:
        raise KeptFileError(
            f"{file} has been written by another process for {patience_seconds:g} s", "Wait for it, and call again."
        ) from error
    except OSError as error:
        raise KeptFileError(f"{file} cannot be written: {error.strerror}", "Give another path.") from error


def _replace(file: Path, content: bytes) -> None:
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~_umask()
    descriptor, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """What new files are not; it can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
