"""How far the modelled cycles are from silicon, as measured; every figure that is shown carries it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from renode_mnist.timing.points import Kind, PointSet, programs


@dataclass(frozen=True)
class StatedError:
    """What comparing with published measurements gave.

    Attributes:
        mean_percent: Mean of the judged errors' magnitudes.
        worst_percent: The largest magnitude of all, fitted points too: what was fitted and is still off is off.
        lowest_percent: The lowest error of all; negative where the model is faster than silicon.
        highest_percent: The highest of all.
        bias_percent: Mean of the judged errors with their signs.
        points: How many measurements judge it.
        fitted_points: How many more are in the range.
        basis: What they were and where memory was.
        outside: What no point covers.
    """

    mean_percent: float
    worst_percent: float
    lowest_percent: float
    highest_percent: float
    bias_percent: float
    points: int
    fitted_points: int
    basis: str
    outside: str

    def __str__(self) -> str:
        return (
            f"{self.mean_percent:.1f} % off on average in {self.points} published points, "
            f"{self.lowest_percent:+.1f} to {self.highest_percent:+.1f} % with those that it was fitted to "
            f"({self.basis}). {self.outside}"
        )


_BASIS = {
    Kind.TIGHTLY_COUPLED: "code and data in tightly coupled memory",
    Kind.FLASH_WITH_CACHES: "code and constants in flash, caches on",
}

_OUTSIDE = {
    Kind.TIGHTLY_COUPLED: "No point covers floating point, exceptions or divisions; memory is not in it",
    Kind.FLASH_WITH_CACHES: "No point covers code on the ITCM bus, caches off or exceptions",
}


@cache
def stated_error(kind: Kind) -> StatedError:
    """Of figures of one kind, computed from the published points (``points.toml``, docs/accuracy.md).

    Args:
        kind: Memory in play, unless ``PipelineCosts`` made the figure.
    """
    points = [
        point for program in programs() if program.kind is kind for point in program.points if not point.uncounted
    ]
    errors = [point.error_percent for point in points]
    judged = [point.error_percent for point in points if point.set is PointSet.JUDGED]
    return StatedError(
        mean_percent=round(sum(map(abs, judged)) / len(judged), 1),
        worst_percent=round(max(map(abs, errors)), 1),
        lowest_percent=round(min(errors), 1),
        highest_percent=round(max(errors), 1),
        bias_percent=round(sum(judged) / len(judged), 1),
        points=len(judged),
        fitted_points=len(errors) - len(judged),
        basis=_BASIS[kind],
        outside=_OUTSIDE[kind],
    )
