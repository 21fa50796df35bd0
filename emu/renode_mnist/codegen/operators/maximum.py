"""MAXIMUM and MINIMUM of two activations, or of one and a constant."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind
from renode_mnist.codegen.operators.rules import same_quantisation
from renode_mnist.codegen.operators.samples import (
    INT8,
    INT16,
    LIKE_INPUT,
    Declared,
    Flow,
    Numbers,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


def _rule(operator: Operator) -> None:
    broadcast.rule(operator)
    same_quantisation(operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return broadcast.lower(Call(lowering, operator), "", header="maximum")


def _fold(operator: Operator) -> Folded:
    return folding.elementwise(np.maximum if operator.op == "MAXIMUM" else np.minimum)(operator)


def _samples() -> Declared:
    image = Flow((1, 5, 4, 3), scale=0.05, zero_point=3)

    def numbers(*shape: int) -> Numbers:
        return Numbers(shape, 0.05, 3)

    like = Sample("a constant of the same shape", (image, numbers(1, 5, 4, 3)), outputs=LIKE_INPUT)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        *(like.row(f"constant {'x'.join(map(str, shape))}", inputs=(image, numbers(*shape)))
          for shape in ((3,), (1,), (1, 5, 4, 1), (4, 3))),
        like.row("constant first", inputs=(numbers(3), image)),
        like.row("five dimensions", inputs=(image._replace(shape=(2, 3, 2, 4, 3)), numbers(2, 1, 2, 1, 3))),
        Refused("terms that are quantised differently", "are quantised differently",
                like.row("", types=(INT8,), inputs=(image, Numbers((3,), 0.1, 3)))),
        Refused("terms that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(image, numbers(4)))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("MAXIMUM", "MINIMUM"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=_rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=_fold,
    samples=_samples,
)
