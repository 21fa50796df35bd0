"""``renode-mnist run``."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist import paths
from renode_mnist.commands.another_image import tell_another_image
from renode_mnist.commands.answers import answer_of, keep
from renode_mnist.commands.asked import Asked, Specs, choose
from renode_mnist.commands.inputs import file_option, pixel_range_option, seed_option, tell_inputs
from renode_mnist.commands.options import (
    config_of,
    elf_option,
    image_of,
    image_options,
    picture_option,
    target_option,
    target_options,
    target_options_of,
    tell_target,
    why_target,
)
from renode_mnist.commands.output import print_json
from renode_mnist.errors import CheckFailed
from renode_mnist.images import Image

if TYPE_CHECKING:
    from renode_mnist.session.answer import Answer
    from renode_mnist.session.record import Record
    from renode_mnist.session.target_options import TargetOptions


@click.command()
@picture_option
@file_option("--input", "files", "What any model is asked")
@seed_option
@pixel_range_option
@image_options
@elf_option
@target_option(default="auto")
@target_options
@click.option(
    "--labels",
    "labels_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Names of the classes, a line each.  [default: those of the model's metadata]",
)
@click.option("--expect", metavar="CLASS", help="Exit with 1 unless this is the class: its index or its label.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the outputs here: .npy, .npz (as the model stores them) or .json (as real numbers too).",
)
@click.option("--record", "kept", type=click.Path(dir_okay=False, path_type=Path), help="Keep the session here.")
@click.option(
    "--repeat",
    type=click.IntRange(1),
    default=1,
    help="Run so often, each time from reset, and exit with 1 unless bytes, times and counts are the same.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the record as JSON.")
def run(
    picture: Path | None,
    files: tuple[str, ...],
    seed: int,
    pixel_range: tuple[float, float] | None,
    elf: Path | None,
    target: str,
    labels_file: Path | None,
    expect: str | None,
    output: Path | None,
    kept: Path | None,
    repeat: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Run the network once on the firmware; show its answer and what each layer cost.

    A network for digits (28x28, ten classes) is shown a digit where nothing is given; any other takes --input, or
    seeded numbers.
    """
    from renode_mnist.session.labels import labels_for
    from renode_mnist.session.opening import machine_of, open_session
    from renode_mnist.session.recording import Recorder

    if picture is not None and files:
        raise click.UsageError("--image shows a digit and --input any tensor: give one of them.")
    if output is not None and any(output.resolve() == Path(file.rpartition("=")[2]).resolve() for file in files):
        raise click.UsageError(f"--output would write over the input {output}: name another file.")
    given = target_options_of(options)
    config = config_of(options, machine_of(target))

    def chosen(specs: Specs) -> Asked:
        return choose(specs, picture, files, pixel_range, seed, None if elf is not None else config)

    # What does not fit the model is told before a build; what an ELF holds, only its firmware knows.
    asked = chosen(Specs.of_model(config)) if elf is None else None
    labels = labels_for(labels_file, config.model)
    image = image_of(elf, config)
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(kept)) if kept is not None else None
        observer = recorder.observe if recorder else None
        session = stack.enter_context(
            open_session(target, image.elf, given(config), observer=observer, waiting=_tell_debugger)
        )
        if recorder is not None:
            recorder.identify(session)
        tell_another_image(target, session.firmware, image)
        asked = asked or chosen(Specs.of_firmware(session.firmware))
        record = asked.of(session)
    answer = answer_of(record, labels(record.firmware))
    if output is not None:
        keep(answer, output)
    if as_json:
        tell_target(target)
        print_json("run", {**record.to_json(), "outputs": answer.to_json()})
    else:
        _show(record, answer, asked, picture)
        if output is not None:
            click.echo(f"{output}: {len(answer.outputs)} output(s)")
    if repeat > 1:
        _check_repetition(repeat, target, image, given(config), asked)
    if expect is not None:
        answer.expect(expect, asked.name)


def _tell_debugger(command: str) -> None:
    click.echo(f"waiting for the debugger: {command}", err=True)


def _show(record: Record, answer: Answer, asked: Asked, picture: Path | None) -> None:
    from rich.console import Console

    from renode_mnist.report import answer_table, grid, record_table, terminal

    console = Console(highlight=False, markup=False)
    if asked.digit is not None:
        where = picture or paths.digits() / "7.png"
        tell_inputs([f"{where}: {asked.digit.describe()}"])
        colour = console.color_system is not None
        console.print(terminal.run(record, colour=colour, why_target=why_target()))
        return
    tell_inputs(asked.notes())
    console.print(answer_table.render(answer))
    console.print(grid.table(record_table.layers(record)))
    console.print(terminal.identity(record.target, record.firmware, why_target()))


def _check_repetition(repeat: int, target: str, image: Image, options: TargetOptions, asked: Asked) -> None:
    digests = [_digest(target, image, options, asked) for _ in range(repeat)]
    click.echo(f"{repeat} runs, digest over bytes, virtual time and instructions: {', '.join(sorted(set(digests)))}")
    if len(set(digests)) > 1:
        raise CheckFailed(f"{len(set(digests))} different runs of {repeat}", "Report it: these must be the same.")


def _digest(target: str, image: Image, options: TargetOptions, asked: Asked) -> str:
    from renode_mnist.measure.repetition import Digest
    from renode_mnist.session.opening import open_session

    digest = Digest()
    with open_session(target, image.elf, options, observer=digest.observe) as session:
        asked.of(session)
        return digest.close(session)
