"""What candidates of engine ``m7`` are estimated to take, beside what they take on the emulated chip.

``python kernel_costs.py [NAME ...]`` prints it: the layers of `LAYERS`, or of `.tflite` files. The planner chooses by
estimates, so a formula that is far off costs time that nobody sees.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compared_networks import Net
from emulated_engine import random_inputs
from network_files import kept
from renode_mnist import codegen
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.engine import made
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.images import BuildConfig, build
from renode_mnist.report import grid
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from tflite_builder import ModelBuilder


@dataclass(frozen=True)
class Cost:
    """A candidate for the first layer of a model: cycles with memory at 216 MHz, of one inference."""

    kernel: str
    estimated: float
    measured: int
    macs: int

    @property
    def error(self) -> float:
        """Of the estimate, as a fraction of what was measured."""
        return self.estimated / self.measured - 1


def conv(height: int, width: int, inputs: int, outputs: int, size: int, stride: int = 1, *, pool: int = 1) -> bytes:
    """CONV_2D of int8, padded to SAME, with a ReLU, behind it a max pool where ``pool`` is no 1."""
    net = Net(height, width, inputs)
    net.conv(outputs, (size, size), stride)
    if pool > 1:
        net.max_pool(pool)
    return net.finish()


def depthwise(height: int, width: int, channels: int, size: int, stride: int = 1) -> bytes:
    """DEPTHWISE_CONV_2D of int8, padded to SAME, with a ReLU."""
    net = Net(height, width, channels)
    net.conv(channels, (size, size), stride, depthwise=True)
    return net.finish()


def conv_float(height: int, width: int, inputs: int, outputs: int, *, pool: int = 1) -> bytes:
    """CONV_2D of 3x3 in float32 without padding, with a ReLU."""
    random = np.random.default_rng(1)
    b = ModelBuilder()
    x, y = b.activation((1, height, width, inputs)), b.activation((1, height - 2, width - 2, outputs))
    weights = b.constant(random.normal(0, 0.1, (outputs, 3, 3, inputs)).astype(np.float32))
    b.conv_2d(x, weights, b.constant(np.zeros(outputs, np.float32)), y, padding="VALID", activation="RELU")
    if pool > 1:
        z = b.activation((1, (height - 2) // pool, (width - 2) // pool, outputs))
        b.pool("MAX_POOL_2D", y, z, window=(pool, pool), padding="VALID", stride=(pool, pool))
        y = z
    return b.finish(x, y)


LAYERS: dict[str, Callable[[], bytes]] = {
    "pointwise 25x5x64 to 64": lambda: conv(25, 5, 64, 64, 1),
    "pointwise 24x24x32 to 64": lambda: conv(24, 24, 32, 64, 1),
    "pointwise 6x6x128 to 128": lambda: conv(6, 6, 128, 128, 1),
    "pointwise 3x3x256 to 256": lambda: conv(3, 3, 256, 256, 1),
    "pointwise 48x48x8 to 16": lambda: conv(48, 48, 8, 16, 1),
    "3x3 of 13x13x32 to 64, pooled": lambda: conv(13, 13, 32, 64, 3, pool=2),
    "3x3 of 16x16x32 to 32": lambda: conv(16, 16, 32, 32, 3),
    "3x3 of 8x8x64 to 64": lambda: conv(8, 8, 64, 64, 3),
    "3x3 of 32x32x16 to 16": lambda: conv(32, 32, 16, 16, 3),
    "3x3 of 32x32x3 to 16": lambda: conv(32, 32, 3, 16, 3),
    "3x3 of 96x96x1 to 8, stride 2": lambda: conv(96, 96, 1, 8, 3, 2),
    "3x3 of 32x32x16 to 32, stride 2": lambda: conv(32, 32, 16, 32, 3, 2),
    "5x5 of 12x12x5 to 17": lambda: conv(12, 12, 5, 17, 5),
    "depthwise 3x3 of 25x5x64": lambda: depthwise(25, 5, 64, 3),
    "depthwise 3x3 of 48x48x8": lambda: depthwise(48, 48, 8, 3),
    "depthwise 3x3 of 25x5x64, stride 2": lambda: depthwise(25, 5, 64, 3, 2),
    "depthwise 3x3 of 48x48x32, stride 2": lambda: depthwise(48, 48, 32, 3, 2),
    "depthwise 5x5 of 12x12x17": lambda: depthwise(12, 12, 17, 5),
    "float 3x3 of 13x13x32 to 64, pooled": lambda: conv_float(13, 13, 32, 64, pool=2),
    "float 3x3 of 5x5x64 to 64": lambda: conv_float(5, 5, 64, 64),
    "float 3x3 of 16x16x16 to 16": lambda: conv_float(16, 16, 16, 16),
    "float 3x3 of 34x34x4 to 8, pooled": lambda: conv_float(34, 34, 4, 8, pool=2),
    "float 3x3 of 8x8x96 to 64": lambda: conv_float(8, 8, 96, 64),
    "float 3x3 of 20x20x8 to 5": lambda: conv_float(20, 20, 8, 5),
}
"""By what is told of them."""


def candidates(model: Path) -> list[Candidate]:
    """Of the first layer."""
    return candidates_of(model, "")


def candidates_of(model: Path, what: str) -> list[Candidate]:
    """Of the first layer that computes operators (``CONV_2D+ADD``), or of the first of all."""
    graph, _ = made(codegen.prepared(codegen.load(model)), codegen.backend("m7"), codegen.Aim(), ())
    layer = next(each for each in graph.operators if what in ("", "+".join(part.op for part in each.parts)))
    kernel = codegen.backend("m7").kernel(layer)
    assert kernel is not None
    return list(kernel.ways(Lowering(graph), layer))


def measured(model: Path, kernel: str) -> tuple[int, int]:
    """Modelled cycles of the first layer in a second inference, and its MACs."""
    image = build(BuildConfig(model, definitions=(("KERNEL", kernel),)))
    values = random_inputs(model, 1)[0].tobytes()
    with EmbeddedTarget(image.elf, clock_model="m7") as target:
        client = Client(target, timeout_seconds=60)
        client.infer(values)
        result = client.infer(values)
    return result.layers[0].counter, client.layers()[0].macs


def costs(model: Path) -> Iterator[Cost]:
    """Of each candidate for the first layer."""
    for way in candidates(model):
        cycles, macs = measured(model, way.kernel)
        yield Cost(way.kernel, way.cycles, cycles, macs)


def table(name: str, found: list[Cost]) -> grid.Grid:
    """The fastest first."""
    rows = tuple(
        (
            cost.kernel,
            f"{cost.estimated:,.0f}",
            f"{cost.measured:,}",
            f"{cost.error:+.0%}",
            f"{cost.measured / cost.macs:.3f}",
        )
        for cost in sorted(found, key=lambda cost: cost.measured)
    )
    headings = ("kernel", "estimated, cycles", "measured", "error", "cycles/MAC")
    return grid.Grid(headings, rows, title=name, figures=(1, 2, 3, 4))


def main(names: list[str]) -> None:
    """Prints a table for each layer."""
    from rich.console import Console

    console = Console(highlight=False)
    for name, content in LAYERS.items():
        if names and not any(each in name for each in names):
            continue
        console.print(grid.table(table(name, list(costs(kept(name, content()))))))


if __name__ == "__main__":
    main(sys.argv[1:])
