"""How good a network's answers are on labelled data: accuracy, mean absolute error, area under the ROC curve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError

Reals = npt.NDArray[np.float64]


def accuracy(classes: npt.NDArray[np.integer[Any]], labels: npt.NDArray[Any]) -> float:
    """The share of samples, 0 to 1, whose class is their label.

    Raises:
        DataError: There are more or fewer labels than samples, or none, or they are no whole numbers.
    """
    found = _labels(labels, len(classes))
    return float(np.mean(np.asarray(classes) == found))


def mean_absolute_error(answers: Reals, targets: Reals) -> float:
    """Over all elements of all samples, in the output's own unit.

    Raises:
        DataError: The shapes differ, or a number is none.
    """
    if answers.shape != targets.shape or not answers.size:
        raise DataError(
            f"the answers have the shape {answers.shape}, what they should be {targets.shape}",
            "Give a target for each element of the output, a leading axis for the samples.",
        )
    error = float(np.mean(np.abs(answers - targets)))
    if np.isnan(error):
        raise DataError("an answer or a target is no number", "Look at the data, and at the output by `Infer`.")
    return error


def area_under_curve(scores: Reals, labels: npt.NDArray[Any]) -> float:
    """The chance that a sample labelled 1 has a higher score than one labelled 0; ties count half.

    That is the area under the receiver operating characteristic (Hanley and McNeil, Radiology 143(1), 1982).

    Raises:
        DataError: A label is neither 0 nor 1, or one of them is missing; or a score is no number.
    """
    found = _labels(labels, len(scores))
    if set(np.unique(found)) != {0, 1}:
        raise DataError(
            f"the labels are {', '.join(map(str, np.unique(found)[:5]))}", "Label samples 0 or 1, and have both."
        )
    if np.isnan(scores).any():
        raise DataError("a score is no number", "Look at the output by `Infer`.")
    positive, negative = scores[found == 1], np.sort(scores[found == 0])
    below = np.searchsorted(negative, positive, "left")
    equal = np.searchsorted(negative, positive, "right") - below
    return float((below + equal / 2).sum() / (len(positive) * len(negative)))


def _labels(labels: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    flat = np.asarray(labels).reshape(-1)
    if len(flat) != count or not count:
        raise DataError(f"{len(flat)} labels are given for {count} samples", "Give one for each sample.")
    if flat.dtype.kind not in "biuf" or np.any(flat != np.rint(flat)):
        raise DataError("the labels are no whole numbers", "Give the index of each sample's class.")
    return flat.astype(np.int64)
