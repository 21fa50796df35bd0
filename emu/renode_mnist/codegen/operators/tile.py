"""TILE: a tensor repeated along its dimensions."""

from __future__ import annotations

from itertools import product

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, Kind, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Refused,
    Sample,
    Silent,
    Values,
    reshaped,
)
from renode_mnist.codegen.program import Step


def _counts(operator: Operator) -> list[int]:
    counts, rank = moving.integers(operator, 1, "counts"), len(operator.input.shape)
    require(operator, len(counts) == rank and min(counts, default=1) > 0, f"counts {counts} of {rank}")
    return counts


def _shapes(operator: Operator) -> Shapes:
    return (tuple(n * count for n, count in zip(operator.input.shape, _counts(operator), strict=True)),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    dimensions = list(
        zip(_counts(operator), operator.input.shape, nesting.strides(operator.input.shape), strict=True)
    )
    shape = [n for count, size, _ in dimensions for n in (count, size)]
    advances = [n for _, _, stride in dimensions for n in (0, stride)]
    if len(nesting.merged(shape, advances)) <= moving.MOST_DIMENSIONS:
        return moving.taken(call, [(0, shape, advances)])
    # Element by element where too many dimensions are repeated to be loops.
    places = [[i % size * stride for i in range(count * size)] for count, size, stride in dimensions]
    outer = [sum(indices) for indices in product(*places[:-2])]
    return moving.picked(call, [outer, *places[-2:]], 1)


def _values(operator: Operator) -> Folded:
    return (np.tile(operator.constant(0), _counts(operator)),)


def _samples() -> Declared:
    lacking = Silent("*", "TensorFlow Lite Micro has no TILE", "tflite-micro")
    like = Sample("rows and columns", (Flow((1, 3, 4, 2)), Values((1, 2, 3, 1))), outputs=LIKE_INPUT,
                  exempt=(lacking,), refused_by={"tflm": "has no TILE"})  # fmt: skip
    return (
        like,
        like.row("channels", inputs=(Flow((2, 5)), Values((1, 3)))),
        like.row("every dimension", inputs=(Flow((2, 3, 2, 2)), Values((2, 3, 2, 2)))),
        like.row("batch", inputs=(Flow((1, 5)), Values((4, 1)))),
        like.row("once", inputs=(Flow((2, 5)), Values((1, 1)))),
        like.row("pixels, as an image twice as wide", inputs=(Flow((6, 4)), Values((1, 1, 1, 2, 1))),
                 before=(reshaped(1, 2, 3, 1, 4),), behind=(reshaped(12, 4),)),
        Refused("counts that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("counts of 0", "counts [1, 0, 1, 1] of 4",
                like.row("", inputs=(Flow((1, 3, 4, 2)), Values((1, 0, 1, 1))))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "TILE",
    kinds=(Kind.FLOAT32, Kind.INT8),
    shapes=_shapes,
    lower=_lower,
    values=_values,
    samples=_samples,
)
