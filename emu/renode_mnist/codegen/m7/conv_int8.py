"""conv_int8: sums of products over a panel of widened pixels, in the fewest instructions."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import flash_reads
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.m7.packing import INTERLEAVE, even_channels
from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.program import Step

PANEL_BYTES = 12 * 1024
"""RAM that a layer may take to widen pixels into, unless it needs more for a single block of them."""


def pair_panel(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.uint32]:
    """Weights [channel, k] as dot_2x2 reads them: pair of channels, group, channel, two words."""
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    pairs = even_channels(padded)
    groups = pairs.reshape(pairs.shape[0], 2, -1, 4).transpose(0, 2, 1, 3)[..., INTERLEAVE]
    return np.ascontiguousarray(groups, "<i2").view("<u4").reshape(-1)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """For the fewest instructions, and for RAM: its panel is the smallest."""
    if lowering.objective not in (Objective.INSTRUCTIONS, Objective.RAM):
        return
    pool = layer.pool[0] * layer.pool[1]
    depth = 4 * layer.groups
    channels = ceil(layer.channels / 2) * 2
    epilogue = layer.outputs * layer.channels * (16 if pool == 1 else 8 + 8 * pool)
    ends = layer.outputs * pool * depth * 1.3 + epilogue
    single = layer.outputs == 1 and pool == 1
    products = layer.channels * depth if single else layer.outputs * pool * channels * depth
    block = min(2 if pool == 1 else 1, layer.outputs)
    words = (block * pool + block * pool % 2) * layer.groups * 2

    def build() -> Step:
        call = Call(lowering, layer)
        weights = call.constant(
            "Weights",
            pair_panel(layer.weights.reshape(layer.channels, -1).astype(np.int16)),
            "16-bit weights: pair of channels, group of four taps, channel, taps 0 2 1 3",
        )
        panel = call.panel("panel", words)
        return call.of("conv_int8", call.conv(block, "kPairs"), [weights, call.scalings(), panel])

    read = flash_reads.cycles(2 * channels * depth, layer.outputs * pool / 2)
    yield Candidate(
        "conv_int8",
        ends + (0.9 if single else 0.76) * products + read,
        ends + (0.7 if single else 0.64) * products,
        2 * channels * depth + layer.scalings.nbytes,
        4 * words,
        build,
    )
