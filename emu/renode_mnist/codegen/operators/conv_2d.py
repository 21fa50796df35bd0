"""CONV_2D, also grouped: a filter over all input channels, or over those of its group."""

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


def grouped(operator: Operator) -> bool:
    """Whether the filter sees only some of the input channels."""
    return operator.tensor(1).shape[3] != operator.input.shape[3]


def _inputs(operator: Operator) -> None:
    convolution.inputs(operator, channel_axis=0)


def _shapes(operator: Operator) -> Shapes:
    return sliding.image(operator, convolution.window(operator), operator.tensor(1).shape[0])


def _rule(operator: Operator) -> None:
    weights = operator.tensor(1)
    channels, groups_of = operator.input.shape[3], weights.shape[3]
    require(
        operator,
        channels % groups_of == 0 and weights.shape[0] % (channels // groups_of) == 0,
        f"{channels} input channels do not fit its filter {weights}",
    )
    if weighted.kind(operator) is Kind.HYBRID:
        require(operator, not grouped(operator), "a grouped dynamic-range convolution")
    clamps(operator, operator.options_as(ConvOptions).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    weights = operator.tensor(1)
    shape = call.struct(
        "",
        "Conv2D",
        {
            "window": fields(convolution.window(operator)),
            "batches": operator.input.shape[0],
            "input_channels": operator.input.shape[3],
            "filter_channels": weights.shape[3],
            "output_channels": weights.shape[0],
        },
    )
    return weighted.lower(
        call,
        "conv_2d",
        shape,
        "output channel, row, column, input channel",
        operator.options_as(ConvOptions).activation,
        lambda: quantise.output_multipliers(operator, weights.shape[0]),
        asymmetric=weights.quantisation is not None and len(set(weights.quantisation.scales)) > 1,
    )


DEFINITION = Definition(
    names=("CONV_2D",),
    kinds=weighted.KINDS,
    inputs=_inputs,
    shapes=_shapes,
    mismatch=sliding.mismatch,
    rule=_rule,
    lower=_lower,
    remark="strides, SAME and VALID, dilation; groups, but not in dynamic range",
    options=OptionsTable("Conv2DOptions", convolution.read),
    kind=weighted.kind,
    macs=weighted.macs(lambda shape: prod(shape[1:])),
    parameters=weighted.parameters,
)
