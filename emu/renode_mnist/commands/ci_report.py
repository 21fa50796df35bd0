"""``renode-mnist ci report``."""

from __future__ import annotations

import json
import logging
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from renode_mnist.commands.output import make_folder, write
from renode_mnist.errors import EnvironmentProblem, RenodeMnistError

if TYPE_CHECKING:
    from renode_mnist.measure.change_report import Baseline, Report
    from renode_mnist.measure.findings import Finding
    from renode_mnist.measure.measurement import Measurement

_LOG = logging.getLogger(__name__)
_FOLDER = click.Path(file_okay=False, path_type=Path)
NAME = r"^[A-Za-z0-9_-]{1,50}$"


@click.command()
@click.option(
    "--head",
    type=_FOLDER,
    default=Path("renode-mnist-reports"),
    show_default=True,
    help="What `ci measure` wrote of this commit.",
)
@click.option("--base", type=_FOLDER, help="What it wrote of the base commit; may be missing.")
@click.option("--base-ref", help="The base commit: built and measured where --base is not of it.")
@click.option(
    "--budgets",
    "budget_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What to compare with where the others are missing.  [default: that of `ci measure`]",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1_000),
    default=1.0,
    show_default=True,
    help="Percent from which on a layer's change is shown first.",
)
@click.option("--page", default="", metavar="URL", help="Where the whole report can be read.")
@click.option(
    "--name", default="firmware", show_default=True, help="Of the comment, where a pull request has several."
)
@click.option("--output", type=_FOLDER, help="Folder for report.json and comment.md.  [default: that of --head]")
def report(
    head: Path,
    base: Path | None,
    base_ref: str | None,
    budget_file: Path | None,
    threshold: float,
    page: str,
    name: str,
    output: Path | None,
) -> None:
    """Hold a measurement to the base commit's, and write what a pull request shows.

    Prints the findings, in GitHub's job as annotations on their lines; adds to GITHUB_OUTPUT and GITHUB_STEP_SUMMARY
    where those are set. Ends with 0 whatever the verdict: `ci measure` has told it.
    """
    from renode_mnist.measure import change_report, findings, measurement
    from renode_mnist.report import annotations, comment

    check_name(name)
    output = output or head
    if not (head / "measurement.json").is_file():
        raise EnvironmentProblem(
            f"{head} has no measurement.json",
            "Measure first: `renode-mnist ci measure`. Where it wrote elsewhere (`--output`), name that by --head.",
        )
    make_folder(output)
    measured = measurement.load(head / "measurement.json")
    noted = findings.load(head / "findings.json")
    if budget_file is None and noted.budgets:  # what `ci measure` held it to
        budget_file = Path(noted.budgets)
    baseline = _baseline(measured, head, base, base_ref, budget_file)
    cases = {cost.case for cost in measured.cases}
    missing = [each for each in noted.findings if each.level == "error" and each.case not in cases]
    problems = [each.text for each in missing][: measurement.MOST_REASONS]
    made = change_report.Report(
        schema=change_report.SCHEMA,
        verdict=change_report.verdict_of(measured.cases, problems),
        head=measured,
        base=baseline,
        problems=problems,
        threshold_percent=threshold,
    )
    change_report.save(output / "report.json", made)
    text = comment.body(made, name, page)
    write(output / "comment.md", text)
    compared = base if baseline.kind == "kept" else None
    found = [*noted.findings, *_grown(head, compared, noted.sources, threshold)]
    shown = annotations.github if os.environ.get("GITHUB_ACTIONS") == "true" else annotations.plain
    for each in found:
        click.echo(shown(each))
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        write(Path(summary), text, append=True)
    if outputs := os.environ.get("GITHUB_OUTPUT"):
        write(Path(outputs), "".join(_outputs(made, output)), append=True)
    _LOG.warning("%s: %s", made.verdict, output / "comment.md")


def check_name(name: str) -> None:
    """Refuses a name that could be more than a word in a comment's first line."""
    import re

    if not re.fullmatch(NAME, name):
        raise click.UsageError("--name takes up to 50 letters, digits, _ and -.")


def _baseline(
    head: Measurement, folder: Path, base: Path | None, ref: str | None, budget_file: Path | None
) -> Baseline:
    """The first that can be had: kept of the base commit, built, kept of an older commit, the budgets.

    An older commit comes after what takes minutes, for its differences are not the pull request's alone.
    """
    from renode_mnist.measure import base_commit, budgets, change_report, of_commit
    from renode_mnist.measure.subject import Subject

    wanted = _wanted(of_commit.github_event(os.environ))
    kept = None if base is None else _kept(base)
    is_older = bool(kept and wanted and kept.commit.id != wanted)
    if ref and (kept is None or is_older):
        try:
            commit, cases = base_commit.measure(Subject.load(folder / "subject.json"), ref)
        except RenodeMnistError as error:
            _LOG.warning("note: the base commit could not be measured: %s", error)
        else:
            return change_report.Baseline(kind="built", commit=commit, wanted="", cases=cases)
    if kept is not None:
        older = wanted if is_older else ""
        return change_report.Baseline(kind="kept", commit=kept.commit, wanted=older, cases=kept.cases)
    if budget_file is not None:
        try:
            allowed = change_report.of_budgets(budgets.load(budget_file), head.cases)
        except RenodeMnistError as error:  # gone since, or named from another folder
            _LOG.warning("note: %s", error)
            allowed = []
        return change_report.Baseline(kind="budgets", commit=None, wanted="", cases=allowed)
    return change_report.Baseline(kind="none", commit=None, wanted="", cases=[])


def _kept(base: Path) -> Measurement | None:
    """What was kept of another commit; None where there is none, or none of this version."""
    from renode_mnist.measure import measurement

    if not (base / "measurement.json").is_file():
        _LOG.warning("note: no measurement of the base commit in %s", base)
        return None
    try:
        return measurement.load(base / "measurement.json")
    except RenodeMnistError as error:
        _LOG.warning("note: %s", error)
        return None


def _wanted(event: dict[str, Any]) -> str:
    """The base commit of GitHub's pull request."""
    try:
        return str(event["pull_request"]["base"]["sha"])
    except (KeyError, TypeError):
        return ""


def _grown(head: Path, base: Path | None, sources: Sequence[Any], threshold: float) -> list[Finding]:
    """Source lines whose functions grew; none where either side does not tell functions."""
    from renode_mnist.measure import bench, grown_sources

    if base is None or not sources or not (base / "bench.json").is_file():
        return []
    try:
        return grown_sources.grown(
            bench.load(head / "bench.json"), bench.load(base / "bench.json"), sources, threshold
        )
    except bench.BenchError as error:
        _LOG.warning("note: %s", error)
        return []


def _outputs(report: Report, folder: Path) -> Iterator[str]:
    """Lines for GITHUB_OUTPUT: one value a case and line, in the order of `cases`, and all as JSON."""
    figures = {
        cost.case: {
            "instructions": cost.instructions,
            "milliseconds": None if cost.milliseconds is None else round(cost.milliseconds, 6),
            "flash": cost.flash_bytes,
            "ram": cost.ram_bytes,
            "accuracy": cost.accuracy,
            "verdict": cost.verdict,
        }
        for cost in report.head.cases
    }
    values = {"verdict": report.verdict, "cases": "\n".join(figures), "json": json.dumps(figures)}
    for what in ("instructions", "milliseconds", "flash", "ram", "accuracy"):
        values[what] = "\n".join("" if case[what] is None else str(case[what]) for case in figures.values())
    values["verdicts"] = "\n".join(str(case["verdict"]) for case in figures.values())
    values |= {"report": str(folder / "report.json"), "comment": str(folder / "comment.md")}
    for name, value in values.items():
        # A mark that no value holds, so that none can begin another output.
        mark = f"end-{secrets.token_hex(16)}"
        yield f"{name}<<{mark}\n{value}\n{mark}\n"
