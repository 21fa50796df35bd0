"""``renode-mnist bench``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist import paths, remedies
from renode_mnist.build import CLOCKS_MHZ, ENGINES, ImageOptions, resolve_model
from renode_mnist.commands.matrix import MODELS, list_option
from renode_mnist.commands.options import (
    options_from,
    target_option,
    target_options,
    target_options_of,
    tell_target,
)
from renode_mnist.commands.output import write
from renode_mnist.errors import CheckFailed, EnvironmentProblem
from renode_mnist.session.target_options import CHIP_TARGETS


@click.command()
@list_option("--models", "model", MODELS, "Names or .tflite files.")
@list_option("--engines", "engine", ENGINES)
@list_option("--objectives", "objective")
@list_option("--clocks", "clock_mhz", CLOCKS_MHZ, "MHz.")
@list_option("--fpu", "fpu")
@target_option(choices=CHIP_TARGETS)
@options_from(ImageOptions, names=("board", "max_flash", "max_ram"), silent=("board",))
@target_options
@click.option("--split", is_flag=True, help="Show what each layer's modelled cycles are spent on.")
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
    json_file: Path | None,
    markdown: Path | None,
    html: Path | None,
    check: bool,
    update: bool,
    budget_file: Path | None,
    **options: Any,
) -> None:
    """Run models on engines and show what each layer costs, beside what others published."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from renode_mnist.measure import bench as measuring
    from renode_mnist.report import bench_table, grid

    given = target_options_of(options)(ImageOptions(board=board))
    wanted = measuring.cases(models, engines, objectives, fpus, max_flash, max_ram)
    # What would stop it in the end stops it before the minutes that it takes.
    for model in models:
        resolve_model(model)
    for output in (json_file, markdown, html):
        if output is not None and not output.absolute().parent.is_dir():
            raise EnvironmentProblem(
                f"there is no folder {output.absolute().parent}", "Make it, or give another path."
            )
    if html is not None:
        from renode_mnist.report import page
    budget_file = budget_file or paths.budgets(to_write=update)
    if check and not (update and not budget_file.exists()):
        _load_budgets(budget_file, wanted, markdown)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=Console(stderr=True)
    ) as progress:
        task = progress.add_task("", total=len(wanted))

        def announce(case: measuring.Case) -> None:
            progress.update(task, description=case.name, completed=wanted.index(case))

        rows, refused = measuring.run(wanted, [int(clock) for clock in clocks], target, given, announce)
        progress.update(task, completed=len(wanted))
    if not rows:
        raise measuring.BenchError("no case could be run: " + " ".join(measuring.told(refused)))
    laid_out = bench_table.grid(rows, refused)
    # Before anything is shown: who reads the first lines only ends the program by that.
    if json_file is not None:
        measuring.save(json_file, rows, refused)
    if markdown is not None:
        write(markdown, grid.markdown(laid_out), append=True)
    if html is not None:
        write(html, page.render(rows, laid_out))
    console = Console(highlight=False)
    console.print(bench_table.terminal(laid_out, console.width))
    parts = bench_table.splits(rows) if split else []
    if split and not parts:
        raise measuring.BenchError(
            f"the target {target} does not tell what cycles are spent on", "Take `--target embedded`."
        )
    for part in parts:
        console.print(grid.table(part, boxed=False))
    for note in (*laid_out.notes, *(note for part in parts for note in part.notes)):
        console.print(remedies.as_called(note), soft_wrap=True, markup=False)
    tell_target(target)
    if update:
        from renode_mnist.measure import budget_update

        for change in budget_update.update(budget_file, rows) or ["nothing changed"]:
            click.echo(change)
    if check:
        _check(rows, refused, budget_file, markdown)


def _check(rows: Any, refused: Any, file: Path, summary: Path | None) -> None:
    """Shows the verdict, also in the step summary where there is one; raises where it is no."""
    from rich.console import Console

    from renode_mnist.measure import budget_check, budgets
    from renode_mnist.report import budget_table

    written = _load_budgets(file, (), summary)
    try:
        verdict = budget_check.check(written, rows, file, refused)
    except budgets.BudgetError as error:
        _tell_no_verdict(error, summary)
        raise
    Console(highlight=False).print(budget_table.terminal(verdict, file.name), markup=False)
    if summary is not None:
        write(summary, "\n" + budget_table.markdown(verdict, file.name), append=True)
    if verdict.grown:
        raise CheckFailed(
            f"{len({growth.case for growth in verdict.grown})} case(s) grew past {file.name}",
            "Make them smaller, or accept the cost: `renode-mnist bench --update`.",
        )
    if verdict.unmeasured:
        lacks_tools = all(refusal.for_want_of_tools for refusal in verdict.unmeasured)
        raise (EnvironmentProblem if lacks_tools else CheckFailed)(
            f"{len(verdict.unmeasured)} case(s) of {file.name} could not be measured",
            "Mend what is said above, or take them out of the file.",
        )
    if verdict.unjudged:  # no check that failed, but none that was passed either
        what = f"{len(verdict.unjudged)} case(s) were not judged" if verdict.checked else "nothing was judged"
        raise budgets.BudgetError(what, "Why, and what to do, stands above.")


def _load_budgets(file: Path, wanted: Any, summary: Path | None) -> Any:
    from renode_mnist.measure import budget_check, budgets

    try:
        written = budgets.load(file)
        if wanted:
            budget_check.refuse_unknown_models(written, [case.name for case in wanted], file)
        return written
    except budgets.BudgetError as error:
        _tell_no_verdict(error, summary)
        raise


def _tell_no_verdict(error: Exception, summary: Path | None) -> None:
    if summary is not None:
        write(summary, f"\n### Budgets: no verdict\n\n{error}\n", append=True)
