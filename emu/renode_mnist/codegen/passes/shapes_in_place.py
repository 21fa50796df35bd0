"""An operator that only gives its input another shape costs nothing: its output is an alias of its input."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.passes.neighbours import listed


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Takes out every operator that is ``free``."""
    free = [op for op in graph.operators if operators.definition(op).free and not op.input.is_constant]
    if not free:
        return graph, ""
    aliases = {**graph.aliases, **{operator.output: operator.input for operator in free}}
    kept = tuple(operator for operator in graph.operators if operator not in free)
    did = f"{listed(free)} without a copy"
    return replace(graph, operators=kept, aliases=aliases), did
