"""first_conv_float: one input channel into a pool of two by two."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.layer_float import Call, Layer
from renode_mnist.codegen.program import Step


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """first_conv_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        layer.inputs != 1
        or (window.kernel_height, window.kernel_width) != (3, 3)
        or strides != (1, 1, 1, 1)
        or layer.pool != (2, 2)
        or window.padded
        or layer.greatest != float("inf")
        or not layer.planar_output
    ):
        return

    def build() -> Step:
        call = Call(lowering, layer, rows=1, taps=3)
        table = np.concatenate([layer.weights.reshape(-1, 9), layer.bias.reshape(-1, 1)], axis=1)
        weights = call.constant("Weights", table.astype(np.float32), "nine weights and the bias of each channel")
        return call.of("first_conv_float", call.conv, [weights])

    outputs = layer.pixels // 4 * layer.channels
    yield Candidate("first_conv_float", 48 * outputs, 45 * outputs, 40 * layer.channels, 0, build)
