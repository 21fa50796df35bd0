"""The source lines of the user's own project whose functions cost more than in the base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from renode_mnist.measure.bench import Row
from renode_mnist.measure.change_report import percent
from renode_mnist.measure.findings import Finding, Source, finding

_MOST = 10
"""GitHub shows ten annotations of a level and step."""
_SHARE = 0.001
"""Of the inference's instructions by which a function must have grown."""


def grown(
    head: Sequence[Row], base: Sequence[Row], sources: Sequence[Source], threshold_percent: float
) -> list[Finding]:
    """A finding for each function that grew and whose line is known, those that grew most first.

    Args:
        head: Rows with the instructions of each function.
        base: Likewise; made by the same compiler, for names differ otherwise.
        sources: Of the head's functions.
        threshold_percent: By which a function must have grown.
    """
    known = {source.function: source for source in sources}
    before = {row.case: row for row in base}
    found: list[tuple[int, Finding]] = []
    for row in head:
        other = before.get(row.case)
        if other is not None and other.firmware["compiler"] == row.firmware["compiler"]:
            found += _grown(row, other, known, threshold_percent)
    return [each for _, each in sorted(found, key=lambda pair: -pair[0])[:_MOST]]


def _grown(row: Row, other: Row, known: dict[str, Source], threshold: float) -> Iterator[tuple[int, Finding]]:
    now, before = _by_function(row), _by_function(other)
    if not before:  # the target of the base could not tell
        return
    for function, count in now.items():
        was = before.get(function, 0)
        source = known.get(function)
        more = count - was
        if source is None or more < _SHARE * sum(now.values()) or percent(was, count) < threshold:
            continue
        change = f"{count:,} instructions in {row.case}, {was:,} in the base"
        change += f" ({percent(was, count):+.3g} %)" if was else ""
        yield (
            more,
            finding("warning", f"{function} costs more", f"{function} takes {change}", source.file, source.line),
        )


def _by_function(row: Row) -> dict[str, int]:
    total: dict[str, int] = {}
    for layer in row.layers:
        for function, count in layer.functions.items():
            total[function] = total.get(function, 0) + count
    return total
