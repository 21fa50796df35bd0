"""What a measurement finds wrong, each where somebody can mend it: a line of the budget file, or of a source."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from renode_mnist.measure.measurement import (
    MeasurementError,
    Table,
    Text,
    first_refusal,
    read_limited,
)
from renode_mnist.plain_text import one_line

SCHEMA: Final = "renode-mnist/findings/1"

Level = Literal["error", "warning", "notice"]


class Finding(Table):
    """One of them.

    Attributes:
        case: Of which case; empty for none.
        level: An error is what fails.
        file: Relative to the repository, with slashes; empty where no file is to be mended.
        line: Counted from 1; 0 without a file.
        title: What it is about, as a heading.
        text: A sentence.
    """

    case: Text
    level: Level
    file: Text
    line: Annotated[int, Field(ge=0, le=10_000_000)]
    title: Text
    text: Text


class Source(Table):
    """Where the function of a layer is declared.

    Attributes:
        function: As a row of the benchmark names it.
        file: Relative to the repository.
        line: Counted from 1.
    """

    function: str
    file: str
    line: Annotated[int, Field(ge=1)]


class Findings(Table):
    """A file of them.

    Attributes:
        schema_: ``schema`` in the file.
        budgets: The file that cases were held to, as the call named it; empty for none.
        status: With which ``ci measure`` ended: 0, 1 where a check failed, 2 where one could not be made.
        findings: The errors first.
        sources: Of the functions that the image of the user's own project spends instructions in.
    """

    schema_: Literal["renode-mnist/findings/1"] = Field(alias="schema")
    status: Annotated[int, Field(ge=0, le=2)]
    budgets: str = ""
    findings: list[Finding]
    sources: list[Source]


def finding(level: Level, title: str, text: str, file: str = "", line: int = 0, case: str = "") -> Finding:
    """One whose texts are made to fit."""
    return Finding(
        case=one_line(case),
        level=level,
        file=one_line(file),
        line=line,
        title=one_line(title),
        text=one_line(text),
    )


def save(
    file: Path, status: int, found: Sequence[Finding], sources: Sequence[Source] = (), budgets: Path | None = None
) -> None:
    """Writes findings.

    Args:
        file: Where.
        status: See ``Findings``.
        found: Likewise.
        sources: Likewise.
        budgets: Likewise.

    Raises:
        MeasurementError: The file cannot be written.
    """
    ordered = sorted(found, key=lambda each: ("error", "warning", "notice").index(each.level))
    content = Findings(
        schema=SCHEMA, status=status, budgets=str(budgets or ""), findings=ordered, sources=list(sources)
    )
    try:
        file.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MeasurementError(f"cannot write {file}: {error.strerror}", "Name another folder.") from error


def load(file: Path) -> Findings:
    """Reads what `save` wrote.

    Raises:
        MeasurementError: It cannot be read, or holds something else.
    """
    try:
        return Findings.model_validate_json(read_limited(file))
    except ValidationError as error:
        raise MeasurementError(
            f"{file} holds no findings: {first_refusal(error)}", "Measure again: `renode-mnist ci measure`."
        ) from error


@dataclass(frozen=True)
class Workspace:
    """The folder that a repository is checked out in: findings name files relative to it."""

    folder: Path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Workspace:
        """That of GitHub's or GitLab's job, else the current one."""
        named = environment.get("GITHUB_WORKSPACE") or environment.get("CI_PROJECT_DIR") or os.curdir
        return cls(Path(named).resolve())

    def relative(self, file: Path) -> str:
        """A file as findings name it; empty where it lies elsewhere."""
        try:
            return file.resolve().relative_to(self.folder).as_posix()
        except ValueError:
            return ""
