"""Files that a program opens by semihosting: the console, the list of features, what lies below one folder."""

from __future__ import annotations

import errno
from io import BytesIO, FileIO
from pathlib import Path

File = BytesIO | FileIO
"""Unbuffered: what a program has written is on the disk, however the emulator ends."""

CONSOLE = ":tt"
"""Opened to read it is standard input, to write standard output, to append standard error."""
_FEATURES = ":semihosting-features"
_FEATURE_BYTES = b"SHFB\x03"
"""SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR."""

_MODES = ("r", "rb", "r+", "r+b", "w", "wb", "w+", "w+b", "a", "ab", "a+", "a+b")
"""By SYS_OPEN's number, as C's fopen has them."""


class Refused(Exception):
    """The program gets -1.

    Args:
        number: Its errno.
        why: For the log; empty where it is nothing to tell.
    """

    def __init__(self, number: int, why: str = "") -> None:
        super().__init__(why)
        self.number = number
        self.why = why


class Files:
    """Open files by their handles, from 1 up.

    Args:
        folder: Below it they are; None: none may be opened.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder.resolve() if folder is not None else None
        self._open: dict[int, File | None] = {}

    def open(self, name: str, mode: int) -> int:
        """A handle.

        Raises:
            Refused: It may not be opened, or cannot.
        """
        if not 0 <= mode < len(_MODES):
            raise Refused(errno.EINVAL)
        opened: File | None
        if name == CONSOLE:
            opened = None
        elif name == _FEATURES:
            if mode > 1:
                raise Refused(errno.EACCES)
            opened = BytesIO(_FEATURE_BYTES)
        else:
            opened = self._open_below(name, _MODES[mode])
        handle = next(number for number in range(1, len(self._open) + 2) if number not in self._open)
        self._open[handle] = opened
        return handle

    def _open_below(self, name: str, mode: str) -> File:
        path = self.place(name)
        try:
            return FileIO(path, mode.replace("b", ""))
        except OSError as error:
            raise Refused(error.errno or errno.EIO) from error

    def place(self, name: str) -> Path:
        """Where a file of that name is on this machine.

        Raises:
            Refused: Not below the folder.
        """
        if self._folder is None:
            raise Refused(errno.EACCES, f"the file '{name}' is refused: no folder is given for files")
        path = (self._folder / name.replace("\\", "/")).resolve()
        if not path.is_relative_to(self._folder) or path == self._folder:
            raise Refused(errno.EACCES, f"the file '{name}' is refused: it is not below {self._folder}")
        return path

    def get(self, handle: int) -> File | None:
        """The file; None for the console.

        Raises:
            Refused: There is no such handle.
        """
        if handle not in self._open:
            raise Refused(errno.EBADF)
        return self._open[handle]

    def close(self, handle: int) -> None:
        """Closes one.

        Raises:
            Refused: There is no such handle.
        """
        file = self.get(handle)
        if file is not None:
            file.close()
        del self._open[handle]

    def close_all(self) -> None:
        """Closes what the program has left open (a reset, its end)."""
        for handle in list(self._open):
            self.close(handle)
