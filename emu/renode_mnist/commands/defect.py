"""What is said where a command meets a defect of its own: one line, and where the rest is."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from renode_mnist import paths, version
from renode_mnist.plain_text import one_line

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: no check has failed (1), and nothing was wrong with the call (2)."""


def tell(error: BaseException) -> str:
    """One line for the terminal; the traceback goes to a file, or below that line where no file can be written.

    Args:
        error: What nobody has foreseen.
    """
    last = traceback.extract_tb(error.__traceback__)[-1:]
    where = f", {Path(last[0].filename).name} line {last[0].lineno}" if last else ""
    said = f": {text}" if (text := one_line(str(error))) else ""
    what = f"this is a defect of renode-mnist, and no check has failed: {type(error).__name__}{said}{where}."
    report = _report(error)
    if (place := _kept(report)) is None:
        return f"{what}\n{report}"
    return f"{what} The details are in {place}: please send them, and what `renode-mnist doctor` says."


def _report(error: BaseException) -> str:
    return "\n".join(
        [
            f"renode-mnist {version.version()}, commit {version.commit()}",
            f"Python {platform.python_version()}, {platform.platform()}",
            f"called as {' '.join(map(repr, sys.argv[1:]))}",
            "",
            "".join(traceback.format_exception(error)),
        ]
    )


def _kept(report: str) -> Path | None:
    for folder in (_cache, lambda: Path(tempfile.gettempdir())):
        with suppress(Exception):  # whatever is wrong with this machine, the defect is told
            handle, name = tempfile.mkstemp(prefix="defect-", suffix=".txt", dir=folder())
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(report)
            return Path(name)
    return None


def _cache() -> Path:
    return paths.made(paths.cache() / "defects")
