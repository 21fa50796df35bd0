"""What a pull request's job measures: models on engines, or the ELF of the user's own project."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, cast

from pydantic import Field, ValidationError

from renode_mnist.errors import BuildError, ElfError, EnvironmentProblem, RenodeMnistError
from renode_mnist.images import BuildConfig, Engine, build, resolve_model
from renode_mnist.measure import bench
from renode_mnist.measure.bench import BenchError, Case, Refused, Row
from renode_mnist.measure.findings import Source, Workspace
from renode_mnist.measure.measurement import MeasurementError, Table, first_refusal, read_limited
from renode_mnist.profile.layer_functions import short_name
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.sections import loaded_bytes
from renode_mnist.program.sources import Sources
from renode_mnist.program.symbols import Symbols
from renode_mnist.session.target_options import TargetOptions

SCHEMA: Final = "renode-mnist/subject/1"
CLOCK_MHZ = 216
"""At which budgets' modelled cycles are."""


class Subject(Table):
    """What to measure; kept beside a measurement, so that another commit can be measured likewise.

    Attributes:
        schema_: ``schema`` in the file.
        models: Names, or files relative to the folder that the measurement was asked for in.
        engines: On each of which each model is measured.
        elf: Of the user's own project, relative likewise; empty for none.
        build: A shell command that makes it; empty where it is there.
    """

    schema_: Literal["renode-mnist/subject/1"] = Field(alias="schema")
    models: list[str]
    engines: Annotated[list[str], Field(min_length=1)]
    elf: str
    build: str

    @property
    def cases(self) -> list[Case]:
        """Of the models."""
        return [Case(model, cast("Engine", engine)) for model in self.models for engine in self.engines]

    def save(self, file: Path) -> None:
        """Writes it.

        Raises:
            MeasurementError: The file cannot be written.
        """
        try:
            file.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise MeasurementError(f"cannot write {file}: {error.strerror}", "Name another folder.") from error

    @classmethod
    def load(cls, file: Path) -> Subject:
        """Reads what `save` wrote.

        Raises:
            MeasurementError: It cannot be read, or holds something else.
        """
        try:
            return cls.model_validate_json(read_limited(file))
        except ValidationError as error:
            raise MeasurementError(
                f"{file} does not say what was measured: {first_refusal(error)}",
                "Measure again: `renode-mnist ci measure`.",
            ) from error


@dataclass(frozen=True)
class Unspoken:
    """An ELF that does not speak this project's protocol.

    Attributes:
        elf: The file.
        flash_bytes: Of its sections.
        ram_bytes: Likewise.
        why: A sentence.
        tried: What came of running it.
    """

    elf: Path
    flash_bytes: int
    ram_bytes: int
    why: str
    tried: str


@dataclass
class Found:
    """What was measured.

    Attributes:
        rows: A case each.
        refused: What could not be.
        images: By case, the image and the model that it was made from, where that is known.
        unspoken: The own ELF, where it was not run.
    """

    rows: list[Row] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    images: dict[str, tuple[Path, Path | None]] = field(default_factory=dict)
    unspoken: Unspoken | None = None


def measure(
    subject: Subject,
    folder: Path,
    target: str = "embedded",
    options: TargetOptions | None = None,
    progress: Callable[[str], None] = lambda case: None,
) -> Found:
    """Builds and measures it.

    Args:
        subject: What.
        folder: That its files are relative to; a build command runs there.
        target: One of ``CHIP_TARGETS``.
        options: Of the target.
        progress: Called before each part.

    Raises:
        BuildError: The build command fails, or leaves no ELF.
        BenchError: Two cases have one name, or there is none.
        RenodeMnistError: The target cannot be had.
    """
    options = options or TargetOptions()
    found = Found()
    models = {model: _placed(model, folder) for model in subject.models}
    if subject.build:
        progress("the build command")
        _run(subject.build, folder)
    if subject.models:
        wanted = [Case(models[case.model], case.engine) for case in subject.cases]
        found.rows, found.refused = bench.run(wanted, [CLOCK_MHZ], target, options, lambda case: progress(case.name))
        for case in wanted:
            if any(row.case == case.name for row in found.rows):
                found.images[case.name] = _image(case, options)
    if subject.elf:
        progress(subject.elf)
        _measure_elf(folder / subject.elf, target, options, found)
    names = [row.case for row in found.rows]
    if repeated := {name for name in names if names.count(name) > 1}:
        raise BenchError(f"several cases are called {', '.join(sorted(repeated))}", "Give the files other names.")
    return found


def _placed(model: str, folder: Path) -> str:
    """A model's file in the folder, or the name that it is."""
    return str(folder / model) if (folder / model).is_file() else model


def _image(case: Case, options: TargetOptions) -> tuple[Path, Path | None]:
    model = resolve_model(case.model)
    config = BuildConfig(model, engine=case.engine, board=options.board, clock_mhz=CLOCK_MHZ)
    return build(config).elf, model


def _run(command: str, folder: Path) -> None:
    # A shell's, for it is the user's own line as in a workflow's `run`.
    done = subprocess.run(command, shell=True, cwd=folder, check=False)
    if done.returncode:
        raise BuildError(f"the build command `{command}` ended with status {done.returncode}", "Mend what it says.")


def _measure_elf(elf: Path, target: str, options: TargetOptions, found: Found) -> None:
    if not elf.is_file():
        raise BuildError(f"there is no file {elf}", "Let `--build` make it, or name another.")
    try:
        row = bench.image_row(elf, target, options)
    except EnvironmentProblem:
        raise
    except RenodeMnistError as error:
        try:
            flash_bytes, ram_bytes = loaded_bytes(elf)
        except ElfError as unusable:  # whose remedy is of this project's own images
            raise ElfError(unusable.what, "Name the ELF that your build makes for an STM32F746.") from unusable
        why = (
            "it does not speak renode-mnist's protocol: flash and RAM are of its sections, without a stack or heap "
            "that none reserves"
        )
        found.unspoken = Unspoken(elf, flash_bytes, ram_bytes, why, error.what)
    else:
        found.rows.append(row)
        found.images[row.case] = elf, None


def own_sources(elf: Path, rows: Sequence[Row], workspace: Workspace) -> list[Source]:
    """Where the functions that ran are declared, as far as the debug information leads into the user's repository."""
    spent = {function for row in rows for layer in row.layers for function in layer.functions}
    places: dict[str, set[Source]] = {}
    for source in _declared(elf, spent, workspace):
        places.setdefault(source.function, set()).add(source)
    # Names of templates are cut, so that several may share one: none of their lines is it then.
    return [next(iter(found)) for _, found in sorted(places.items()) if len(found) == 1]


def _declared(elf: Path, spent: set[str], workspace: Workspace) -> Iterator[Source]:
    declared = {function.address: function for function in DebugInfo(elf).functions}
    sources = Sources(elf)
    for function in Symbols.of(elf).functions:
        name, place = short_name(function.name), declared.get(function.address)
        if name not in spent or place is None or not place.line:
            continue
        path = sources.path(place.file)
        if path is not None and (relative := workspace.relative(path)):
            yield Source(function=name, file=relative, line=place.line)
