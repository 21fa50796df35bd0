"""depthwise_float: rows of a plane in registers, a channel at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import WindowCall
from renode_mnist.codegen.m7.layer_float import REGISTERS, cut, planar_already
from renode_mnist.codegen.operators import convolution
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.program import Step

_MOST_TAPS = 5
_IMAGE_BYTES = (2 * 1024, 8 * 1024)
"""Scratch memory for copied rows, unless a row of outputs needs more."""


def candidates(lowering: Lowering, operator: Operator) -> Iterator[Candidate]:
    """With a little scratch memory and with more."""
    window = convolution.window(operator)
    copies = window.padded or window.stride_width != 1 or not planar_already(lowering.graph, operator.input)
    heights = {window.output_height}
    if copies:
        heights = {_rows(operator, budget) for budget in _IMAGE_BYTES}
    for rows in heights:
        yield _candidate(lowering, operator, rows, copies=copies)


def _image_bytes(operator: Operator, rows: int) -> int:
    """Of the copied rows that some rows of outputs see; depthwise_float.hpp: ``copy_plane``."""
    window = convolution.window(operator)
    width = (window.output_width - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
    height = (rows - 1) * window.stride_height + (window.kernel_height - 1) * window.dilation_height + 1
    return 4 * height * ceil(width / window.stride_width) * window.stride_width


def _rows(operator: Operator, budget: int) -> int:
    """Rows of outputs at a time, evenly, so that what they see takes no more than a budget if that is possible."""
    height = convolution.window(operator).output_height
    heights = (ceil(height / strips) for strips in range(1, height + 1))
    return next(rows for rows in heights if rows == 1 or _image_bytes(operator, rows) <= budget)


def _candidate(lowering: Lowering, operator: Operator, rows: int, *, copies: bool) -> Candidate:
    window, outputs = convolution.window(operator), operator.tensor(1).shape[3]
    taps = window.kernel_width
    if (window.stride_width, window.dilation_width) != (1, 1) or taps > _MOST_TAPS:
        taps = 1
    columns = (REGISTERS + 1 - 2 * taps) // 2

    def build() -> Step:
        call = WindowCall(lowering, operator, window, operator.input.shape[3])
        least, greatest = operator.options_as(ConvOptions).activation.bounds
        depthwise = call.parameter(
            "",
            "m7::DepthwiseFloat",
            {
                "batches": operator.input.shape[0],
                "multiplier": outputs // operator.input.shape[3],
                "rows": rows,
                "columns": columns,
                "taps": taps,
                "copies": copies,
                "planar_input": planar_already(lowering.graph, operator.input),
                "planar_output": planar_already(lowering.graph, operator.output),
                "least": least,
                "greatest": greatest,
            },
        )
        order, text = ((2, 1, 0), "column, row") if taps == 1 else ((2, 0, 1), "row, column")
        values = np.ascontiguousarray(operator.constant(1)[0].transpose(order))
        biases = operator.constant(2) if operator.optional_input(2) is not None else np.zeros(outputs, np.float32)
        weights = call.constant("Weights", values, f"channel, {text}")
        bias = call.constant("Bias", biases, "bias")
        image = "nullptr"
        if copies:
            image = call.scratch("image", "float32", _image_bytes(operator, rows) // 4, layout="rows of a plane")
        sums = call.scratch("sums", "float32", window.output_width, layout="a row of outputs")
        return call.of("depthwise_float", depthwise, [weights, bias, image, sums])

    # Counted in the loops, and what is around them fitted: within 11 % of what was measured on nine layers in DTCM.
    row = 35.0 + 4 * window.output_width
    for block in cut(window.output_width, columns):
        plane = (block + taps - 1) / 2 + taps * (max(block, 3) + 0.5) + 4
        row += 18 + block + window.kernel_width // taps * (4 + window.kernel_height * plane)
    copied = operator.input.shape[3] * ceil(window.output_height / rows) * _image_bytes(operator, rows) / 4
    cycles = operator.input.shape[0] * (outputs * window.output_height * row + (1.8 * copied if copies else 0))
    return Candidate(
        kernel="depthwise_float" + (f", {rows} at once" if rows < window.output_height else ""),
        cycles=cycles,
        instructions=0.9 * cycles,
        flash_bytes=4 * outputs * (window.kernel_height * window.kernel_width + 1),
        scratch_bytes=(_image_bytes(operator, rows) if copies else 0) + 4 * window.output_width,
        build=build,
    )
