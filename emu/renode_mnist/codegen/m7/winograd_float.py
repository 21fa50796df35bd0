"""winograd_float: F(2x2, 3x3), weights transformed offline."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.flash_reads import Reads
from renode_mnist.codegen.m7.layer_float import COLUMNS, Call, Layer, cut, image_plane
from renode_mnist.codegen.program import Step

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def winograd_weights(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """As winograd_float reads them: block of 4 output channels, position, input channel, channel."""
    channels, _, _, inputs = weights.shape
    taps = weights.astype(np.float64).transpose(0, 3, 1, 2)
    transformed = (_G @ taps @ _G.T).reshape(channels, inputs, 16)
    padded = np.pad(transformed, ((0, -channels % 4), (0, 0), (0, 0)))
    blocks = padded.reshape(-1, 4, inputs, 16).transpose(0, 3, 2, 1)
    return np.ascontiguousarray(blocks, np.float32).reshape(-1)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """winograd_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (window.kernel_height, window.kernel_width) != (3, 3) or strides != (1, 1, 1, 1):
        return
    if layer.pool not in ((1, 1), (2, 2)):
        return
    odd = window.output_height % 2 or window.output_width % 2
    copies = bool(not layer.planar_input or window.padded or odd)
    tiles = ceil(window.output_height / 2) * ceil(window.output_width / 2)
    blocks = cut(tiles, COLUMNS)
    stored = 16 * ceil(layer.channels / 4) * 4 * layer.inputs
    reads = Reads(4 * stored, len(blocks))

    def build() -> Step:
        call = Call(lowering, layer, copies=copies, tile=2, rows=4, taps=1)
        weights = call.constant(
            "Weights",
            winograd_weights(layer.weights),
            "for Winograd F(2x2, 3x3): block of 4 output channels, position of the transform, input channel, channel",
        )
        transformed = call.floats("tiles", 16 * layer.inputs * blocks[0])
        products = call.floats("products", 16 * blocks[0] * 4)
        arguments = [reads.argument(weights), call.bias(), call.image, transformed, products]
        return call.of("winograd_float", call.conv, arguments)

    products = stored * tiles
    ends = tiles * layer.inputs * 62 + tiles * layer.channels * 52
    copying = layer.inputs * image_plane(window, 2) * 12 if copies else 0
    instructions = ends + copying + products * (1 + 2.6 / (4 * blocks[0]))
    cycles = ends + copying + products * (1 + (4 + blocks[0]) / 2 / (4 * blocks[0]))
    cycles += reads.cycles
    image = layer.inputs * image_plane(window, 2) if copies else 0
    yield Candidate(
        "winograd_float",
        cycles,
        instructions,
        4 * (stored + layer.channels),
        4 * (image + 16 * blocks[0] * (layer.inputs + 4)),
        build,
    )
