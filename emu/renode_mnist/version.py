"""Which version of the package this is, and of which commit: the one place that knows.

The version comes from git's tags, by setuptools-scm, when a wheel, an sdist or an editable installation is made. A
wheel and an sdist keep it, with the commit, in ``renode_mnist/_version.py`` (see setup.py). A checkout has no such
file: its commit is what git says now, its version what the installation was told.
"""

from __future__ import annotations

import importlib
import subprocess
from functools import cache
from pathlib import Path
from types import ModuleType

_DISTRIBUTION = "renode-mnist"
_UNKNOWN = "0+unknown"

_DESCRIBE = ("describe", "--tags", "--long", "--match=v[0-9]*", "--always", "--abbrev=12", "--dirty=+")
"""``v0.1.0-5-g78b157b0c0de+``: five commits behind the tag, and changed since. Without a tag the commit alone.

firmware/cmake/write_build_info.cmake asks the same, for who builds without this package's ``build``.
"""


@cache
def version() -> str:
    """As pip knows it; ``0+unknown`` where the sources only lie on the path."""
    if (kept := _kept()) is not None:
        return str(kept.VERSION)
    import importlib.metadata  # 20 ms, which a wheel need not wait for

    try:
        return importlib.metadata.version(_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return _UNKNOWN


def commit() -> str:
    """The commit that this package is of: tag, distance and hash, or the hash; ends in ``+`` where the tree differed.

    Outside git, and not built from there either, it is ``v`` and the version.
    """
    if (kept := _kept()) is not None:
        return str(kept.COMMIT)
    here = Path(__file__)
    # Sources unpacked into somebody else's repository must not pass off its commit as theirs.
    is_tracked = _git(here.parent, "ls-files", "--error-unmatch", here.name) is not None
    return (commit_of(here.parent) if is_tracked else None) or f"v{version()}"


def commit_of(folder: Path) -> str | None:
    """The commit that a folder is checked out at, written as by ``commit``; None outside git."""
    return _git(folder, *_DESCRIBE)


def commit_seconds() -> int | None:
    """When the commit was made, in seconds since 1970, for builds that are the same at any time; None outside git."""
    if (kept := _kept()) is not None:
        return int(kept.SECONDS)
    said = _git(Path(__file__).parent, "log", "-1", "--format=%ct")
    return int(said) if said else None


def _kept() -> ModuleType | None:
    try:
        return importlib.import_module("renode_mnist._version")
    except ModuleNotFoundError:
        return None


def _git(folder: Path, *arguments: str) -> str | None:
    call = ["git", "-C", str(folder), *arguments]
    try:
        said = subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return said or None
