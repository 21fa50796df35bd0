"""What changed between two benchmarks, layer by layer; refuses what cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from renode_mnist.measure.bench import BenchError, Row


def _compiler(row: Row, other: Row) -> str:
    """Images of before name no C library: against one of them the compiler alone counts."""
    said: str = row.firmware["compiler"]
    return said if ", " in other.firmware["compiler"] else said.partition(", ")[0]


_MUST_AGREE: Mapping[str, Callable[[Row, Row], str]] = {
    "another model": lambda row, _: row.firmware["model_sha256"],
    "another target": lambda row, _: row.target["target"],
    "another compiler": _compiler,
    "other compiler flags": lambda row, _: row.firmware["flags"],
    "another unit": lambda row, _: ", ".join(sorted(row.counts)),
    "another model of the cycles": lambda row, _: row.target.get("cycle_model_sha256", "not told"),
}
"""What one row says of itself beside another."""


@dataclass(frozen=True)
class Change:
    """One figure before and after."""

    case: str
    what: str
    unit: str
    before: int
    after: int

    @property
    def percent(self) -> float:
        """Growth; infinite where there was nothing before."""
        return (self.after / self.before - 1) * 100 if self.before else float("inf")

    @property
    def percent_text(self) -> str:
        """For a table."""
        return f"{self.percent:+.3g} %" if self.before else "new"


@dataclass(frozen=True)
class Comparison:
    """What two benchmarks tell of each other.

    Attributes:
        changes: Every figure that differs.
        compared: The cases that both have.
        alone: A sentence for each of the two that has cases of its own.
    """

    changes: tuple[Change, ...]
    compared: tuple[str, ...]
    alone: tuple[str, ...]


def compare(before: Sequence[Row], after: Sequence[Row]) -> Comparison:
    """Every figure that differs, for the cases and clocks that both have.

    Raises:
        BenchError: They have no case at the same clock in common, or a case was measured otherwise: on another model,
            target, compiler, with other flags or another unit.
    """
    old = {(row.case, row.clock_mhz): row for row in before}
    new = {(row.case, row.clock_mhz): row for row in after}
    common = [key for key in old if key in new]
    if not common:
        raise BenchError(
            f"nothing to compare: the first has {_listed(old)}, the second {_listed(new)}",
            "Measure the same case at the same clock in both.",
        )
    changes: list[Change] = []
    seen: dict[str, None] = {}
    for key in common:
        left, right = old[key], new[key]
        require_comparable(left, right)
        if left.case not in seen:
            seen[left.case] = None
            changes += _changes(left, right)
    sides = (("first", old, new), ("second", new, old))
    alone = {side: {key: row for key, row in mine.items() if key not in others} for side, mine, others in sides}
    sentences = tuple(f"Only in the {side}: {_listed(rows)}." for side, rows in alone.items() if rows)
    return Comparison(tuple(changes), tuple(seen), sentences)


def require_comparable(left: Row, right: Row) -> None:
    """Refuses two rows of a case that were measured otherwise.

    Raises:
        BenchError: On another model, target, compiler, with other flags or another unit.
    """
    for reason, value in _MUST_AGREE.items():
        if (mine := value(left, right)) != (theirs := value(right, left)):
            raise BenchError(
                f"{left.case} cannot be compared: {reason} ({mine} against {theirs})",
                "Measure both on the same.",
            )


def _changes(left: Row, right: Row) -> list[Change]:
    found = [Change(left.case, "total", unit, *pair) for unit, pair in _pairs(left.counts, right.counts).items()]
    if [layer.op for layer in left.layers] == [layer.op for layer in right.layers]:
        for number, (mine, theirs) in enumerate(zip(left.layers, right.layers, strict=True)):
            found += [
                Change(left.case, f"layer {number} {mine.op}", unit, *pair)
                for unit, pair in _pairs(mine.counts, theirs.counts).items()
            ]
            found += _function_changes(left.case, f"layer {number}", mine.functions, theirs.functions)
    else:
        found.append(Change(left.case, "layers", "steps", len(left.layers), len(right.layers)))
    for what in ("flash", "weights", "ram"):
        pair = getattr(left, f"{what}_bytes"), getattr(right, f"{what}_bytes")
        if pair[0] != pair[1]:
            found.append(Change(left.case, what, "bytes", *pair))
    return found


def _function_changes(case: str, layer: str, before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[Change]:
    if before and after:  # else one of them could not tell
        for function in {**before, **after}:
            counts = before.get(function, 0), after.get(function, 0)
            if counts[0] != counts[1]:
                yield Change(case, f"{layer} {function}", "instructions", *counts)


def _pairs(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    return {unit: (left[unit], right[unit]) for unit in left if unit in right and left[unit] != right[unit]}


def _listed(rows: Mapping[tuple[str, int], Any]) -> str:
    return ", ".join(f"{case} at {clock} MHz" for case, clock in rows) or "nothing"
