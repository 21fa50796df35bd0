"""LOG_SOFTMAX along the last dimension."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import softmax
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import FLOAT32, INT8, Declared, Flow, Output, Refused, Sample
from renode_mnist.codegen.program import Step

_SCALE, _ZERO_POINT = 1 / 16, 127


def _rule(operator: Operator) -> None:
    softmax.depth(operator)
    if operator.input.type is ElementType.INT8:
        scales = quantise.quantisation(operator.output)
        fixed = scales.scale == _SCALE and scales.zero_point == _ZERO_POINT
        require(operator, fixed, f"{operator.output} must have scale 1/16 and zero point {_ZERO_POINT}")
        flat = quantise.softmax_is_flat(quantise.quantisation(operator.input).scale, 1.0)
        require(operator, not flat, f"{operator.input} is too fine for TensorFlow Lite's arithmetic")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    depth = softmax.depth(operator)
    shape = call.struct("", "Softmax", {"rows": operator.input.element_count // depth, "depth": depth})
    if operator.input.type is ElementType.FLOAT32:
        return call.of("log_softmax", [shape, call.source()], in_place=True)
    scale = quantise.quantisation(operator.input).scale
    scaling = quantise.log_softmax_scaling(scale)
    how = call.struct(
        "Scaling",
        "LogScaling",
        {"input": factor(scaling.input), "reverse": factor(scaling.reverse), "radius": scaling.radius},
    )
    table = softmax.exponentials(call, scale, 1.0)
    return call.of("log_softmax", [shape, how, table, call.source()], in_place=True)


def _samples() -> Declared:
    like = Sample("10 classes", (Flow((1, 10)),), outputs=(Output(scale=_SCALE, zero_point=_ZERO_POINT),))
    return (
        like,
        like.row("rows of an image", inputs=(Flow((1, 3, 4, 5)),)),
        like.row("one class", inputs=(Flow((4, 1)),)),
        like.row("one dimension", inputs=(Flow((7,)),)),
        like.row("coarse scale", inputs=(Flow((1, 20), scale=4.0),)),
        like.row("fine scale", inputs=(Flow((1, 20), scale=1e-4),)),
        like.row("1000 classes", inputs=(Flow((1, 1000), scale=0.1),)),
        Refused("4096 classes or more", "4096 classes", like.row("", inputs=(Flow((1, 4096)),))),
        Refused("an int8 output of another scale than 1/16 or zero point than 127", "must have scale 1/16",
                like.row("", types=(INT8,), outputs=(Output(scale=1 / 8, zero_point=127),))),
        Refused("an int8 input of a scale below 2^-26", "is too fine",
                like.row("", types=(INT8,), inputs=(Flow((1, 10), scale=1e-9),))),
        Refused("an output of another shape", "does not fit",
                like.row("", types=(FLOAT32,), outputs=(Output(shape=(1, 9)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("LOG_SOFTMAX",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    samples=_samples,
)
