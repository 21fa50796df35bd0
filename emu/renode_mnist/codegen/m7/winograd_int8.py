"""winograd_int8: F(2x2, 3x3), weights transformed offline, or at run time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import flash_reads
from renode_mnist.codegen.m7.conv_int8 import PANEL_BYTES
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.m7.packing import INTERLEAVE, even_channels
from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.program import Step

_MOST_CHANNELS = 128
"""The loop over positions is unrolled: at 128 channels it is 1.3 kB of code."""
_BYTES_PANEL = 32 * 1024
"""Larger than ``PANEL_BYTES``: each block of tiles transforms all weights again."""

_CODE_BYTES = 4_000

_TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int16)


def winograd_pairs(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Transformed weights as winograd_products reads them: pair of channels, position, group, channel, two words."""
    taps = weights.astype(np.int16).transpose(0, 3, 1, 2)
    transformed = _TWICE_G @ taps @ _TWICE_G.T
    channels, inputs = transformed.shape[:2]
    pairs = even_channels(transformed.reshape(channels, inputs, 16).transpose(0, 2, 1))
    groups = pairs.reshape(-1, 2, 16, inputs // 4, 4).transpose(0, 2, 3, 1, 4)[..., INTERLEAVE]
    return np.ascontiguousarray(groups, "<i2").view("<u4").reshape(-1)


def winograd_bytes(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights as transform_pair_weights reads them: pair of channels, group, channel, tap, a word."""
    channels, _, _, inputs = weights.shape
    pairs = even_channels(weights.reshape(channels, 9, inputs).astype(np.int16)).astype(np.int8)
    groups = pairs.reshape(-1, 2, 9, inputs // 4, 4).transpose(0, 3, 1, 2, 4)
    return np.ascontiguousarray(groups).view("<u4").reshape(-1)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """Weights transformed offline, and at run time."""
    window = layer.window
    inputs = layer.weights.shape[3]
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        (window.kernel_height, window.kernel_width) != (3, 3)
        or strides != (1, 1, 1, 1)
        or layer.pool not in ((1, 1), (2, 2))
        or inputs % 4
        or inputs > _MOST_CHANNELS
        or layer.sums_below >= 1 << 29
    ):
        return
    tiles = ceil(window.output_height / 2) * ceil(window.output_width / 2)
    tile_bytes = 32 * (int(inputs) + 4)  # half of sixteen times position_words
    products = ceil(tiles / 2) * ceil(layer.channels / 2) * 4 * 16 * inputs
    transforms = tiles * inputs / 2 * 90 + tiles * layer.channels * (60 if layer.pool == (2, 2) else 95)
    rate_instructions, rate_cycles = (0.66, 0.78) if lowering.objective is Objective.INSTRUCTIONS else (1.0, 0.55)
    pairs = ceil(layer.channels / 2)

    def build(weights_in: str, budget: int) -> Step:
        call = Call(lowering, layer)
        if weights_in == "kPairs":
            values, text = winograd_pairs(layer.weights), "position of the transform, group, channel"
        else:
            values, text = winograd_bytes(layer.weights), "group of four input channels, channel, tap"
        panel = call.panel("panel", panel_bytes(budget) // 4)
        transformed = call.panel("weights", 16 * inputs) if weights_in == "kBytes" else "nullptr"
        weights = call.constant("Weights", values, f"for Winograd F(2x2, 3x3): pair of channels, {text}")
        arguments = [weights, call.scalings(), panel, transformed]
        return call.of("winograd_int8", call.conv(block(budget), weights_in), arguments)

    def block(budget: int) -> int:
        """Tiles of which the transforms take so many bytes."""
        return int(min(max(budget // (2 * tile_bytes), 1) * 2, tiles))

    def panel_bytes(budget: int) -> int:
        return (block(budget) + block(budget) % 2) // 2 * tile_bytes * 2

    def read(bytes_a_pair: int, budget: int, passes: float) -> float:
        """Cycles of waiting for weights: all of them for each block of tiles."""
        return flash_reads.cycles(bytes_a_pair, passes, pairs * ceil(tiles / block(budget)))

    yield Candidate(
        "winograd_int8, 16 bit",
        transforms + rate_cycles * products + read(64 * inputs, PANEL_BYTES, block(PANEL_BYTES) / 2),
        transforms + rate_instructions * products,
        pairs * 2 * 16 * inputs * 2 + layer.scalings.nbytes,
        panel_bytes(PANEL_BYTES),
        lambda: build("kPairs", PANEL_BYTES),
        _CODE_BYTES,
    )
    again = ceil(tiles * tile_bytes / _BYTES_PANEL) * pairs * 2 * inputs * 35
    yield Candidate(
        "winograd_int8, 8 bit",
        transforms + rate_cycles * products + again + read(18 * inputs, _BYTES_PANEL, 1),
        transforms + rate_instructions * products + again,
        pairs * 2 * 9 * inputs + layer.scalings.nbytes,
        panel_bytes(_BYTES_PANEL) + 64 * inputs,
        lambda: build("kBytes", _BYTES_PANEL),
        _CODE_BYTES,
    )
