"""DEPTHWISE_CONV_2D: a filter, or several, for each input channel."""

from __future__ import annotations

from math import prod

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import convolution, sliding, weighted
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import clamps, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    FLOAT32,
    HYBRID,
    INT8,
    INT16,
    ONE_STEP,
    SPREADS,
    WINDOW,
    Bias,
    Declared,
    Flow,
    Inputs,
    Neighbour,
    Output,
    Refused,
    Sample,
    Silent,
    Weights,
)
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
    channels = operator.tensor(1).shape[3]
    return convolution.lower(
        lowering,
        operator,
        "DepthwiseConv2D",
        {"multiplier": channels // operator.input.shape[3]},
        "1, row, column, output channel",
        channels,
        asymmetric=True,
    )


def _samples() -> Declared:
    def layer(height: int, width: int, channels: int, *kernel: int, each: int = 1, batch: int = 1) -> Inputs:
        weights = Weights((1, *kernel, channels * each), axis=3)
        return Flow((batch, height, width, channels)), weights, Bias()

    like = Sample("3x3", layer(7, 8, 8, 3, 3), WINDOW, types=(FLOAT32, INT8, HYBRID), exempt=(ONE_STEP, *SPREADS))
    exact = like.row("", types=(FLOAT32, INT8))
    packed = like.row("", types=(INT8,))
    wide = like.row("", types=(INT16,), exempt=())
    no_bias = Silent("*", "LiteRT wants a bias", "litert")
    pointwise = Neighbour("CONV_2D", (Weights((8, 1, 1, 4)), Bias()), WINDOW)
    out = (Output(shape=(1, 4, 4, 2)),)
    return (
        like,
        *(exact.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("same", padding="SAME"),
        like.row("same, stride 2", padding="SAME", strideH=2, strideW=2),
        like.row("three channels", inputs=layer(7, 8, 3, 3, 3)),
        like.row("three channels, stride 2x3", inputs=layer(7, 8, 3, 3, 3), padding="SAME", strideH=2, strideW=3),
        like.row("dilated 2x3", inputs=layer(9, 9, 4, 3, 2), padding="SAME", dilationHFactor=2, dilationWFactor=3),
        like.row("one row", inputs=layer(1, 12, 4, 1, 5)),
        like.row("3 outputs a channel", inputs=layer(5, 5, 2, 2, 2, each=3)),
        exact.row("one channel, 8 outputs", inputs=layer(6, 6, 1, 3, 3, each=8)),
        exact.row("5x4", inputs=layer(7, 7, 12, 5, 4), padding="SAME"),
        exact.row("filter larger than the image", inputs=layer(2, 3, 4, 5, 5), padding="SAME"),
        exact.row("one scale, no bias", exempt=(no_bias, *SPREADS),
                  inputs=(Flow((1, 6, 5, 4)), Weights((1, 3, 3, 4), axis=3, per_channel=False))),
        exact.row("batch of 2", inputs=layer(5, 5, 4, 3, 3, batch=2), padding="SAME"),
        exact.row("before a pointwise convolution", inputs=layer(5, 6, 4, 3, 3), padding="SAME", behind=(pointwise,)),
        packed.row("of 4 bits", inputs=(Flow((1, 7, 8, 8)), Weights((1, 3, 3, 8), axis=3, type="INT4"), Bias())),
        packed.row("of 4 bits, 3 outputs a channel", padding="SAME",
                   inputs=(Flow((1, 5, 5, 3)), Weights((1, 3, 3, 9), axis=3, type="INT4"), Bias())),
        wide.row("of 16 bits"),
        wide.row("of 16 bits, same, stride 2, fused RELU", padding="SAME", strideH=2, strideW=2,
                 fusedActivationFunction="RELU"),
        wide.row("of 16 bits, 3 outputs a channel, dilated", inputs=layer(5, 5, 2, 2, 2, each=3), dilationHFactor=2,
                 dilationWFactor=2),
        Refused("a bias of int32 with int16 activations", "instead of 8 constant int64",
                wide.row("", inputs=(*layer(7, 8, 8, 3, 3)[:2], Bias(type="INT32")),
                         outputs=(Output(shape=(1, 5, 6, 8)),))),
        Refused("filters whose first dimension is not 1", "do not fit its filter",
                like.row("", inputs=(Flow((1, 6, 6, 2)), Weights((2, 3, 3, 2), axis=3), Bias()), outputs=out)),
        Refused("filters that are no multiple of the input channels", "do not fit its filter",
                like.row("", inputs=(Flow((1, 6, 6, 3)), Weights((1, 3, 3, 4), axis=3), Bias()),
                         outputs=(Output(shape=(1, 4, 4, 4)),))),
        Refused("dynamic range without a scale for each channel", "without a scale a channel",
                like.row("", types=(HYBRID,), outputs=out,
                         inputs=(Flow((1, 6, 6, 2)), Weights((1, 3, 3, 2), axis=3, per_channel=False), Bias()))),
        Refused("scales along another dimension than that of the output channels", "run along dimension 1",
                like.row("", types=(INT8,), outputs=(Output(shape=(1, 4, 4, 3)),),
                         inputs=(Flow((1, 6, 6, 3)), Weights((1, 3, 3, 3), axis=3, scale_axis=1), Bias()))),
    )  # fmt: skip


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
    samples=_samples,
)
