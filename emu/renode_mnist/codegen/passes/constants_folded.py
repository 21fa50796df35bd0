"""What depends on constants and shapes alone is computed at build time.

Converters write shapes as operators where a batch is left open (SHAPE, STRIDED_SLICE, PACK before a RESHAPE), and
weights of half the size as float16 with a DEQUANTIZE behind each. It runs before ``check``, for every engine but the
interpreter, so that nobody else meets these operators.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.operators.definition import Folded
from renode_mnist.codegen.passes.neighbours import listed

_MOST_ELEMENTS = 1 << 20
"""Of a tensor that it makes: as many bytes as this chip has flash."""


def run(graph: Graph) -> Graph:
    """The network without what can be computed now."""
    made: dict[Tensor, Tensor] = {}
    kept: list[Operator] = []
    gone: list[Operator] = []
    for operator in graph.operators:
        inputs = tuple(made.get(tensor, tensor) if tensor is not None else None for tensor in operator.inputs)
        if inputs != operator.inputs:
            operator = replace(operator, inputs=inputs)
        values = _values(operator)
        if values is None:
            kept.append(operator)
            continue
        gone.append(operator)
        for tensor, value in zip(operator.outputs, values, strict=True):
            value.flags.writeable = False
            made[tensor] = replace(tensor, data=value)
    if not gone:
        return graph
    return replace(
        graph,
        tensors=tuple(made.get(tensor, tensor) for tensor in graph.tensors),
        operators=tuple(kept),
        outputs=tuple(made.get(tensor, tensor) for tensor in graph.outputs),
        rewrites=(*graph.rewrites, f"constants_folded: {listed(gone)} at build time"),
    )


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
    except (ValueError, IndexError, ArithmeticError):  # what does not fit together ``check`` refuses in words
        return None
    wanted = [(tensor.shape, tensor.type.dtype) for tensor in operator.outputs]
    return tuple(map(np.array, found)) if [(value.shape, value.dtype) for value in found] == wanted else None
