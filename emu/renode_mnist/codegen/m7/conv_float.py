"""conv_float: sums in registers, a block of pixels times a block of output channels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.flash_reads import Reads
from renode_mnist.codegen.m7.layer_float import COLUMNS, REGISTERS, Call, Layer, cut, image_plane
from renode_mnist.codegen.program import Step

_MOST_FLAT_PIXELS = 256


def block_weights(weights: npt.NDArray[np.float32], rows: int, taps: int) -> npt.NDArray[np.float32]:
    """As conv_float reads them: block of output channels, kernel row, [column,] input channel, [column,] channel."""
    blocks = []
    for first in range(0, weights.shape[0], rows):
        block = weights[first : first + rows]
        order = (1, 2, 3, 0) if taps == 1 else (1, 3, 2, 0)
        blocks.append(block.transpose(order).reshape(-1))
    return np.concatenate(blocks)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """conv_float."""
    window = layer.window
    copies = not layer.planar_input or window.padded or window.stride_width != 1
    taps = window.kernel_width
    if (window.stride_width, window.dilation_width) != (1, 1) or taps > 4:
        taps = 1
    kernel = (window.kernel_height, window.kernel_width, window.stride_height)
    flat = kernel == (1, 1, 1) and not copies and layer.pool == (1, 1) and layer.pixels <= _MOST_FLAT_PIXELS
    width = layer.pixels if flat else window.output_width
    columns = max(cut(width, COLUMNS))
    rows = min((REGISTERS - (columns + taps - 1)) // (columns + 1), layer.channels)
    reads = Reads(4 * rows * layer.weights.size / layer.channels, layer.pixels / columns, layer.channels / rows)

    def build() -> Step:
        call = Call(lowering, layer, copies=copies, rows=rows, taps=taps, flat=flat)
        order = (
            "kernel row, input channel, column, channel"
            if taps > 1
            else "kernel row and column, input channel, channel"
        )
        weights = call.constant(
            "Weights", block_weights(layer.weights, rows, taps), f"blocks of {rows} output channels: {order}"
        )
        lines = call.floats("lines", layer.pool[0] * rows * width)
        return call.of("conv_float", call.conv, [reads.argument(weights), call.bias(), call.image, lines])

    products = layer.pixels * layer.weights.size
    sums = rows * columns
    rate = 1 + (taps + 1.5) / (taps * sums)
    rate_cycles = rate + (taps * rows + columns) / (2 * taps * sums)
    outputs = layer.pixels * layer.channels * 8
    copying = layer.inputs * image_plane(window, 1) * 12 if copies else 0
    flat_cost = outputs + copying
    image = layer.inputs * image_plane(window, 1) if copies else 0
    yield Candidate(
        "conv_float",
        flat_cost + rate_cycles * products + reads.cycles,
        flat_cost + rate * products,
        4 * (layer.weights.size + layer.channels),
        4 * (image + layer.pool[0] * rows * width),
        build,
    )
