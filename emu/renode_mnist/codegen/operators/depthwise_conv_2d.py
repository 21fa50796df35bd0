"""DEPTHWISE_CONV_2D: a filter, or several, for each input channel."""

from __future__ import annotations

from math import prod

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import convolution, sliding, weighted
from renode_mnist.codegen.operators.call import Call, fields
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import clamps, require
from renode_mnist.codegen.program import Step


def _inputs(operator: Operator) -> None:
    convolution.inputs(operator, channel_axis=3)


def _shapes(operator: Operator) -> Shapes:
    return sliding.image(operator, convolution.window(operator), operator.tensor(1).shape[3])


def _rule(operator: Operator) -> None:
    weights = operator.tensor(1)
    require(
        operator,
        weights.shape[0] == 1 and weights.shape[3] % operator.input.shape[3] == 0,
        f"{operator.input.shape[3]} input channels do not fit its filter {weights}",
    )
    if weighted.kind(operator) is Kind.HYBRID:
        scales = weights.quantisation
        assert scales is not None
        require(operator, len(scales.scales) == weights.shape[3], f"weights {weights} without a scale a channel")
    clamps(operator, operator.options_as(ConvOptions).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    weights = operator.tensor(1)
    shape = call.struct(
        "",
        "DepthwiseConv2D",
        {
            "window": fields(convolution.window(operator)),
            "batches": operator.input.shape[0],
            "input_channels": operator.input.shape[3],
            "multiplier": weights.shape[3] // operator.input.shape[3],
        },
    )
    return weighted.lower(
        call,
        "depthwise_conv_2d",
        shape,
        "1, row, column, output channel",
        operator.options_as(ConvOptions).activation,
        lambda: quantise.output_multipliers(operator, weights.shape[3]),
        asymmetric=True,
    )


DEFINITION = Definition(
    names=("DEPTHWISE_CONV_2D",),
    kinds=weighted.KINDS,
    inputs=_inputs,
    shapes=_shapes,
    mismatch=sliding.mismatch,
    rule=_rule,
    lower=_lower,
    remark="any multiplier",
    options=OptionsTable("DepthwiseConv2DOptions", convolution.read),
    kind=weighted.kind,
    macs=weighted.macs(lambda shape: prod(shape[1:3])),
    parameters=weighted.parameters,
)
