"""``renode-mnist bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist import paths, remedies
from renode_mnist.commands import progress_bar
from renode_mnist.commands.bench_program import Asked, bench_programs, check_given
from renode_mnist.commands.bench_verdict import conclude, load_budgets, show_verdict
from renode_mnist.commands.duration import duration
from renode_mnist.commands.matrix import MODELS, list_option
from renode_mnist.commands.options import (
    options_from,
    target_option,
    target_options,
    target_options_of,
    tell_target,
)
from renode_mnist.commands.output import write
from renode_mnist.commands.program_end import words
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import CLOCKS_MHZ, ENGINES, ImageOptions, resolve_model
from renode_mnist.session.target_options import CHIP_TARGETS, TargetOptions


@click.command()
@click.argument("programs", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--until", metavar="TEXT", type=words, help="Of a program: to when it says this.")
@click.option("--for", "seconds", type=duration, help="Of a program: this virtual time, as 20ms.")
@click.option(
    "--wall",
    type=duration,
    default="60s",
    show_default=True,
    help="Of a program: at most this much of this machine's time.",
)
@click.option(
    "--top", default=20, show_default=True, type=click.IntRange(1), help="Of a program: how many functions."
)
@list_option("--models", "model", MODELS, "Names or .tflite files.")
@list_option("--engines", "engine", ENGINES)
@list_option("--objectives", "objective")
@list_option("--clocks", "clock_mhz", CLOCKS_MHZ, "MHz.")
@list_option("--fpu", "fpu")
@target_option(choices=CHIP_TARGETS)
@options_from(ImageOptions, names=("board", "max_flash", "max_ram"), silent=("board",))
@target_options
@click.option("--split", is_flag=True, help="Show what each layer's modelled cycles are spent on.")
@click.option(
    "--wide", is_flag=True, help="Show a column for each case, clock and publication, with all counts and sizes."
)
@click.option("--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write all rows here.")
@click.option("--markdown", type=click.Path(dir_okay=False, path_type=Path), help="Append the table here.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plots here.")
@click.option(
    "--check",
    is_flag=True,
    help="Exit with 1 where a case grew past its budget, with 2 where none is for the compiler.",
)
@click.option("--update", is_flag=True, help="Write what was measured as the new budgets of its compiler.")
@click.option(
    "--budgets",
    "budget_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="[default: budgets.toml of the checkout or this folder, else the package's]",
)
def bench(
    programs: tuple[Path, ...],
    until: str | None,
    seconds: float | None,
    wall: float,
    top: int,
    models: tuple[str, ...],
    engines: tuple[Any, ...],
    objectives: tuple[Any, ...],
    clocks: tuple[str, ...],
    fpus: tuple[Any, ...],
    target: str,
    board: Any,
    max_flash: int | None,
    max_ram: int | None,
    split: bool,
    wide: bool,
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
    check: bool,
    update: bool,
    budget_file: Path | None,
    **options: Any,
) -> None:
    """Run models on engines and show what each layer costs, beside what others published.

    With PROGRAMS, any ELFs for the STM32F746, what each function of theirs takes in a run from reset: to --until or
    --for, or to its end, with the exit status of emulate.
    """
    check_given(programs)
    _refuse_missing_folders(json_file, markdown, html)
    if programs:
        counted = TargetOptions(clock_model=options["clock_model"], parameters=options["parameters"])
        file = budget_file or paths.budgets(to_write=update)
        bench_programs(Asked(programs, until, seconds, wall, top, counted, json_file, markdown, check, update, file))
        return
    from rich.console import Console

    from renode_mnist.measure import bench as measuring
    from renode_mnist.report import bench_table, grid
    from renode_mnist.report.prose import say

    given = target_options_of(options)(ImageOptions(board=board))
    wanted = measuring.cases(models, engines, objectives, fpus, max_flash, max_ram)
    # What would stop it in the end stops it before the minutes that it takes.
    for model in models:
        resolve_model(model)
    budget_file = budget_file or paths.budgets(to_write=update)
    if check and not (update and not budget_file.exists()):
        load_budgets(budget_file, wanted, markdown)
    with progress_bar.shown() as show:

        def announce(case: measuring.Case) -> None:
            show(case.name, wanted.index(case), len(wanted))

        rows, refused = measuring.run(wanted, [int(clock) for clock in clocks], target, given, announce)
    if not rows:
        raise measuring.BenchError("no case could be run: " + " ".join(measuring.told(refused)))
    laid_out = bench_table.grid(rows, refused)
    # Before anything is shown: who reads the first lines only ends the program by that.
    if json_file is not None:
        measuring.save(json_file, rows, refused)
    if markdown is not None:
        write(markdown, grid.markdown(laid_out), append=True)
    if html is not None:
        from renode_mnist.report import bench_page

        write(html, bench_page.render(rows, laid_out))
    console = Console(highlight=False)
    if not wide:
        console.print(grid.table(bench_table.overview(rows), boxed=False))
    console.print(bench_table.SideBySide(laid_out if wide else bench_table.layers(rows)))
    parts = bench_table.splits(rows) if split else []
    if split and not parts:
        raise measuring.BenchError(
            f"the target {target} does not tell what cycles are spent on", "Take `--target embedded`."
        )
    for part in parts:
        console.print(grid.table(part, boxed=False))
    for note in (*laid_out.notes, *(note for part in parts for note in part.notes)):
        say(console, remedies.as_called(note))
    tell_target(target)
    if update:
        from renode_mnist.measure import budget_update

        for change in budget_update.update(budget_file, rows) or ["nothing changed"]:
            click.echo(change)
    if check:
        from renode_mnist.measure import budget_check

        verdict = show_verdict(
            lambda written: budget_check.check(written, rows, budget_file, refused), budget_file, markdown
        )
        conclude(verdict, budget_file)


def _refuse_missing_folders(*files: Path | None) -> None:
    """What would stop it in the end stops it before the minutes that it takes."""
    for output in files:
        if output is not None and not output.absolute().parent.is_dir():
            raise EnvironmentProblem(
                f"there is no folder {output.absolute().parent}", "Make it, or give another path."
            )
