"""Where a project's file says something: the file, the line and the key, as an error names them."""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from renode_mnist import outside
from renode_mnist.errors import CheckFailed, RenodeMnistError

FILE = "renode-mnist.toml"
PYPROJECT = "pyproject.toml"
TABLE = "renode-mnist"
MOST_BYTES = 1_000_000

_TELLING = 3
"""Characters from which on a value is known by itself; `5` and `m` stand in messages about other things too."""


@dataclass(frozen=True)
class Key:
    """A key of a project's file.

    Attributes:
        file: Where.
        table: As ``ci.measure``; empty at the top.
        name: Of the key; empty is the table itself.
    """

    file: Path
    table: str
    name: str

    @property
    def place(self) -> str:
        """The file and, where it is found, the line, as editors and compilers write them: ``FILE:3``."""
        line = _line(self.file, [*filter(None, self.table.split(".")), *filter(None, [self.name])])
        return f"{self.file}:{line}" if line else str(self.file)

    @property
    def called(self) -> str:
        """Its table and name: ``[test] suite``."""
        return " ".join(filter(None, (self.table and f"[{self.table}]", self.name)))

    def __str__(self) -> str:
        """How a message about it begins."""
        return f"{self.place}: {self.called}"


def _line(file: Path, keys: list[str]) -> int:
    """The line in which the statement that makes a key begins; 0 where it cannot be told.

    TOML's parser keeps no lines, so that it is asked for a part of the file: the key is made by the line before which
    the file is whole and has it not, and behind whose statement it has. Only lines that hold its name are tried.
    """
    if file.name == PYPROJECT:
        keys = ["tool", TABLE, *keys]
    try:
        lines = outside.content(file, MOST_BYTES).decode().splitlines(keepends=True)
    except (OSError, UnicodeDecodeError):
        return 0
    for before in (number for number, line in enumerate(lines) if keys[-1] in line):
        if (values := _parsed(lines[:before])) is None or _has(values, keys):
            continue
        parts = (_parsed(lines[:end]) for end in range(before + 1, len(lines) + 1))
        if _has(next((each for each in parts if each is not None), {}), keys):
            return before + 1
    return 0


def _parsed(lines: list[str]) -> dict[str, Any] | None:
    """None where a statement is not at its end."""
    try:
        return tomllib.loads("".join(lines))
    except tomllib.TOMLDecodeError:
        return None


def _has(values: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True


def shown(value: Any) -> str:
    """A value as it stands in the file, or nearly."""
    return json.dumps(value, ensure_ascii=False, default=str)


class Defaults(dict[str, Any]):
    """What a project's file gives one command, by the names of its parameters, with where each stands.

    Attributes:
        said: Key and value as the file has them, by parameter.
    """

    def __init__(self) -> None:
        super().__init__()
        self.said: dict[str, tuple[Key, Any]] = {}

    def take(self, parameter: click.Parameter, key: Key, said: Any, taken: Any) -> None:
        """Has what a key says for a parameter.

        Args:
            parameter: Of the command.
            key: Where it stands.
            said: The value as the file has it.
            taken: The same as click takes it.
        """
        self[str(parameter.name)] = taken
        self.said[str(parameter.name)] = (key, said)


def explain(error: RenodeMnistError | click.UsageError, context: click.Context) -> None:
    """Adds to an error, as its notes, which lines of the project's file said what it is about.

    A check that failed is none of them: what it names is the project's, and nothing there has to be mended.

    Args:
        error: Of the command.
        context: The command's.
    """
    defaults = context.default_map
    if not isinstance(defaults, Defaults) or isinstance(error, CheckFailed):
        return
    from_file = click.core.ParameterSource.DEFAULT_MAP
    for parameter in context.command.params:
        said = defaults.said.get(str(parameter.name))
        if said is None or context.get_parameter_source(str(parameter.name)) is not from_file:
            continue
        key, value = said
        is_of_it = isinstance(error, click.BadParameter) and error.param is parameter
        if is_of_it or _names(_text(error), key, value):
            error.add_note(f"{key.place} says {key.called} = {shown(value)}")


def _text(error: RenodeMnistError | click.UsageError) -> str:
    return error.format_message() if isinstance(error, click.UsageError) else str(error)


def _names(text: str, key: Key, value: Any) -> bool:
    """Whether a message is about what a key says: it names the option, or the value."""
    if re.search(rf"--{re.escape(key.name)}(?![\w-])", text):
        return True
    is_named = re.search(rf"(?<![\w-]){re.escape(key.name)}s?(?![\w-])", text) is not None
    for each in _leaves(value):
        is_telling = is_named or (len(each) >= _TELLING and not re.fullmatch(r"[\d.e+-]+", each))
        for form in {each, os.path.normpath(each), str((key.file.parent / each).resolve())}:
            bounded = rf"(?<![\w.-]){re.escape(form)}(?![\w-])" if is_telling else rf"['\"]{re.escape(form)}['\"]"
            if form and re.search(bounded, text):
                return True
    return False


def _leaves(value: Any) -> Iterator[str]:
    """Every word of a value; of several that commas join each."""
    if isinstance(value, bool):
        return
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _leaves(each)
    else:
        yield str(value)
        if "," in str(value):
            yield from filter(None, str(value).split(","))
