"""How large the interpreter's arena must be at most."""

from __future__ import annotations

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.memory import Lifetime, first_fit
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.tflm import registration

_ALIGNMENT = 16


def activation_bytes(plan: Plan) -> int:
    """What ``GreedyMemoryPlanner`` makes of tensors and scratch memory: first fit, largest first."""
    lifetimes = [Lifetime(p.first, p.last, aligned(p.buffer.byte_count), _ALIGNMENT) for p in plan.placements]
    order = sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].byte_count, -i))
    return first_fit(lifetimes, order)[1]


def aligned(byte_count: int) -> int:
    """Up to the next address that a tensor may have."""
    return -(-byte_count // _ALIGNMENT) * _ALIGNMENT


def bookkeeping_bytes(graph: Graph) -> int:
    """Most that the interpreter takes beside activations, with pointers of 4 bytes.

    Measured with tflite-micro 90b983c2b and rounded up: the interpreter itself, then for each tensor its
    TfLiteEvalTensor and what the planner notes, for each operator its node, options and kernel data, and for each
    quantised channel a multiplier and a shift. Variables stand there too.
    """
    channels = sum(
        len(tensor.quantisation.scales) if tensor.quantisation.per_channel else operator.output.shape[-1]
        for operator in graph.operators
        if operators.kind(operator) in (Kind.INT8, Kind.INT16)
        for tensor in operator.inputs[1:2]
        if tensor is not None and tensor.quantisation is not None
    )
    # Of these codegen's plan knows, as they are no part of the arena of other engines.
    variables = sum(aligned(tensor.byte_count) for tensor in graph.tensors if tensor.is_variable)
    kernels = sum(registration.of(operator.op).kernel_bytes(operator) for operator in graph.operators)
    fixed = 1024 + 16 * len(graph.tensors) + 208 * len(graph.operators)
    return fixed + 8 * channels + variables + kernels
