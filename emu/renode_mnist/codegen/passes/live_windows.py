"""Rows and columns of a convolution that the pool behind it throws away need not be computed.

An odd image under a pool of two by two: its last row and column are in no window of the pool.
"""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Graph, Operator
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.operators import pool_2d
from renode_mnist.codegen.passes.neighbours import only_reader


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Notes in each convolution what is read of it (``Operator.live``)."""
    kept: list[Operator] = []
    did = []
    for operator in graph.operators:
        made = operator
        if operator.op == "CONV_2D":
            _, height, width, _ = operator.output.shape
            read = _read(only_reader(graph, operator))
            if read is not None and read != (height, width):
                made = replace(operator, live=read)
                did.append(f"{read[0]}x{read[1]} of {height}x{width} outputs of {operator} are read")
        kept.append(made)
    return (replace(graph, operators=tuple(kept)), "; ".join(did)) if did else (graph, "")


def _read(reader: Operator | None) -> tuple[int, int] | None:
    """Rows and columns from the first on that a pool sees; None where that is not the question."""
    if reader is None or reader.op != "MAX_POOL_2D":
        return None
    window = pool_2d.window(reader)
    return None if window.padded else _seen(window)


def _seen(window: Window) -> tuple[int, int]:
    height = (window.output_height - 1) * window.stride_height + window.kernel_height
    width = (window.output_width - 1) * window.stride_width + window.kernel_width
    return height, width
