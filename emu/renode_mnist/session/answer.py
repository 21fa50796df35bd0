"""What a network answered, output by output, and what it means where the numbers are classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import CheckFailed, DataError
from renode_mnist.model.interface import TensorSpec
from renode_mnist.wire.messages import LayerTiming

_CLASS_MAKERS = ("SOFTMAX",)
_LOOKED_THROUGH = ("QUANTIZE", "DEQUANTIZE", "RESHAPE")


@dataclass(frozen=True)
class Output:
    """One output.

    Attributes:
        spec: Name, type, shape, scale.
        stored: As the tensor stores it.
        reals: What that stands for, float64.
        is_classes: Whether it is one score a class.
        labels: Names of its elements; empty where nobody gives them.
    """

    spec: TensorSpec
    stored: npt.NDArray[Any]
    reals: npt.NDArray[np.float64]
    is_classes: bool
    labels: tuple[str, ...]

    @property
    def winner(self) -> int:
        """Index of the greatest number, the first of equals."""
        return int(self.reals.argmax())

    def best(self, count: int) -> list[tuple[int, float]]:
        """Index and score of the greatest, greatest first."""
        flat = self.reals.reshape(-1)
        order = np.argsort(-flat, kind="stable")[:count]
        return [(int(index), float(flat[index])) for index in order]

    def label(self, index: int) -> str:
        """Of an element; its number where it has no name."""
        return self.labels[index] if self.labels else str(index)

    def index_of(self, wanted: str) -> int:
        """Of a class by its label or its index.

        Raises:
            DataError: There is no such class.
        """
        count = self.reals.size
        if wanted in self.labels:
            return self.labels.index(wanted)
        if wanted.isdecimal() and int(wanted) < count:
            return int(wanted)
        known = f", {', '.join(self.labels)}" if 0 < len(self.labels) <= 20 else ""
        names = "" if self.labels else "; class names come from a file of labels or the model's metadata"
        raise DataError(
            f"there is no class '{wanted}' among {count}",
            f"Give an index below {count} or a label{known}{names}.",
        )


@dataclass(frozen=True)
class Answer:
    """All outputs of one inference."""

    outputs: tuple[Output, ...]

    def classes(self) -> Output:
        """The one output that is classes, or the only one.

        Raises:
            DataError: There are several outputs, and not one of them alone is classes.
        """
        found = [output for output in self.outputs if output.is_classes] or list(self.outputs)
        if len(found) != 1:
            raise DataError(
                f"{len(found)} outputs could be meant: {', '.join(output.spec.name for output in found)}",
                "Expect a class of a model with one output of classes, or compare the file of --output.",
            )
        return found[0]

    def expect(self, wanted: str, of: str) -> None:
        """Checks the class: a label, or an index.

        Args:
            wanted: What it must be.
            of: What was classified, for the message.

        Raises:
            CheckFailed: It is another.
            DataError: There is no such class.
        """
        output = self.classes()
        index = output.index_of(wanted)
        if output.winner != index:
            raise CheckFailed(
                f"{of} was classified as {output.label(output.winner)}, expected {output.label(index)}",
                "Look at what the network saw (above), or at the scores with --json.",
            )

    def to_json(self) -> list[dict[str, Any]]:
        """An output each, plain values."""
        return [
            {
                "name": output.spec.name,
                "type": output.spec.dtype.name,
                "shape": list(output.spec.shape),
                "scale": output.spec.scale,
                "zero_point": output.spec.zero_point,
                "stored": output.stored.tolist(),
                "real": output.reals.tolist(),
                **_classes_json(output),
            }
            for output in self.outputs
        ]


def _classes_json(output: Output) -> dict[str, Any]:
    if not output.is_classes:
        return {}
    labelled = {"label": output.label(output.winner)} if output.labels else {}
    return {"class": output.winner, **labelled}


def answer(
    specs: Sequence[TensorSpec],
    stored: Sequence[npt.NDArray[Any]],
    layers: Sequence[LayerTiming],
    labels: Mapping[int, tuple[str, ...]],
) -> Answer:
    """Makes sense of outputs.

    Args:
        specs: Of the outputs.
        stored: Their values.
        layers: The firmware's steps: an output that a softmax makes is classes.
        labels: Names, by the output's position; an output that has them is classes too.

    Raises:
        DataError: There are more or fewer names than elements.
    """
    outputs = []
    for position, (spec, values) in enumerate(zip(specs, stored, strict=True)):
        names = labels.get(position, ())
        if names and len(names) != spec.element_count:
            raise DataError(
                f"{len(names)} labels are given for the {spec.element_count} elements of output {spec}",
                "Give a line a class, in the order of the output.",
            )
        is_classes = bool(names) or (spec.element_count > 1 and _made_by_softmax(spec, layers))
        outputs.append(Output(spec, values, spec.reals(values), is_classes, names))
    return Answer(tuple(outputs))


def _made_by_softmax(spec: TensorSpec, layers: Sequence[LayerTiming]) -> bool:
    """Whether a softmax over the whole tensor is the last that computes it."""
    if max(spec.shape, default=0) != spec.element_count:
        return False
    place = next((number for number, layer in enumerate(layers) if layer.name == spec.name), len(layers) - 1)
    while place > 0 and layers[place].op in _LOOKED_THROUGH:
        place -= 1
    return bool(layers) and layers[place].op.split("+")[-1] in _CLASS_MAKERS
