"""``renode-mnist parity``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from renode_mnist import paths
from renode_mnist.commands import progress_bar
from renode_mnist.commands.asked import Asked, Specs
from renode_mnist.commands.options import config_of, image_of, image_options, target_options, target_options_of
from renode_mnist.commands.output import print_json
from renode_mnist.errors import CheckFailed, EnvironmentProblem
from renode_mnist.session.target_options import TARGETS

if TYPE_CHECKING:
    from renode_mnist.session.record import Record
    from renode_mnist.session.session import Session

_SEEDED = 10
"""Inputs of a network that is none for digits."""


@click.command()
@click.option(
    "--target",
    "targets",
    type=click.Choice(TARGETS),
    multiple=True,
    help="Compare these, the first with each other one.  [default: every target that is there]",
)
@image_options
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print all answers and differences as JSON.")
def parity(targets: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Run the same inputs on several targets and compare answers and instruction counts.

    A network for digits gets one of each class; any other ten seeded inputs.
    """
    from rich.console import Console

    from renode_mnist.measure import parity as comparing
    from renode_mnist.report import grid
    from renode_mnist.report.grid import Grid
    from renode_mnist.session.opening import available, lacks, machine_of, open_session
    from renode_mnist.session.record import target_json

    if len(targets) == 1:
        raise click.UsageError(f"Two targets are needed, there is {targets[0]}; name another by --target.")
    names = targets or tuple(available())
    if len(names) < 2:
        problems = [f"{name}: {problem}" for name in ("renode", "host") if (problem := lacks(name)) is not None]
        raise EnvironmentProblem(
            f"two targets are needed, and this machine has {' and '.join(names)} alone",
            f"{' '.join(problems)} With a board, add --target embedded --target board.",
        )
    questions = _questions(Specs.of_model(config_of(dict(options), machine_of(names[0]))))
    given = target_options_of(options)
    records = {}
    for name in names:
        config = config_of(dict(options), machine_of(name))
        image = image_of(None, config)
        with (
            progress_bar.doing(f"{len(questions)} inputs on {name}"),
            open_session(name, image.elf, given(config)) as session,
        ):
            records[name] = comparing.ask(session, questions)
    first = names[0]
    failed = 0
    rows = []
    told = []
    for name in names[1:]:
        for comparison in comparing.compare(records[first], records[name]):
            failed += bool(comparison.differences)
            record = comparison.record
            rows.append(
                (
                    name,
                    comparison.input,
                    str(record.inference.winner),
                    f"{record.inference.counter:,} {record.target.counter_unit}",
                    "\n".join(comparison.differences) or "same",
                )
            )
            told.append(
                {
                    "target": name,
                    "input": comparison.input,
                    "class": record.inference.winner,
                    str(record.target.counter_unit): record.inference.counter,
                    "differences": list(comparison.differences),
                }
            )
    if as_json:
        identities = [target_json(records[name][0].target) for name in names]
        print_json("parity", {"against": first, "targets": identities, "answers": told})
        _conclude(failed)
        return
    headings = ("target", "input", "class", "counter", "")
    console = Console(highlight=False)
    console.print(grid.table(Grid(headings, tuple(rows), labels=5, title=f"against {first}"), centred=True))
    for name in names:
        identity = records[name][0].target
        console.print(
            f"{name}: {identity.version}, counts {identity.counter_unit} in steps of {identity.counter_step}"
        )
    _conclude(failed)


def _questions(specs: Specs) -> list[Callable[[Session], Record]]:
    from renode_mnist.model import inputs, preprocess

    if specs.takes_digits:
        pictures = sorted(paths.digits().glob("*.png"))
        return [Asked(picture.stem, digit=preprocess.read(picture)).of for picture in pictures]
    made = inputs.seeded(specs.inputs, _SEEDED, 1)
    sets = zip(made.sets, made.names, strict=True)
    return [Asked(name, samples=inputs.Samples((each,), (name,), ())).of for each, name in sets]


def _conclude(failed: int) -> None:
    if failed:
        raise CheckFailed(f"{failed} answer(s) differ", "What is shown names the first difference with its layer.")
