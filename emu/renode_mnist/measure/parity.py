"""The same firmware on several targets: the same answer, and the same instructions between the layer marks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from renode_mnist.session.comparison import answer_differences, counter_differences
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session


@dataclass(frozen=True)
class Comparison:
    """One digit on one target, held against the same digit on the first target.

    Attributes:
        digit: What was classified.
        record: What this target answered.
        differences: Empty where it answered as the first one did.
    """

    digit: str
    record: Record
    differences: tuple[str, ...]


def run(session: Session, digits: Mapping[str, npt.NDArray[np.uint8]]) -> list[Record]:
    """Classifies each digit (uint8, 28x28) on an opened session, in order."""
    return [session.classify(pixels, name) for name, pixels in digits.items()]


def ask(session: Session, questions: Sequence[Callable[[Session], Record]]) -> list[Record]:
    """Asks whatever the network takes on an opened session, in order."""
    return [question(session) for question in questions]


def compare(first: Sequence[Record], other: Sequence[Record]) -> list[Comparison]:
    """Holds another target's records of the same digits against the first one's."""
    compared = []
    for left, right in zip(first, other, strict=True):
        differences = [
            *answer_differences(left.inference, right.inference),
            *counter_differences(left.inference, right.inference, left.target, right.target),
        ]
        compared.append(Comparison(right.picture, right, tuple(differences)))
    return compared
