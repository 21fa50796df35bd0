"""What quantisation costs: a network's tensors against those of the float model that it was made from.

Both are computed on the PC by the same kind of kernels. A tensor's partner has its name and shape; of those that are
left, the next one in the order of execution that an operator of the same kind makes with the same shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import Graph, Tensor
from renode_mnist.errors import ModelError
from renode_mnist.model import difference, interface
from renode_mnist.model.difference import Difference
from renode_mnist.model.inputs import Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.yardstick import Yardstick

_REAL = np.dtype(np.float64)
# What a converter adds around a quantised network; the float model has no such operator.
_NO_PARTNER = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class FloatModel:
    """The model that another was quantised from.

    Attributes:
        name: Of the file.
        graph: Read.
        yardstick: That computes it.
    """

    name: str
    graph: Graph
    yardstick: Yardstick


@dataclass(frozen=True)
class QuantisationRow:
    """A tensor against its partner in the float model.

    Attributes:
        spec: Of the quantised one.
        op: That makes it.
        partner: Name in the float model; empty where none was found.
        difference: In real numbers, over all samples; None where none was found.
        reach: Largest magnitude of the partner.
    """

    spec: TensorSpec
    op: str
    partner: str
    difference: Difference | None
    reach: float = 0.0


class QuantisationError:
    """Takes samples and holds one network against the other.

    Args:
        graph: Of the quantised network.
        model: The float one.

    Raises:
        ModelError: They take different inputs.
    """

    def __init__(self, graph: Graph, model: FloatModel) -> None:
        self._graph = graph
        self._model = model
        self._inputs = list(zip(interface.inputs(graph), interface.inputs(model.graph), strict=False))
        fits = len(graph.inputs) == len(model.graph.inputs)
        if not fits or any(a.shape != b.shape or b.is_quantised for a, b in self._inputs):
            raise ModelError(
                f"{model.name} does not take what {graph.name} takes, as floating-point numbers: "
                f"{', '.join(map(str, interface.inputs(model.graph)))}",
                "Give the float model that this one was quantised from.",
            )
        self._partners = partners(graph, model.graph)
        self._parts: dict[int, list[Difference]] = {}
        self._reach: dict[int, float] = {}

    def add(self, inputs: Tensors, computed: Mapping[int, npt.NDArray[Any]]) -> None:
        """One sample: the quantised network's inputs, and all its tensors."""
        reals = tuple(
            theirs.quantise(mine.reals(values)) for values, (mine, theirs) in zip(inputs, self._inputs, strict=True)
        )
        float_tensors = self._model.yardstick.tensors(reals)
        for tensor, partner in self._partners.items():
            if tensor.index not in computed or partner.index not in float_tensors:
                continue
            spec = TensorSpec.of(tensor)
            wanted = TensorSpec.of(partner).reals(float_tensors[partner.index]).reshape(spec.shape)
            got = spec.reals(computed[tensor.index]).reshape(spec.shape)
            real = TensorSpec(spec.name, _REAL, spec.shape)
            self._parts.setdefault(tensor.index, []).append(difference.compare(real, got, wanted))
            reach = float(np.abs(wanted).max(initial=0.0))
            self._reach[tensor.index] = max(reach, self._reach.get(tensor.index, 0.0))

    def rows(self) -> tuple[QuantisationRow, ...]:
        """In the order of execution."""
        found = []
        for operator in self._graph.operators:
            for tensor in operator.outputs:
                if tensor.type.dtype is None or operator.op in _NO_PARTNER:
                    continue
                parts = self._parts.get(tensor.index)
                partner = self._partners.get(tensor)
                found.append(
                    QuantisationRow(
                        spec=TensorSpec.of(tensor),
                        op=operator.op,
                        partner=partner.name if partner is not None and parts else "",
                        difference=difference.together(parts) if parts else None,
                        reach=self._reach.get(tensor.index, 0.0),
                    )
                )
        return tuple(found)


def partners(graph: Graph, other: Graph) -> dict[Tensor, Tensor]:
    """For each tensor that an operator makes the one of another network that stands for the same."""
    mine, theirs = _made(graph), _made(other)
    found: dict[Tensor, Tensor] = {}
    for _, tensor in mine:
        named = [each for _, each in theirs if each.name == tensor.name and each.shape == tensor.shape]
        if len(named) == 1:
            found[tensor] = named[0]
    for output, other_output in zip(graph.outputs, other.outputs, strict=False):
        tensor, partner = _computed(graph, output), _computed(other, other_output)
        if tensor.shape == partner.shape and tensor not in found and partner not in found.values():
            found[tensor] = partner
    # The rest in order: never past a partner that was found by name.
    start = 0
    for op, tensor in mine:
        if tensor in found:
            places = [number for number, (_, each) in enumerate(theirs) if each is found[tensor]]
            start = max([start, *(number + 1 for number in places)])
            continue
        for number in range(start, len(theirs)):
            their_op, partner = theirs[number]
            if partner in found.values():
                break
            if their_op == op and partner.shape == tensor.shape:
                found[tensor] = partner
                start = number + 1
                break
    return found


def _made(graph: Graph) -> list[tuple[str, Tensor]]:
    return [
        (operator.op, tensor)
        for operator in graph.operators
        if operator.op not in _NO_PARTNER
        for tensor in operator.outputs
    ]


def _computed(graph: Graph, tensor: Tensor) -> Tensor:
    """The tensor that an output is another type of."""
    producer = graph.producer(tensor)
    while producer is not None and producer.op in _NO_PARTNER:
        tensor = producer.input
        producer = graph.producer(tensor)
    return tensor
