"""``renode-mnist test``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist import paths
from renode_mnist.commands.another_image import tell_another_image
from renode_mnist.commands.options import (
    complete_words,
    elf_option,
    image_of,
    options_from,
    target_option,
    target_options,
    tell_target,
    why_target,
)
from renode_mnist.commands.output import make_folder
from renode_mnist.commands.suite_run import run
from renode_mnist.errors import RenodeMnistError
from renode_mnist.images import BuildConfig, ImageOptions
from renode_mnist.option import Face, options_of
from renode_mnist.session.target_options import TARGETS, SuiteOptions, TargetOptions

if TYPE_CHECKING:
    from renode_mnist.session.record import Connection

SHARED = tuple(name for name in TARGETS if name != "board")
"""Targets of which each suite may have one of its own at the same time; a board is never shared."""


def _suites() -> list[str]:
    return sorted(path.stem for path in paths.suites().glob("*.robot"))


@click.command()
@target_option()
@click.option(
    "--suite",
    "suites",
    metavar="NAME|PATH",
    multiple=True,
    shell_complete=lambda context, parameter, begun: complete_words(_suites(), begun),
    help="Run only this suite: one of the project's by its name, or a file or a folder of your own; may be given "
    "again.",
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
    help="Folder for Robot's report, log and xunit file, and a page of what tests cost and what was on the line.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1),
    help="Suites at a time, each on an emulator of its own; a board runs one.  [default: one a core; of a board 1]",
)
@click.option(
    "--rerun-failed",
    is_flag=True,
    help="Run the tests that failed in the last run into --output, and put them into their places in its report.",
)
@options_from(SuiteOptions, names=("golden", "data", "label_key", "least_accuracy", "record"))
def test(suites: tuple[str, ...], output: Path, jobs: int | None, rerun_failed: bool, **options: Any) -> None:
    """Run the Robot Framework suites on a target."""
    from renode_mnist.session.opening import connect, machine_of
    from renode_mnist.session.record import identity_lines
    from renode_mnist.suites import plan as planning
    from renode_mnist.suites import report
    from renode_mnist.suites.workers import Call

    sources = _sources(suites) or [paths.suites()]
    if (options["data"] is None) != (options["least_accuracy"] is None):
        raise click.UsageError("--data and --least-accuracy belong together: give both.")
    given = {each.name: options[each.name] for each in options_of(SuiteOptions, Face.SUITE)}
    for name in ("elf", "record", "golden", "data", "parameters"):  # Robot may run elsewhere
        if given[name] is not None:
            given[name] = given[name].resolve()
    # What it lacks is told once, not by every test. A suite may still ask for another board's image.
    asked = SuiteOptions(**given)
    if jobs is not None and jobs > 1 and asked.target not in SHARED:
        raise click.UsageError(f"The target {asked.target} is one: it runs a suite at a time. Leave --jobs out.")
    make_folder(output)
    plan = planning.plan(sources)
    image = image_of(given["elf"], BuildConfig.of(asked, machine_of(asked.target)))
    found = connect(asked.target, image.elf, TargetOptions.of(asked, asked.board))
    tell_another_image(asked.target, found.firmware, image)
    _check_golden(asked, found)
    _check_labels(asked)
    identity = identity_lines(found.target, found.firmware)
    if why := why_target():
        identity["Target"] += f", since {why}"
    files = report.Files(output.resolve())
    call = Call(
        sources=sources,
        name=" ".join((asked.target, found.firmware.engine, found.firmware.model_name)),
        metadata=identity,
        pythonpath=[paths.suites()],  # where a suite of one's own finds firmware.resource
        variables=[f"{name.upper()}:{value}" for name, value in given.items() if value is not None],
        folder=files.folder,
    )
    if rerun_failed:
        plan = plan.only(report.failed_before(files, call.name, plan))
        if not plan.parts:
            click.echo(f"No test failed in the last run in {output}.")
            return
    try:
        run(plan, call, jobs or jobs_of(asked.target), files, into_last=rerun_failed)
    finally:
        tell_target(asked.target)


def jobs_of(target: str) -> int:
    """How many suites run at a time where nobody says."""
    if target not in SHARED:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _sources(suites: tuple[str, ...]) -> list[Path]:
    """The files and folders of the suites that are asked for."""
    known = _suites()
    sources = [paths.suites() / f"{suite}.robot" if suite in known else Path(suite) for suite in suites]
    if missing := [suite for suite, source in zip(suites, sources, strict=True) if not source.exists()]:
        raise RenodeMnistError(
            f"there is no suite {', '.join(missing)}",
            f"Give the path of one of your own, or choose from: {', '.join(known)}.",
        )
    return sources


def _check_labels(asked: SuiteOptions) -> None:
    """Refuses labelled data without labels."""
    if asked.data is not None:
        from renode_mnist.robot.asked import array_in

        array_in(asked.data, asked.label_key)


def _check_golden(asked: SuiteOptions, found: Connection) -> None:
    """Refuses vectors that can't be read, or are another model's than the one that answers."""
    if asked.golden is None:
        return
    from renode_mnist.model import golden

    golden.read(Path(asked.golden)).check_model(found.firmware.model_sha256, found.firmware.model_name)
