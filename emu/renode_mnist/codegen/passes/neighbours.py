"""Who reads what an operator makes: the question with which every fusion begins."""

from __future__ import annotations

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
