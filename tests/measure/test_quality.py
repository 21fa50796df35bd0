"""Figures of how good answers are, by hand-made cases and by what they mean."""

from __future__ import annotations

import numpy as np
import pytest

from renode_mnist.errors import DataError
from renode_mnist.measure import quality


def test_accuracy_is_the_share_of_right_classes() -> None:
    assert quality.accuracy(np.array([0, 1, 2, 3]), np.array([0, 1, 2, 0])) == 0.75
    assert quality.accuracy(np.array([1, 0]), np.array([[True], [False]])) == 1
    for labels, said in (([0], "1 labels are given for 2"), ([0.5, 1], "no whole numbers"), (["a", "b"], "no whole")):
        with pytest.raises(DataError, match=said):
            quality.accuracy(np.array([0, 1]), np.array(labels))
    with pytest.raises(DataError, match="0 labels"):
        quality.accuracy(np.array([], np.int64), np.array([]))


def test_the_mean_absolute_error_is_over_all_elements() -> None:
    answers = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert quality.mean_absolute_error(answers, answers + np.array([[1, -1], [0, 0]])) == 0.5
    with pytest.raises(DataError, match=r"shape \(2, 2\)"):
        quality.mean_absolute_error(answers, answers[:1])  # which NumPy would broadcast
    with pytest.raises(DataError, match="is no number"):
        quality.mean_absolute_error(answers, answers * np.nan)


def test_the_area_is_the_chance_of_the_right_order() -> None:
    random = np.random.default_rng(3)
    scores, labels = random.integers(0, 12, 60).astype(float), random.integers(0, 2, 60)
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels == 1] for b in scores[labels == 0]]
    assert quality.area_under_curve(scores, labels) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert quality.area_under_curve(-scores, labels) == pytest.approx(1 - np.mean(pairs), abs=1e-12)
    assert quality.area_under_curve(np.zeros(4), np.array([0, 1, 0, 1])) == 0.5
    for bad in ([0, 0], [1, 1], [0, 2], [0.5, 1]):
        with pytest.raises(DataError):
            quality.area_under_curve(np.zeros(2), np.array(bad))
    with pytest.raises(DataError, match="no number"):
        quality.area_under_curve(np.array([np.nan, 1]), np.array([0, 1]))
