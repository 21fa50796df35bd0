"""What answers come to: right and wrong by class, the error of numbers, how far off, what each cost."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError
from renode_mnist.measure import quality
from renode_mnist.measure.evaluation.job import Answers
from renode_mnist.model.confusion import Confusion
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet

Kind = Literal["classes", "detector", "numbers", "unlabelled"]
Reals = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Wrong:
    """A sample that was taken for another class.

    Attributes:
        position: Among the samples that were asked.
        name: Of the sample.
        label: What it is.
        answer: What the firmware says.
        score: Of that class.
    """

    position: int
    name: str
    label: int
    answer: int
    score: float


@dataclass(frozen=True)
class Classes(Confusion):
    """Of a classifier.

    Attributes:
        names: Of the classes; empty where they have none.
        wrong: In the order of the set.
    """

    names: tuple[str, ...]
    wrong: tuple[Wrong, ...]

    def precision(self, index: int) -> float | None:
        """Of those answered so the share that is; None where nothing was."""
        return _share(self.confusion[index, index], self.confusion[:, index].sum())

    def recall(self, index: int) -> float | None:
        """Of those that are so the share that was answered; None where there are none."""
        return _share(self.confusion[index, index], self.confusion[index].sum())

    def name(self, index: int) -> str:
        """Of a class."""
        return self.names[index] if index < len(self.names) else str(index)


@dataclass(frozen=True)
class Numbers:
    """Of a regression, or of a network that gives its input again; over all elements, in the output's own unit.

    Attributes:
        mean_absolute_error: See `quality.mean_absolute_error`.
        root_mean_square_error: Likewise.
        largest_error: And in which sample.
        worst: Its position.
        r_squared: Share of the targets' variance that is explained; None where they do not vary.
        is_reconstruction: Whether the input itself was the target.
    """

    mean_absolute_error: float
    root_mean_square_error: float
    largest_error: float
    worst: int
    r_squared: float | None
    is_reconstruction: bool


@dataclass(frozen=True)
class Against:
    """How far answers are from the reference.

    Attributes:
        yardstick: Its name.
        equal: Samples whose every bit is the same.
        within: Others that rounding explains.
        different: Positions of the rest.
        most_units: The largest distance, in units in the last place.
        note: What else must be known; may be empty.
    """

    yardstick: str
    equal: int
    within: int
    different: tuple[int, ...]
    most_units: float
    note: str = ""


@dataclass(frozen=True)
class Costs:
    """What answers cost, in the target's counter unit.

    Attributes:
        mean: Over all.
        fastest: Position and count of the cheapest, the first of equals.
        slowest: Likewise of the dearest.
    """

    mean: float
    fastest: tuple[int, int]
    slowest: tuple[int, int]


def classes(stored: npt.NDArray[np.generic], spec: TensorSpec, data: LabelledSet, there: Sequence[int]) -> Classes:
    """Right and wrong of the samples that have an answer.

    Args:
        stored: The output, as it is stored, of all samples.
        spec: Of the output.
        data: The samples.
        there: Positions of those that have an answer.

    Raises:
        DataError: A label is no class of the output.
    """
    assert data.labels is not None
    count = spec.element_count
    if (most := int(data.labels.max())) >= count:
        raise DataError(f"{data.name} has the label {most}, and '{spec.name}' {count} classes", "Mend the labels.")
    reals = spec.reals(stored).reshape(len(stored), -1)
    confusion = np.zeros((count, count), np.int64)
    wrong = []
    for position in there:
        label, answer = int(data.labels[position]), int(reals[position].argmax())
        confusion[label, answer] += 1
        if label != answer:
            score = float(reals[position, answer])
            wrong.append(Wrong(position, data.sample_name(position), label, answer, score))
    names = data.class_names if len(data.class_names) <= count else ()
    return Classes(confusion, names, tuple(wrong))


def area(stored: npt.NDArray[np.generic], spec: TensorSpec, data: LabelledSet, there: Sequence[int]) -> float:
    """Area under the ROC curve of a detector, whose one number is the score.

    Raises:
        DataError: As `quality.area_under_curve`.
    """
    assert data.labels is not None
    scores = spec.reals(stored).reshape(-1)
    return quality.area_under_curve(scores[list(there)], data.labels[list(there)])


def numbers(
    stored: npt.NDArray[np.generic], spec: TensorSpec, wanted: Reals, there: Sequence[int], *, is_reconstruction: bool
) -> Numbers:
    """The error of answers that are numbers.

    Args:
        stored: The output, as it is stored, of all samples.
        spec: Of the output.
        wanted: (samples, elements) what it should be.
        there: Positions of samples that have an answer.
        is_reconstruction: Whether that is the input.

    Raises:
        DataError: The targets have another number of elements, or one is no number.
    """
    chosen = list(there)
    reals = spec.reals(stored).reshape(len(stored), -1)
    if wanted.shape != reals.shape:
        raise DataError(
            f"the targets have {wanted.shape[1]:,} elements a sample, the output {spec} {reals.shape[1]:,}",
            "Give a target for each element.",
        )
    reals, wanted = reals[chosen], wanted[chosen]
    mean = quality.mean_absolute_error(reals, wanted)
    errors = np.abs(reals - wanted)
    variance = float(np.sum((wanted - wanted.mean(axis=0)) ** 2))
    return Numbers(
        mean,
        float(np.sqrt(np.mean(errors**2))),
        float(errors.max()),
        chosen[int(errors.max(axis=1).argmax())],
        1 - float(np.sum(errors**2)) / variance if variance else None,
        is_reconstruction,
    )


def costs(answers: Answers) -> Costs:
    """The cheapest and the dearest answer."""
    counters = answers.counters
    there = np.flatnonzero(counters >= 0)
    fastest, slowest = int(there[counters[there].argmin()]), int(there[counters[there].argmax()])
    return Costs(
        float(np.mean(counters[there])), (fastest, int(counters[fastest])), (slowest, int(counters[slowest]))
    )


def answers_sha256(answers: Answers) -> str:
    """Of all outputs and counts: two runs with the same have answered the same at the same cost."""
    found = hashlib.sha256()
    for array in (*answers.outputs, answers.counters):
        found.update(repr((array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def _share(part: np.int64, whole: np.int64) -> float | None:
    return int(part) / int(whole) if whole else None
