"""FLOOR_DIV and FLOOR_MOD: the quotient rounded down, and what remains."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    Declared,
    Flow,
    Numbers,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step

_FUNCTIONS = {"FLOOR_DIV": np.floor_divide, "FLOOR_MOD": np.mod}


def _inputs(operator: Operator) -> None:
    broadcast.inputs(operator)
    require(operator, operator.output.type is ElementType.FLOAT32, f"{operator.output} is not float32")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return broadcast.lower(Call(lowering, operator), "", "divisor", header="floor_div")


def _fold(operator: Operator) -> Folded:
    if operator.output.type is ElementType.FLOAT32:
        raise ValueError("not at build time")
    if not operator.constant(1).all():
        raise ValueError("divides by 0")
    return folding.elementwise(_FUNCTIONS[operator.op])(operator)


def _samples() -> Declared:
    image = Flow((1, 5, 4, 3))
    like = Sample("a divisor a channel", (image, Values((2.5, -3.0, 0.75), "FLOAT32")), types=(FLOAT32,))
    return (
        like,
        like.row("a divisor an element", inputs=(image, Numbers((1, 5, 4, 3)))),
        like.row("one divisor", inputs=(image, Values(1.5, "FLOAT32"))),
        like.row("five dimensions", inputs=(Flow((2, 3, 2, 4, 3)), Numbers((2, 1, 2, 1, 3)))),
        Refused("int8", "is not float32", like.row("", types=(INT8,), inputs=(image, Numbers((3,))))),
        Refused("terms that can't be broadcast", "cannot be broadcast", like.row("", inputs=(image, Numbers((4,))))),
    )


DEFINITION = Definition(
    names=tuple(_FUNCTIONS),
    kinds=(Kind.FLOAT32,),
    inputs=_inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=broadcast.rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=_fold,
    samples=_samples,
)
