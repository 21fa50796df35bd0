"""Weights of 4 bits are stored as int8, which the engine's own kernels read: twice the flash, and much less time."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import ElementType, Graph, Operator, Tensor
from renode_mnist.codegen.kernel import KernelOf


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Unpacks those of operators that a kernel takes then; the reference kernels read them as they are."""
    made: dict[Tensor, Tensor] = {}
    kept: list[Operator] = []
    for operator in graph.operators:
        wide = {
            tensor: made.get(tensor) or replace(tensor, type=ElementType.INT8)
            for tensor in operator.inputs
            if tensor is not None and tensor.is_constant and tensor.type is ElementType.INT4
        }
        inputs = tuple(None if tensor is None else wide.get(tensor, tensor) for tensor in operator.inputs)
        unpacked = replace(operator, inputs=inputs)
        if wide and kernel_of(unpacked) is not None:
            made.update(wide)
            kept.append(unpacked)
        else:
            kept.append(operator)
    if not made:
        return graph, ""
    more = sum(after.byte_count - before.byte_count for before, after in made.items())
    did = f"int4 weights are stored as int8: {more:,} B more flash (objective flash leaves them)"
    return replace(graph, tensors=tuple(made.get(each, each) for each in graph.tensors), operators=tuple(kept)), did
