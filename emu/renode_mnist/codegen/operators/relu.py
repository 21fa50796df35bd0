"""RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 as operators of their own."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Silent,
)
from renode_mnist.codegen.program import Step

_MICRO = ("RELU", "RELU6")
"""That TensorFlow Lite Micro has; its RELU6 in int8 leaves the scale alone."""


def _rule(operator: Operator) -> None:
    narrow = operator.input.type is not ElementType.INT16 or operator.op in _MICRO
    require(operator, narrow, f"{operator.input}: no runtime has it in int16", "Use RELU or RELU6")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    activation = Activation(operator.op)
    if operator.output.type is ElementType.FLOAT32:
        how = call.clamp(activation)
    elif activation is Activation.RELU6:
        # activations.cc clamps between the input's 0 and 6 and leaves the scale alone.
        low, high = quantise.limits(operator.input.type)
        six = max(low, min(high, quantise.stored(6.0, operator.input)))
        zero = quantise.quantisation(operator.input).zero_point
        if operator.input.type is ElementType.INT8:
            return lookup.of_values(call, np.clip(lookup.STORED, zero, six))
        how = call.struct("Clamp", "ClampStored", {"min": zero, "max": six})
    else:
        before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
        with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
            ratio = float(np.float32(before.scale) / np.float32(after.scale))
        factor, bounds = quantise.multiplier(ratio), quantise.activation_range(activation, operator.output)
        if operator.input.type is ElementType.INT8:
            return lookup.of_values(call, lookup.rescaled(operator, factor, *bounds))
        how = call.rescale(factor, *bounds)
    return call.of("relu", [how, str(operator.output.element_count), call.source()], in_place=True)


def _samples() -> Declared:
    like = Sample("image", (Flow((1, 4, 5, 3)),), outputs=LIKE_INPUT, only=_MICRO)
    lacking = Silent("*", "TensorFlow Lite Micro has no RELU_N1_TO_1 and no RELU_0_TO_1", "tflite-micro")
    lite = like.row("", only=("RELU_N1_TO_1", "RELU_0_TO_1"), exempt=(lacking,), refused_by={"tflm": "has no RELU_"})
    return (
        like.row("rescaled", outputs=(Output(),), only=("RELU",)),
        like,
        like.row("coarse", inputs=(Flow((1, 40), scale=0.1),)),
        like.row("batch of 3", inputs=(Flow((3, 7)),)),
        lite.row("rescaled, between bounds", outputs=(Output(),)),
        lite.row("between bounds", inputs=(Flow((1, 4, 5, 3), scale=0.02),)),
        like.row("of 16 bits", types=(INT16,)),
        like.row("of 16 bits, rescaled", types=(INT16,), outputs=(Output(),), only=("RELU",)),
        Refused("RELU_N1_TO_1 and RELU_0_TO_1 of int16", "no runtime has it in int16",
                lite.row("", types=(INT16,))),
        Refused("an output of another shape", "does not fit", like.row("", outputs=(Output(shape=(1, 60)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    fast_in=(Kind.INT8,),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    samples=_samples,
)
