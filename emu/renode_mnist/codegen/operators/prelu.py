"""PRELU: x, or below zero x times a trained slope, which is repeated along the dimensions that it lacks."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    Declared,
    Flow,
    Numbers,
    Refused,
    Sample,
    Silent,
)
from renode_mnist.codegen.program import Step


def _rule(operator: Operator) -> None:
    broadcast.rule(operator)
    require(operator, operator.input.shape == operator.output.shape, "its slope is larger than its input")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    if broadcast.is_float(operator):
        return broadcast.lower(call, "", "slope")
    source, slope, result = map(quantise.quantisation, (*broadcast.terms(operator), operator.output))
    how = call.struct(
        "Scaling",
        "PreluScaling",
        {
            "input_zero_point": source.zero_point,
            "slope_zero_point": slope.zero_point,
            "output_zero_point": result.zero_point,
            "above": factor(quantise.multiplier(source.scale / result.scale)),
            "below": factor(quantise.multiplier(source.scale * slope.scale / result.scale)),
        },
    )
    return broadcast.lower(call, how, "slope")


def _samples() -> Declared:
    image = Flow((1, 5, 4, 3))
    like = Sample("a slope a channel", (image, Numbers((1, 1, 3))))
    many = like.row("five dimensions", inputs=(Flow((2, 3, 2, 4, 3)), Numbers((1, 3, 1, 4, 1))), types=(INT8,))
    few = "TensorFlow Lite Micro has four dimensions at most in float32"
    return (
        like,
        like.row("one slope", inputs=(image, Numbers((1,)))),
        like.row("a slope an element", inputs=(image, Numbers((5, 4, 3)))),
        like.row("rows", inputs=(Flow((2, 7)), Numbers((7,)))),
        many,
        many.row(
            "five dimensions in float32",
            types=(FLOAT32,),
            exempt=(Silent("*", few, "tflite-micro"),),
            refused_by={"tflm": few},
        ),
        Refused(
            "a slope that can't be broadcast", "cannot be broadcast", like.row("", inputs=(image, Numbers((4,))))
        ),
        Refused("a slope that is missing", "an input is missing", like.row("", inputs=(image,))),
    )


DEFINITION = Definition(
    names=("PRELU",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=_rule,
    lower=_lower,
    remark="broadcasting",
    parameters=lambda operator: operator.tensor(1).element_count if operator.optional_input(1) else 0,
    samples=_samples,
)
