"""CONV_2D, also grouped: a filter over all input channels, or over those of its group."""

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
    DECLARED,
    FLOAT32,
    HYBRID,
    INT8,
    INT16,
    MAX_POOL,
    ONE_STEP,
    ROUNDS_ONCE,
    SPREADS,
    WINDOW,
    Again,
    Bias,
    Declared,
    Edge,
    Flow,
    Output,
    Refused,
    Sample,
    Silent,
    Weights,
)
from renode_mnist.codegen.program import Step


def grouped(operator: Operator) -> bool:
    """Whether the filter sees only some of the input channels."""
    return operator.tensor(1).shape[3] != operator.input.shape[3]


def asymmetric(operator: Operator) -> bool:
    """Whether, in dynamic range, the input is quantised with a zero point: where channels have several scales."""
    scales = operator.tensor(1).quantisation
    return scales is not None and len(set(scales.scales)) > 1


def _inputs(operator: Operator) -> None:
    convolution.inputs(operator, channel_axis=0, wide_only=False)


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
    weights = operator.tensor(1)
    return convolution.lower(
        lowering,
        operator,
        "Conv2D",
        {"filter_channels": weights.shape[3], "output_channels": weights.shape[0]},
        "output channel, row, column, input channel",
        weights.shape[0],
        asymmetric=asymmetric(operator),
    )


def _samples() -> Declared:
    image, weights, bias = Flow((1, 7, 8, 3)), Weights((5, 3, 3, 3)), Bias()
    like = Sample(
        "3x3", (image, weights, bias), WINDOW, types=(FLOAT32, INT8, HYBRID), exempt=(ROUNDS_ONCE, *SPREADS)
    )
    exact = like.row("", types=(FLOAT32, INT8))
    wide = like.row("", types=(INT16,), exempt=())
    packed = like.row("", types=(INT8,))
    narrow = wide.row("", inputs=(Flow((1, 5, 5, 4)), Weights((6, 2, 2, 4)), Bias(type="INT32")),
                      quantizedBiasType="INT32")  # fmt: skip
    small = (Flow((1, 6, 6, 2)), Weights((2, 3, 3, 2)), bias)
    out = (Output(shape=(1, 4, 4, 2)),)
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("same", inputs=(Flow((1, 7, 8, 4)), Weights((8, 3, 3, 4)), bias), padding="SAME"),
        like.row("same, stride 2x3", padding="SAME", strideH=2, strideW=3),
        like.row("dilated 2x3", inputs=(Flow((1, 9, 9, 2)), Weights((3, 3, 2, 2)), bias), padding="SAME",
                 dilationHFactor=2, dilationWFactor=3),
        exact.row("dilated with stride", inputs=(Flow((1, 9, 9, 2)), Weights((3, 3, 3, 2)), bias), padding="SAME",
                  dilationHFactor=2, dilationWFactor=2, strideH=2, strideW=2),
        like.row("one row", inputs=(Flow((1, 1, 12, 3)), Weights((4, 1, 5, 3)), bias)),
        like.row("pointwise", inputs=(Flow((1, 5, 5, 13)), Weights((6, 1, 1, 13)), bias)),
        exact.row("one scale, no bias", inputs=(Flow((1, 6, 5, 4)), Weights((8, 3, 3, 4), per_channel=False)),
                  exempt=(Silent("*", "LiteRT wants a bias", "litert"), *SPREADS)),
        exact.row("filter larger than the image", inputs=(Flow((1, 3, 2, 3)), Weights((4, 5, 5, 3)), bias),
                  padding="SAME"),
        exact.row("single pixel, single channel", inputs=(Flow((1, 1, 1, 1)), Weights((1, 1, 1, 1)), bias)),
        exact.row("batch of 2", inputs=(Flow((2, 5, 5, 3)), Weights((4, 3, 3, 3)), bias), padding="SAME"),
        exact.row("grouped", inputs=(Flow((1, 5, 5, 4)), Weights((6, 2, 2, 2)), bias)),
        exact.row("one channel before a pool", inputs=(Flow((1, 8, 9, 1)), Weights((6, 3, 3, 1)), bias),
                  behind=(MAX_POOL,)),
        exact.row("before a pool", inputs=(Flow((1, 8, 9, 4)), Weights((8, 3, 3, 4)), bias), padding="SAME",
                  behind=(MAX_POOL,)),
        exact.row("a pool that leaves one pixel", inputs=(Flow((1, 2, 2, 4)), Weights((4, 3, 3, 4))), padding="SAME",
                  behind=(MAX_POOL,), exempt=(Silent("*", "LiteRT wants a bias", "litert"), *SPREADS[1:])),
        packed.row("of 4 bits", inputs=(image, Weights((5, 3, 3, 3), type="INT4"), bias)),
        packed.row("of 4 bits, pointwise, one scale, fused RELU6", fusedActivationFunction="RELU6",
                   inputs=(Flow((1, 5, 5, 7)), Weights((6, 1, 1, 7), per_channel=False, type="INT4"), bias)),
        packed.row("of 4 bits, dilated with stride", padding="SAME", dilationHFactor=2, dilationWFactor=2, strideH=2,
                   strideW=2, inputs=(Flow((1, 9, 9, 3)), Weights((3, 3, 3, 3), type="INT4"), bias)),
        packed.row("of 4 bits, grouped", inputs=(Flow((1, 5, 5, 4)), Weights((6, 2, 2, 2), type="INT4"), bias),
                   refused_by={"tflm": "no groups of channels in int4"}),
        packed.row("of 4 bits, before a pool", inputs=(Flow((1, 8, 9, 4)), Weights((8, 3, 3, 4), type="INT4"), bias),
                   padding="SAME", behind=(MAX_POOL,)),
        wide.row("of 16 bits", edges=(Edge("dead channels", dead=True), Edge("saturating", output_scale=1 / 20))),
        wide.row("of 16 bits, same, stride 2x3, fused RELU6", padding="SAME", strideH=2, strideW=3,
                 fusedActivationFunction="RELU6"),
        wide.row("of 16 bits, dilated 2x3", inputs=(Flow((1, 9, 9, 2)), Weights((3, 3, 2, 2)), bias), padding="SAME",
                 dilationHFactor=2, dilationWFactor=3),
        wide.row("of 16 bits, grouped", inputs=(Flow((1, 5, 5, 4)), Weights((6, 2, 2, 2)), bias),
                 refused_by={"tflm": "no groups of channels in int16"}),
        wide.row("of 16 bits, batch of 2, one scale", padding="SAME",
                 inputs=(Flow((2, 5, 5, 3)), Weights((4, 3, 3, 3), per_channel=False), bias)),
        narrow.row("of 16 bits, a bias of int32", exempt=(ONE_STEP._replace(where="INT16/*"),)),
        narrow.row("of 16 bits, a bias of int32 left out", inputs=narrow.inputs[:2],
                   exempt=(Silent("*", "LiteRT wants a bias", "litert"),)),
        Refused("int16 activations with a zero point", "needs one scale and a zero point of 0",
                like.row("", types=(DECLARED,), inputs=(Flow((1, 6, 6, 2), "INT16", 0.1, 3), *small[1:]),
                         outputs=(Output(type="INT16", scale=0.1, shape=(1, 4, 4, 2)),))),
        Refused("an int16 output more than 2^7 times finer than its sums", "more than 2^7 times finer than its sums",
                wide.row("", inputs=small, outputs=(Output(scale=1e-8, shape=(1, 4, 4, 2)),))),
        Refused("activations without a scale", "needs one scale and a zero point of -128 to 127",
                like.row("", types=(INT8,), inputs=(Flow((1, 6, 6, 2), scale=0.0), *small[1:]))),
        Refused("weights that are no constant", "its weights are not constant",
                like.row("", inputs=(Flow((1, 3, 3, 1)), Again()))),
        Refused("a filter that is not of four dimensions", "its filter has not four dimensions",
                like.row("", inputs=(small[0], Weights((2, 18))), outputs=out)),
        Refused("weights with a zero point", "have a zero point other than 0",
                like.row("", types=(INT8,), inputs=(small[0], Weights((2, 3, 3, 2), zero_point=3), bias))),
        Refused("scales along another dimension than that of the output channels", "run along dimension 3",
                like.row("", types=(INT8,), inputs=(small[0], Weights((2, 3, 3, 2), scale_axis=3), bias))),
        Refused("a bias of another type than int32 (float32 for float32 input)", "instead of 2 constant int32",
                like.row("", types=(INT8,), inputs=(*small[:2], Bias(type="INT64")), outputs=out)),
        Refused("a bias of another length", "instead of 2 constant float32",
                like.row("", inputs=(*small[:2], Bias(channels=3)), outputs=out)),
        Refused("filters that do not divide the input channels", "3 input channels do not fit its filter",
                like.row("", inputs=(Flow((1, 6, 6, 3)), *small[1:]), outputs=out)),
        Refused("dynamic range with groups", "a grouped dynamic-range convolution",
                like.row("", types=(HYBRID,), inputs=(Flow((1, 6, 6, 4)), *small[1:]), outputs=out)),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", inputs=small, outputs=out, fusedActivationFunction="TANH")),
        Refused("an output of another size than the window makes", "makes 4x4 out of",
                like.row("", inputs=small, outputs=(Output(shape=(1, 6, 6, 2)),))),
        Refused("an output of another batch", "a batch of 1 becomes 2",
                like.row("", inputs=small, outputs=(Output(shape=(2, 4, 4, 2)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("CONV_2D",),
    kinds=weighted.KINDS,
    inputs=_inputs,
    shapes=_shapes,
    mismatch=sliding.mismatch,
    rule=_rule,
    lower=_lower,
    remark="strides, SAME and VALID, dilation; groups, but not in dynamic range",
    options=OptionsTable("Conv2DOptions", convolution.read_with_bias_type),
    kind=weighted.kind,
    macs=weighted.macs(lambda shape: prod(shape[1:])),
    parameters=weighted.parameters,
    samples=_samples,
)
