"""``renode-mnist profile``."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import click
from click.core import ParameterSource

from renode_mnist.commands import progress_bar
from renode_mnist.commands.asked import Specs, choose
from renode_mnist.commands.duration import duration
from renode_mnist.commands.inputs import file_option, pixel_range_option, seed_option
from renode_mnist.commands.options import (
    config_of,
    elf_option,
    image_of,
    image_options,
    options_from,
    picture_option,
)
from renode_mnist.commands.output import print_json, write
from renode_mnist.commands.program_end import failure, why, words
from renode_mnist.errors import ElfError
from renode_mnist.images import ImageOptions
from renode_mnist.option import Face, options_of
from renode_mnist.session.target_options import ClockModel, TargetOptions

if TYPE_CHECKING:
    from renode_mnist.profile.profile import Profile
    from renode_mnist.program.sources import Sources
    from renode_mnist.wire.messages import Stats

_LOG = logging.getLogger(__name__)
_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("program", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--until", metavar="TEXT", type=words, help="Of a program: to when it says this.")
@click.option("--for", "seconds", type=duration, help="Of a program: this virtual time, as 20ms.")
@click.option(
    "--wall",
    type=duration,
    default="60s",
    show_default=True,
    help="Of a program: at most this much of this machine's time.",
)
@picture_option
@file_option("--input", "files", "What any model is asked")
@seed_option
@pixel_range_option
@image_options
@elf_option
@options_from(TargetOptions, names=("clock_model", "parameters"))
@click.option("--top", default=15, show_default=True, type=click.IntRange(1), help="How many functions and lines.")
@click.option("--flame", type=_file, help="Write a flame graph (SVG) here.")
@click.option("--html", type=_file, help="Write a page with the flame graph, functions and lines here.")
@click.option("--collapsed", type=_file, help="Write the stacks here, a line each, for other flame graph tools.")
@click.option(
    "--unit",
    type=click.Choice(["instructions", "cycles"]),
    default="instructions",
    show_default=True,
    help="What tables are sorted by and stacks count; cycles are modelled, and split into waits.",
)
@click.option("--wide", is_flag=True, help="All columns, as in a terminal of 110 characters.")
@click.option("--lcov", "tracefile", type=_file, help="Write the firmware's coverage here, for genhtml.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON.")
def profile(
    program: Path | None,
    until: str | None,
    seconds: float | None,
    wall: float,
    picture: Path | None,
    files: tuple[str, ...],
    seed: int,
    pixel_range: tuple[float, float] | None,
    elf: Path | None,
    clock_model: ClockModel,
    parameters: Path | None,
    top: int,
    flame: Path | None,
    html: Path | None,
    collapsed: Path | None,
    unit: str,
    wide: bool,
    tracefile: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show where the instructions of one inference go: functions, lines, stacks.

    A network for digits (28x28, ten classes) is shown a digit where nothing is given; any other takes --input, or
    seeded numbers.

    With PROGRAM, any ELF for the STM32F746, those of a run of it from reset: to --until or --for, or to its end, with
    the exit status of emulate.
    """
    written = _Files(flame, html, collapsed, tracefile)
    _check_given(program)
    if program is not None:
        counted = TargetOptions(clock_model=clock_model, parameters=parameters)
        run = _Run(program, until, seconds, wall, counted, wide)
        _profile_program(run, top, unit, written, as_json)
        return
    from rich.console import Console

    from renode_mnist.profile import profiler
    from renode_mnist.report import grid, identity, profile_table, record_table, terminal
    from renode_mnist.targets.base import CounterUnit

    if picture is not None and files:
        raise click.UsageError("--image shows a digit and --input any tensor: give one of them.")
    config = config_of(options)
    specs = Specs.of_model(config) if elf is None else Specs.of_firmware(_stats(elf))
    asked = choose(specs, picture, files, pixel_range, seed, None if elf is not None else config)
    image = image_of(elf, config)
    with progress_bar.doing("running, watched block by block"):
        board = TargetOptions(board=config.board, parameters=parameters)
        of_record = CounterUnit.CYCLES_MODELLED if unit == "cycles" else CounterUnit.INSTRUCTIONS
        result = profiler.watch(image.elf, asked.of, board, of_record, know_first=asked.digit is None)
    firmware = result.record.firmware
    if as_json:
        values = profile_table.to_json(result.profile, most=top)
        print_json("profile", {**values, "record": result.record.to_json()})
    else:
        console = Console(highlight=False)
        console.print(grid.table(record_table.layers(result.record)))
        tables = profile_table.render(
            result.profile, result.sources, most=top, unit=unit, wide=wide or console.width >= profile_table.WIDE
        )
        console.print(tables)
        console.print(terminal.identity(result.record.target, firmware))
    title = f"{firmware.model_name}, engine {firmware.engine}, commit {firmware.commit}: {asked.name}"
    who = identity.rows(result.record.target, firmware)
    written.write(_Ran(image.elf, title, unit, True, who), result)


def _stats(elf: Path) -> Stats:
    from renode_mnist.session.session import Session
    from renode_mnist.targets.embedded import EmbeddedTarget

    with Session(EmbeddedTarget(elf)) as session:
        return session.firmware


_OF_PROGRAMS = {"until": "--until", "seconds": "--for", "wall": "--wall", "clock_model": "--clock-model"}
_OF_IMAGES = {
    "picture": "--image",
    "files": "--input",
    "seed": "--seed",
    "pixel_range": "--pixel-range",
    "elf": "--elf",
    **{each.name: f"--{each.name.replace('_', '-')}" for each in options_of(ImageOptions, Face.COMMAND_LINE)},
}


def _check_given(program: Path | None) -> None:
    """Raises where an option is given that is of the other kind of run."""
    context = click.get_current_context()
    others = _OF_PROGRAMS if program is None else _OF_IMAGES
    given = [
        flag for name, flag in others.items() if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if not given:
        return
    named = f"{', '.join(given)} {'is' if len(given) == 1 else 'are'}"
    if program is None:
        raise click.UsageError(f"{named} of a program: name its ELF.")
    raise click.UsageError(f"{named} of this project's firmware, not of {program.name}: leave out one or the other.")


@dataclass(frozen=True)
class _Ran:
    """What was profiled, for who reads of it.

    Attributes:
        elf: The program.
        title: In words.
        unit: What stacks count.
        modelled: Whether cycles were.
        identity: Who ran it.
    """

    elf: Path
    title: str
    unit: str
    modelled: bool
    identity: Sequence[tuple[str, str]]


class _Result(Protocol):
    """What a profile of a classification and one of a program share."""

    @property
    def profile(self) -> Profile: ...
    @property
    def coverage(self) -> str: ...
    @property
    def not_covered(self) -> tuple[str, ...]: ...
    @property
    def sources(self) -> Sources: ...


@dataclass(frozen=True)
class _Files:
    """What is to be written, and where."""

    flame: Path | None
    html: Path | None
    collapsed: Path | None
    tracefile: Path | None

    def write(self, ran: _Ran, result: _Result) -> None:
        from renode_mnist.profile import rooms
        from renode_mnist.report import flame as graphs
        from renode_mnist.report import profile_page

        stacks = result.profile.counts(ran.unit)
        if self.flame is not None:
            unit, named = profile_page.counted(ran.unit), rooms.of_functions(result.profile)
            write(self.flame, graphs.svg(stacks, title=ran.title, unit=unit, rooms=named))
        if self.html is not None:
            page = profile_page.render(
                result.profile,
                result.sources,
                title=ran.title,
                unit=ran.unit,
                identity=ran.identity,
                modelled=ran.modelled,
            )
            write(self.html, page)
        if self.collapsed is not None:
            write(self.collapsed, graphs.collapsed(stacks))
        if self.tracefile is None:
            return
        if not result.coverage:
            raise ElfError(f"{ran.elf} has no line table, so there is no coverage", "Compile it with -g.")
        write(self.tracefile, result.coverage)
        if missing := [*map(result.sources.short, result.not_covered)]:
            _LOG.warning(
                "%s leaves out %d source files that are not on this machine: %s",
                self.tracefile,
                len(missing),
                ", ".join(missing),
            )


@dataclass(frozen=True)
class _Run:
    """The run of a program that is asked for."""

    elf: Path
    until: str | None
    seconds: float | None
    wall: float
    options: TargetOptions
    wide: bool


def _profile_program(run: _Run, top: int, unit: str, written: _Files, as_json: bool) -> None:
    from rich.console import Console

    from renode_mnist.profile import program_profiler
    from renode_mnist.report import profile_table

    modelled = run.options.clock_model == "m7"
    if unit == "cycles" and not modelled:
        raise click.UsageError("--unit cycles of a program needs modelled cycles: add --clock-model m7.")
    with progress_bar.doing("running, watched block by block"):
        result = program_profiler.run(
            run.elf, until=run.until or "", seconds=run.seconds, wall_seconds=run.wall, options=run.options
        )
    ended, problem = why(result.over, run.until), failure(result.over, run.until)
    if as_json:
        values = profile_table.to_json(result.profile, most=top, modelled=modelled)
        end = {
            "end": str(result.over.reason),
            "why": ended,
            "exit_status": problem.exit_code if problem else 0,
            "error": problem.what if problem else None,
            "program_status": result.over.status if result.over.reason == "exit" else None,
            "virtual_seconds": result.seconds,
        }
        print_json("profile", {**values, **end})
    else:
        console = Console(highlight=False)
        wide = run.wide or console.width >= profile_table.WIDE
        tables = profile_table.render(
            result.profile, result.sources, most=top, unit=unit, wide=wide, modelled=modelled
        )
        console.print(tables)
        click.echo(f"{run.elf.name} from reset to {result.seconds:.6f} s of virtual time: {ended}")
    who = [
        ("program", str(run.elf)),
        ("target", "embedded"),
        ("ran", f"{result.seconds:.6f} s of virtual time: {ended}"),
    ]
    written.write(_Ran(run.elf, f"{run.elf.name}: {ended}", unit, modelled, who), result)
    if problem is not None:
        raise problem
