"""DIV of two activations, or of one and a constant."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding
from renode_mnist.codegen.operators.broadcast import Fused
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.rules import clamps, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    FLOAT32,
    INT8,
    Branch,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
    Undefined,
)
from renode_mnist.codegen.program import Step

_MOST_SHIFT = 23
"""To the left: a quotient of 8 bits is shifted by as much before it is scaled."""


def _multiplier(operator: Operator) -> quantise.Multiplier:
    """As ``CalculateOpDataDiv`` of lite/micro/kernels/div.cc, in float32."""
    first, second, result = (
        np.float32(quantise.quantisation(tensor).scale) for tensor in (*broadcast.terms(operator), operator.output)
    )
    with np.errstate(all="ignore"):  # an infinite one ``multiplier`` refuses
        return quantise.multiplier(float(first / (second * result)))


def _rule(operator: Operator) -> None:
    broadcast.rule(operator)
    clamps(operator, operator.options_as(Fused).activation)
    if not broadcast.is_float(operator):
        fine = _multiplier(operator).shift > _MOST_SHIFT
        require(operator, not fine, f"a quotient of 1 is more than 2^{_MOST_SHIFT - 1} steps of its output")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    activation = operator.options_as(Fused).activation
    call = Call(lowering, operator)
    if broadcast.is_float(operator):
        return broadcast.lower(call, broadcast.clamp(call, activation), "divisor")
    first, second, result = map(quantise.quantisation, (*broadcast.terms(operator), operator.output))
    low, high = quantise.activation_range(activation, operator.output)
    how = call.struct(
        "Scaling",
        "DivScaling",
        {
            "first_zero_point": first.zero_point,
            "second_zero_point": second.zero_point,
            "output_zero_point": result.zero_point,
            "multiplier": factor(_multiplier(operator)),
            "min": low,
            "max": high,
        },
    )
    return broadcast.lower(call, how, "divisor")


def _quotient(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if first.dtype.kind == "f":
        return np.asarray(first / second)
    if not second.all():
        raise ValueError("divides by 0")
    return np.asarray(np.sign(first) * np.sign(second) * (abs(first) // abs(second)), first.dtype)  # towards zero


def _samples() -> Declared:
    fixed = (Output(scale=0.1, zero_point=-5),)
    image, divisors = Flow((1, 5, 4, 3), scale=1.0, zero_point=3), Numbers((3,), 0.1, 20, zero=False)
    like = Sample("a divisor a channel", (image, divisors), outputs=fixed)
    differs = Undefined(
        "*INT8/*",
        "where a quotient is less than half a step of the output both shift by 32 and more, and what that gives "
        "differs by machine, as what they make of 0 and of divisors of 0 does; here the first is 0, x / 0 the least "
        "or greatest output, 0 / 0 is 0",
    )
    infinite = Undefined(
        "FLOAT32/*/*infinite",
        "TensorFlow Lite Micro makes the branch's infinity the largest float32 before it divides",
    )
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("a divisor an element", inputs=(image, divisors._replace(shape=(1, 5, 4, 3)))),
        like.row("one divisor", inputs=(image, divisors._replace(shape=(1,)))),
        like.row("constant first", inputs=(divisors._replace(scale=1.0), Flow((2, 3))), types=(FLOAT32,)),
        like.row("five dimensions",
                 inputs=(image._replace(shape=(2, 3, 2, 4, 3)), divisors._replace(shape=(2, 1, 2, 1, 3)))),
        like.row("of a branch", inputs=(image, Branch()), types=(FLOAT32,), exempt=(infinite,)),
        like.row("small quotients", inputs=(Flow((1, 50)), Numbers((50,))), outputs=(Output(),), exempt=(differs,)),
        Refused("terms that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(Flow((1, 4)), Numbers((3,))))),
        Refused("quotients too large for an int8 output", "a quotient of 1 is more than 2^22 steps",
                like.row("", types=(INT8,), outputs=(Output(scale=1e-6),))),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", fusedActivationFunction="TANH")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("DIV",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=_rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=folding.elementwise(_quotient),
    options=OptionsTable("DivOptions", broadcast.read),
    samples=_samples,
)
