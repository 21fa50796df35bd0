"""The commit that made cases worse, found by building and running no more commits than that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure import commits, first_worse
from renode_mnist.measure.bench import BenchError, Case, Refused, Row, told
from renode_mnist.measure.first_worse import Figures, FirstWorse, Unmeasured
from renode_mnist.measure.metric import Metric

Measure = Callable[[str, Sequence[Case]], tuple[list[Row], list[Refused]]]
"""A commit, by its full hash, and a matrix."""


def search(
    line: Sequence[str], wanted: Sequence[Case], measure: Measure, metric: Metric, layer: int | None, threshold: float
) -> FirstWorse:
    """Measures both ends, then by halves what lies between, and there no case that is not worse at the end.

    Args:
        line: Full hashes, the older end first.
        wanted: The matrix.
        measure: As `commits.measure`.
        metric: Which figure.
        layer: Of which layer; None for the whole case.
        threshold: A share of the older end's figure.

    Raises:
        BenchError: An end cannot be measured, or the two have no case in common that has the figure.
        EnvironmentProblem: A tool is missing, so that no commit could be.
    """
    ends = [line[0], line[-1]]
    try:
        rows_of = {commit: _measured(commit, wanted, measure) for commit in ends}
        first, last = ({row.case: row for row in rows_of[commit][0]} for commit in ends)
        common = [case for case in first if case in last]
        if not common:
            raise Unmeasured("; ".join(told([*rows_of[ends[0]][1], *rows_of[ends[1]][1]])))
        first_worse.require_all([last[case] for case in common], [first[case] for case in common], layer)
    except Unmeasured as error:
        raise BenchError(
            f"{ends[0][:12]} and {ends[1][:12]} cannot be compared: {error.what}", "Choose another end or case."
        ) from error
    known = {
        commit: first_worse.figures([rows[case] for case in common], metric, layer)
        for commit, rows in zip(ends, (first, last), strict=True)
    }
    if not known[ends[0]]:
        where = "" if layer is None else f" of layer {layer}"
        raise BenchError(f"{', '.join(common)}: no {metric.label}{where}", "Choose another figure or layer.")
    was, now = (known[end] for end in ends)
    grown = [case for case in was if first_worse.is_worse(now[case], was[case], threshold)]
    if grown:
        known = {commit: {case: found[case] for case in grown} for commit, found in known.items()}
    cases = [case for case in wanted if case.name in grown]

    def figures_of(commit: str) -> Figures:
        if commit not in known:
            rows, refused = _measured(commit, cases, measure)
            first_worse.require_all(rows, [first[case] for case in grown], layer, refused)
            known[commit] = first_worse.figures(rows, metric, layer)
        return known[commit]

    return first_worse.find(line, figures_of, threshold)


def _measured(commit: str, wanted: Sequence[Case], measure: Measure) -> tuple[list[Row], list[Refused]]:
    try:
        rows, refused = measure(commit, wanted)
    except commits.CommitError as error:
        raise Unmeasured(error.what) from error
    for each in refused:
        if each.for_want_of_tools:  # what this machine lacks is no commit's fault
            raise EnvironmentProblem(f"{each.case} cannot be measured: {each.reason}")
    return rows, refused
