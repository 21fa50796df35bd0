"""first_conv_int8: few taps into a pool, with the weights in registers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.program import Step

_FIRST_TAPS = 10  # first_conv_int8.hpp: kFirstTaps


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """first_conv_int8."""
    if (
        layer.depth > _FIRST_TAPS
        or layer.clamp != "kAtZeroPoint"
        or layer.pool != (2, 2)
        or layer.window.padded
        or int(np.abs(layer.scalings[:, 0]).max()) + 2 * layer.sums_below >= 1 << 30
    ):
        return

    def build() -> Step:
        call = Call(lowering, layer)
        taps = np.zeros((layer.channels, _FIRST_TAPS), "<i2")
        taps[:, : layer.depth] = 2 * layer.weights.reshape(layer.channels, -1).astype(np.int16)
        rows = np.zeros((layer.channels, 9), "<u4")
        scalings = layer.scalings[: layer.channels].view(np.uint32)
        rows[:, :5] = taps.view("<u4")
        rows[:, 5:] = scalings
        rows[:-1, 8] |= 1 << 31
        # The loop for fewest cycles loads the weights of a channel behind the last one.
        words = np.concatenate([rows.reshape(-1), np.zeros(5, "<u4")])
        channels = call.constant("Channels", words, "five pairs of weights and the scaling of each channel")
        return call.of("first_conv_int8", call.conv(1, "kPairs"), [channels])

    outputs = layer.outputs * layer.channels
    # At most 4 % off on pictures of 28x28 to 50x30 into 8 to 32 channels.
    cycles = outputs * 38.5 + layer.outputs * 100
    instructions = outputs * 42 + layer.outputs * 90
    yield Candidate("first_conv_int8", cycles, instructions, 36 * layer.channels + 20, 0, build)
