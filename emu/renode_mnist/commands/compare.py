"""``renode-mnist compare``."""

from __future__ import annotations

import logging
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from renode_mnist.commands import progress_bar
from renode_mnist.commands.matrix import MODELS, list_option
from renode_mnist.commands.output import print_json, write
from renode_mnist.images import CLOCKS_MHZ

_LOG = logging.getLogger(__name__)


class _Percent(click.ParamType[float]):
    """A share in per cent: ``1%``, ``0.5 %``, ``1``."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Reads and checks."""
        try:
            percent = float(str(value).strip().removesuffix("%"))
        except ValueError:
            percent = math.nan
        if not 0 <= percent < math.inf:
            self.fail(f"'{value}' is no percentage from 0 on, as 1%", param, ctx)
        return percent


@click.command()
@click.argument("before")
@click.argument("after")
@list_option("--models", "model", MODELS, "Of commits: as for bench.")
@list_option("--engines", "engine", ("m7", "reference", "cmsis-nn"))
@list_option("--objectives", "objective")
@list_option("--fpu", "fpu")
@click.option("--first-worse", is_flag=True, help="Find the commit after BEFORE that made AFTER worse, by bisection.")
@click.option("--layer", type=click.IntRange(0), help="With it: of this layer, from 0.  [default: the whole case]")
@click.option(
    "--metric",
    type=click.Choice(("cycles", "instructions", "flash", "ram")),
    default="cycles",
    show_default=True,
    help="With it: which figure.",
)
@click.option(
    "--threshold",
    type=_Percent(),
    default="1%",
    show_default=True,
    help="With it: by how much of the figure of BEFORE another is worse.",
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with what changed here.")
@click.option("--json", "as_json", is_flag=True, help="Print all that differs as JSON.")
def compare(
    before: str,
    after: str,
    models: tuple[str, ...],
    engines: tuple[Any, ...],
    objectives: tuple[Any, ...],
    fpus: tuple[Any, ...],
    first_worse: bool,
    layer: int | None,
    metric: str,
    threshold: float,
    html: Path | None,
    as_json: bool,
) -> None:
    """Tell what changed between two benchmarks or commits, layer by layer.

    BEFORE and AFTER are files made by `bench --json FILE`, or commits of renode-mnist's own repository (HEAD~1, a
    branch, a tag): these are built each in a worktree of its own and measured on the embedded target. A full stop
    means its sources as they stand, committed or not.

    With --first-worse both are commits, and those between them along first parents are measured by halves, as
    `git bisect` does, until it is known which one made a case worse. Those that do not build are skipped and named.
    """
    from rich.console import Console

    from renode_mnist.measure import bench as measuring
    from renode_mnist.measure import compare as comparing
    from renode_mnist.report import compare_table

    wanted = measuring.cases(models, engines, objectives, fpus)
    if first_worse:
        if html is not None:
            raise click.UsageError("--html is not for --first-worse")
        _first_worse(before, after, wanted, layer, metric, threshold, as_json=as_json)
        return
    _refuse_without_first_worse()
    sides = [_side(name, wanted) for name in (before, after)]
    result = comparing.compare(*sides)
    if html is not None:
        from renode_mnist.report import comparison_page

        write(html, comparison_page.render(result, sides[0], sides[1], (before, after)))
    if as_json:
        print_json("compare", asdict(result))
        return
    console = Console(highlight=False)
    for sentence in result.alone:
        console.print(sentence, markup=False)
    unchanged = [case for case in result.compared if case not in {change.case for change in result.changes}]
    if unchanged:
        console.print(f"Nothing changed in {', '.join(unchanged)}.", markup=False)
    if not result.changes:
        return
    console.print(compare_table.table(result.changes))


def _refuse_without_first_worse() -> None:
    context = click.get_current_context()
    for name in ("layer", "metric", "threshold"):
        if context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} is for --first-worse")


def _first_worse(
    before: str, after: str, wanted: Any, layer: int | None, metric: str, threshold: float, *, as_json: bool
) -> None:
    """Shows which commit made what is wanted worse."""
    from rich.console import Console

    from renode_mnist.measure import commits, worse_commit
    from renode_mnist.measure.metric import Metric
    from renode_mnist.report import first_worse_table, grid
    from renode_mnist.report.prose import say

    for name in (before, after):
        if name == commits.HERE or Path(name).is_file() or Path(name).suffix == ".json":
            raise click.UsageError(f"--first-worse takes commits, and {name} is none")
    unit = Metric(metric)
    if layer is not None and not unit.of_layers:
        raise click.UsageError(f"a layer has no {unit.label} of its own: take --metric cycles or instructions")
    line = commits.line(commits.resolve(before), commits.resolve(after))
    progress_bar.begin(f"building and measuring commits of {len(line)}, by halves")
    with progress_bar.doing("first commits") as tell:

        def measure(commit: str, cases: Any) -> Any:
            def announce(case: Any) -> None:
                tell(f"{commit[:12]}, {line.index(commit)} of {len(line) - 1}: {case.name}")

            return commits.measure(commit, cases, CLOCKS_MHZ[0], announce)

        found = worse_commit.search(line, wanted, measure, unit, layer, threshold / 100)
    if as_json:
        print_json("first-worse", {"metric": metric, "layer": layer, "threshold_percent": threshold, **asdict(found)})
        return
    about = {commit: commits.about(commit) for commit in (found.commit, *found.skipped) if commit is not None}
    console = Console(highlight=False)
    for sentence in first_worse_table.sentences(found, about, len(line) - 1, threshold):
        say(console, sentence)
    if found.commit is not None:
        console.print(grid.table(first_worse_table.grid(found, unit, layer)))
    for note in first_worse_table.notes(found, about, threshold):
        say(console, note)


def _side(name: str, wanted: Any) -> Any:
    """The rows of one side of a comparison."""
    from renode_mnist.measure import bench as measuring
    from renode_mnist.measure import commits

    if Path(name).is_file() or Path(name).suffix == ".json":  # one that is not there is said to be missing
        return measuring.load(Path(name))
    if name == commits.HERE:
        commit = None
    else:
        commit = commits.resolve(name)
        if commit == commits.resolve("HEAD") and commits.is_dirty():
            _LOG.warning("note: the sources differ from %s; say . to measure what is not committed", name)
    progress_bar.begin(f"building and measuring {name}")
    with progress_bar.shown() as show:

        def announce(case: measuring.Case) -> None:
            show(f"{name}: {case.name}", wanted.index(case), len(wanted))

        clock_mhz = CLOCKS_MHZ[0]
        if commit is None:
            rows, refused = measuring.run(wanted, [clock_mhz], progress=announce)
        else:
            rows, refused = commits.measure(commit, wanted, clock_mhz, announce)
    for sentence in measuring.told(refused):
        _LOG.warning("%s: not there: %s", name, sentence)
    return rows
