"""``renode-mnist bench PROGRAM``: programs that know nothing of this project."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from renode_mnist import remedies
from renode_mnist.commands import progress_bar
from renode_mnist.commands.bench_verdict import conclude, load_budgets, show_verdict
from renode_mnist.commands.output import write
from renode_mnist.commands.program_end import failure, mark, why
from renode_mnist.session.target_options import TargetOptions

if TYPE_CHECKING:
    from renode_mnist.measure.program_bench import ProgramRow

_OF_PROGRAMS = {"until": "--until", "seconds": "--for", "wall": "--wall", "top": "--top"}
_OF_BOTH = {"programs", "clock_model", "parameters", "json_file", "markdown", "check", "update", "budget_file"}


@dataclass(frozen=True)
class Asked:
    """What is to be measured, and what of it to be written.

    Attributes:
        programs: Any ELFs for the STM32F746.
        until: See ``emulate``.
        seconds: Likewise.
        wall: Likewise.
        top: Functions that have a row.
        options: Clock model and parameters.
        json_file: None: nowhere.
        markdown: Likewise.
        check: Whether to hold it against the budgets.
        update: Whether to write them.
        budget_file: Which.
    """

    programs: tuple[Path, ...]
    until: str | None
    seconds: float | None
    wall: float
    top: int
    options: TargetOptions
    json_file: Path | None
    markdown: Path | None
    check: bool
    update: bool
    budget_file: Path


def check_given(programs: Sequence[Path]) -> None:
    """Refuses options that are of the other kind of benchmark.

    Raises:
        UsageError: One is given.
    """
    context = click.get_current_context()
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        and (parameter.name not in {*_OF_BOTH, *_OF_PROGRAMS} if programs else parameter.name in _OF_PROGRAMS)
    ]
    if not given:
        return
    named = f"{', '.join(given)} {'is' if len(given) == 1 else 'are'}"
    if programs:
        raise click.UsageError(
            f"{named} of models, not of {programs[0].name}, whose functions the embedded emulator counts: leave out "
            "one or the other."
        )
    raise click.UsageError(f"{named} of programs: name an ELF.")


def bench_programs(asked: Asked) -> None:
    """Measures, shows, writes and checks; raises where the command ends with another status than 0."""
    from rich.console import Console

    from renode_mnist.measure import program_bench, program_budgets
    from renode_mnist.report import grid, program_bench_table
    from renode_mnist.report.prose import say

    program_bench.refuse_same_names(list(asked.programs))
    if asked.check and not (asked.update and not asked.budget_file.exists()):
        load_budgets(asked.budget_file, (), asked.markdown)
    rows: list[ProgramRow] = []
    with progress_bar.shown() as show:
        for number, elf in enumerate(asked.programs):
            show(f"running {elf.name}, watched block by block", number, len(asked.programs))
            rows.append(
                program_bench.measure(
                    elf,
                    until=asked.until or "",
                    seconds=asked.seconds,
                    wall_seconds=asked.wall,
                    options=asked.options,
                )
            )
    laid_out = [program_bench_table.grid(row, asked.top) for row in rows]
    if asked.json_file is not None:
        program_bench.save(asked.json_file, rows)
    if asked.markdown is not None:
        text = "".join(f"### {each.title}\n\n{grid.markdown(each)}\n" for each in laid_out)
        write(asked.markdown, text, append=True)
    console = Console(highlight=False)
    for row, each in zip(rows, laid_out, strict=True):
        console.print(grid.table(each))
        for note in each.notes:
            say(console, remedies.as_called(note))
        mark(f"{row.case} at {row.seconds:.6f} s of virtual time: {why(row.over, asked.until)}")
    # A run that did not come to its end is no measure of anything.
    for problem in filter(None, (failure(row.over, asked.until) for row in rows)):
        raise problem
    if asked.update:
        for change in program_budgets.update(asked.budget_file, rows) or ["nothing changed"]:
            click.echo(change)
    if asked.check:
        _check(lambda written: program_budgets.check(written, rows, asked.budget_file), asked)


def _check(judge: Callable[[Any], Any], asked: Asked) -> None:
    conclude(show_verdict(judge, asked.budget_file, asked.markdown), asked.budget_file)
