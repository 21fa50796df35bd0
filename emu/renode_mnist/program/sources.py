"""Finds the source files that an ELF names."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from renode_mnist import paths


class Sources:
    """Source files of one ELF.

    Args:
        elf: Its folder is what the firmware's build calls ``build`` (-ffile-prefix-map).
    """

    def __init__(self, elf: Path) -> None:
        self._build = elf.resolve().parent
        self._lines = cache(self._read)

    def path(self, file: str) -> Path | None:
        """The file, where it is on this machine; None if it is not."""
        candidates = [Path.cwd() / file, paths.root() / file]
        if file.startswith("build/"):
            candidates.insert(0, self._build / file.removeprefix("build/"))
        return next((candidate for candidate in candidates if candidate.is_file()), None)

    def where(self, file: str) -> str:
        """The file's whole path, or what the ELF calls it."""
        return str(self.path(file) or file)

    def short(self, file: str) -> str:
        """For a table: relative to the sources, or the last two parts."""
        return file if not file.startswith("/") else "/".join(("…", *Path(file).parts[-2:]))

    def text(self, file: str, line: int) -> str:
        """A line without its indentation; empty if it cannot be read."""
        lines = self._lines(file)
        return lines[line - 1].strip() if 0 < line <= len(lines) else ""

    def _read(self, file: str) -> list[str]:
        path = self.path(file)
        if path is None:
            return []
        try:
            return path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []
