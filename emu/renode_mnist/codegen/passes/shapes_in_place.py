"""An operator that only gives its input another shape costs nothing: its output is an alias of its input."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen import operators
from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.kernel import KernelOf


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Takes out every operator that is ``free``."""
    free = [operator for operator in graph.operators if operators.definition(operator).free]
    if not free:
        return graph, ""
    aliases = {**graph.aliases, **{operator.output: operator.input for operator in free}}
    kept = tuple(operator for operator in graph.operators if operator not in free)
    did = f"no copy for {', '.join(map(str, free))}"
    return replace(graph, operators=kept, aliases=aliases), did
