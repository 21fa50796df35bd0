"""What passes share: who reads what an operator makes, two operators as one, and how a line on them begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from renode_mnist.codegen.graph import Graph, Operator


def only_reader(graph: Graph, operator: Operator) -> Operator | None:
    """The one operator that reads an output, as it is; None where anything else sees it."""
    tensor = operator.output
    readers = graph.consumers(tensor)
    seen_otherwise = graph.is_output(tensor) or tensor in graph.aliases.values()
    if len(readers) != 1 or len(operator.outputs) != 1 or seen_otherwise:
        return None
    return readers[0] if readers[0].inputs.count(tensor) == 1 else None


def together(first: Operator, second: Operator) -> Operator:
    """Both as one operator; what ``second`` reads beside the output of ``first`` is an input of it too."""
    more = tuple(tensor for tensor in second.inputs if tensor not in (None, *first.outputs))
    return replace(
        first,
        inputs=(*first.inputs, *more),
        outputs=second.outputs,
        fused=(*first.parts, *second.parts),
        live=None,
    )


def listed(operators: Sequence[Operator]) -> str:
    """``2 MAX_POOL_2D, RELU``: for the line that says what a pass did."""
    counts = Counter(operator.op for operator in operators)
    return ", ".join(f"{count} {op}" if count > 1 else op for op, count in counts.items())
