"""``renode-mnist calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist.commands import progress_bar
from renode_mnist.commands.options import (
    elf_option,
    image_of,
    options_from,
    target_option,
    tell_target,
)
from renode_mnist.commands.output import print_json
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import ImageOptions
from renode_mnist.measure.calibration_subjects import MOST_ROUNDS, ROUNDS
from renode_mnist.session.target_options import CHIP_TARGETS, TargetOptions


@click.command()
@target_option(choices=CHIP_TARGETS)
@options_from(ImageOptions, names=("board", "clock_mhz"), silent=("board",))
@elf_option
@options_from(TargetOptions, names=("port", "baud", "flash", "parameters"))
@click.option(
    "--rounds",
    type=click.IntRange(1, MOST_ROUNDS),
    default=ROUNDS,
    show_default=True,
    help="How often each benchmark runs; the least counts.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the parameters here, with all that was measured: for --parameters, or to be sent in.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def calibrate(
    target: str,
    board: Any,
    clock_mhz: int,
    elf: Path | None,
    rounds: int,
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Measure the core and its memories by microbenchmarks, and hold the model of its cycles against them."""
    from renode_mnist.measure import calibration
    from renode_mnist.session.opening import require_target

    asked = TargetOptions(board=board, **options)
    # What would stop it in the end stops it before the build.
    require_target(target, asked)
    if output is not None and not output.absolute().parent.is_dir():
        raise EnvironmentProblem(f"there is no folder {output.absolute().parent}", "Make it, or give another path.")
    image = image_of(elf, calibration.config(ImageOptions(board=board, clock_mhz=clock_mhz)))
    with progress_bar.doing(f"starting {target}") as tell:
        found = calibration.calibrate(target, image.elf, asked, rounds=rounds, starting=tell)
    if output is not None and found.counts_cycles:
        found.save(output)
    if as_json:
        tell_target(target)
        print_json("calibrate", found.to_json())
    else:
        _show(found, target)
    if output is not None:
        found.file()  # refuses what counts instructions, once that has been shown
        click.echo(f"{output}: {len(found.parameters)} parameters", err=as_json)


def _show(found: Any, target: str) -> None:
    from rich.console import Console

    from renode_mnist.report import calibration_table, grid
    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    parts = [calibration_table.benchmarks(found, console.width)]
    if found.fitted:
        parts.append(calibration_table.parameters(found))
    for part in parts:
        console.print(grid.table(part, boxed=False))
        for note in part.notes:
            say(console, note)
        console.print()
    console.print(grid.facts(calibration_table.identity(found)))
    tell_target(target)
