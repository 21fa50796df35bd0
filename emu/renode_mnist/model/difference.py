"""How far two versions of a tensor are apart: in the units that it is stored in, and in real numbers.

Stored whole numbers are counted in steps: one is the unit in the last place. Of float32 the unit is that of the
tensor's largest magnitude (``numpy.spacing``): sums are rounded at the size of their terms, so that where these
cancel each other a small result is off by many units of its own, and nothing is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.model.interface import TensorSpec

FLOAT_BOUND_ULP = 64
"""How far sums of the same float32 numbers in another order, and another ``expf``, may be apart."""


class Verdict(StrEnum):
    """Of a comparison."""

    EQUAL = "equal to the bit"
    WITHIN = "within the rounding bound"
    DIFFERENT = "different"


@dataclass(frozen=True)
class Difference:
    """Of a tensor, over one sample or several.

    Attributes:
        elements: How many were compared.
        differing: How many have other bits.
        most_units: The largest distance, in units in the last place; infinite where a number is none.
        most_real: The same in real numbers.
        signal: Sum of the squares of the expected real numbers.
        noise: Sum of the squares of the distances.
        saturated: Elements of the answer at an end of the stored range that does not stand for zero.
        bound_units: Up to which a distance of floating-point numbers is rounding; 0 for whole numbers.
    """

    elements: int
    differing: int
    most_units: float
    most_real: float
    signal: float
    noise: float
    saturated: int
    bound_units: float

    @property
    def verdict(self) -> Verdict:
        """What it comes to."""
        if not self.differing:
            return Verdict.EQUAL
        return Verdict.WITHIN if self.most_units <= self.bound_units else Verdict.DIFFERENT

    @property
    def share(self) -> float:
        """Of elements with other bits."""
        return self.differing / self.elements

    @property
    def saturated_share(self) -> float:
        """Of elements at an end of the range."""
        return self.saturated / self.elements

    @property
    def snr_db(self) -> float:
        """Signal to noise in decibels; infinite where there is no noise."""
        if not self.noise:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf


def compare(
    spec: TensorSpec, got: npt.NDArray[Any], expected: npt.NDArray[Any], bound_units: float = FLOAT_BOUND_ULP
) -> Difference:
    """Compares an answer with what it should be, both as the tensor stores them."""
    got, expected = np.ascontiguousarray(got).reshape(-1), np.ascontiguousarray(expected).reshape(-1)
    assert got.dtype == expected.dtype == spec.dtype
    assert got.size == expected.size
    real, wanted = spec.reals(got), spec.reals(expected)
    with np.errstate(invalid="ignore"):  # infinity less infinity; told below
        apart = np.abs(real - wanted)
    floating = spec.dtype.kind == "f"
    other = got.view(np.uint8) != expected.view(np.uint8)
    differing = int(np.count_nonzero(other.reshape(got.size, -1).any(axis=1)))
    if floating and (not np.isfinite(real).all() or not np.isfinite(wanted).all()):
        same = (got == expected) | (np.isnan(got) & np.isnan(expected))
        apart = np.where(same, 0.0, np.where(np.isfinite(apart), apart, np.inf))
    most = float(apart.max(initial=0.0))
    low, high = spec.limits
    ends = [end for end in (low, high) if spec.is_quantised and end != spec.zero_point]
    return Difference(
        elements=got.size,
        differing=differing,
        most_units=_units(spec, most, wanted),
        most_real=most,
        signal=float(np.sum(wanted**2)),
        noise=float(np.sum(apart**2)),
        saturated=int(np.count_nonzero(np.isin(got, ends))) if ends else 0,
        bound_units=bound_units if floating else 0.0,
    )


def too_far(
    spec: TensorSpec, got: npt.NDArray[Any], expected: npt.NDArray[Any], bound_units: float = FLOAT_BOUND_ULP
) -> npt.NDArray[np.bool_]:
    """Which elements are more than rounding apart: those that make the verdict ``DIFFERENT``."""
    if spec.dtype.kind != "f":
        return np.asarray(got != expected)
    real, wanted = spec.reals(got), spec.reals(expected)
    with np.errstate(invalid="ignore"):
        near = np.abs(real - wanted) <= bound_units * _unit(spec, wanted)
    return np.asarray(~(near | (real == wanted) | (np.isnan(real) & np.isnan(wanted))))


def _unit(spec: TensorSpec, wanted: npt.NDArray[np.float64]) -> float:
    """One unit in the last place, in real numbers."""
    if spec.dtype.kind != "f":
        return spec.scale or 1.0
    largest = np.abs(wanted[np.isfinite(wanted)]).max(initial=0.0)
    return float(np.spacing(spec.dtype.type(largest)))


def _units(spec: TensorSpec, most: float, wanted: npt.NDArray[np.float64]) -> float:
    if most == 0 or math.isinf(most):
        return most
    units = most / _unit(spec, wanted)
    return units if spec.dtype.kind == "f" else float(round(units))


def together(parts: Sequence[Difference]) -> Difference:
    """The difference over several samples."""
    return Difference(
        elements=sum(part.elements for part in parts),
        differing=sum(part.differing for part in parts),
        most_units=max(part.most_units for part in parts),
        most_real=max(part.most_real for part in parts),
        signal=sum(part.signal for part in parts),
        noise=sum(part.noise for part in parts),
        saturated=sum(part.saturated for part in parts),
        bound_units=parts[0].bound_units,
    )


def units_text(difference: Difference) -> str:
    """``3 steps`` or ``12.5 ULP``."""
    if not difference.bound_units:
        return f"{difference.most_units:g} step{'s' if difference.most_units != 1 else ''}"
    return f"{difference.most_units:.3g} ULP"
