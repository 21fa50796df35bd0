"""row_winograd_float: F(3, 3) along rows, weights transformed offline."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.conv_float import block_weights
from renode_mnist.codegen.m7.flash_reads import Reads
from renode_mnist.codegen.m7.layer_float import COLUMNS, REGISTERS, Call, Layer, cut
from renode_mnist.codegen.program import Step

_ROW_G = np.array(
    [[1 / 2, 0, 0], [-1 / 2, -1 / 2, -1 / 2], [-1 / 6, 1 / 6, -1 / 6], [1 / 6, 1 / 3, 2 / 3], [0, 0, 1]]
)


def row_winograd_weights(weights: npt.NDArray[np.float32], rows: int, taps: int) -> npt.NDArray[np.float32]:
    """As row_winograd_float reads them: block of ``rows`` output channels, position, then as ``block_weights``.

    What is the kernel's height there is its width here: thirds of rows stand one below the other.
    """
    transformed = np.einsum("pt,oytc->poyc", _ROW_G, weights.astype(np.float64)).astype(np.float32)
    blocks = []
    for first in range(0, weights.shape[0], rows):
        for position in transformed[:, first : first + rows]:
            kernel = position[:, :, None] if taps == 1 else position[:, None]
            blocks.append(block_weights(kernel, rows, taps))
    return np.concatenate(blocks)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """row_winograd_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        window.kernel_width != 3
        or strides != (1, 1, 1, 1)
        or window.output_width % 3
        or layer.pool != (1, 1)
        or window.padded
        or not layer.planar_input
    ):
        return
    thirds = window.output_width // 3
    pixels = window.output_height * thirds
    taps = window.kernel_height if thirds == 1 and window.kernel_height <= 4 else 1
    columns = max(cut(pixels, COLUMNS))
    rows = min((REGISTERS - (columns + taps - 1)) // (columns + 1), layer.channels)
    stored = layer.weights.size // 3 * 5
    reads = Reads(4 * rows * stored / layer.channels, pixels / columns, layer.channels / rows)

    def build() -> Step:
        call = Call(lowering, layer, rows=rows, taps=taps)
        weights = call.constant(
            "Weights",
            row_winograd_weights(layer.weights, rows, taps),
            f"for Winograd F(3, 3) along rows: blocks of {rows} output channels, position of the transform, "
            + ("input channel, row, channel" if taps > 1 else "row, input channel, channel"),
        )
        transformed = call.floats("transformed", 5 * layer.inputs * window.input_height * thirds)
        products = call.floats("products", 5 * rows * pixels)
        arguments = [reads.argument(weights), call.bias(), transformed, products]
        return call.of("row_winograd_float", call.conv, arguments)

    products = stored * pixels
    sums = rows * columns
    ends = layer.inputs * window.input_height * thirds * 25 + pixels * layer.channels * 30
    rate = 1 + (taps + 1.5) / (taps * sums)
    rate_cycles = rate + (taps * rows + columns) / (2 * taps * sums)
    yield Candidate(
        "row_winograd_float",
        ends + rate_cycles * products + reads.cycles,
        ends + rate * products,
        4 * (stored + layer.channels),
        4 * 5 * (layer.inputs * window.input_height * thirds + rows * pixels),
        build,
    )
