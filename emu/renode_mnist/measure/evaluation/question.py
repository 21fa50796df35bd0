"""What a data set asks of a network: which of its outputs is meant, and as what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError
from renode_mnist.measure.evaluation.scores import Kind
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.session.answer import answer
from renode_mnist.session.labels import Labels
from renode_mnist.wire.messages import LayerTiming


@dataclass(frozen=True)
class Question:
    """What is scored.

    Attributes:
        kind: Classes by labels, one score by labels of 0 and 1, numbers by targets; or costs only.
        position: Of the output.
        spec: Of the output.
        wanted: (samples, elements) float64, what its numbers should be; None where they are not scored.
        is_reconstruction: Whether that is the input.
    """

    kind: Kind
    position: int
    spec: TensorSpec
    wanted: npt.NDArray[np.float64] | None = None
    is_reconstruction: bool = False


def question(
    data: LabelledSet,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    layers: Sequence[LayerTiming],
    named: str | None,
    names: Labels,
) -> Question:
    """Finds what a set can be scored by, before anything runs.

    Args:
        data: The samples.
        inputs: What the model takes.
        outputs: What it answers.
        layers: The firmware's steps, which say which output is classes.
        named: An output by its name or its number; None for the only one that can be meant.
        names: Of classes, by the output's position.

    Raises:
        DataError: Labels or targets do not fit the output, or several outputs could be meant.
    """
    position = _position(outputs, layers, named, names)
    spec = outputs[position]
    if data.targets is not None:
        if data.targets.shape[1] != spec.element_count:
            raise DataError(
                f"the targets have {data.targets.shape[1]:,} elements a sample, the output {spec} "
                f"{spec.element_count:,}",
                "Give a target for each element, or name the output that is meant: --output.",
            )
        return Question("numbers", position, spec, data.targets)
    if data.labels is not None:
        if spec.element_count == 1:
            if set(np.unique(data.labels)) - {0, 1}:
                raise DataError(
                    f"the output {spec} is one number, and the labels are not 0 and 1", "Label samples 0 or 1."
                )
            return Question("detector", position, spec)
        if (most := int(data.labels.max())) >= spec.element_count:
            raise DataError(
                f"{data.name} has the label {most}, and the output {spec} {spec.element_count:,} classes",
                "Mend the labels, which count from 0, or name the output that is meant: --output.",
            )
        return Question("classes", position, spec)
    if len(inputs) == 1 and inputs[0].element_count == spec.element_count:
        given = inputs[0].reals(data.inputs[0]).reshape(len(data), -1)
        return Question("numbers", position, spec, given, is_reconstruction=True)
    return Question("unlabelled", position, spec)


def _position(outputs: Sequence[TensorSpec], layers: Sequence[LayerTiming], named: str | None, names: Labels) -> int:
    if named is not None:
        found = [number for number, spec in enumerate(outputs) if named in (spec.name, str(number))]
        if len(found) != 1:
            listed = ", ".join(f"'{spec.name}'" for spec in outputs)
            raise DataError(f"there is no one output '{named}'", f"Name one of {listed}, or its number.")
        return found[0]
    if len(outputs) == 1:
        return 0
    blank = [np.zeros(spec.shape, spec.dtype) for spec in outputs]
    meant = answer(outputs, blank, layers, names).classes()
    return [spec.name for spec in outputs].index(meant.spec.name)
