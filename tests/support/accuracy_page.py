"""Makes docs/accuracy.md of the published points: `make accuracy`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from renode_mnist import paths
from renode_mnist.timing import Kind, model_sha256, stated_error
from renode_mnist.timing.points import Point, PointSet, Program, programs

PAGE = "accuracy.md"
ARTICLE = "The article's network"

_HEAD = """# How far to trust modelled cycles

Made by `make accuracy` from `emu/renode_mnist/timing/points.toml`; do not edit. `tests/timing/test_accuracy.py` holds
it to that file.

Each row is a measurement of silicon that somebody published, and what the [model](cycles.md) says of the same
program. An error is of the time: *+* where the model is slower than silicon, *-* where it is faster. No board of this
project has been measured.

Two sets are kept apart. From *fitted* points a parameter was read, or fitted to them: they prove nothing. *Judged*
points had no part in the model: the means that stand beside every figure come from them alone. The ranges take in
fitted points as well, since what was fitted and is still off is off. Shown and not counted are measurements of so
few digits that half of the last is more than 2 % of them (*coarse*), such as only compare two memories (*ratio*), and
such as are quoted from memory, their source not at hand (*unread*).

"""


def page() -> str:
    """The page's text."""
    return _HEAD + "\n".join([*_summary(), "", *_goals(), "", *_programs(), *_open()]) + "\n"


def _summary() -> Iterator[str]:
    yield "| kind of figure | judged points | mean of magnitudes | mean with sign | fitted points | all, from | to |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"
    for kind in Kind:
        error = stated_error(kind)
        yield (
            f"| {kind} | {error.points} | {error.mean_percent:.1f} % | {error.bias_percent:+.1f} % | "
            f"{error.fitted_points} | {error.lowest_percent:+.1f} % | {error.highest_percent:+.1f} % |"
        )
    yield ""
    yield (
        "*Flash with caches* is every figure of `run`, `bench`, `test`, `profile` and budgets: memory is in play. "
        "*Tightly coupled* is the pipeline alone (`PipelineCosts`, `cycles_from_blocks`, `cycles_from_edges`)."
    )
    yield ""
    for kind in Kind:
        yield f"- {kind}: {stated_error(kind).outside}."


def _goals() -> Iterator[str]:
    """What is aimed at, and whether it is met."""
    yield "## Goals"
    yield "| set | goal, mean / worst | now | |"
    yield "| --- | --- | --- | --- |"
    for kind, mean, worst in ((Kind.TIGHTLY_COUPLED, 2, 6), (Kind.FLASH_WITH_CACHES, 5, 12)):
        error = stated_error(kind)
        met = error.mean_percent <= mean and error.worst_percent <= worst
        now = f"{error.mean_percent:.1f} % / {error.worst_percent:.1f} %"
        yield f"| {kind} | {mean} % / {worst} % | {now} | {_met(met)} |"
    whole, layers = _article()
    worst_layer = max(layers, key=lambda point: abs(point.error_percent))
    met = abs(whole.error_percent) <= 3 and abs(worst_layer.error_percent) <= 10
    now = f"{whole.error_percent:+.1f} % / {worst_layer.error_percent:+.1f} % ({worst_layer.name})"
    yield f"| the article's network, whole / a layer, fitted points included | 3 % / 10 % | {now} | {_met(met)} |"


def _article() -> tuple[Point, Sequence[Point]]:
    points = next(program.points for program in programs() if program.name.startswith(ARTICLE))
    whole = next(point for point in points if point.name == "whole")
    return whole, [point for point in points if point is not whole and not point.uncounted]


def _met(met: bool) -> str:
    return "met" if met else "**not met**"


def _programs() -> Iterator[str]:
    today = model_sha256()
    for kind, each in groupby(sorted(programs(), key=_by_kind), key=lambda program: program.kind):
        yield f"## {kind[0].upper()}{kind[1:]}"
        for program in each:
            yield from _program(program, is_today=program.model_sha256 == today)
            yield ""


def _by_kind(program: Program) -> int:
    return list(Kind).index(program.kind)


def _program(program: Program, *, is_today: bool) -> Iterator[str]:
    commit = f" (commit `{program.commit[:12]}`)" if program.commit else ""
    yield f"### {program.name}"
    clock = f", {program.clock_mhz:g} MHz" if program.clock_mhz else ""
    yield f"- Measured on: {program.chip}{clock}; {program.memory}."
    yield f"- Source: {program.source}{commit}."
    yield f"- Exercises: {program.exercises}."
    yield f"- The program modelled differs: {program.differs}."
    if not is_today:
        yield f"- **Modelled with an older model** (`{program.model_sha256[:12]}`), not the one of today."
    yield ""
    yield f"| point | measured, {program.unit} | modelled | error | set |"
    yield "| --- | ---: | ---: | ---: | --- |"
    for point in program.points:
        yield (
            f"| {point.name} | {point.measured} | {_figure(point)} | {point.error_percent:+.1f} % | {_set(point)} |"
        )


def _figure(point: Point) -> str:
    """With as many digits as the measurement has."""
    exponent = point.measured.as_tuple().exponent
    assert isinstance(exponent, int)
    return f"{point.modelled:.{max(0, -exponent)}f}"


def _set(point: Point) -> str:
    if point.set is PointSet.FITTED:
        return f"fitted: {point.note}"
    note = f" ({point.note})" if point.note else ""
    return f"judged{', ' if point.uncounted else ''}{point.uncounted}{note}"


def _open() -> Iterator[str]:
    yield "## What is missing, and what would settle it"
    yield from (paths.root() / "tests" / "support" / "accuracy_open.md").read_text().splitlines()


def file() -> Path:
    """Where the page stands."""
    return paths.root() / "docs" / PAGE


if __name__ == "__main__":
    file().write_text(page())
    sys.stdout.write(f"docs/{PAGE}\n")
