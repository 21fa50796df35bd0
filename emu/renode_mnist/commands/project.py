"""What a project says once: ``renode-mnist.toml``, or ``[tool.renode-mnist]`` of its ``pyproject.toml``.

Keys are the command line's options without their dashes. At the top stand those of the image and the target, for
every command that has them; a table ``[test]`` or ``[ci.measure]`` has any option of that command. What is given on
the command line comes before the table, the table before the top, and the top before what is built in.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import ImageOptions
from renode_mnist.option import Face, Option, options_of
from renode_mnist.session.target_options import LineOptions, OpenOptions

FILE = "renode-mnist.toml"
_PYPROJECT = "pyproject.toml"
_TABLE = "renode-mnist"
_MOST_BYTES = 1_000_000
_OF_OTHERS = frozenset({"compare", "train", "data", "export", "init"})
"""Commands whose models are not the project's: commits of renode-mnist itself, Keras files, digits."""

_SHORT = 0.5
"""How alike a value is to the one that is meant: of two letters one may be wrong."""


class ProjectError(RenodeMnistError):
    """A project's file that cannot be used."""


@dataclass(frozen=True)
class Project:
    """What a project says.

    Attributes:
        file: Where.
        values: As TOML has them: keys without a table, and tables by the names of commands.
    """

    file: Path
    values: Mapping[str, Any]


def find(start: Path) -> Project | None:
    """The nearest project's file, from a folder up to the root of its repository; outside one, of that folder alone.

    Raises:
        ProjectError: It cannot be read, or a folder has two.
    """
    for folder in _upward(start.resolve()):
        own, other = folder / FILE, folder / _PYPROJECT
        table = _read(other).get("tool", {}) if other.is_file() else {}
        in_pyproject = table.get(_TABLE) if isinstance(table, dict) else None
        if own.is_file():
            if in_pyproject is not None:
                raise ProjectError(f"{own} and [tool.{_TABLE}] of {other} say both", "Keep one of them.")
            return Project(own, _read(own))
        if in_pyproject is not None:
            if not isinstance(in_pyproject, dict):
                raise ProjectError(f"{other}: tool.{_TABLE} is no table", f"Write [tool.{_TABLE}].")
            return Project(other, in_pyproject)
    return None


def _upward(folder: Path) -> Iterator[Path]:
    folders = [folder, *folder.parents]
    root = next((place for place, each in enumerate(folders) if (each / ".git").exists()), 0)
    yield from folders[: root + 1]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(outside.content(file, _MOST_BYTES).decode())
    except OSError as error:
        raise ProjectError(f"{file} cannot be read: {error.strerror}", "Check its permissions.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"{file} is no TOML: {outside.why(error)}", "Mend it.") from error


def default_map(project: Project, root: click.Group, context: click.Context) -> dict[str, Any]:
    """What click takes as its defaults, for every command that a project's file concerns.

    Args:
        project: The file; all of it is checked, also what concerns another command.
        root: With all commands.
        context: Of the call.

    Raises:
        ProjectError: A key that nobody knows, or a value that its option does not take.
    """
    top = {key: value for key, value in project.values.items() if not isinstance(value, dict)}
    tables = {key: value for key, value in project.values.items() if isinstance(value, dict)}
    shared = _shared()
    for key, value in top.items():
        if key not in shared:
            raise _unknown(project.file, key, [*shared, *root.list_commands(context)], "")
        _checked_shared(project.file, key, value, shared[key])
    for name in tables:
        if root.get_command(context, name) is None:
            raise _unknown(project.file, f"[{name}]", [f"[{each}]" for each in root.list_commands(context)], "")
    return _Lazy(project, root, top, tables)


class _Lazy(dict[str, Any]):
    """Defaults by command. Tables are checked at once, and what the top gives a command when that is called."""

    def __init__(
        self, project: Project, group: click.Group, top: Mapping[str, Any], tables: Mapping[str, Any], name: str = ""
    ) -> None:
        super().__init__()
        self._project, self._group, self._top, self._tables, self._name = project, group, top, tables, name
        context = click.Context(group)
        for each in tables:
            if isinstance(group.get_command(context, each), click.Command):
                self[each] = self._of(each)

    @property
    def file(self) -> Path:
        """The project's file."""
        return self._project.file

    def get(self, name: str, default: Any = None) -> Any:
        """Of a command; click asks for the one that is called."""
        if name not in self and self._group.get_command(click.Context(self._group), name) is not None:
            self[name] = self._of(name)
        return super().get(name, default)

    def _of(self, name: str) -> dict[str, Any]:
        command = self._group.get_command(click.Context(self._group), name)
        table = self._tables.get(name, {})
        whole = f"{self._name}.{name}".lstrip(".")
        file = self._project.file
        if not isinstance(table, dict):
            raise ProjectError(f"{file}: {whole} is no table", f"Write [{whole}].")
        if isinstance(command, click.Group):
            members = command.list_commands(click.Context(command))
            for key in table:
                if key not in members:
                    raise _unknown(file, key, members, whole)
            return _Lazy(self._project, command, self._top, table, whole)
        assert command is not None
        known = {key: each for each in command.params if each.name for key in _keys(each)}
        found: dict[str, Any] = {}
        if name not in _OF_OTHERS:
            for key, value in self._top.items():
                parameter = known.get(key) or known.get(f"{key}s")
                if parameter is not None and (taken := _taken(file, key, value, parameter)) is not None:
                    found[str(parameter.name)] = taken
        for key, value in table.items():
            if key not in known:
                raise _unknown(file, key, list(known), whole)
            found[str(known[key].name)] = _checked(file, f"[{whole}] {key}", value, known[key])
        return found


def _shared() -> dict[str, Option]:
    """Options of the image, the target and its line, by their keys."""
    names = {"target", *(each.name for declared in (ImageOptions, LineOptions) for each in fields(declared))}
    options = (each for each in options_of(OpenOptions, Face.COMMAND_LINE) if each.name in names)
    return {(each.words.flag or each.name).removeprefix("--").replace("_", "-"): each for each in options}


def _unknown(file: Path, key: str, known: list[str], table: str) -> ProjectError:
    near = get_close_matches(key, known, 1)
    where = f"[{table}] " if table else ""
    remedy = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(known))}."
    return ProjectError(f"{file}: {where}{key} is unknown", remedy)


def _keys(parameter: click.Parameter) -> list[str]:
    """How a project's file calls a parameter: by its long options, an argument by its name."""
    if isinstance(parameter, click.Argument):
        return [str(parameter.name)]
    return [each.removeprefix("--") for each in parameter.opts if each.startswith("--") and each != "--help"]


def _checked_shared(file: Path, key: str, value: Any, declared: Option) -> None:
    if declared.choices:
        if isinstance(value, bool) or str(value) not in map(str, declared.choices):
            near = get_close_matches(str(value), list(map(str, declared.choices)), 1, _SHORT)
            hint = f"Did you mean {near[0]}?" if near else f"Take {', '.join(map(str, declared.choices))}."
            raise ProjectError(f"{file}: {key} = {_toml(value)} is none of its values", hint)
        return
    wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(declared.kind, "a string")
    is_right = isinstance(value, declared.kind) if declared.kind in (int, float, bool) else isinstance(value, str)
    if not is_right or (declared.kind is not bool and isinstance(value, bool)):
        raise ProjectError(f"{file}: {key} = {_toml(value)} is not {wanted}", f"Write {wanted}.")
    least, most = declared.words.least, declared.words.most
    if (least is not None and value < least) or (most is not None and value > most):
        raise ProjectError(f"{file}: {key} = {_toml(value)} is out of range", f"Take {_range(least, most)}.")


def _toml(value: Any) -> str:
    """As it stands in the file, or nearly."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _range(least: int | None, most: int | None) -> str:
    return f"{least} to {most}" if most is not None else f"at least {least}"


def _taken(file: Path, key: str, value: Any, parameter: click.Parameter) -> Any:
    """What a command takes of the top; None where it can't: `serve` has no board, `parity` wants two targets."""
    if key == "target" and parameter.multiple:
        return None
    try:
        return _checked(file, key, value, parameter)
    except ProjectError:
        if isinstance(parameter.type, click.Choice):
            return None
        raise


def _checked(file: Path, key: str, value: Any, parameter: click.Parameter) -> Any:
    """A value as click takes it.

    Raises:
        ProjectError: The option does not take it.
    """
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(value, bool):
            raise ProjectError(f"{file}: {key} = {_toml(value)} is not true or false", "Write true or false.")
        return value
    if parameter.multiple:
        return [_one(file, key, each, parameter) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        if parameter.nargs > 1:
            return value
        if parameter.type.name == "list":  # several words of one option, which commas join
            return ",".join(str(_one(file, key, each, parameter)) for each in value)
    return _one(file, key, value, parameter)


def _one(file: Path, key: str, value: Any, parameter: click.Parameter) -> Any:
    if isinstance(value, bool | list | dict):
        raise ProjectError(f"{file}: {key} = {_toml(value)} is no value of it", "Write a string or a number.")
    is_number = isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType)
    if is_number and isinstance(value, str):
        raise ProjectError(f"{file}: {key} = {_toml(value)} is no number", "Write it without quotation marks.")
    given = value if is_number else _placed(file.parent, str(value), parameter)
    try:
        parameter.type.convert(given, parameter, None)
    except click.BadParameter as error:
        raise ProjectError(f"{file}: {key} = {_toml(value)}: {error.message}", "Write another.") from error
    return given


def _placed(folder: Path, value: str, parameter: click.Parameter) -> str:
    """A file's name as it is from here: in the project's file it is meant from there."""
    names_file = isinstance(parameter.type, click.Path)
    may_name_file = parameter.type is click.STRING or parameter.type.name == "list"
    if names_file or (may_name_file and (folder / value).exists()):
        return os.path.relpath(folder / value)
    return value
