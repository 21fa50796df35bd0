"""conv_int8: sums of products over a panel of widened pixels; weights in pairs, or in bytes."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.choice import Candidate
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


def byte_panel(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights [channel, k] as widen_weights reads them: pair of channels, group, channel, one word."""
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    pairs = even_channels(padded.astype(np.int16)).astype(np.int8)
    groups = pairs.reshape(pairs.shape[0], 2, -1, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(groups).view("<u4").reshape(-1)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """conv_int8 with weights in pairs, and in bytes."""
    pool = layer.pool[0] * layer.pool[1]
    pixels = layer.outputs * pool
    outputs_at_once = 2 if pool == 1 else 1
    pair_bytes = 2 * layer.groups * 8
    depth = 4 * layer.groups
    products = pixels * ceil(layer.channels / 2) * 2 * depth
    epilogue = layer.outputs * layer.channels * (16 if pool == 1 else 8 + 8 * pool)
    packing = pixels * depth * 1.3
    flat = packing + epilogue
    rate_instructions, rate_cycles = (0.64, 0.76) if lowering.objective is not Objective.CYCLES else (1.0, 0.52)
    if layer.outputs == 1 and pool == 1:
        products, rate_instructions, rate_cycles = layer.channels * depth, 0.7, 0.9

    def build_pairs() -> Step:
        call = Call(lowering, layer)
        block = min(outputs_at_once, layer.outputs)
        weights = call.constant(
            "Weights",
            pair_panel(layer.weights.reshape(layer.channels, -1).astype(np.int16)),
            "16-bit weights: pair of channels, group of four taps, channel, taps 0 2 1 3",
        )
        panel = call.panel("panel", (block * pool + block * pool % 2) * layer.groups * 2)
        return call.of("conv_int8", call.conv(block, "kPairs"), [weights, call.scalings(), panel, "nullptr"])

    def build_bytes() -> Step:
        call = Call(lowering, layer)
        most = max(PANEL_BYTES // (pair_bytes * max(1, pool // 2)), 1) * outputs_at_once
        block = min(most, layer.outputs)
        weights = call.constant(
            "Weights",
            byte_panel(layer.weights.reshape(layer.channels, -1)),
            "8-bit weights: pair of channels, group of four taps, channel, taps",
        )
        panel = call.panel("panel", (block * pool + block * pool % 2) * layer.groups * 2)
        widened = call.panel("weights", layer.groups * 4) if pixels > 1 else "nullptr"
        return call.of("conv_int8", call.conv(block, "kBytes"), [weights, call.scalings(), panel, widened])

    stored = ceil(layer.channels / 2) * 2 * depth
    yield Candidate(flat + rate_instructions * products, flat + rate_cycles * products, 2 * stored, build_pairs)
    if layer.outputs == 1 and pool == 1:
        yield Candidate(flat + 1.15 * products, flat + 1.1 * products, stored, build_bytes)
    else:
        most = max(PANEL_BYTES // (pair_bytes * max(1, pool // 2)), 1) * outputs_at_once
        widening = ceil(layer.outputs / most) * stored
        yield Candidate(
            flat + rate_instructions * products + 1.1 * widening,
            flat + rate_cycles * products + 1.1 * widening,
            stored,
            build_bytes,
        )
