"""UNPACK: a tensor in slices along a dimension, which vanishes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import require
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
)
from renode_mnist.codegen.operators.split import mismatch
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class UnpackOptions:
    """Of UNPACK; the axis may be counted from the end."""

    axis: int


def _read(table: Any) -> UnpackOptions:
    return UnpackOptions(axis=table.Axis())


def _axis(operator: Operator) -> int:
    return moving.axis_of(operator, operator.options_as(UnpackOptions).axis, len(operator.input.shape))


def _shapes(operator: Operator) -> Shapes:
    axis, shape, count = _axis(operator), operator.input.shape, len(operator.outputs)
    require(operator, shape[axis] == count, f"{count} slices of {operator.input} along dimension {axis}")
    return ((*shape[:axis], *shape[axis + 1 :]),) * count


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axis, shape = _axis(operator), operator.outputs[0].shape
    advances = nesting.strides(operator.input.shape)
    others = [*advances[:axis], *advances[axis + 1 :]]
    parts = [(number * advances[axis], shape, others) for number in range(len(operator.outputs))]
    return moving.taken(Call(lowering, operator), parts)


def _values(operator: Operator) -> Folded:
    return tuple(np.moveaxis(operator.constant(0), _axis(operator), 0))


def _samples() -> Declared:
    like = Sample("rows", (Flow((3, 4)),), {"num": 3, "axis": 0}, LIKE_INPUT * 3)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("time steps", inputs=(Flow((1, 4, 5)),), num=4, axis=1, outputs=LIKE_INPUT * 4),
        like.row("channels", inputs=(Flow((2, 3, 2)),), num=2, axis=-1, outputs=LIKE_INPUT * 2),
        like.row("a single slice", types=(FLOAT32, INT8, INT16),
                 inputs=(Flow((4, 1, 3)),), num=1, axis=1, outputs=LIKE_INPUT),
        Refused("another number of outputs than the dimension is long", "2 slices of",
                like.row("", num=2, outputs=(Output(shape=(4,)),) * 2)),
        Refused("an axis beyond the dimensions", "axis 2 of 2", like.row("", axis=2)),
    )  # fmt: skip


DEFINITION = moving.definition(
    "UNPACK",
    shapes=_shapes,
    mismatch=mismatch,
    lower=_lower,
    values=_values,
    options=OptionsTable("UnpackOptions", _read),
    samples=_samples,
)
