"""``renode-mnist test``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist import build as building
from renode_mnist import paths
from renode_mnist.build import BuildConfig
from renode_mnist.commands.options import elf_option, image_of, target_option, target_options
from renode_mnist.errors import CheckFailed, RenodeMnistError
from renode_mnist.session.opening import machine_of

# Robot's exit status is the number of failed tests up to 249; from 250 on it says why nothing ran.
_MOST_FAILED = 249


def _suites() -> list[str]:
    return sorted(path.stem for path in paths.suites().glob("*.robot"))


@click.command()
@target_option()
@click.option("--suite", "suites", multiple=True, help="Run only this suite; may be given again.")
@click.option("--model", default="int8", show_default=True, help="A committed model's name, or a .tflite file.")
@click.option("--engine", type=click.Choice(building.ENGINES), default=BuildConfig.engine, show_default=True)
@click.option("--board", type=click.Choice(building.BOARDS), default=BuildConfig.board, show_default=True)
@elf_option
@target_options
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/robot"),
    show_default=True,
    help="Folder for Robot's report, log and xunit file.",
)
@click.option(
    "--record",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep each suite's session in this folder, for `replay`.",
)
def test(
    target: str,
    suites: tuple[str, ...],
    model: str,
    engine: str,
    board: str,
    elf: Path | None,
    output: Path,
    record: Path | None,
    **line: Any,
) -> None:
    """Run the Robot Framework suites on a target."""
    from robot.run import run as run_robot

    unknown = set(suites) - set(_suites())
    if unknown:
        raise RenodeMnistError(
            f"there is no suite {', '.join(sorted(unknown))}", f"Choose from: {', '.join(_suites())}."
        )
    # What it lacks is told once, not by every test. A suite may still ask for another board's image.
    image_of(elf, BuildConfig(building.resolve_model(model), engine, board=board, machine=machine_of(target)))  # type: ignore[arg-type]
    given = {"target": target, "model": model, "engine": engine, "board": board, **line}
    if elf is not None:
        given["elf"] = elf.resolve()
    if record is not None:
        given["record"] = record.resolve()
    status = run_robot(
        str(paths.suites()),
        name=f"{target} {engine} {model}",
        suite=list(suites),
        variable=[f"{name.upper()}:{value}" for name, value in given.items() if value is not None],
        outputdir=str(output),
        xunit="xunit.xml",
    )
    if status > _MOST_FAILED:
        raise RenodeMnistError("Robot Framework ran no test", "Read what it says above.")
    if status:
        raise CheckFailed(f"{status} test(s) failed", f"Open {output / 'log.html'}.")
