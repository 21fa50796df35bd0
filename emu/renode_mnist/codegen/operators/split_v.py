"""SPLIT_V: a tensor in pieces of given lengths along a dimension."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    INT16,
    LIKE_INPUT,
    Declared,
    Flow,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.operators.split import mismatch, pieces
from renode_mnist.codegen.program import Step


def _axis(operator: Operator) -> int:
    (axis, *_) = moving.integers(operator, 2, "axes")
    return moving.axis_of(operator, axis, len(operator.input.shape))


def _lengths(operator: Operator) -> list[int]:
    lengths, whole = moving.integers(operator, 1, "lengths"), operator.input.shape[_axis(operator)]
    if lengths.count(-1) == 1:  # what is left
        lengths = [whole - sum(lengths) - 1 if length == -1 else length for length in lengths]
    fits = sum(lengths) == whole and min(lengths) > 0 and len(lengths) == len(operator.outputs)
    require(operator, fits, f"lengths {lengths} of {operator.input}")
    return lengths


def _shapes(operator: Operator) -> Shapes:
    axis, shape = _axis(operator), operator.input.shape
    return tuple((*shape[:axis], length, *shape[axis + 1 :]) for length in _lengths(operator))


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return pieces(Call(lowering, operator), _axis(operator))


def _values(operator: Operator) -> Folded:
    ends = np.cumsum(_lengths(operator))[:-1]
    return tuple(np.split(operator.constant(0), ends, _axis(operator)))


def _samples() -> Declared:
    image = Flow((1, 4, 3, 6))
    like = Sample("channels", (image, Values((1, 3, 2)), Values(3)), {"numSplits": 3}, LIKE_INPUT * 3)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("rows", inputs=(image, Values((3, 1)), Values(1)), numSplits=2, outputs=LIKE_INPUT * 2),
        like.row("what is left", inputs=(Flow((2, 7)), Values((2, -1)), Values(-1)), numSplits=2,
                 outputs=LIKE_INPUT * 2),
        like.row("a single piece", types=(FLOAT32, INT8, INT16),
                 inputs=(Flow((2, 7)), Values((7,)), Values(1)), numSplits=1, outputs=LIKE_INPUT),
        Refused("lengths that are not the input's", "lengths [1, 3, 1] of",
                like.row("", inputs=(image, Values((1, 3, 1)), Values(3)))),
        Refused("an axis beyond the dimensions", "axis -5 of 4",
                like.row("", inputs=(image, Values((1, 3, 2)), Values(-5)))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "SPLIT_V",
    shapes=_shapes,
    mismatch=mismatch,
    lower=_lower,
    values=_values,
    samples=_samples,
)
