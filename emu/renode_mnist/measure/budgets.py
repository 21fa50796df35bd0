"""Budgets: what each case may cost, in a file of the repository; a build that grows past it fails.

``budgets.toml`` holds a table for each case and toolchain, ``[cases."int8/m7".debian-12]``, and tells what each
toolchain is, ``[toolchains.debian-12]``: figures are exact for the compiler, C library and flags that made the image,
and say nothing of others. ``instructions`` may not grow at all, nor ``fallbacks``, the layers that another engine's
kernels compute; modelled cycles, which are those at 216 MHz, and measured ones, flash and RAM may by
``tolerance_percent`` of what is written. The lists beside them tell where a growth is: ``layers`` and ``functions``
for instructions, ``cycles_modelled_layers`` and ``cycles_measured_layers`` for the cycles.

The case of a program of others, ``[cases."blink/elf".debian-12]``, has no layers; ``functions`` is one table, and
each function in it a bound by itself (``program_budgets``).

Files of before name no toolchain, ``[cases."int8/m7"]``. Nobody can tell which one they meant, so they hold for every
image, as they did, and who shows a verdict says so.

Here is the form of the file, and its reading; ``budget_choice`` finds the budget of an image, ``budget_check`` holds
figures against it, ``budget_update`` writes it.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import ENGINES, OBJECTIVES

EXACT = "instructions"
FALLBACKS = "fallbacks"
LAYERS = {EXACT: "layers", "cycles_modelled": "cycles_modelled_layers", "cycles_measured": "cycles_measured_layers"}
"""Of which list each count's layers are kept in."""
FUNCTIONS = "functions"
_MOST_BYTES = 10_000_000
UNNAMED = ""
"""The toolchain of a budget that names none."""

_COUNT = Field(ge=0, description="a whole number from 0 on")
_COUNTS = Field(description="a list of whole numbers from 0 on")
_FUNCTIONS = Field(description="for each layer a table of functions, each with a whole number from 0 on")
_Count = Annotated[int, _COUNT]

PROGRAM = "elf"
"""In the place of the engine in the case of a program that knows nothing of this project, ``blink/elf``."""
_CASE = rf"^[^/]+/({PROGRAM}$|({'|'.join(ENGINES)})(-({'|'.join(OBJECTIVES[1:])}))?(-soft)?$)"
_CASE_FORM = (
    f"MODEL/ENGINE with {', '.join(ENGINES)} for ENGINE, then -{' or -'.join(OBJECTIVES[1:])} where engine m7 was "
    f"built for it, and -soft without FPU; or NAME/{PROGRAM} for a program"
)
_TOP = "tolerance_percent and the tables toolchains and cases"


class BudgetError(RenodeMnistError):
    """A budget file that cannot be used."""


class _Table(BaseModel):
    """A table of the file: its fields are the keys, its values are taken as they are (true is no 1)."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Toolchain(_Table):
    """What made an image, as the image says of itself; what is not given may be anything.

    Attributes:
        compiler: With the C library that it links.
        flags: All but those that choose how floats are computed, which a case's name tells.
        found_in: Where it is to be had, for who has another.
    """

    compiler: str = Field(description='a string, as compiler = "GNU 12.2.1, newlib 3.3.0"')
    flags: str | None = Field(default=None, description='a string, as flags = "-mcpu=cortex-m7 -mthumb -O2"')
    found_in: str | None = Field(default=None, description='a string, as found_in = "Debian 12"')


class Bounds(_Table):
    """What a case may cost; the fields stand in the order in which they are written.

    None is what the file does not have: not every target measures everything.
    """

    run: str | None = Field(default=None, description="a string, the end of the run of a program, as bench writes it")
    instructions: _Count
    cycles_modelled: Annotated[int | None, _COUNT] = None
    cycle_model: str | None = Field(
        default=None, description="a string, the digest of the model that cycles_modelled are of"
    )
    cycles_measured: Annotated[int | None, _COUNT] = None
    flash_bytes: _Count
    ram_bytes: _Count
    fallbacks: Annotated[int | None, _COUNT] = None
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
        toolchains: By the names that the cases use.
        cases: By the names of ``bench.Case``, then by toolchain.
    """

    tolerance_percent: int | float = Field(
        ge=0, allow_inf_nan=False, description="a number from 0 on, as tolerance_percent = 2"
    )
    toolchains: dict[str, Toolchain] = Field(default={}, description="a table for each toolchain, [toolchains.NAME]")
    cases: dict[Annotated[str, Field(pattern=_CASE)], dict[str, Bounds]] = Field(
        default={}, description='a table for each case and toolchain, [cases."int8/m7".NAME]'
    )


def load(file: Path) -> Budgets:
    """Reads budgets.

    Raises:
        BudgetError: The file cannot be read, or holds an unknown case or key, a negative number, no number, or lacks
            one; the message names the line and what is allowed.
    """
    try:
        text = outside.content(file, _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise BudgetError(f"cannot read {file}: {why}", "Make it: `renode-mnist bench --update`.") from error
    remedy = "Mend it, or remove it and run `renode-mnist bench --update`."
    with outside.reading(lambda why: BudgetError(f"{file}: {why}", remedy)):
        content = tomllib.loads(text)
    try:
        budgets = Budgets.model_validate(_with_toolchains(content))
    except ValidationError as error:
        refusals = [_refusal(one, _Lines(text)) for one in error.errors(include_url=False)]
        raise min(refusals).of(file) from error
    for case, bounds in budgets.cases.items():
        for name in bounds.keys() - budgets.toolchains.keys() - {UNNAMED}:
            known = f"{', '.join(budgets.toolchains) or 'none so far'}; or a table [toolchains.{name}]"
            line = _Lines(text).header("cases", case, name)
            raise _Refusal(False, line, f"case {case} is for the unknown toolchain {name}", known).of(file)
    return budgets


def _with_toolchains(content: dict[str, Any]) -> dict[str, Any]:
    """A case whose table holds bounds, and no tables of toolchains, is for one without a name."""
    if not isinstance(cases := content.get("cases"), dict):
        return content
    named = {
        case: table if isinstance(table, dict) and table and _all_tables(table) else {UNNAMED: table}
        for case, table in cases.items()
    }
    return {**content, "cases": named}


def _all_tables(table: dict[str, Any]) -> bool:
    return all(isinstance(value, dict) for value in table.values())


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

    def header(self, *words: str) -> int:
        """The line that opens a table, or the first of those in it, counted from 1."""
        path = r"\s*\.\s*".join(rf"""["']?{re.escape(word)}["']?""" for word in words)
        opened = re.compile(rf"\s*\[\s*{path}\s*[.\]]")
        found = (number for number, line in enumerate(self._lines, 1) if opened.match(line))
        return next(found, None) or self.key(words[-1], after=self.key(words[0]))

    def key(self, word: str, after: int = 0) -> int:
        """The first line behind ``after`` that names ``word`` before an equals sign or in a heading."""
        names = re.compile(rf"""(^|[\s\[.{{,"']){re.escape(word)}["']?\s*([=.\]]|$)""")
        found = (number for number, line in enumerate(self._lines, 1) if number > after and names.search(line))
        return next(found, None) or max(after, 1)


def line_of(file: Path, case: str, toolchain: str, key: str) -> int:
    """The line of a bound, counted from 1; its table's, or the first, where it does not stand on one of its own.

    Args:
        file: As ``load`` reads it.
        case: See ``Budgets.cases``.
        toolchain: ``UNNAMED`` for a budget of before.
        key: One of ``Bounds``.

    Raises:
        BudgetError: It cannot be read.
    """
    try:
        lines = _Lines(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BudgetError(f"cannot read {file}: {error}", "Check its permissions.") from error
    return lines.key(key, after=lines.header(*filter(None, ["cases", case, toolchain])))


def _refusal(error: ErrorDetails, lines: _Lines) -> _Refusal:
    """What pydantic found, in the words of the file."""
    kind, found = error["type"], error["input"]
    match tuple(map(str, error["loc"])):
        case ("cases", name, "[key]"):
            return _Refusal(False, lines.header("cases", name), f"the unknown case {name}", _CASE_FORM)
        case ("cases", name, toolchain):
            what = f"case {_case(name, toolchain)} is {found!r}"
            return _Refusal(
                False, lines.header("cases", name, *filter(None, [toolchain])), what, f"a table with {_names(Bounds)}"
            )
        case ("cases", name, toolchain, key, *inside):
            case, header = _case(name, toolchain), lines.header(*filter(None, ["cases", name, toolchain]))
            line = lines.key(key, after=header)
            if kind == "missing":
                return _Refusal(True, header, f"case {case} has no {key}", _names(Bounds))
            if kind == "extra_forbidden":
                return _Refusal(False, line, f"case {case} has the unknown key {key}", _names(Bounds))
            function = f" for {inside[1]}" if inside[1:] else ""
            layer = f"{' in' if function else ' for'} layer {inside[0]}" if inside else ""
            return _Refusal(
                False, line, f"case {case}: {key} is {found!r}{function}{layer}", _description(Bounds, key)
            )
        case ("toolchains", name, *rest):
            what, header = f"toolchain {name}", lines.header("toolchains", name)
            if not rest:
                return _Refusal(False, header, f"{what} is {found!r}", f"a table with {_names(Toolchain)}")
            (key,) = rest
            line = lines.key(key, after=header)
            if kind == "missing":
                return _Refusal(True, header, f"{what} has no {key}", _names(Toolchain))
            if kind == "extra_forbidden":
                return _Refusal(False, line, f"{what} has the unknown key {key}", _names(Toolchain))
            return _Refusal(False, line, f"{what}: {key} is {found!r}", _description(Toolchain, key))
        case (key, *_):
            if kind == "missing":
                return _Refusal(True, 1, f"{key} is missing", _description(Budgets, key))
            if kind == "extra_forbidden":
                return _Refusal(False, lines.key(key), f"the unknown key {key}", _TOP)
            return _Refusal(False, lines.key(key), f"{key} is {found!r}", _description(Budgets, key))
    raise AssertionError(f"pydantic names no place: {error}")


def _case(name: str, toolchain: str) -> str:
    return f"{name} for {toolchain}" if toolchain else name


def _names(table: type[_Table]) -> str:
    return ", ".join(table.model_fields)


def _description(table: type[_Table], key: str) -> str:
    return table.model_fields[key].description or ""
