"""A max pool is computed within the convolution before it, which then writes a quarter or less."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import Graph, Operator
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.operators import pool_2d
from renode_mnist.codegen.operators.pool_2d import PoolOptions
from renode_mnist.codegen.passes.neighbours import only_reader, together


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Fuses where a kernel takes the two as one."""
    kept: list[Operator] = []
    gone: set[Operator] = set()
    did = []
    for operator in graph.operators:
        if operator in gone:
            continue
        made = operator
        if operator.op == "CONV_2D":
            pool = only_reader(graph, operator)
            if pool is not None and _suits(pool) and kernel_of(together(operator, pool)) is not None:
                made = together(operator, pool)
                gone.add(pool)
                did.append(f"{pool} in {operator}")
        kept.append(made)
    return (replace(graph, operators=tuple(kept)), "; ".join(did)) if did else (graph, "")


def _suits(pool: Operator) -> bool:
    """Not overlapping, not padded, of an even number of pixels, so that they go through in pairs."""
    if pool.op != "MAX_POOL_2D":
        return False
    options = pool.options_as(PoolOptions)
    return (
        options.stride == options.filter
        and options.activation is Activation.NONE
        and options.filter[0] * options.filter[1] % 2 == 0
        and not pool_2d.window(pool).padded
    )
