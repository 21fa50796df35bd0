"""Budgets: what each case may cost, in a file of the repository; a build that grows past it fails.

``budgets.toml`` holds a table for each case. ``instructions`` are exact, so any growth counts; modelled and measured
cycles, flash and RAM may grow by ``tolerance_percent`` of what is written. The lists beside them tell where a growth
is: ``layers`` and ``functions`` for instructions, ``cycles_modelled_layers`` and ``cycles_measured_layers`` for the
cycles.

Here is the form of the file, and its reading; ``budget_check`` holds figures against it, ``budget_update`` writes it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from renode_mnist.build import ENGINES, OBJECTIVES
from renode_mnist.errors import RenodeMnistError

EXACT = "instructions"
LAYERS = {EXACT: "layers", "cycles_modelled": "cycles_modelled_layers", "cycles_measured": "cycles_measured_layers"}
"""Of which list each count's layers are kept in."""
FUNCTIONS = "functions"

_COUNT = Field(ge=0, description="a whole number from 0 on")
_COUNTS = Field(description="a list of whole numbers from 0 on")
_FUNCTIONS = Field(description="for each layer a table of functions, each with a whole number from 0 on")
_Count = Annotated[int, _COUNT]

_CASE = rf"^[^/]+/({'|'.join(ENGINES)})(-({'|'.join(OBJECTIVES[1:])}))?(-soft)?$"
_CASE_FORM = (
    f"MODEL/ENGINE with {', '.join(ENGINES)} for ENGINE, then -{' or -'.join(OBJECTIVES[1:])} where engine m7 was "
    "built for it, and -soft without FPU"
)
_TOP = "tolerance_percent and the table cases"


class BudgetError(RenodeMnistError):
    """A budget file that cannot be used."""


class _Table(BaseModel):
    """A table of the file: its fields are the keys, its values are taken as they are (true is no 1)."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Bounds(_Table):
    """What a case may cost; the fields stand in the order in which they are written.

    None is what the file does not have: not every target measures everything.
    """

    instructions: _Count
    cycles_modelled: Annotated[int | None, _COUNT] = None
    cycles_measured: Annotated[int | None, _COUNT] = None
    flash_bytes: _Count
    ram_bytes: _Count
    layers: Annotated[list[_Count] | None, _COUNTS] = None
    cycles_modelled_layers: Annotated[list[_Count] | None, _COUNTS] = None
    cycles_measured_layers: Annotated[list[_Count] | None, _COUNTS] = None
    functions: Annotated[list[dict[str, _Count]] | None, _FUNCTIONS] = None

    def of(self, what: str) -> int | None:
        """A bound by its key."""
        bound: int | None = getattr(self, what)
        return bound

    def layers_of(self, what: str) -> Sequence[int]:
        """What each layer may take of a count; none of what is kept for the whole only, as flash."""
        layers: Sequence[int] | None = getattr(self, LAYERS[what]) if what in LAYERS else None
        return layers or ()


class Budgets(_Table):
    """What the file holds.

    Attributes:
        tolerance_percent: By which all but instructions may grow.
        cases: Bounds by the names of ``bench.Case``.
    """

    tolerance_percent: int | float = Field(
        ge=0, allow_inf_nan=False, description="a number from 0 on, as tolerance_percent = 2"
    )
    cases: dict[Annotated[str, Field(pattern=_CASE)], Bounds] = Field(
        default={}, description='a table for each case, [cases."int8/m7"]'
    )


def load(file: Path) -> Budgets:
    """Reads budgets.

    Raises:
        BudgetError: The file cannot be read, or holds an unknown case or key, a negative number, no number, or lacks
            one; the message names the line and what is allowed.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BudgetError(f"cannot read {file}: {why}", "Make it: `renode-mnist bench --update`.") from error
    try:
        return Budgets.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise BudgetError(
            f"{file}: {error}", "Mend it, or remove it and run `renode-mnist bench --update`."
        ) from error
    except ValidationError as error:
        refusals = [_refusal(one, _Lines(text)) for one in error.errors(include_url=False)]
        raise min(refusals).of(file) from error


@dataclass(frozen=True, order=True)
class _Refusal:
    """What is wrong in a file; the least is told: what lacks may be what stands elsewhere, misspelt."""

    lacks: bool
    line: int
    what: str = field(compare=False)
    allowed: str = field(compare=False)

    def of(self, file: Path) -> BudgetError:
        return BudgetError(f"{file}, line {self.line}: {self.what}", f"Allowed: {self.allowed}.")


class _Lines:
    """Where in the text a word stands: what reads TOML does not tell."""

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def header(self, case: str) -> int:
        """The line that opens a case's table, counted from 1."""
        opened = re.compile(rf"""\s*\[\s*cases\s*\.\s*["']?{re.escape(case)}["']?\s*\]""")
        found = (number for number, line in enumerate(self._lines, 1) if opened.match(line))
        return next(found, None) or self.key(case)

    def key(self, word: str, after: int = 0) -> int:
        """The first line behind ``after`` that names ``word`` before an equals sign or in a heading."""
        names = re.compile(rf"""(^|[\s\[.{{,"']){re.escape(word)}["']?\s*([=.\]]|$)""")
        found = (number for number, line in enumerate(self._lines, 1) if number > after and names.search(line))
        return next(found, None) or max(after, 1)


def _refusal(error: ErrorDetails, lines: _Lines) -> _Refusal:
    """What pydantic found, in the words of the file."""
    kind, found = error["type"], error["input"]
    match tuple(map(str, error["loc"])):
        case ("cases", name, "[key]"):
            return _Refusal(False, lines.header(name), f"the unknown case {name}", _CASE_FORM)
        case ("cases", name):
            return _Refusal(False, lines.header(name), f"case {name} is {found!r}", f"a table with {_names(Bounds)}")
        case ("cases", name, key, *inside):
            header = lines.header(name)
            line = lines.key(key, after=header)
            if kind == "missing":
                return _Refusal(True, header, f"case {name} has no {key}", _names(Bounds))
            if kind == "extra_forbidden":
                return _Refusal(False, line, f"case {name} has the unknown key {key}", _names(Bounds))
            function = f" for {inside[1]}" if inside[1:] else ""
            layer = f"{' in' if function else ' for'} layer {inside[0]}" if inside else ""
            return _Refusal(
                False, line, f"case {name}: {key} is {found!r}{function}{layer}", _description(Bounds, key)
            )
        case (key, *_):
            if kind == "missing":
                return _Refusal(True, 1, f"{key} is missing", _description(Budgets, key))
            if kind == "extra_forbidden":
                return _Refusal(False, lines.key(key), f"the unknown key {key}", _TOP)
            return _Refusal(False, lines.key(key), f"{key} is {found!r}", _description(Budgets, key))
    raise AssertionError(f"pydantic names no place: {error}")


def _names(table: type[_Table]) -> str:
    return ", ".join(table.model_fields)


def _description(table: type[_Table], key: str) -> str:
    return table.model_fields[key].description or ""
