"""``renode-mnist test``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from renode_mnist import paths
from renode_mnist.build import BuildConfig, ImageOptions
from renode_mnist.commands.options import (
    complete_words,
    elf_option,
    image_of,
    options_from,
    target_option,
    target_options,
    tell_target,
)
from renode_mnist.commands.output import make_folder
from renode_mnist.errors import CheckFailed, RenodeMnistError
from renode_mnist.option import Face, options_of
from renode_mnist.session.target_options import SuiteOptions, TargetOptions

# Robot's exit status is the number of failed tests up to 249; from 250 on it says why nothing ran.
_MOST_FAILED = 249


def _suites() -> list[str]:
    return sorted(path.stem for path in paths.suites().glob("*.robot"))


@click.command()
@target_option()
@click.option(
    "--suite",
    "suites",
    multiple=True,
    shell_complete=lambda context, parameter, begun: complete_words(_suites(), begun),
    help="Run only this suite; may be given again.",
)
@options_from(
    ImageOptions,
    names=[each.name for each in options_of(ImageOptions, Face.SUITE)],
    silent=("engine", "board"),
)
@elf_option
@target_options
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/robot"),
    show_default=True,
    help="Folder for Robot's report, log and xunit file.",
)
@options_from(SuiteOptions, names=("record",))
def test(suites: tuple[str, ...], output: Path, **options: Any) -> None:
    """Run the Robot Framework suites on a target."""
    from robot.run import run as run_robot

    from renode_mnist.session.opening import check_opens, machine_of

    unknown = set(suites) - set(_suites())
    if unknown:
        raise RenodeMnistError(
            f"there is no suite {', '.join(sorted(unknown))}", f"Choose from: {', '.join(_suites())}."
        )
    given = {each.name: options[each.name] for each in options_of(SuiteOptions, Face.SUITE)}
    for name in ("elf", "record"):  # Robot may run elsewhere
        if given[name] is not None:
            given[name] = given[name].resolve()
    # What it lacks is told once, not by every test. A suite may still ask for another board's image.
    asked = SuiteOptions(**given)
    make_folder(output)
    image = image_of(given["elf"], BuildConfig.of(asked, machine_of(asked.target)))
    check_opens(asked.target, image.elf, TargetOptions.of(asked, asked.board))
    tell_target(asked.target)
    status = run_robot(
        str(paths.suites()),
        name=" ".join(given[name] for name in ("target", "engine", "model")),
        suite=list(suites),
        variable=[f"{name.upper()}:{value}" for name, value in given.items() if value is not None],
        outputdir=str(output),
        xunit="xunit.xml",
    )
    if status > _MOST_FAILED:
        raise RenodeMnistError("Robot Framework ran no test", "Read what it says above.")
    if status:
        raise CheckFailed(f"{status} test(s) failed", f"Open {output / 'log.html'}.")
