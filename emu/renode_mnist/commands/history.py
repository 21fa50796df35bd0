"""``renode-mnist history``: what the commits of a branch cost, kept in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from renode_mnist.commands.output import print_json

F = TypeVar("F", bound=Callable[..., Any])

_METRICS = ("cycles", "instructions", "flash", "ram")


def _file(command: F) -> F:
    return click.option(
        "--file",
        "file",
        type=click.Path(dir_okay=False, path_type=Path),
        default="history.jsonl",
        show_default=True,
        help="The history: JSON lines, one a commit.",
    )(command)


@click.group()
def history() -> None:
    """Keep what each commit costs, and show it as a table or a page with charts."""


@history.command()
@click.argument("measurement", type=click.Path(dir_okay=False, path_type=Path))
@_file
@click.option(
    "--data-js",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep it also in this file, in the format of github-action-benchmark: data.js, or JSON alone by .json.",
)
@click.option("--suite", default="renode-mnist", show_default=True, help="Its suite in --data-js.")
def add(measurement: Path, file: Path, data_js: Path | None, suite: str) -> None:
    """Add the figures of a commit, in the place of those that the file has of it already.

    MEASUREMENT is a file made by `ci measure`.
    """
    from renode_mnist.measure import benchmark_action
    from renode_mnist.measure import history as keeping
    from renode_mnist.measure import measurement as measured

    found = measured.load(measurement)
    if data_js is not None:
        benchmark_action.check(data_js, suite)
    kept = keeping.add(file, found)
    if data_js is not None:
        benchmark_action.keep(data_js, kept, suite)
    click.echo(f"{file}: commit {found.commit.id[:10]}, {len(found.cases)} case(s); {len(kept)} commit(s) in all")


@history.command()
@_file
@click.option("--case", help="MODEL/ENGINE.  [default: all]")
@click.option("--layer", type=click.IntRange(0), help="Its place, from 0.  [default: the whole case]")
@click.option("--metric", type=click.Choice(_METRICS), default="cycles", show_default=True)
@click.option("--last", type=click.IntRange(1), help="How many commits.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def show(file: Path, case: str | None, layer: int | None, metric: str, last: int | None, as_json: bool) -> None:
    """Show a figure from commit to commit, with its change.

    No change is told where compiler, target, or for cycles their model or the clock differ.
    """
    from rich.console import Console

    from renode_mnist.measure import history as keeping
    from renode_mnist.measure import history_series
    from renode_mnist.measure.metric import Metric
    from renode_mnist.report import history_table

    kept = keeping.load(file)
    wanted = [case] if case is not None else history_series.cases(kept)
    if case is None and layer is not None:  # not each network has so many
        wanted = [each for each in wanted if layer < history_series.layer_count(kept, each)] or wanted[:1]
    found = [history_series.series(kept, each, layer, Metric(metric)) for each in wanted]
    if as_json:
        print_json("history-show", {"figures": [history_table.as_json(each, last) for each in found]})
        return
    console = Console(highlight=False)
    for each in found:
        console.print(history_table.table(each, console.width, last))
        for note in history_table.break_notes(each, last):
            console.print(note, markup=False)


@history.command()
@_file
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE.html")
@click.option("--title", default="What each commit costs", show_default=True, help="Of the page.")
def page(file: Path, output: Path, title: str) -> None:
    """Write a page with charts over the commits, in one file that loads nothing."""
    from renode_mnist.commands.output import write
    from renode_mnist.measure import history as keeping
    from renode_mnist.report import history_page

    kept = keeping.load(file)
    write(output, history_page.render(kept, title))
    click.echo(f"{output}: {len(kept)} commit(s)")
