"""Runs programs that know nothing of this project from reset, and keeps what each function took."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from renode_mnist import timing
from renode_mnist.measure.bench import BenchError
from renode_mnist.measure.measured import case_of_elf
from renode_mnist.profile import program_profiler
from renode_mnist.program.compiler import compiler_of
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.sections import loaded_bytes
from renode_mnist.session.emulation import Over
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.timing import parameter_file

FORMAT = "renode-mnist program bench 1"


@dataclass(frozen=True)
class FunctionRow:
    """One function of the source.

    Attributes:
        instructions: In its own lines, wherever the compiler inlined them; exact.
        instructions_with_callees: With all that it called, and interrupts aside.
        calls: How often it was called; inlined copies are entered without a call.
        cycles_modelled: In its own lines; None without a clock model.
        inlined_into: Functions that hold copies of it which ran.
    """

    name: str
    instructions: int
    instructions_with_callees: int
    calls: int
    cycles_modelled: int | None
    inlined_into: tuple[str, ...]


@dataclass(frozen=True)
class ProgramRow:
    """A run of a program.

    Attributes:
        case: As ``ci measure`` names it: ``blink/elf``.
        run: From reset to what, in words: figures of runs to another end are no measure of these.
        instructions: Of all, exact.
        cycles_modelled: None without a clock model.
        cycle_model: Digest of the model; empty likewise.
        cycle_parameters: As ``TargetIdentity`` has them.
        functions: All that ran, most instructions first.
        not_run: Names of functions that have code of their own in the image, and did not run.
        flash_bytes: Of the image's segments.
        ram_bytes: Likewise; a stack or heap counts as far as the linker script reserves it.
        compiler: See ``compiler_of``.
        seconds: Virtual.
        missing: What could not be told of functions and lines, and why.
        over: Why the run ended.
    """

    case: str
    run: str
    instructions: int
    cycles_modelled: int | None
    cycle_model: str
    cycle_parameters: str
    functions: tuple[FunctionRow, ...]
    not_run: tuple[str, ...]
    flash_bytes: int
    ram_bytes: int
    compiler: str
    seconds: float
    missing: tuple[str, ...]
    over: Over

    def function(self, name: str) -> FunctionRow | None:
        """The one of that name that ran."""
        return next((each for each in self.functions if each.name == name), None)


def measure(
    elf: Path, *, until: str, seconds: float | None, wall_seconds: float, options: TargetOptions
) -> ProgramRow:
    """Runs a program on the embedded emulator, which alone knows what each function took.

    Args:
        elf: Any for the STM32F746.
        until: See ``program_profiler.run``.
        seconds: Likewise.
        wall_seconds: Likewise.
        options: Clock model, by which time goes, and file of figures for modelled cycles.

    Raises:
        ElfError: It cannot be read, or not be run on this chip.
        ParameterError: The file of parameters cannot be used.
        TargetError: It resets the chip.
    """
    flash_bytes, ram_bytes = loaded_bytes(elf)
    result = program_profiler.run(elf, until=until, seconds=seconds, wall_seconds=wall_seconds, options=options)
    modelled = options.clock_model == "m7"
    found = result.profile
    functions = tuple(
        FunctionRow(
            each.name,
            each.own.instructions,
            each.total.instructions,
            each.calls,
            each.own.cycles_modelled if modelled else None,
            tuple(sorted(each.inlined_into)),
        )
        for each in found.functions
    )
    ran = {each.name for each in functions}
    declared = {each.name for each in DebugInfo(elf).functions}
    parameters = parameter_file.load(options.parameters) if options.parameters is not None else None
    return ProgramRow(
        case=case_of_elf(elf),
        run=_run(until, seconds),
        instructions=found.total.instructions,
        cycles_modelled=found.total.cycles_modelled if modelled else None,
        cycle_model=timing.model_sha256(parameters) if modelled else "",
        cycle_parameters=found.cycle_parameters,
        functions=functions,
        not_run=tuple(sorted(declared - ran)),
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        compiler=compiler_of(elf),
        seconds=result.seconds,
        missing=tuple(found.missing),
        over=result.over,
    )


def _run(until: str, seconds: float | None) -> str:
    ends = [f"'{until}'"] if until else []
    ends += [f"{seconds:g} s"] if seconds is not None and not until else []
    return f"from reset to {' or '.join(ends) or 'its end'}"


def refuse_same_names(elves: list[Path]) -> None:
    """Refuses programs that nobody could tell apart.

    Raises:
        BenchError: Two have one name.
    """
    names = [case_of_elf(elf) for elf in elves]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise BenchError(f"several programs are called {', '.join(repeated)}", "Give the files other names.")


def to_json(row: ProgramRow) -> dict[str, Any]:
    """As plain values; cycles only where they were modelled."""
    values = asdict(row)
    values["over"] = {"end": str(row.over.reason), "why": row.over.text}
    if row.cycles_modelled is None:
        for each in ("cycles_modelled", "cycle_model", "cycle_parameters"):
            del values[each]
        for function in values["functions"]:
            del function["cycles_modelled"]
    return values


def save(file: Path, rows: list[ProgramRow]) -> None:
    """Writes rows as JSON.

    Raises:
        BenchError: The file cannot be written.
    """
    content = {"format": FORMAT, "programs": [to_json(row) for row in rows]}
    try:
        file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise BenchError(f"cannot write {file}: {error.strerror}", "Name another file.") from error
