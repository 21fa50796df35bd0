"""``renode-mnist ci measure``."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist import version
from renode_mnist.commands import progress_bar
from renode_mnist.commands.options import (
    complete_model,
    options_from,
    target_option,
    target_options,
    target_options_of,
)
from renode_mnist.commands.output import make_folder, write
from renode_mnist.errors import CheckFailed, RenodeMnistError
from renode_mnist.images import ENGINES, ImageOptions, resolve_model
from renode_mnist.plain_text import harmless, one_line
from renode_mnist.session.target_options import CHIP_TARGETS

if TYPE_CHECKING:
    import numpy.typing as npt

    from renode_mnist.measure.judged import Judgement
    from renode_mnist.measure.measurement import CaseCost
    from renode_mnist.measure.subject import Found
    from renode_mnist.session.target_options import TargetOptions

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
ALL_SUITES = "all"
MEASUREMENT = "measurement.json"
_LOG = logging.getLogger(__name__)
_MOST_SAID = 1_000
"""Characters of why a case could not be run."""


@click.command()
@click.option(
    "--model",
    "models",
    multiple=True,
    shell_complete=complete_model,
    help="A .tflite file, or a committed model's name; may be given again.  [default: none with --elf, else int8]",
)
@click.option(
    "--engine",
    "engines",
    multiple=True,
    type=click.Choice(ENGINES),
    default=["m7"],
    show_default=True,
    help="What computes the models; may be given again.",
)
@click.option("--elf", metavar="FILE", help="An image of your own project; one that speaks the protocol is run.")
@click.option("--build", "build_command", metavar="COMMAND", help="A shell command that makes the file of --elf.")
@click.option(
    "--suite",
    "suites",
    multiple=True,
    metavar="NAME|PATH",
    help=f"Run this suite on each case, as `renode-mnist test` does; {ALL_SUITES} for all of its own; may be given "
    "again.",
)
@click.option("--golden", type=_FILE, help="Golden vectors of the one model, for the suite `golden`.")
@click.option("--data", type=_FILE, help="Labelled samples: inputs by their names and an array of labels.")
@click.option("--label-key", default="labels", show_default=True, help="That array in --data, or a file of its own.")
@click.option("--least-accuracy", type=click.FloatRange(0, 1), help="The share of --data that must be right.")
@click.option("--budgets", "budget_file", type=_FILE, help="Hold each case to this file, as `bench --check` does.")
@target_option(choices=CHIP_TARGETS)
@options_from(ImageOptions, names=("board",), silent=("board",))
@target_options
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("renode-mnist-reports"),
    show_default=True,
    help="Folder for measurement.json, bench.json, bench.html and what suites report.",
)
def measure(
    models: tuple[str, ...],
    engines: tuple[str, ...],
    elf: str | None,
    build_command: str | None,
    suites: tuple[str, ...],
    golden: Path | None,
    data: Path | None,
    label_key: str,
    least_accuracy: float | None,
    budget_file: Path | None,
    target: str,
    board: Any,
    output: Path,
    **options: Any,
) -> None:
    """Build, measure and check what a commit costs, and write it down.

    Ends with 1 where a check failed, with 2 where one could not be made, as bench --check and test do; all files are
    written before.
    """  # fmt: skip
    from renode_mnist.measure import budgets
    from renode_mnist.measure import subject as measuring
    from renode_mnist.measure.findings import Workspace
    from renode_mnist.measure.judged import judge
    from renode_mnist.measure.measured import case_of_elf

    if build_command and not elf:
        raise click.UsageError("--build needs --elf: the file that the command makes.")
    if least_accuracy is not None and data is None:
        raise click.UsageError("--least-accuracy needs --data: what is to be classified.")
    given = target_options_of(options)(ImageOptions(board=board))
    subject = measuring.Subject(
        schema=measuring.SCHEMA,
        models=list(models or ([] if elf else ["int8"])),
        engines=list(dict.fromkeys(engines)),
        elf=elf or "",
        build=build_command or "",
    )
    for model in subject.models:
        resolve_model(model)
    if golden is not None and len(subject.models) > 1:
        raise click.UsageError("--golden holds one model's answers: measure the others in a call of their own.")
    if budget_file is not None:
        budgets.load(budget_file)  # one that cannot be used is told before the minutes that the rest takes
    labels = None if data is None else _labels(data, label_key)
    make_folder(output)
    for old in (MEASUREMENT, "findings.json"):  # of another call, and no answer to this one
        (output / old).unlink(missing_ok=True)
    workspace = Workspace.of(os.environ)
    with progress_bar.doing("measuring") as tell:
        found = measuring.measure(subject, Path(), target, given, lambda case: tell(f"measuring {case}"))
    unspoken = [] if found.unspoken is None else [case_of_elf(found.unspoken.elf)]
    judgement = judge(found.rows, found.refused, budget_file, workspace, unspoken)
    asked = list(dict.fromkeys([*suites, *(["golden"] if golden and ALL_SUITES not in suites else [])]))
    if (asked or data) and unspoken:
        why = "neither suites nor labelled samples, for it was not run"
        judgement.cases[unspoken[0]].unjudged.append(why)
        judgement.cannot.append(f"{unspoken[0]}: {why}")
        judgement.cases[unspoken[0]].limits = True
    for case, (image, _) in found.images.items():
        _run_suites(case, image, asked, golden, target, given, output, judgement)
    accuracies = _accuracies(found, data, labels, least_accuracy, target, given, judgement)
    costs = _write(output, found, judgement, accuracies, subject, workspace, budget_file)
    _tell(costs, judgement)


def _run_suites(
    case: str,
    image: Path,
    suites: list[str],
    golden: Path | None,
    target: str,
    options: TargetOptions,
    output: Path,
    judgement: Judgement,
) -> None:
    from renode_mnist.commands.test import test

    if not suites:
        return
    folder = output / "robot" / case.replace("/", "-")
    words = ["--target", target, "--elf", str(image), "--board", options.board, "--output", str(folder)]
    words += [f"--suite={suite}" for suite in suites if ALL_SUITES not in suites]
    words += ["--golden", str(golden)] if golden else []
    words += ["--port", str(options.port)] if options.port else []
    words += ["--flash", options.flash]
    try:
        test.main(words, prog_name="renode-mnist test", standalone_mode=False)
    except CheckFailed as error:
        judgement.fail(case, f"suites: {error.what}")
    else:
        judgement.passed(case)


def _labels(data: Path, key: str) -> npt.NDArray[Any]:
    """Looked for before the minutes that the rest takes."""
    from renode_mnist.robot.asked import array_in

    return array_in(data, key)


def _accuracies(
    found: Found,
    data: Path | None,
    labels: npt.NDArray[Any] | None,
    least: float | None,
    target: str,
    options: TargetOptions,
    judgement: Judgement,
) -> dict[str, float]:
    if data is None or labels is None:
        return {}
    from renode_mnist.measure.labelled import accuracy

    found_by_case: dict[str, float] = {}
    for case, (image, model) in found.images.items():
        share = found_by_case[case] = accuracy(target, image, options, data, labels, model)
        if least is not None and not share >= least:
            judgement.fail(case, f"accuracy {share:.4f}, at least {least:g} asked")
        elif least is not None:
            judgement.passed(case)
    return found_by_case


def _write(
    output: Path,
    found: Found,
    judgement: Judgement,
    accuracies: dict[str, float],
    subject: Any,
    workspace: Any,
    budget_file: Path | None,
) -> list[CaseCost]:
    from renode_mnist.measure import bench, findings, measured, measurement
    from renode_mnist.measure import subject as measuring
    from renode_mnist.measure.of_commit import commit_here

    if found.unspoken is not None:
        verdict = judgement.cases[measured.case_of_elf(found.unspoken.elf)]
        verdict.unjudged.insert(0, found.unspoken.why)
        case = measured.case_of_elf(found.unspoken.elf)
        judgement.findings.append(findings.finding("notice", f"{case} was not run", found.unspoken.tried, case=case))
    costs = [measured.cost(row, judgement.cases[row.case], accuracies.get(row.case)) for row in found.rows]
    if found.unspoken is not None:
        elf = found.unspoken
        costs.append(measured.sections_cost(elf.elf, elf.flash_bytes, elf.ram_bytes, verdict))
    if not costs:
        raise bench.BenchError(
            "no case could be run: " + " ".join(one_line(each, _MOST_SAID) for each in bench.told(found.refused))
        )
    measurement.save(
        output / MEASUREMENT,
        measurement.Measurement(
            schema=measurement.SCHEMA, commit=commit_here(os.environ), package=version.version(), cases=costs
        ),
    )
    subject.save(output / "subject.json")
    bench.save(output / "bench.json", found.rows, found.refused)
    own = {row.case for row in found.rows if found.images[row.case][1] is None}
    sources = [
        source
        for case in sorted(own)
        for source in measuring.own_sources(
            found.images[case][0], [row for row in found.rows if row.case == case], workspace
        )
    ]
    findings.save(output / "findings.json", judgement.status, judgement.findings, sources, budget_file)
    _write_page(output / "bench.html", found)
    return costs


def _write_page(file: Path, found: Found) -> None:
    """The page with plots, where there is something to show."""
    from renode_mnist.report import bench_page, bench_table

    if not found.rows:
        return
    write(file, bench_page.render(found.rows, bench_table.grid(found.rows, found.refused)))


def _tell(costs: list[CaseCost], judgement: Judgement) -> None:
    """A line a case, then the exit status."""
    for cost in costs:
        time = "" if cost.milliseconds is None else f", {cost.milliseconds:.3f} ms modelled"
        instructions = "" if cost.instructions is None else f"{cost.instructions:,} instructions{time}, "
        ram = "" if cost.ram_bytes is None else f", {cost.ram_bytes:,} B of RAM"
        accuracy = "" if cost.accuracy is None else f", accuracy {cost.accuracy:.4f}"
        told = f"{cost.case}: {cost.verdict}; {instructions}{cost.flash_bytes:,} B of flash{ram}{accuracy}"
        click.echo(harmless(told))
        for reason in cost.reasons:
            click.echo(harmless(f"  {reason}"))
    failed = [*judgement.failed, *(case for case, verdict in judgement.cases.items() if verdict.failed)]
    if failed:
        raise CheckFailed(f"{len(failed)} case(s) failed", "Why stands above.")
    if judgement.cannot:
        raise RenodeMnistError(
            f"{len(judgement.cannot)} check(s) could not be made", "Why, and what to do, stands above."
        )
