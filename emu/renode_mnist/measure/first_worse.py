"""Which commit made a figure worse: a bisection, as ``git bisect`` does it, over what commits cost.

Like it, this finds a commit before which the figure was within the limit and at which it is beyond. Where it went
down and up again in between there are several such, and it finds one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from renode_mnist.errors import RenodeMnistError
from renode_mnist.measure.bench import BenchError, Refused, Row
from renode_mnist.measure.compare import require_comparable
from renode_mnist.measure.metric import Metric

Figures = Mapping[str, int]
"""By case."""


class Unmeasured(RenodeMnistError):
    """A commit that has no figures to compare: it does not build, or measures something else."""


@dataclass(frozen=True)
class FirstWorse:
    """What was found.

    Attributes:
        commit: The first one beyond the limit; None where the last is not.
        first: Figures of the first of all.
        before: Figures of the last measured commit in front of it, or of the first of all.
        after: Figures of ``commit``, or of the last of all.
        worse: The cases that are beyond the limit there.
        suspects: Commits right in front of it that could not be measured: it may have been one of them.
        skipped: All that could not be measured, with the reason.
        measured: How many commits were, the two ends among them.
    """

    commit: str | None
    first: Figures
    before: Figures
    after: Figures
    worse: tuple[str, ...]
    suspects: tuple[str, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    measured: int = 2


def find(commits: Sequence[str], figures_of: Callable[[str], Figures], threshold: float) -> FirstWorse:
    """Bisects.

    Args:
        commits: The good one first, each the first parent of the next; at least two.
        figures_of: Measures one, or raises `Unmeasured`.
        threshold: By which share of the first commit's figure another's is worse, as 0.01 for 1 %.

    Raises:
        Unmeasured: The first or the last commit cannot be measured.
    """
    measured = {end: figures_of(commits[end]) for end in (0, len(commits) - 1)}
    skipped: dict[int, str] = {}

    def worse(place: int) -> tuple[str, ...]:
        mine, first = measured[place], measured[0]
        return tuple(case for case in first if case in mine and is_worse(mine[case], first[case], threshold))

    good, bad = 0, len(commits) - 1
    if not worse(bad):
        return FirstWorse(None, measured[0], measured[good], measured[bad], ())
    while untried := [place for place in range(good + 1, bad) if place not in skipped]:
        place = min(untried, key=lambda each: abs(2 * each - good - bad))
        try:
            measured[place] = figures_of(commits[place])
        except Unmeasured as error:
            skipped[place] = error.what
        else:
            good, bad = (good, place) if worse(place) else (place, bad)
    return FirstWorse(
        commits[bad],
        measured[0],
        measured[good],
        measured[bad],
        worse(bad),
        tuple(commits[good + 1 : bad]),
        {commits[place]: why for place, why in sorted(skipped.items())},
        len(measured),
    )


def is_worse(figure: int, first: int, threshold: float) -> bool:
    """Whether a figure is beyond the first one's by more than that share of it."""
    return figure - first > first * threshold


def require_all(
    rows: Sequence[Row], like: Sequence[Row], layer: int | None = None, refused: Sequence[Refused] = ()
) -> None:
    """Refuses a commit of which the figures cannot be held against another's.

    Args:
        rows: The commit's.
        like: The other's; each of its cases is wanted.
        layer: Which layer is held against the other's.
        refused: The commit's, to tell why it lacks a case.

    Raises:
        Unmeasured: A case is missing or was made otherwise, or the layer is another.
    """
    there = {row.case: row for row in rows}
    for other in like:
        if (row := there.get(other.case)) is None:
            told_why = next((each.reason for each in refused if each.case == other.case), "it was not measured")
            raise Unmeasured(f"{other.case} is not there: {told_why}")
        try:
            require_comparable(other, row)
        except BenchError as error:
            raise Unmeasured(error.what) from error
        if layer is not None:
            mine, theirs = (each.layers[layer].op if layer < len(each.layers) else "none" for each in (row, other))
            if mine != theirs:
                raise Unmeasured(f"layer {layer} of {row.case} is {mine} there, not {theirs}")


def figures(rows: Sequence[Row], metric: Metric, layer: int | None) -> Figures:
    """The figure of each case that has it.

    Args:
        rows: Of a commit, each case once.
        metric: Which.
        layer: Its place, for that layer's; None for the whole case.
    """
    parts = {row.case: row if layer is None else row.layers[layer] for row in rows if (layer or 0) < len(row.layers)}
    found = {case: metric.of_row(part) for case, part in parts.items()}
    return {case: figure for case, figure in found.items() if figure is not None}
