"""``renode-mnist run``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist import paths
from renode_mnist.build import Image
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
from renode_mnist.errors import CheckFailed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from renode_mnist.session.target_options import TargetOptions


@click.command()
@picture_option
@image_options
@elf_option
@target_option(default="auto")
@target_options
@click.option("--expect", type=click.IntRange(0, 9), help="Exit with 1 unless this is the class.")
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
    elf: Path | None,
    target: str,
    expect: int | None,
    kept: Path | None,
    repeat: int,
    as_json: bool,
    **options: Any,
) -> None:
    """Classify a picture of a digit by the firmware and show what each layer cost."""
    from rich.console import Console

    from renode_mnist.model import preprocess
    from renode_mnist.program.build_id import build_id
    from renode_mnist.report import terminal
    from renode_mnist.session.opening import machine_of, open_session
    from renode_mnist.session.recording import Recorder

    picture = picture or paths.digits() / "7.png"
    digit = preprocess.read(picture)
    given = target_options_of(options)
    config = config_of(options, machine_of(target))
    image = image_of(elf, config)
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(kept)) if kept is not None else None
        observer = recorder.observe if recorder else None
        session = stack.enter_context(
            open_session(target, image.elf, given(config), observer=observer, waiting=_tell_debugger)
        )
        if recorder is not None:
            recorder.identify(session)
        if target == "board" and session.firmware.build_id != build_id(image.elf):
            click.echo("note: the board runs another image than the options name; --flash loads theirs", err=True)
        record = session.classify(digit.pixels, picture.name)
    if as_json:
        tell_target(target)
        click.echo(json.dumps(record.to_json(), indent=2))
    else:
        console = Console(highlight=False, markup=False)
        console.print(f"{picture}: {digit.describe()}", soft_wrap=True)
        console.print(terminal.run(record, colour=console.color_system is not None, why_target=why_target()))
    if repeat > 1:
        digests = [_digest(target, image, given(config), digit.pixels) for _ in range(repeat)]
        click.echo(
            f"{repeat} runs, digest over bytes, virtual time and instructions: {', '.join(sorted(set(digests)))}"
        )
        if len(set(digests)) > 1:
            raise CheckFailed(f"{len(set(digests))} different runs of {repeat}", "Report it: these must be the same.")
    if expect is not None and record.inference.winner != expect:
        raise CheckFailed(
            f"{picture.name} was classified as {record.inference.winner}, expected {expect}",
            "Look at what the network saw (above), or at the scores with --json.",
        )


def _tell_debugger(command: str) -> None:
    click.echo(f"waiting for the debugger: {command}", err=True)


def _digest(target: str, image: Image, options: TargetOptions, pixels: npt.NDArray[np.uint8]) -> str:
    from renode_mnist.measure.repetition import Digest
    from renode_mnist.session.opening import open_session

    digest = Digest()
    with open_session(target, image.elf, options, observer=digest.observe) as session:
        session.classify(pixels)
        return digest.close(session)
