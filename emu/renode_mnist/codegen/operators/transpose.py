"""TRANSPOSE: dimensions in another order."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
    reshaped,
)
from renode_mnist.codegen.program import Step


def _order(operator: Operator) -> list[int]:
    rank = len(operator.input.shape)
    order = moving.integers(operator, 1, "dimensions")
    require(operator, sorted(axis % rank for axis in order) == list(range(rank)), f"dimensions {order} of {rank}")
    return [axis % rank for axis in order]


def _shapes(operator: Operator) -> Shapes:
    return (tuple(operator.input.shape[axis] for axis in _order(operator)),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    advances = nesting.strides(operator.input.shape)
    order = _order(operator)
    part = (0, [operator.input.shape[axis] for axis in order], [advances[axis] for axis in order])
    return moving.taken(Call(lowering, operator), [part])


def _values(operator: Operator) -> Folded:
    return (np.transpose(operator.constant(0), operator.constant(1)),)


def _samples() -> Declared:
    image = Flow((2, 3, 4, 5))
    like = Sample("channels first", (image, Values((0, 3, 1, 2))), outputs=LIKE_INPUT)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("channels last", inputs=(image, Values((0, 2, 3, 1)))),
        like.row("turned round", inputs=(image, Values((3, 2, 1, 0)))),
        like.row("rows and columns", inputs=(Flow((3, 7)), Values((1, 0)))),
        like.row("as they are", inputs=(Flow((2, 3, 4)), Values((0, 1, 2)))),
        like.row("five dimensions", inputs=(Flow((12, 4)), Values((0, 3, 2, 4, 1))),
                 before=(reshaped(2, 2, 3, 1, 4),), behind=(reshaped(12, 4),)),
        Refused("dimensions that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("dimensions that are no permutation", "dimensions [0, 1, 1, 2] of 4",
                like.row("", inputs=(image, Values((0, 1, 1, 2))))),
        Refused("an output of another shape", "does not fit", like.row("", outputs=(Output(shape=(2, 3, 4, 5)),))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "TRANSPOSE",
    shapes=_shapes,
    lower=_lower,
    values=_values,
    samples=_samples,
)
