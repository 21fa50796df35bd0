"""MUL of two activations, or of one and a constant."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding
from renode_mnist.codegen.operators.broadcast import Fused
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.rules import clamps
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    INT16,
    Again,
    Branch,
    Declared,
    Flow,
    Numbers,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


def _rule(operator: Operator) -> None:
    broadcast.rule(operator)
    clamps(operator, operator.options_as(Fused).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    activation = operator.options_as(Fused).activation
    call = Call(lowering, operator)
    if broadcast.is_float(operator):
        return broadcast.lower(call, broadcast.clamp(call, activation), "factor")
    first, second, result = map(quantise.quantisation, (*broadcast.terms(operator), operator.output))
    low, high = quantise.activation_range(activation, operator.output)
    how = call.struct(
        "Scaling",
        "MulScaling",
        {
            "first_zero_point": first.zero_point,
            "second_zero_point": second.zero_point,
            "output_zero_point": result.zero_point,
            "multiplier": factor(quantise.multiplier(first.scale * second.scale / result.scale)),
            "min": low,
            "max": high,
        },
    )
    return broadcast.lower(call, how, "factor")


def _samples() -> Declared:
    like = Sample("of a branch", (Flow((1, 5, 4, 3)), Branch()))
    wide = like.row("", types=(INT16,))
    return (
        like,
        wide.row("of 16 bits"),
        wide.row("of 16 bits, constant 4x3, fused RELU6", inputs=(Flow((1, 5, 4, 3)), Numbers((4, 3))),
                 fusedActivationFunction="RELU6"),
        wide.row("of 16 bits, constant 1 first", inputs=(Numbers((1,)), Flow((1, 5, 4, 3)))),
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        *broadcast.rows(like),
        like.row("of itself", inputs=(Flow((1, 9)), Again())),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", fusedActivationFunction="TANH")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("MUL",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=_rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=folding.elementwise(np.multiply),
    options=OptionsTable("MulOptions", broadcast.read),
    samples=_samples,
)
