"""``renode-mnist profile``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from renode_mnist import paths
from renode_mnist.commands.options import config_of, elf_option, image_of, image_options, picture_option
from renode_mnist.commands.output import write
from renode_mnist.errors import ElfError
from renode_mnist.session.target_options import TargetOptions

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@picture_option
@image_options
@elf_option
@click.option("--top", default=15, show_default=True, type=click.IntRange(1), help="How many functions and lines.")
@click.option("--flame", type=_file, help="Write a flame graph (SVG) here.")
@click.option("--collapsed", type=_file, help="Write the stacks here, a line each, for other flame graph tools.")
@click.option(
    "--unit",
    type=click.Choice(["instructions", "cycles"]),
    default="instructions",
    show_default=True,
    help="What tables are sorted by and stacks count; cycles are modelled, and split into waits.",
)
@click.option("--lcov", "tracefile", type=_file, help="Write the firmware's coverage here, for genhtml.")
@click.option("--json", "as_json", is_flag=True, help="Print the profile as JSON.")
def profile(
    picture: Path | None,
    elf: Path | None,
    top: int,
    flame: Path | None,
    collapsed: Path | None,
    unit: str,
    tracefile: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show where the instructions of one classification go: functions, lines, stacks."""
    from rich.console import Console

    from renode_mnist.model import preprocess
    from renode_mnist.profile import profiler
    from renode_mnist.report import flame as graphs
    from renode_mnist.report import grid, profile_table, record_table, terminal
    from renode_mnist.targets.base import CounterUnit

    picture = picture or paths.digits() / "7.png"
    digit = preprocess.read(picture)
    config = config_of(options)
    image = image_of(elf, config)
    with Console(stderr=True).status("running, watched block by block …"):
        board = TargetOptions(board=config.board)
        of_record = CounterUnit.CYCLES_MODELLED if unit == "cycles" else CounterUnit.INSTRUCTIONS
        result = profiler.classify(image.elf, digit.pixels, picture.name, board, of_record)
    stacks = result.profile.counts(unit)
    firmware = result.record.firmware
    if as_json:
        values = profile_table.to_json(result.profile, most=top)
        click.echo(json.dumps({**values, "record": result.record.to_json()}, indent=2))
    else:
        console = Console(highlight=False)
        console.print(grid.table(record_table.layers(result.record)))
        tables = profile_table.render(result.profile, result.sources, most=top, unit=unit, width=console.width)
        console.print(tables)
        console.print(terminal.identity(result.record.target, firmware))
    if flame is not None:
        title = f"{firmware.model_name}, engine {firmware.engine}, commit {firmware.commit}: {picture.name}"
        counted = "cycles (modelled)" if unit == "cycles" else unit
        write(flame, graphs.svg(stacks, title=title, unit=counted))
    if collapsed is not None:
        write(collapsed, graphs.collapsed(stacks))
    if tracefile is not None:
        if not result.coverage:
            raise ElfError(f"{image.elf} has no line table, so there is no coverage", "Compile it with -g.")
        write(tracefile, result.coverage)
        if result.not_covered:
            click.echo(
                f"{tracefile} leaves out {len(result.not_covered)} source files that are not on this machine: "
                f"{', '.join(map(result.sources.short, result.not_covered))}",
                err=True,
            )
