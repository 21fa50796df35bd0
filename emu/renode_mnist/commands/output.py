"""Files and folders that a command is told to write."""

from __future__ import annotations

from pathlib import Path

from renode_mnist.errors import EnvironmentProblem


def write(path: Path, text: str, *, append: bool = False) -> None:
    """Writes a file, or adds to it.

    Raises:
        EnvironmentProblem: It cannot be written.
    """
    try:
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise _unwritable(path, error) from error


def make_folder(path: Path) -> None:
    """Makes a folder where it is not there.

    Raises:
        EnvironmentProblem: It cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> EnvironmentProblem:
    return EnvironmentProblem(f"{path} cannot be written: {error.strerror}", "Give another path.")
