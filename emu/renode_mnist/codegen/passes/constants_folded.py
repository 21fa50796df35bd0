"""What depends on constants and shapes alone is computed at build time.

Converters write shapes as operators where a batch is left open (SHAPE, STRIDED_SLICE, PACK before a RESHAPE), and
weights of half the size as float16 with a DEQUANTIZE behind each. Shapes that such a file leaves open are found on
the way. It runs before ``check``, for every engine but the interpreter, so that nobody else meets these operators.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.operators.definition import Folded
from renode_mnist.codegen.passes.neighbours import listed
from renode_mnist.errors import ModelError

_MOST_ELEMENTS = 1 << 20
"""Of a tensor that it makes: as many bytes as this chip has flash."""


def run(graph: Graph) -> Graph:
    """The network without what can be computed now."""
    made: dict[Tensor, Tensor] = {}
    kept: list[Operator] = []
    gone: list[Operator] = []
    for original in graph.operators:
        operator = _told(original, made)
        values = _values(operator)
        if values is None:
            made.update(zip(original.outputs, operator.outputs, strict=True))
            kept.append(operator)
            continue
        gone.append(operator)
        for before, after, value in zip(original.outputs, operator.outputs, values, strict=True):
            value.flags.writeable = False
            made[before] = replace(after, shape=value.shape, data=value)
    if not gone:
        return graph
    return replace(
        graph,
        tensors=tuple(made.get(tensor, tensor) for tensor in graph.tensors),
        operators=tuple(kept),
        outputs=tuple(made.get(tensor, tensor) for tensor in graph.outputs),
        rewrites=(*graph.rewrites, f"constants_folded: {listed(gone)} at build time"),
    )


def _told(operator: Operator, made: dict[Tensor, Tensor]) -> Operator:
    """The operator with what is known of its inputs, and outputs in the shapes that follow from it."""
    inputs = tuple(made.get(tensor, tensor) if tensor is not None else None for tensor in operator.inputs)
    if inputs != operator.inputs:
        operator = replace(operator, inputs=inputs)
    definition = operators.find(operator.op)
    if definition is None or not any(tensor.is_open for tensor in operator.outputs):
        return operator
    try:
        shapes = (definition.resolved or definition.shapes)(operator)
    except (ModelError, ValueError, IndexError, ArithmeticError, AssertionError):  # ``check`` says it in words
        return operator
    found = zip(operator.outputs, shapes, strict=False)
    outputs = tuple(tensor if tensor.shape == shape else replace(tensor, shape=shape) for tensor, shape in found)
    return operator if definition.by_count and not definition.resolved else replace(operator, outputs=outputs)


def _values(operator: Operator) -> Folded | None:
    """What an operator's outputs always are; None where that is not known now."""
    definition = operators.find(operator.op)
    if definition is None or definition.fold is None:
        return None
    given = [tensor for tensor in operator.inputs if tensor is not None]
    if any(tensor.flaw for tensor in (*given, *operator.outputs)):
        return None
    if not (definition.folds_shapes or (given and all(tensor.is_constant for tensor in given))):
        return None
    if any(tensor.element_count > _MOST_ELEMENTS for tensor in operator.outputs):
        return None
    try:
        found = definition.fold(operator)
    except (ModelError, ValueError, IndexError, ArithmeticError):  # what does not fit ``check`` says in words
        return None
    for tensor, value in zip(operator.outputs, found, strict=True):
        if value.dtype != tensor.type.dtype or (value.shape != tensor.shape and not tensor.is_open):
            return None
    return tuple(map(np.array, found))
