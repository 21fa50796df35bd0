"""RESIZE_NEAREST_NEIGHBOR: each pixel that of the input nearest to it."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, resizing
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.resizing import ResizeOptions
from renode_mnist.codegen.operators.samples import INT16, LIKE_INPUT, Declared, Flow, Sample, Values
from renode_mnist.codegen.program import Step


def nearest(size: int, output_size: int, options: ResizeOptions) -> list[int]:
    """For each output pixel along a dimension the input's, in float32 as ``GetNearestNeighbor`` computes it."""
    if options.align_corners and output_size > 1:
        scale = np.float32(size - 1) / np.float32(output_size - 1)
    else:
        scale = np.float32(size) / np.float32(output_size)
    offset = np.float32(0.5 if options.half_pixel_centers else 0)
    places = (np.arange(output_size).astype(np.float32) + offset) * scale
    whole = np.floor(places.astype(np.float64) + 0.5) if options.align_corners else np.floor(places)
    found: list[int] = np.clip(whole.astype(np.int64), 0, size - 1).tolist()
    return found


def _lower(lowering: Lowering, operator: Operator) -> Step:
    options = operator.options_as(ResizeOptions)
    batches, height, width, depth = operator.input.shape
    _, rows, columns, _ = operator.output.shape
    return moving.picked(
        Call(lowering, operator),
        [
            [batch * height * width * depth for batch in range(batches)],
            [row * width * depth for row in nearest(height, rows, options)],
            [column * depth for column in nearest(width, columns, options)],
        ],
        depth,
    )


def _samples() -> Declared:
    options = {"alignCorners": False, "halfPixelCenters": False}
    like = Sample("twice", (Flow((2, 4, 5, 3)), Values((8, 10))), options, LIKE_INPUT)
    return (
        *resizing.rows(like),
        like.row("of 16 bits", types=(INT16,)),
        like.row("both", inputs=(Flow((1, 4, 5, 3)), Values((9, 7))), alignCorners=True, halfPixelCenters=True),
    )


DEFINITION = Definition(
    names=("RESIZE_NEAREST_NEIGHBOR",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=resizing.inputs,
    shapes=resizing.shapes,
    rule=resizing.rule,
    lower=_lower,
    options=OptionsTable("ResizeNearestNeighborOptions", resizing.read),
    samples=_samples,
)
