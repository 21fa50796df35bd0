"""The file that `calibrate` writes and ``--parameters`` reads: figures, and the measurement behind them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from renode_mnist import outside
from renode_mnist.errors import RenodeMnistError
from renode_mnist.option import StrPath
from renode_mnist.plain_text import one_line
from renode_mnist.timing import adjusted
from renode_mnist.timing.adjusted import AdjustedParameters

FORMAT = "renode-mnist calibration 1"
_DEVICE = 0x449
"""DEV_ID of STM32F74x and F75x (RM0385 40.6.1)."""
_MOST_BYTES = 1_000_000
_MAKE = "Make one: `renode-mnist calibrate --output FILE`."


class ParameterError(RenodeMnistError):
    """A file of parameters that cannot be used."""


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Chip(_Table):
    """The chip that was measured, as its registers tell it.

    Attributes:
        idcode: DBGMCU_IDCODE (RM0385 40.6.1).
        cpuid: Of the core (PM0253 4.3.2).
        unique_id: 96 bits (RM0385 41.1).
        flash_kib: (RM0385 41.2).
        clock_hz: Of the core, as the firmware has set it up.
        wait_states: Of the flash.
    """

    idcode: str = Field(description='a string, as idcode = "0x10010449"')
    cpuid: str = Field(description='a string, as cpuid = "0x410fc271"')
    unique_id: str = Field(description="a string of 24 hexadecimal digits")
    flash_kib: int = Field(description="a whole number, as flash_kib = 1024")
    clock_hz: int = Field(description="a whole number, as clock_hz = 216000000")
    wait_states: int = Field(description="a whole number, as wait_states = 7")


class Measured(_Table):
    """Where and by what was measured.

    Attributes:
        target: Where it ran, as `TargetIdentity` tells it.
        unit: ``cycles_measured``; ``cycles_modelled`` where it was an emulator.
        tool: This program's version and commit.
        cycle_model: Digest of the model that the parameters were fitted for.
        rounds: How often each benchmark ran.
        build_id: Of the ELF.
        firmware_commit: Likewise.
        compiler: Likewise.
    """

    target: str = Field(description="a string")
    unit: str = Field(description='a string, as unit = "cycles_measured"')
    tool: str = Field(description="a string")
    cycle_model: str = Field(description="a string, the digest of the model of the cycles")
    rounds: int = Field(description="a whole number")
    build_id: str = Field(description="a string of hexadecimal digits")
    firmware_commit: str = Field(description="a string")
    compiler: str = Field(description="a string")


class Benchmark(_Table):
    """One microbenchmark: cycles a unit."""

    group: str = Field(description="a string")
    name: str = Field(description="a string")
    units: int = Field(description="a whole number: how many units the figures are of")
    measured: float = Field(description="a number")
    spread: float = Field(description="a number")
    modelled: float = Field(description="a number, by the model's own parameters")


class ParameterFile(_Table):
    """What the file holds; a file written by hand needs ``format`` and ``parameters`` only.

    Attributes:
        parameters: By their names in ``adjusted.NAMES``.
    """

    format: str = Field(description=f'format = "{FORMAT}"')
    measured: Measured | None = Field(default=None, description="a table [measured]")
    chip: Chip | None = Field(default=None, description="a table [chip]")
    parameters: dict[str, int] = Field(description="a table [parameters] of whole numbers")
    benchmark: list[Benchmark] = Field(default=[], description="tables [[benchmark]]")


_TABLES: dict[str, type[_Table]] = {"measured": Measured, "chip": Chip, "benchmark": Benchmark}


def load(file: StrPath) -> AdjustedParameters:
    """Reads the parameters of a file.

    Raises:
        ParameterError: It cannot be read, holds what no such file has, an unknown parameter or a figure out of its
            bounds, or was fitted for another model; the message says what is allowed.
    """
    content = read(Path(file))
    return AdjustedParameters(content.parameters, f"{Path(file).name} ({_whence(content)})")


def _whence(content: ParameterFile) -> str:
    if content.measured is None:
        return "not told what it was measured on"
    return f"measured on {content.measured.target}"


def read(file: Path) -> ParameterFile:
    """Reads the whole file.

    Raises:
        ParameterError: As `load`.
    """
    try:
        text = outside.content(file, _MOST_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ParameterError(f"cannot read {file}: {why}", _MAKE) from error
    with outside.reading(lambda why: ParameterError(f"{file}: {why}", "Mend it, or measure again.")):
        values = tomllib.loads(text)
    if values.get("format") != FORMAT:
        raise ParameterError(f"{file} is no file of parameters: its format is {values.get('format')!r}", _MAKE)
    if isinstance(values.get("parameters"), dict):
        pairs = list(_flat(values["parameters"]))
        values["parameters"] = dict(pairs)
        if twice := {name for name, _ in pairs if [other for other, _ in pairs].count(name) > 1}:
            raise ParameterError(
                f"{file}: {min(twice)} stands there with its name in quotes and without", "Leave one of them out."
            )
    try:
        content = ParameterFile.model_validate(values)
    except ValidationError as error:
        raise _refusal(file, error) from error
    for name, value in content.parameters.items():
        if name not in adjusted.NAMES:
            near = get_close_matches(name, adjusted.NAMES, 3)
            meant = f"Did you mean {' or '.join(near)}?" if near else f"Allowed: {', '.join(adjusted.NAMES)}."
            raise ParameterError(f"{file}: the unknown parameter {one_line(name)}", meant)
        if not adjusted.least(name) <= value <= adjusted.most(name):
            raise ParameterError(
                f"{file}: {name} is {value}",
                f"Allowed: whole numbers from {adjusted.least(name)} to {adjusted.most(name)}.",
            )
    _check_model(file, content)
    _check_chip(file, content)
    return content


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys are tables to TOML."""
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _refusal(file: Path, error: ValidationError) -> ParameterError:
    """What pydantic found first, in the words of the file."""
    first = error.errors(include_url=False)[0]
    *tables, key = first["loc"]
    table = next((_TABLES[name] for name in map(str, tables) if name in _TABLES), ParameterFile)
    path = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return ParameterError(f"{file}: the unknown key {path}", f"Allowed: {', '.join(table.model_fields)}.")
    known = table.model_fields.get(str(key))
    allowed = f"Allowed: {known.description if known is not None else 'a whole number'}."
    what = "is missing" if first["type"] == "missing" else f"is {first['input']!r}"
    return ParameterError(f"{file}: {path} {what}", allowed)


def _check_model(file: Path, content: ParameterFile) -> None:
    """A figure fitted for one model makes another one wrong."""
    from renode_mnist.timing import model_sha256

    ours = model_sha256()[: adjusted.IDENTITY_DIGITS]
    if content.measured is not None and content.measured.cycle_model != ours:
        raise ParameterError(
            f"{file} is for model {content.measured.cycle_model} of the cycles, and this is {ours}",
            "Measure again: `renode-mnist calibrate --output FILE`.",
        )


def _check_chip(file: Path, content: ParameterFile) -> None:
    """A figure of another chip says nothing of this one."""
    if content.chip is None:
        return
    try:
        device = int(content.chip.idcode, 16) & 0xFFF
    except ValueError as error:
        told = f"{file}: chip.idcode is {content.chip.idcode!r}"
        raise ParameterError(told, 'Allowed: a number in quotes, as "0x10010449".') from error
    if device != _DEVICE:
        raise ParameterError(
            f"{file} is of another chip: its IDCODE is {content.chip.idcode}",
            f"Measure an STM32F74x or F75x, whose IDCODE ends in {_DEVICE:x} (RM0385 40.6.1).",
        )


def save(file: Path, content: ParameterFile) -> None:
    """Writes the file.

    Raises:
        ParameterError: It cannot be written.
    """
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Made by `renode-mnist calibrate`. Give it back by --parameters, or send it in."))
    for key, value in content.model_dump(exclude_none=True).items():
        document[key] = value
    try:
        file.write_text(tomlkit.dumps(document), encoding="utf-8")
    except OSError as error:
        raise ParameterError(f"cannot write {file}: {error.strerror}", "Name another file.") from error
