"""Options declared once: as fields of a data class, from which every face is made.

A field is declared by `option` (or `argument`, where it has no default), and what it says there is all that the
command line, the library, Robot's suites and the page of ``draw`` know of it. A face that leaves a field out does so
because the field says why. Here is no click and no Robot: each face turns `options_of` into what it needs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
StrPath = str | os.PathLike[str]

_KEY = "option"


class Face(StrEnum):
    """Where somebody gives an option."""

    COMMAND_LINE = "command line"
    LIBRARY = "library"
    SUITE = "suite"
    PAGE = "page"


@dataclass(frozen=True)
class Words:
    """What is said of an option.

    Attributes:
        help: A sentence; names and values stand in double backticks, which the command line drops.
        choices: The values that it may have, where its type does not list them.
        least: Of a number.
        most: Of a number.
        flag: On the command line, where it is not the field's name.
        metavar: What stands for its value in the command line's help.
        many: It is a tuple, each member of which is given by itself.
        path: Whether it names a file that must be there, or a folder.
        unset: What stands for None, as ``its ST-LINK``; empty where nothing does.
        wording: By face, where it words it otherwise.
        suite_default: What Robot's table says in place of the default's value.
        without: By face, why it leaves the option out.
    """

    help: str
    choices: tuple[Any, ...] = ()
    least: int | None = None
    most: int | None = None
    flag: str = ""
    metavar: str = ""
    many: bool = False
    path: Literal["", "file", "folder"] = ""
    unset: str = ""
    wording: Mapping[Face, str] = field(default_factory=dict)
    suite_default: str = ""
    without: Mapping[Face, str] = field(default_factory=dict)

    def for_face(self, face: Face) -> str:
        """The sentence as that face has it."""
        return self.wording.get(face, self.help)


@dataclass(frozen=True)
class Option:
    """A field of a data class, as a face sees it.

    Attributes:
        name: The field's.
        kind: Its type; of ``int | None`` it is ``int``, of a tuple its members'.
        choices: The values that it may have; any of its type where it is empty.
        default: None also where it has to be given.
        positional: Whether it may be given without its name.
        words: What is said of it.
    """

    name: str
    kind: type
    choices: tuple[Any, ...]
    default: Any
    positional: bool
    words: Words

    def value(self, text: str) -> Any:
        """What a text stands for; one that is none of the choices stays, for who checks them.

        Raises:
            ValueError: It is no number where one has to be.
        """
        if self.choices:
            return next((choice for choice in self.choices if str(choice) == text), text)
        if self.kind is bool:
            return text.lower() in ("true", "yes", "on", "1")
        return self.kind(text) if self.kind in (int, float) else text


def option(default: T, help: str, **words: Any) -> T:
    """Declares a field with a default; ``words`` are the other fields of `Words`."""
    declared: T = field(default=default, metadata={_KEY: Words(help, **words)})
    return declared


def argument(help: str, **words: Any) -> Mapping[str, Words]:
    """The same for a field that has to be given: ``field(metadata=argument(...))``."""
    return {_KEY: Words(help, **words)}


def inner(why: str) -> Mapping[str, Words]:
    """For a field that no face takes: ``field(default=..., metadata=inner("follows from the target"))``."""
    return {_KEY: Words("", without=dict.fromkeys(Face, why))}


def options_of(declared: type, face: Face | None = None) -> tuple[Option, ...]:
    """The options that a data class declares, the positional ones first; with ``face`` those that it takes.

    Raises:
        TypeError: A field is declared without saying what it is.
    """
    return tuple(each for each in _declared(declared) if face not in each.words.without)


@cache
def _declared(declared: type) -> tuple[Option, ...]:
    return tuple(_read(declared))


def _read(declared: type) -> Iterator[Option]:
    kinds = get_type_hints(declared)
    for each in sorted(fields(declared), key=lambda one: one.kw_only is True):
        words = words_of(each)
        kind = kinds[each.name]
        choices = words.choices or (get_args(kind) if get_origin(kind) is Literal else ())
        default = None if each.default is MISSING else each.default
        yield Option(each.name, _kind(kind), choices, default, not each.kw_only, words)


def words_of(declared: Field[Any]) -> Words:
    """What a field says of itself.

    Raises:
        TypeError: It says nothing.
    """
    words = declared.metadata.get(_KEY)
    if not isinstance(words, Words):
        raise TypeError(f"the field {declared.name} says nothing of itself: declare it by option()")
    return words


def choices_of(declared: type, name: str) -> tuple[Any, ...]:
    """The values that one option may have."""
    return next(each.choices for each in options_of(declared) if each.name == name)


def alternatives(choices: Sequence[object]) -> str:
    """Each in double backticks: ``a``, ``b`` or ``c``."""
    *others, last = (f"``{choice}``" for choice in choices)
    return f"{', '.join(others)} or {last}" if others else last


def _kind(annotation: Any) -> type:
    """Of a union its first member's, of literals theirs."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return _kind(next(each for each in get_args(annotation) if each is not NoneType))
    if origin is Literal:
        return type(get_args(annotation)[0])
    if origin is tuple:
        return _kind(get_args(annotation)[0])
    kind: type = origin or annotation
    return kind
