"""SPLIT: a tensor in equal pieces along a dimension."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import refusal, require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    INT16,
    LIKE_INPUT,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


def _axis(operator: Operator) -> int:
    (axis, *_) = moving.integers(operator, 0, "axes")
    return moving.axis_of(operator, axis, len(operator.input.shape))


def _inputs(operator: Operator) -> None:
    moving.inputs(operator, (1,))


def _shapes(operator: Operator) -> Shapes:
    axis, shape, count = _axis(operator), operator.input.shape, len(operator.outputs)
    require(operator, shape[axis] % count == 0, f"{count} pieces of {operator.input} along dimension {axis}")
    return ((*shape[:axis], shape[axis] // count, *shape[axis + 1 :]),) * count


def mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    """Names the first piece that is of another shape."""
    wrong = [tensor for tensor, shape in zip(operator.outputs, shapes, strict=False) if tensor.shape != shape]
    return refusal(operator, f"{operator.input} does not make {(wrong or operator.outputs)[0]}")


def pieces(call: Call, axis: int) -> Step:
    """The step that takes a tensor apart into the operator's outputs."""
    operator = call.operator
    advances = nesting.strides(operator.input.shape)
    parts, start = [], 0
    for tensor in operator.outputs:
        parts.append((start * advances[axis], tensor.shape, advances))
        start += tensor.shape[axis]
    return moving.taken(call, parts)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return pieces(Call(lowering, operator), _axis(operator))


def _values(operator: Operator) -> Folded:
    return tuple(np.split(operator.constant(1), len(operator.outputs), _axis(operator)))


def _samples() -> Declared:
    image = Flow((1, 4, 3, 6))
    like = Sample("channels", (Values(3), image), {"numSplits": 3}, LIKE_INPUT * 3)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("rows", inputs=(Values(1), image), numSplits=2, outputs=LIKE_INPUT * 2),
        like.row("axis from the end", inputs=(Values((-1,)), Flow((2, 6))), numSplits=2, outputs=LIKE_INPUT * 2),
        like.row("a single piece", types=(FLOAT32, INT8, INT16),
                 inputs=(Values(0), Flow((2, 6))), numSplits=1, outputs=LIKE_INPUT),
        Refused("pieces that are not equal", "2 pieces of 't1' (float32 1x3) along dimension 1",
                like.row("", inputs=(Values(1), Flow((1, 3))), outputs=(Output(shape=(1, 2)),) * 2)),
        Refused("an axis that is no constant", "not constant integers",
                like.row("", inputs=(Flow((1,), "INT32"), image), outputs=(Output(shape=(1, 4, 3, 2)),) * 3)),
        Refused("an axis beyond the dimensions", "axis 4 of 4", like.row("", inputs=(Values(4), image))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "SPLIT",
    inputs=_inputs,
    shapes=_shapes,
    mismatch=mismatch,
    lower=_lower,
    flow=1,
    values=_values,
    options=OptionsTable("SplitOptions", lambda table: None),
    samples=_samples,
)
