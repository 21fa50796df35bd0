"""The temporary folder of one Renode, and those that ended without removing theirs.

A folder is held by a lock on a file in it for as long as this process or the worker that runs in it lives: the
system gives the lock up however they end, by SIGKILL too. One whose lock is free is left over, and is removed when
the next one is made. A folder that is kept for its logs has no such file.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

_PREFIX = "renode-mnist-"
_HELD = "held"


class TemporaryFolder:
    """A new folder, once the left over ones are gone.

    Attributes:
        path: The folder.
        lock: A descriptor that a worker inherits, so that the folder is held while it lives.
    """

    def __init__(self) -> None:
        remove_left_over()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        begun = self.path / f"{_HELD}.new"
        self.lock = os.open(begun, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        begun.rename(self.path / _HELD)  # whoever looks for what is left over sees it only now, locked

    def remove(self) -> None:
        """Removes all of it; the worker must have ended."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self.lock)

    def keep(self) -> None:
        """Leaves it to who reads its logs."""
        (self.path / _HELD).unlink(missing_ok=True)
        os.close(self.lock)


def remove_left_over() -> None:
    """Removes the folders of this user's processes that have ended without."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):  # gone meanwhile, another user's, or held
            if _is_ours(folder):
                _remove_if_free(folder)


def _is_ours(folder: Path) -> bool:
    found = folder.lstat()  # others may put links into a temporary folder
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _remove_if_free(folder: Path) -> None:
    """Raises OSError where there is no lock, or somebody has it."""
    lock = os.open(folder / _HELD, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)
