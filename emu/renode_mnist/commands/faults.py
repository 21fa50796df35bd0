"""``renode-mnist faults``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands import progress_bar, verbosity
from renode_mnist.commands.inputs import file_option, from_files, pixel_range_option
from renode_mnist.commands.options import complete_model, config_of, elf_option, options_from
from renode_mnist.commands.output import print_json
from renode_mnist.commands.workers import worker_options
from renode_mnist.errors import DataError, EnvironmentProblem
from renode_mnist.images import ImageOptions
from renode_mnist.measure.faults.fault import Place
from renode_mnist.option import Face, options_of

if TYPE_CHECKING:
    from renode_mnist.images import BuildConfig
    from renode_mnist.measure.faults.campaign import Campaign
    from renode_mnist.model.inputs import Samples

_FAILS = ("silent", "class", "hang", "detected")
"""`Outcome` by name, and of the silently wrong those whose class is another."""


@click.command()
@click.argument("model", default="int8", shell_complete=complete_model)
@file_option("--inputs", "files", "Inputs, a leading axis of N for N samples")
@click.option("--samples", type=click.IntRange(1, 64), help="How many of them, evenly spread.  [default: all]")
@pixel_range_option
@click.option("--count", type=click.IntRange(1), default=1000, show_default=True, help="How many faults.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the faults.")
@click.option(
    "--place",
    "places",
    type=click.Choice([str(each) for each in Place]),
    multiple=True,
    help="Where to put them; may be given again.  [default: everywhere]",
)
@click.option(
    "--only",
    type=click.IntRange(0),
    metavar="N",
    help="Try fault N of this campaign alone, and show it; with -v its outputs, the line and the log too.",
)
@click.option(
    "--fail-on",
    "fails",
    type=click.Choice(_FAILS),
    multiple=True,
    help="Exit with 1 where a fault came to that; class is a silently wrong answer of another class.",
)
@worker_options
@options_from(
    ImageOptions,
    names=[each.name for each in options_of(ImageOptions, Face.COMMAND_LINE) if each.name not in ("model", "trace")],
)
@elf_option
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with tables and plots.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
def faults(
    model: str,
    files: tuple[str, ...],
    samples: int | None,
    pixel_range: tuple[float, float] | None,
    count: int,
    seed: int,
    places: tuple[str, ...],
    only: int | None,
    fails: tuple[str, ...],
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    elf: Path | None,
    html: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Put faults into the emulated chip, and show which the client notices and which make an answer wrong.

    MODEL is a committed model's name (int8) or a .tflite file. Bits of RAM, weights, code and registers flip, bytes
    on the lines are damaged, the chip is reset, its supply dips, its clock does not start. The same seed, image and
    inputs give the same faults and the same outcomes, to the byte. Ctrl-C keeps what was tried; --resume goes on.
    """
    from renode_mnist.measure.evaluation.evaluate import Workers
    from renode_mnist.measure.evaluation.journal import write_whole
    from renode_mnist.measure.faults import faults as campaigns

    if html is not None and not html.absolute().parent.is_dir():
        raise EnvironmentProblem(f"there is no folder {html.absolute().parent}", "Make it, or give another path.")
    config = config_of({"model": model, "trace": False, **options})
    given = _samples(config, files, samples, pixel_range)
    chosen = tuple(Place(each) for each in places)
    if only is not None:
        _show_one(config, given, only, seed=seed, places=chosen, elf=elf, fails=fails)
        return
    with progress_bar.shown() as show:
        found = campaigns.run(
            config,
            given,
            count=count,
            seed=seed,
            places=chosen,
            elf=elf,
            workers=Workers(workers, scheduler),
            resume=resume,
            progress=progress_bar.of_campaign(show),
        )
    if html is not None:
        from renode_mnist.report import faults_page

        write_whole(html, faults_page.render(found).encode())
    if as_json:
        from renode_mnist.report import faults as report

        print_json("faults", report.to_json(found))
    else:
        _print(found)
    if any(_fails(found, each) for each in fails):
        click.get_current_context().exit(1)


def _samples(
    config: BuildConfig, files: tuple[str, ...], samples: int | None, pixel_range: tuple[float, float] | None
) -> Samples | None:
    from renode_mnist import codegen
    from renode_mnist.model import interface

    if not files:
        if samples is not None:
            raise DataError("--samples is of --inputs, and none are given", "Name files, or leave it out.")
        return None
    content = config.model.read_bytes()
    found = from_files(interface.inputs(codegen.load(config.model)), files, pixel_range, content)
    return found if samples is None else found.spread(samples)


def _show_one(
    config: BuildConfig,
    given: Samples | None,
    number: int,
    *,
    seed: int,
    places: tuple[Any, ...],
    elf: Path | None,
    fails: tuple[str, ...],
) -> None:
    from renode_mnist.measure.faults import faults as campaigns
    from renode_mnist.report import faults as report

    cargo, _, _, _ = campaigns.prepared(config, given, seed=seed, places=places, elf=elf)
    one = campaigns.again(cargo, number)
    click.echo(report.retold(one, verbose=verbosity.is_verbose()))
    if str(one.finding.outcome) in fails or ("class" in fails and one.finding.class_differs):
        click.get_current_context().exit(1)


def _fails(found: Campaign, what: str) -> bool:
    if what == "class":
        return found.total.other_class > 0
    return any(outcome == what and count for outcome, count in found.total.outcomes.items())


def _print(found: Campaign) -> None:
    from rich.console import Console

    from renode_mnist.report import faults as report
    from renode_mnist.report import grid, terminal
    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    console.print(grid.table(report.by_place(found), boxed=False))
    if found.at(Place.WEIGHTS):
        console.print(grid.table(report.by_layer(found), boxed=False))
    console.print(grid.facts(report.sentences(found)))
    console.print(terminal.identity(found.connection.target, found.connection.firmware))
    say(console, report.score(found), "bold")
