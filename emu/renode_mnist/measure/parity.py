"""The same firmware on several targets: the same answer, and the same instructions between the layer marks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from renode_mnist.session.comparison import answer_differences, counter_differences
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session


@dataclass(frozen=True)
class Comparison:
    """One input on one target, held against the same input on the first target.

    Attributes:
        input: What was asked, by name.
        record: What this target answered.
        differences: Empty where it answered as the first one did.
    """

    input: str
    record: Record
    differences: tuple[str, ...]


def ask(session: Session, questions: Sequence[Callable[[Session], Record]]) -> list[Record]:
    """Asks whatever the network takes on an opened session, in order."""
    return [question(session) for question in questions]


def compare(first: Sequence[Record], other: Sequence[Record]) -> list[Comparison]:
    """Holds another target's records of the same inputs against the first one's."""
    compared = []
    for left, right in zip(first, other, strict=True):
        differences = [
            *answer_differences(left.inference, right.inference),
            *counter_differences(left.inference, right.inference, left.target, right.target),
        ]
        compared.append(Comparison(right.picture, right, tuple(differences)))
    return compared
