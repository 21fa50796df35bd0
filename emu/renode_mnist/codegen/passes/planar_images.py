"""Images stay channel by channel from one kernel to the next where all that read them read them so."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import PLANAR, Graph, Operator, Tensor
from renode_mnist.codegen.kernel import KernelOf


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Gives images the layout that both their writer and their readers take."""
    planar = [
        operator.output
        for operator in graph.operators
        if _writes_planar(operator, kernel_of) and _wanted_planar(graph, operator.output, kernel_of)
    ]
    if not planar:
        return graph, ""
    did = f"channel by channel: {', '.join(map(str, planar))}"
    return replace(graph, layouts={**graph.layouts, **dict.fromkeys(planar, PLANAR)}), did


def _writes_planar(operator: Operator, kernel_of: KernelOf) -> bool:
    kernel = kernel_of(operator)
    return kernel is not None and kernel.writes_planar(operator)


def _wanted_planar(graph: Graph, image: Tensor, kernel_of: KernelOf) -> bool:
    """Whether everything that reads it reads it planar."""
    if graph.is_output(image) or len(image.shape) != 4:
        return False

    def reads_planar(operator: Operator) -> bool:
        kernel = kernel_of(operator)
        as_one = operator.input is image or graph.aliases.get(operator.input) is image
        return kernel is not None and as_one and kernel.reads_planar(operator, image)

    return all(reads_planar(operator) for operator in graph.consumers(image))
