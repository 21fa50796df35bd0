"""What a commit costs, case by case: the file that ``renode-mnist ci`` and ``renode-mnist history`` hand on.

It may come from a fork's pull request, so whoever reads it reads untrusted data: nothing but the fields below, each
of its type, each string one line of printable characters, sizes and counts limited. Nothing in it is markup, and
whoever shows a text of it escapes it.
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from renode_mnist.errors import RenodeMnistError
from renode_mnist.plain_text import MOST_CHARACTERS, one_line

SCHEMA: Final = "renode-mnist/measurement/1"

MOST_BYTES = 4_000_000
"""Of a file: a hundred cases of a hundred layers are one."""
MOST_CASES = 200
MOST_LAYERS = 1_000
MOST_REASONS = 100
_MOST_COUNT = 2**53 - 1
"""The largest whole number that each reader of JSON keeps."""


class MeasurementError(RenodeMnistError):
    """A file of a measurement that cannot be read or written, or is none."""


def _printable(text: str) -> str:
    if not text.isprintable():  # control characters, line ends, what turns the direction of text
        raise ValueError("has a character that cannot be printed")
    return text


def _moment(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time in ISO 8601") from None  # Python's words would hold the text
    if moment.tzinfo is None:
        raise ValueError("has no time zone")
    return text


Text = Annotated[str, Field(max_length=MOST_CHARACTERS), AfterValidator(_printable)]
Count = Annotated[int, Field(ge=0, le=_MOST_COUNT)]


class Table(BaseModel):
    """Fields are keys, values are taken as they are (true is no 1), and there is nothing else."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, serialize_by_alias=True)


class Commit(Table):
    """Whose cost it is.

    Attributes:
        id: The full hash; empty for a folder without git.
        message: Its first line.
        author: A name, no address.
        timestamp: When it was committed, as ISO 8601 with a time zone.
        url: Its page; empty where nobody said which.
    """

    id: Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})?$")]
    message: Text
    author: Text
    timestamp: Annotated[Text, AfterValidator(_moment)]
    url: Annotated[Text, Field(pattern=r"^(https?://[^\s<>\"'`()\[\]\\|{}^]+)?$")]


class Layer(Table):
    """A step of the program.

    Attributes:
        op: What it computes, as ``CONV_2D``; layers are told apart by their place in the list.
        instructions: None where the target does not count them.
        cycles_modelled: None where the target has no model of them.
    """

    op: Text
    instructions: Count | None
    cycles_modelled: Count | None


class CaseCost(Table):
    """A case: a model on an engine, or a finished image.

    Attributes:
        case: As ``bench.Case.name``, ``int8/m7``.
        target: Where it ran, as ``embedded``; empty where it did not and its sections alone are told.
        compiler: As the image says.
        cycle_model: The digest of the model that ``cycles_modelled`` are of; empty where there is none.
        clock_mhz: At which cycles become time; 0 where it did not run.
        instructions: Of an inference.
        cycles_modelled: Likewise.
        flash_bytes: The image.
        ram_bytes: ``.data``, ``.bss`` and, where it ran, the stack's high-water mark.
        accuracy: The share of the labelled samples that were classified as labelled; None without samples.
        verdict: Of budgets, suites and accuracy together; ``unjudged`` where nothing was held against it.
        reasons: A sentence each: what failed, or why nothing was judged.
        layers: In order; empty where nothing tells them.
    """

    case: Annotated[Text, Field(pattern=r"^[^/]+/[^/]+$")]
    target: Text
    compiler: Text
    cycle_model: Text
    clock_mhz: Annotated[int, Field(ge=0, le=10_000)]
    instructions: Count | None
    cycles_modelled: Count | None
    flash_bytes: Count
    ram_bytes: Count | None
    accuracy: Annotated[float | None, Field(ge=0, le=1, allow_inf_nan=False)]
    verdict: Literal["passed", "failed", "unjudged"]
    reasons: Annotated[list[Text], Field(max_length=MOST_REASONS)]
    layers: Annotated[list[Layer], Field(max_length=MOST_LAYERS)]

    @property
    def milliseconds(self) -> float | None:
        """The modelled time of an inference."""
        if self.cycles_modelled is None or not self.clock_mhz:
            return None
        return self.cycles_modelled / self.clock_mhz / 1e3


class Measurement(Table):
    """What a commit costs.

    Attributes:
        schema_: ``schema`` in the file.
        commit: Whose.
        package: The version of renode-mnist that measured.
        cases: Each once.
    """

    schema_: Literal["renode-mnist/measurement/1"] = Field(alias="schema")
    commit: Commit
    package: Text
    cases: Annotated[list[CaseCost], Field(max_length=MOST_CASES)]


def parse(content: bytes, name: str) -> Measurement:
    """A measurement from bytes of whatever origin.

    Args:
        content: What a file holds.
        name: Of it, for messages.

    Raises:
        MeasurementError: It is too large, no JSON or no measurement; the message names the field.
    """
    if len(content) > MOST_BYTES:
        raise _none(name, f"it has more than {MOST_BYTES:,} bytes")
    try:
        found = Measurement.model_validate_json(content)
    except ValidationError as error:
        raise _none(name, first_refusal(error)) from error
    if len({cost.case for cost in found.cases}) < len(found.cases):
        raise _none(name, "it has a case more than once")
    return found


def first_refusal(error: ValidationError) -> str:
    """What pydantic found first, without what was given there: a CI system may read commands in what a job prints."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = one_line(re.sub(r"[^\w.]", "?", ".".join(map(str, first["loc"])), flags=re.ASCII))
    return f"{place}: {one_line(first['msg'])}" if place else one_line(first["msg"])


def load(file: Path) -> Measurement:
    """Reads what `save` wrote, or somebody else; see `parse`.

    Raises:
        MeasurementError: As `parse`, or it cannot be read.
    """
    return parse(read_limited(file), str(file))


def read_limited(file: Path) -> bytes:
    """What a file holds, up to one byte more than may be.

    Raises:
        MeasurementError: It cannot be read.
    """
    try:
        with file.open("rb") as stream:
            return stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise MeasurementError(f"cannot read {file}: {error.strerror}", "Check the path.") from error


def save(file: Path, measurement: Measurement) -> None:
    """Writes a measurement.

    Raises:
        MeasurementError: The file cannot be written.
    """
    try:
        file.write_text(measurement.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MeasurementError(f"cannot write {file}: {error.strerror}", "Name another file.") from error


def _none(name: str, why: str) -> MeasurementError:
    return MeasurementError(f"{name} is no measurement: {why}", "Name a file made by `renode-mnist ci measure`.")
