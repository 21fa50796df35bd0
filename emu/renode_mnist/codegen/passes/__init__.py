"""What turns a network into one that computes the same to the bit with less work: one file a rewrite.

Engines name the passes that they take; ``apply`` runs those in the one order that ``ORDER`` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace

from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.passes import (
    constant_channels,
    fused_pool,
    live_windows,
    planar_images,
    shapes_in_place,
    unpacked_weights,
)

ORDER: dict[str, Callable[[Graph, KernelOf], tuple[Graph, str]]] = {
    "unpacked_weights": unpacked_weights.run,
    "constant_channels": constant_channels.run,
    "shapes_in_place": shapes_in_place.run,
    "live_windows": live_windows.run,
    "fused_pool": fused_pool.run,
    "planar_images": planar_images.run,
}
"""By name. A pass is given a network and the kernels of the engine; it gives back what it made of it and what it did,
in a line, or the network as it was and nothing."""

SPEND_FLASH = ("unpacked_weights",)
"""Passes that are not run where flash is to be small."""


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
