"""An ADD is computed within the convolution that makes one of its terms.

What the convolution makes is then never in memory as a whole: the sum stands where the other term stood, and the
kernel has the room for its panel. The two are computed where the ADD was, behind the other term.
"""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import Graph, Operator
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.passes.neighbours import only_reader, together


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Fuses where a kernel takes the two as one."""
    made: dict[Operator, Operator] = {}
    gone: set[Operator] = set()
    for operator in graph.operators:
        if operator.op != "CONV_2D" or operator.fused:
            continue
        add = only_reader(graph, operator)
        if add is None or add.op != "ADD" or add in made:
            continue
        both = together(operator, add)
        if kernel_of(both) is not None:
            made[add] = both
            gone.add(operator)
    operators = tuple(made.get(operator, operator) for operator in graph.operators if operator not in gone)
    did = f"{len(made)} ADD within the convolution that makes a term" if made else ""
    return replace(graph, operators=operators), did
