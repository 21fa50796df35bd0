"""The result of an evaluation, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.errors import DataError
from renode_mnist.measure.evaluation import scores
from renode_mnist.measure.evaluation.job import Answers
from renode_mnist.measure.evaluation.question import Question
from renode_mnist.measure.evaluation.scores import Against, Classes, Costs, Numbers
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.session.record import Connection


@dataclass(frozen=True)
class Aside:
    """A sample without an answer.

    Attributes:
        position: Among those that were asked.
        name: Of the sample.
        why: What the firmware said, or what became of the workers.
    """

    position: int
    name: str
    why: str


@dataclass(frozen=True)
class Evaluation:
    """What a firmware scores over a data set; the same however many workers answered.

    Attributes:
        connection: Who answered.
        data: The samples, with what they should come to.
        data_sha256: Of them.
        inputs: What the model takes.
        question: What was scored.
        answers: All of them, in the order of the samples.
        classes: Of a classifier, else None.
        area: Under the ROC curve, of a detector.
        numbers: Of a regression or a reconstruction.
        against: How far from the reference; None where there is none, for which ``no_reference`` says why.
        costs: Of an answer.
        aside: Samples without an answer.
    """

    connection: Connection
    data: LabelledSet
    data_sha256: str
    inputs: tuple[TensorSpec, ...]
    question: Question
    answers: Answers
    classes: Classes | None
    area: float | None
    numbers: Numbers | None
    against: Against | None
    no_reference: str
    costs: Costs
    aside: tuple[Aside, ...]

    @property
    def count(self) -> int:
        """Samples with an answer."""
        return len(self.data) - len(self.aside)

    @property
    def correct(self) -> int:
        """Samples with the right class.

        Raises:
            TypeError: These are no classes.
        """
        if self.classes is None:
            raise TypeError("this evaluation is of no classes: see its `numbers`, or its `area`")
        return self.classes.correct

    @property
    def accuracy(self) -> float:
        """The share of samples with the right class, 0 to 1.

        Raises:
            TypeError: These are no classes.
        """
        return self.correct / self.count

    @property
    def confusion(self) -> Any:
        """(classes, classes) counts, [label, answer].

        Raises:
            TypeError: These are no classes.
        """
        if self.classes is None:
            raise TypeError("this evaluation is of no classes")
        return self.classes.confusion

    def __repr__(self) -> str:
        """The score and who has it, in one line."""
        firmware, target = self.connection.firmware, self.connection.target
        return (
            f"<Evaluation: {self.score}; {firmware.model_name} by {firmware.engine} on {target.target} over "
            f"{self.data.name}>"
        )

    @property
    def score(self) -> str:
        """The result in a few words."""
        if self.classes is not None:
            return f"{self.classes.correct:,} of {self.count:,} right, {self.classes.accuracy:.2%}"
        if self.area is not None:
            return f"area under the ROC curve {self.area:.4f} over {self.count:,} samples"
        if self.numbers is not None:
            return f"mean absolute error {self.numbers.mean_absolute_error:.6g} over {self.count:,} samples"
        return f"{self.count:,} samples answered"


def scored(
    connection: Connection,
    data: LabelledSet,
    data_sha256: str,
    inputs: tuple[TensorSpec, ...],
    question: Question,
    answers: Answers,
    against: Against | None,
    no_reference: str,
) -> Evaluation:
    """Scores answers.

    Raises:
        DataError: Targets or answers are no numbers, labels of a detector are all the same, or nothing was answered.
    """
    there = [position for position in range(len(data)) if answers.counters[position] >= 0]
    if not there:
        raise DataError(f"none of {len(data):,} inputs has an answer; the first: {answers.aside[0]}")
    stored, spec = answers.outputs[question.position], question.spec
    wanted = question.wanted
    return Evaluation(
        connection,
        data,
        data_sha256,
        inputs,
        question,
        answers,
        classes=scores.classes(stored, spec, data, there) if question.kind == "classes" else None,
        area=scores.area(stored, spec, data, there) if question.kind == "detector" else None,
        numbers=None
        if wanted is None
        else scores.numbers(stored, spec, wanted, there, is_reconstruction=question.is_reconstruction),
        against=against,
        no_reference=no_reference,
        costs=scores.costs(answers),
        aside=tuple(
            Aside(position, data.sample_name(position), why) for position, why in sorted(answers.aside.items())
        ),
    )
