"""What a project says once: ``renode-mnist.toml``, or ``[tool.renode-mnist]`` of its ``pyproject.toml``.

Keys are the command line's options without their dashes. At the top stand those of the image and the target, for
every command that has them; a table ``[test]`` or ``[ci.measure]`` has any option of that command. What is given on
the command line comes before the table, the table before the top, and the top before what is built in.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from renode_mnist import outside
from renode_mnist.commands.project_key import FILE, MOST_BYTES, PYPROJECT, TABLE, Defaults, Key, shown
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import ImageOptions
from renode_mnist.option import Face, Option, options_of
from renode_mnist.session.target_options import LineOptions, OpenOptions

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
        own, other = folder / FILE, folder / PYPROJECT
        table = _read(other).get("tool", {}) if other.is_file() else {}
        in_pyproject = table.get(TABLE) if isinstance(table, dict) else None
        if own.is_file():
            if in_pyproject is not None:
                raise ProjectError(f"{own} and [tool.{TABLE}] of {other} say both", "Keep one of them.")
            return Project(own, _read(own))
        if in_pyproject is not None:
            if not isinstance(in_pyproject, dict):
                raise ProjectError(f"{other}: tool.{TABLE} is no table", f"Write [tool.{TABLE}].")
            return Project(other, in_pyproject)
    return None


def _upward(folder: Path) -> Iterator[Path]:
    folders = [folder, *folder.parents]
    root = next((place for place, each in enumerate(folders) if (each / ".git").exists()), 0)
    yield from folders[: root + 1]


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(outside.content(file, MOST_BYTES).decode())
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
        place = Key(project.file, "", key)
        if key not in shared:
            raise _misplaced(place, root, context) or _unknown(place, [*shared, *root.list_commands(context)])
        _checked_shared(place, value, shared[key])
    for name in tables:
        if root.get_command(context, name) is None:
            raise _unknown(Key(project.file, name, ""), [f"[{each}]" for each in root.list_commands(context)])
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

    def _of(self, name: str) -> Defaults | _Lazy:
        command = self._group.get_command(click.Context(self._group), name)
        table = self._tables.get(name, {})
        whole = f"{self._name}.{name}".lstrip(".")
        file = self._project.file
        if not isinstance(table, dict):
            raise ProjectError(f"{Key(file, self._name, name).place}: {whole} is no table", f"Write [{whole}].")
        if isinstance(command, click.Group):
            members = command.list_commands(click.Context(command))
            for key in table:
                if key not in members:
                    raise _unknown(Key(file, whole, key), members)
            return _Lazy(self._project, command, self._top, table, whole)
        assert command is not None
        known = {key: each for each in command.params if each.name for key in _keys(each)}
        found = Defaults()
        if name not in _OF_OTHERS:
            for key, value in self._top.items():
                parameter, place = known.get(key) or known.get(f"{key}s"), Key(file, "", key)
                if parameter is not None and (taken := _taken(place, value, parameter)) is not None:
                    found.take(parameter, place, value, taken)
        for key, value in table.items():
            place = Key(file, whole, key)
            if key not in known:
                raise _unknown(place, list(known))
            found.take(known[key], place, value, _checked(place, value, known[key]))
        return found


def _shared() -> dict[str, Option]:
    """Options of the image, the target and its line, by their keys."""
    names = {"target", *(each.name for declared in (ImageOptions, LineOptions) for each in fields(declared))}
    options = (each for each in options_of(OpenOptions, Face.COMMAND_LINE) if each.name in names)
    return {(each.words.flag or each.name).removeprefix("--").replace("_", "-"): each for each in options}


def _unknown(key: Key, known: list[str]) -> ProjectError:
    near = get_close_matches(key.name or f"[{key.table}]", known, 1)
    remedy = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(known))}."
    return ProjectError(f"{key} is unknown", remedy)


def _misplaced(key: Key, root: click.Group, context: click.Context) -> ProjectError | None:
    """An option of some commands that stands where those of all of them do."""
    commands = _leaves(root, context)
    tables = [name for name, command in commands if any(key.name in _keys(each) for each in command.params)]
    if not tables:
        return None
    words = ", ".join(f"[{each}]" for each in tables)
    return ProjectError(f"{key} is an option of single commands", f"Write it into the table of its command: {words}.")


def _leaves(group: click.Group, context: click.Context, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command, whole = group.get_command(context, name), f"{path}.{name}".lstrip(".")
        if isinstance(command, click.Group):
            yield from _leaves(command, context, whole)
        elif command is not None:
            yield whole, command


def _keys(parameter: click.Parameter) -> list[str]:
    """How a project's file calls a parameter: by its long options, an argument by its name."""
    if isinstance(parameter, click.Argument):
        return [str(parameter.name)]
    return [each.removeprefix("--") for each in parameter.opts if each.startswith("--") and each != "--help"]


def _checked_shared(key: Key, value: Any, declared: Option) -> None:
    if declared.choices:
        if isinstance(value, bool) or str(value) not in map(str, declared.choices):
            near = get_close_matches(str(value), list(map(str, declared.choices)), 1, _SHORT)
            hint = f"Did you mean {near[0]}?" if near else f"Take {', '.join(map(str, declared.choices))}."
            raise ProjectError(f"{key} = {shown(value)} is none of its values", hint)
        return
    wanted = {int: "a whole number", float: "a number", bool: "true or false"}.get(declared.kind, "a string")
    is_right = isinstance(value, declared.kind) if declared.kind in (int, float, bool) else isinstance(value, str)
    if not is_right or (declared.kind is not bool and isinstance(value, bool)):
        raise ProjectError(f"{key} = {shown(value)} is not {wanted}", f"Write {wanted}.")
    least, most = declared.words.least, declared.words.most
    if (least is not None and value < least) or (most is not None and value > most):
        raise ProjectError(f"{key} = {shown(value)} is out of range", f"Take {_range(least, most)}.")


def _range(least: int | None, most: int | None) -> str:
    return f"{least} to {most}" if most is not None else f"at least {least}"


def _taken(key: Key, value: Any, parameter: click.Parameter) -> Any:
    """What a command takes of the top; None where it can't: `serve` has no board, `parity` wants two targets."""
    if key.name == "target" and parameter.multiple:
        return None
    try:
        return _checked(key, value, parameter)
    except ProjectError:
        if isinstance(parameter.type, click.Choice):
            return None
        raise


def _checked(key: Key, value: Any, parameter: click.Parameter) -> Any:
    """A value as click takes it.

    Raises:
        ProjectError: The option does not take it.
    """
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if not isinstance(value, bool):
            raise ProjectError(f"{key} = {shown(value)} is not true or false", "Write true or false.")
        return value
    if parameter.multiple:
        return [_one(key, each, parameter) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, list):
        if parameter.nargs > 1:
            return value
        if parameter.type.name == "list":  # several words of one option, which commas join
            return ",".join(str(_one(key, each, parameter)) for each in value)
    return _one(key, value, parameter)


def _one(key: Key, value: Any, parameter: click.Parameter) -> Any:
    if isinstance(value, bool | list | dict):
        raise ProjectError(f"{key} = {shown(value)} is no value of it", "Write a string or a number.")
    is_number = isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType)
    if is_number and isinstance(value, str):
        raise ProjectError(f"{key} = {shown(value)} is no number", "Write it without quotation marks.")
    given = value if is_number else _placed(key.file.parent, str(value), parameter)
    try:
        parameter.type.convert(given, parameter, None)
    except click.BadParameter as error:
        raise ProjectError(f"{key} = {shown(value)}: {error.message}", "Write another.") from error
    return given


def _placed(folder: Path, value: str, parameter: click.Parameter) -> str:
    """A file's name as it is from here: in the project's file it is meant from there."""
    names_file = isinstance(parameter.type, click.Path)
    may_name_file = parameter.type is click.STRING or parameter.type.name == "list"
    if names_file or (may_name_file and (folder / value).exists()):
        return os.path.relpath(folder / value)
    return value
