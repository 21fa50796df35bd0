"""``renode-mnist evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands import progress_bar
from renode_mnist.commands.inputs import pixel_range_option, tell_inputs
from renode_mnist.commands.options import (
    complete_model,
    config_of,
    elf_option,
    options_from,
    target_option,
    target_options,
    target_options_of,
    why_target,
)
from renode_mnist.commands.output import print_json
from renode_mnist.commands.workers import worker_options
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import ImageOptions
from renode_mnist.option import Face, options_of

if TYPE_CHECKING:
    from renode_mnist.measure.evaluation.evaluation import Evaluation


@click.command()
@click.argument("model", default="int8", shell_complete=complete_model)
@click.option(
    "--data",
    type=click.Path(exists=True, path_type=Path),
    help="Labelled samples: an .npz with `labels` beside the inputs, a .csv with a column of labels, a folder with a "
    "folder of pictures a class, or four idx files.  [default: the MNIST test set]",
)
@click.option("--images", type=click.IntRange(1), help="How many samples.  [default: all]")
@click.option(
    "--label-key",
    metavar="NAME",
    help="Array or column with the index of each sample's class, or a file of its own.  [default: labels, label]",
)
@click.option(
    "--target-key", metavar="NAME", help="Likewise, what the output should be in real numbers: regressions."
)
@click.option("--output", metavar="NAME", help="The output that is scored, where there are several; or its number.")
@pixel_range_option
@click.option(
    "--reference/--no-reference",
    default=True,
    help="Hold each answer to LiteRT's reference kernels on the PC.  [default: reference]",
)
@worker_options
@target_option()
@options_from(
    ImageOptions,
    names=[each.name for each in options_of(ImageOptions, Face.COMMAND_LINE) if each.name not in ("model", "trace")],
)
@elf_option
@target_options
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with the wrong samples.")
@click.option("--json", "as_json", is_flag=True, help="Print all that was found as JSON.")
def evaluate(
    model: str,
    data: Path | None,
    images: int | None,
    label_key: str | None,
    target_key: str | None,
    output: str | None,
    pixel_range: tuple[float, float] | None,
    reference: bool,
    workers: int | None,
    scheduler: str | None,
    resume: bool,
    target: str,
    elf: Path | None,
    html: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what the firmware itself scores over a data set, by as many workers as there are.

    MODEL is a committed model's name (int8) or a .tflite file. Ctrl-C keeps what is answered; the same call with
    --resume goes on, to the same result.
    """
    from renode_mnist.measure.evaluation import evaluate as evaluating
    from renode_mnist.measure.evaluation.journal import write_whole
    from renode_mnist.model.labelled_files import ASKED, Where
    from renode_mnist.model.picture_tensor import Range
    from renode_mnist.report import evaluation, evaluation_page
    from renode_mnist.session.opening import machine_of

    if html is not None and not html.absolute().parent.is_dir():
        raise EnvironmentProblem(f"there is no folder {html.absolute().parent}", "Make it, or give another path.")
    given = target_options_of(options)
    config = config_of({"model": model, "trace": False, **options}, machine_of(target))
    pixels = None if pixel_range is None else Range((pixel_range[0],), (pixel_range[1],), ASKED)
    with progress_bar.shown() as show:
        found = evaluating.evaluate(
            config,
            target,
            given(config),
            Where(data, label_key, target_key, pixels),
            images=images,
            output=output,
            elf=elf,
            with_reference=reference,
            workers=evaluating.Workers(workers, scheduler),
            resume=resume,
            progress=progress_bar.of_campaign(show),
        )
    if html is not None:
        write_whole(html, evaluation_page.render(found).encode())
    if as_json:
        print_json("evaluate", evaluation.to_json(found))
    else:
        _print(found)


def _print(found: Evaluation) -> None:
    from rich.console import Console

    from renode_mnist.report import evaluation, grid, terminal
    from renode_mnist.report.prose import say

    console = Console(highlight=False, markup=False)
    tell_inputs(found.data.notes)
    if found.classes is not None:
        console.print(grid.table(evaluation.table(found.classes, console.width), boxed=False))
    facts = ((each.label, each.said) for each in evaluation.sentences(found))
    console.print(grid.facts(facts))
    console.print(terminal.identity(found.connection.target, found.connection.firmware, why_target()))
    say(console, evaluation.score(found), "bold")
