"""RESIZE_BILINEAR: each pixel between the four of the input around it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import resizing
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.resizing import ResizeOptions
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    DENORMAL,
    LIKE_INPUT,
    Declared,
    Differs,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step

_BITS = 10
"""Of a fraction of a pixel, in int8."""

Places = tuple[npt.NDArray[np.uint16], npt.NDArray[np.uint16], npt.NDArray[Any]]
"""For each output pixel along a dimension: the input's before and behind it, and how far it is past the first."""


def _real(size: int, output_size: int, options: ResizeOptions) -> Places:
    """In float32, as ``ComputeInterpolationValues``."""
    scale = np.float32(size) / np.float32(output_size)
    if options.align_corners and output_size > 1:
        scale = np.float32(size - 1) / np.float32(output_size - 1)
    places = np.arange(output_size).astype(np.float32)
    centre = np.float32(0.5 if options.half_pixel_centers else 0)
    places = (places + centre) * scale - centre
    before = np.maximum(np.floor(places), 0)
    behind = np.minimum(np.ceil(places), size - 1)
    return before.astype(np.uint16), behind.astype(np.uint16), (places - before).astype(np.float32)


def _fixed(size: int, output_size: int, options: ResizeOptions) -> Places:
    """In 1/1024 of a pixel, as ``ComputeInterpolationValuesInteger``."""
    if options.align_corners and output_size > 1:
        scale = (((size - 1) << _BITS) + (output_size - 1) // 2) // (output_size - 1)
    else:
        scale = ((size << _BITS) + output_size // 2) // output_size
    places = np.arange(output_size, dtype=np.int64) * scale
    if options.half_pixel_centers:
        places += scale // 2 - (1 << (_BITS - 1))
    before = np.maximum(places >> _BITS, 0)
    # Divided towards zero, which matters where a place lies before the first pixel.
    behind = np.minimum(np.trunc((places + (1 << _BITS) - 1) / (1 << _BITS)).astype(np.int64), size - 1)
    return before.astype(np.uint16), behind.astype(np.uint16), (places - (before << _BITS)).astype(np.int16)


def _rule(operator: Operator) -> None:
    resizing.rule(operator)
    found = operator.options_as(ResizeOptions)
    both = found.align_corners and found.half_pixel_centers
    require(operator, not both, "corners that are aligned, and centres of pixels")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    options = operator.options_as(ResizeOptions)
    batches, height, width, depth = operator.input.shape
    _, rows, columns, _ = operator.output.shape
    call = Call(lowering, operator)
    real = operator.input.type is ElementType.FLOAT32
    fields: dict[str, Any] = {
        "batches": batches, "input_height": height, "input_width": width, "rows": rows, "columns": columns,
        "depth": depth,
    }  # fmt: skip
    for name, size, count in (("row", height, rows), ("column", width, columns)):
        before, behind, past = (_real if real else _fixed)(size, count, options)
        head = name.capitalize()
        fields[f"{name}_before"] = call.constant(f"{head}sBefore", before, f"{name} before each")
        fields[f"{name}_behind"] = call.constant(f"{head}sBehind", behind, f"{name} behind each")
        unit = "" if real else f", in 1/{1 << _BITS}"
        fields[f"{name}_past"] = call.constant(f"{head}sPast", past, f"how far past the {name} before{unit}")
    how = call.struct("", "ResizeBilinear" if real else "ResizeBilinearInt8", fields)
    return call.of("resize_bilinear", [how, call.source()])


def _samples() -> Declared:
    options = {"alignCorners": False, "halfPixelCenters": False}
    order = Differs("FLOAT32/*/*infinite", "LiteRT's optimised kernels pass over what has no weight", None)
    like = Sample("twice", (Flow((2, 4, 5, 3)), Values((8, 10))), options, LIKE_INPUT, exempt=(DENORMAL, order))
    both = like.row("", alignCorners=True, halfPixelCenters=True, outputs=(Output(shape=(2, 8, 10, 3)),))
    return (
        *resizing.rows(like),
        Refused("corners that are aligned, and centres of pixels", "corners that are aligned, and centres", both),
    )


DEFINITION = Definition(
    names=("RESIZE_BILINEAR",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=resizing.inputs,
    shapes=resizing.shapes,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("ResizeBilinearOptions", resizing.read),
    samples=_samples,
)
