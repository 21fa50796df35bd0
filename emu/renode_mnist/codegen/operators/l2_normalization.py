"""L2_NORMALIZATION along the last dimension: a vector divided by its length."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast
from renode_mnist.codegen.operators.broadcast import Fused
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    INT8,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step

_MOST = 1 << 15
"""Squares of 16 bits, summed in 31."""


def _rule(operator: Operator) -> None:
    found = operator.options_as(Fused).activation
    require(operator, found is Activation.NONE, f"the fused activation {found.value}")
    require(operator, 1 <= len(operator.input.shape) <= 4, f"{operator.input} has not one to four dimensions")
    require(operator, operator.input.shape[-1] < _MOST, f"vectors of {operator.input.shape[-1]}")
    if operator.output.type is ElementType.INT8:
        scales = quantise.quantisation(operator.output)
        fixed = scales.scale == 1 / 128 and scales.zero_point == 0
        require(operator, fixed, f"{operator.output} must have scale 1/128 and zero point 0")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    depth = operator.input.shape[-1]
    shape = call.struct("", "Vectors", {"rows": operator.input.element_count // depth, "depth": depth})
    if operator.input.type is ElementType.FLOAT32:
        return call.of("l2_normalization", [shape, call.source()], in_place=True)
    zero_point = str(quantise.quantisation(operator.input).zero_point)
    return call.of("l2_normalization", [shape, zero_point, call.source()], in_place=True)


def _samples() -> Declared:
    fixed = (Output(scale=1 / 128, zero_point=0),)
    like = Sample("vectors", (Flow((2, 7)),), {"fusedActivationFunction": "NONE"}, fixed)
    return (
        like,
        like.row("pixels", inputs=(Flow((1, 3, 4, 5)),)),
        like.row("long ones", inputs=(Flow((1, 700)),)),
        like.row("of one", inputs=(Flow((3, 1)),)),
        Refused("an int8 output of another scale than 1/128 or zero point than 0", "must have scale 1/128",
                like.row("", types=(INT8,), outputs=(Output(scale=1 / 256, zero_point=0),))),
        Refused("a fused activation", "the fused activation RELU", like.row("", fusedActivationFunction="RELU")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("L2_NORMALIZATION",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("L2NormOptions", broadcast.read),
    samples=_samples,
)
