"""How far the modelled cycles are from silicon, as measured; every figure that is shown carries it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from renode_mnist.timing.points import Kind, programs


@dataclass(frozen=True)
class StatedError:
    """What comparing with published measurements gave.

    Attributes:
        mean_percent: Mean of the errors' magnitudes.
        worst_percent: The largest.
        lowest_percent: The lowest error; negative where the model is faster than silicon.
        highest_percent: The highest.
        bias_percent: Mean of the errors with their signs.
        points: How many measurements.
        basis: What they were and where memory was.
        outside: What no point covers.
    """

    mean_percent: float
    worst_percent: float
    lowest_percent: float
    highest_percent: float
    bias_percent: float
    points: int
    basis: str
    outside: str

    def __str__(self) -> str:
        return (
            f"{self.mean_percent:.1f} % off on average, {self.lowest_percent:+.1f} to {self.highest_percent:+.1f} %, "
            f"in {self.points} published points ({self.basis}). {self.outside}"
        )


_BASIS = {
    Kind.TIGHTLY_COUPLED: "code and data in tightly coupled memory",
    Kind.FLASH_WITH_CACHES: "code and constants in flash, caches on",
}

_OUTSIDE = {
    Kind.TIGHTLY_COUPLED: "No point covers floating point, exceptions or divisions; memory is not in it",
    Kind.FLASH_WITH_CACHES: "No point covers int8 kernels, code on the ITCM bus, caches off or exceptions",
}


@cache
def stated_error(kind: Kind) -> StatedError:
    """Of figures of one kind, computed from the points that judge it (``points.toml``, docs/accuracy.md).

    Args:
        kind: Memory in play, unless ``PipelineCosts`` made the figure.
    """
    errors = [
        point.error_percent
        for program in programs()
        if program.kind is kind
        for point in program.points
        if point.counts
    ]
    magnitudes = [abs(error) for error in errors]
    return StatedError(
        mean_percent=round(sum(magnitudes) / len(errors), 1),
        worst_percent=round(max(magnitudes), 1),
        lowest_percent=round(min(errors), 1),
        highest_percent=round(max(errors), 1),
        bias_percent=round(sum(errors) / len(errors), 1),
        points=len(errors),
        basis=_BASIS[kind],
        outside=_OUTSIDE[kind],
    )
