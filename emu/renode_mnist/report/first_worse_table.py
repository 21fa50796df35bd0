"""The commit that made cases worse, as lines and a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from renode_mnist.measure.commits import About
from renode_mnist.measure.first_worse import FirstWorse
from renode_mnist.measure.metric import Metric
from renode_mnist.report.grid import Grid

_HASH = 12


def sentences(found: FirstWorse, about: Mapping[str, About], commits: int, threshold: float) -> Iterator[str]:
    """What is said above the table.

    Args:
        found: By `first_worse.find`.
        about: What each commit that is named says of itself.
        commits: How many there are after the older end.
        threshold: As `first_worse.find` took it.
    """
    tried = f"{found.measured} of {commits + 1} commits measured"
    if found.commit is None:
        yield f"Nothing is worse by more than {threshold:.3g} % of the first commit's ({tried})."
        return
    said = about[found.commit]
    yield f"{found.commit[:_HASH]} is the first worse commit ({tried})."
    yield f"  subject  {said.subject}"
    yield f"  author   {said.author}, {said.date}"


def grid(found: FirstWorse, metric: Metric, layer: int | None) -> Grid:
    """The figures in front of the commit and at it.

    Args:
        found: With a commit.
        metric: Which figure.
        layer: Of which layer.
    """
    place = "" if layer is None else f" layer {layer}"
    rows = tuple(
        (
            f"{case}{place}",
            f"{found.before[case]:,}",
            f"{found.after[case]:,}",
            _percent(found.before[case], found.after[case]),
            _percent(found.first[case], found.after[case]),
        )
        for case in found.worse
    )
    return Grid((metric.label, "before", "after", "change", "since first"), rows)


def notes(found: FirstWorse, about: Mapping[str, About], threshold: float) -> Iterator[str]:
    """What is said below the table.

    Args:
        found: By `first_worse.find`.
        about: As `sentences`.
        threshold: Likewise.
    """
    if found.commit and all(
        (found.after[case] - found.before[case]) * 100 <= found.before[case] * threshold for case in found.worse
    ):
        yield (
            f"It adds no more than {threshold:.3g} % itself; with what came before, it goes past that of the first."
        )
    for commit, why in found.skipped.items():
        yield f"skipped {commit[:_HASH]} ({about[commit].subject}): {_in_short(why)}"
    if found.suspects:
        named = ", ".join(commit[:_HASH] for commit in found.suspects)
        yield f"It may have been one of these in front of it as well, which could not be measured: {named}."


def _in_short(why: str) -> str:
    """Of what a compiler said, its first error."""
    first, *others = (line.strip() for line in why.splitlines() if line.strip())
    return " ".join([first, *[line for line in others if "error:" in line][:1]])


def _percent(before: int, after: int) -> str:
    return f"{(after / before - 1) * 100:+.3g} %" if before else "new"
