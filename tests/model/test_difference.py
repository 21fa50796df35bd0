"""How far two versions of a tensor are apart: in bits, units in the last place, real numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from renode_mnist.model import difference
from renode_mnist.model.difference import Verdict
from renode_mnist.model.interface import TensorSpec

INT8 = TensorSpec("x", np.dtype(np.int8), (4,), 0.5, 3)
FLOAT = TensorSpec("x", np.dtype(np.float32), (4,))


def test_whole_numbers_differ_by_steps() -> None:
    found = difference.compare(INT8, np.array([1, 2, 127, 3], np.int8), np.array([1, 5, 127, 3], np.int8))
    assert (found.differing, found.most_units, found.most_real, found.saturated) == (1, 3, 1.5, 1)
    assert found.verdict is Verdict.DIFFERENT
    assert found.snr_db == pytest.approx(10 * math.log10((1 + 1 + 62**2) / 1.5**2))


def test_the_zero_point_at_an_end_is_no_saturation() -> None:
    relu = TensorSpec("x", np.dtype(np.int8), (4,), 0.5, -128)
    values = np.array([-128, -128, 127, 0], np.int8)
    assert difference.compare(relu, values, values).saturated == 1


def test_one_bit_of_a_float_is_never_equal_and_counts_at_the_tensors_size() -> None:
    expected = np.array([1024, 1, 0, -5], np.float32)
    got = expected.copy()
    got[1] = np.nextafter(got[1], np.float32(2))
    found = difference.compare(FLOAT, got, expected)
    assert found.verdict is Verdict.WITHIN
    assert found.differing == 1
    assert found.most_units == pytest.approx(2.0**-10)
    assert difference.compare(FLOAT, got, expected, bound_units=0).verdict is Verdict.DIFFERENT


def test_the_other_zero_has_other_bits() -> None:
    found = difference.compare(FLOAT, np.full(4, -0.0, np.float32), np.zeros(4, np.float32))
    assert (found.verdict, found.differing, found.most_units) == (Verdict.WITHIN, 4, 0)


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_what_is_no_number_is_infinitely_far_from_one(odd: float) -> None:
    expected = np.array([1, 2, 3, 4], np.float32)
    got = np.array([1, 2, odd, 4], np.float32)
    assert difference.compare(FLOAT, got, expected).verdict is Verdict.DIFFERENT
    assert difference.too_far(FLOAT, got, expected).tolist() == [False, False, True, False]
    assert difference.compare(FLOAT, got, got).verdict is Verdict.EQUAL


def test_samples_add_up() -> None:
    values = np.array([1, 2, 3, 4], np.int8)
    parts = [difference.compare(INT8, values, values + np.int8(step)) for step in (0, 2)]
    found = difference.together(parts)
    assert (found.elements, found.differing, found.most_units) == (8, 4, 2)
    assert difference.units_text(found) == "2 steps"
