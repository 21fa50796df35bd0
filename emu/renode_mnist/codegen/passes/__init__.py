"""What turns a network into one that computes the same to the bit with less work: one file a rewrite.

Engines name the passes that they take; ``apply`` runs those in the one order that ``ORDER`` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.passes import (
    constant_channels,
    fused_pool,
    fused_residual,
    live_windows,
    planar_images,
    shapes_in_place,
    transposed_convolutions,
    unpacked_weights,
)

ORDER: dict[str, Callable[[Graph, KernelOf], tuple[Graph, str]]] = {
    "unpacked_weights": unpacked_weights.run,
    "transposed_convolutions": transposed_convolutions.run,
    "constant_channels": constant_channels.run,
    "shapes_in_place": shapes_in_place.run,
    "live_windows": live_windows.run,
    "fused_pool": fused_pool.run,
    "fused_residual": fused_residual.run,
    "planar_images": planar_images.run,
}
"""By name. A pass is given a network and the kernels of the engine; it gives back what it made of it and what it did,
in a line, or the network as it was and nothing."""

SPENT = {
    Objective.FLASH: ("unpacked_weights", "transposed_convolutions", "fused_residual"),
    Objective.RAM: ("transposed_convolutions", "fused_residual"),
    Objective.INSTRUCTIONS: ("fused_residual",),
}
"""Passes that buy time with what an objective is to make small, and are not run then: a convolution with an ADD has
only kernels of many constants and a large panel."""


def apply(graph: Graph, wanted: Collection[str], kernel_of: KernelOf) -> Graph:
    """Runs passes.

    Args:
        graph: Has passed ``check``.
        wanted: Names in ``ORDER``.
        kernel_of: What a pass asks where a rewrite is only of use to a kernel that can make something of it.
    """
    for name, run in ORDER.items():
        if name in wanted:
            graph, did = run(graph, kernel_of)
            if did:
                graph = replace(graph, rewrites=(*graph.rewrites, f"{name}: {did}"))
    return graph
