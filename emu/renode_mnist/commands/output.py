"""What a command prints for programs, and files and folders that it is told to write."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from renode_mnist.errors import EnvironmentProblem

SCHEMA_VERSION = 1
"""Of all that commands print as JSON; one more where a field goes or means something else, none where one comes."""


def print_json(name: str, values: Mapping[str, Any]) -> None:
    """Prints what a command found, headed by which form it has: ``renode-mnist/run/1``.

    Args:
        name: Of the form: the command's words, joined by hyphens.
        values: Plain ones; ``docs/json.md`` says what each is.
    """
    click.echo(json.dumps({"schema": schema(name), **values}, indent=2))


def schema(name: str) -> str:
    """What the field ``schema`` says."""
    return f"renode-mnist/{name}/{SCHEMA_VERSION}"


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
