"""DEPTHWISE_CONV_2D in int8, with one filter a channel and channels in fours: depthwise_int8."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.layer_int8 import Call, Layer, layer
from renode_mnist.codegen.m7.packing import INTERLEAVE
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.program import Step


def _layer(operator: Operator) -> Layer:
    return layer(
        operator,
        convolution.window(operator),
        operator.constant(1).transpose(3, 1, 2, 0),  # channel, row, column, 1
        quantise.output_multipliers(operator, operator.input.shape[3]),
        operator.options_as(ConvOptions).activation,
    )


def _refuses(operator: Operator) -> str:
    batches, _, _, channels = operator.input.shape
    if batches != 1:
        return "more than one image"
    if operator.tensor(1).shape[3] != channels:
        return f"{operator.tensor(1).shape[3] // channels} filters a channel"
    return f"{channels} channels, which are no fours" if channels % 4 else _layer(operator).beyond


def _lower(lowering: Lowering, operator: Operator) -> Step:
    found = _layer(operator)
    window, channels = found.window, found.channels
    call = Call(lowering, found, input_channels=channels)
    fours = operator.constant(1).reshape(-1, channels // 4, 4).transpose(1, 0, 2)[..., INTERLEAVE]
    values = np.ascontiguousarray(fours, "<i2").view("<u4").reshape(-1)
    weights = call.constant("Weights", values, "16-bit weights: four channels, tap, channels 0 2 1 3")
    lines = "nullptr"
    if window.padded:
        seen = (window.kernel_height - 1) * window.dilation_height + 1
        columns = (
            (window.output_width - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
        )
        lines = call.scratch("lines", "int8", seen * columns * channels, layout="padded rows")
    return call.of("depthwise_int8", call.conv(1, "kPairs"), [weights, call.scalings(), lines])


KERNEL = Kernel(_lower, (Kind.INT8,), refuses=_refuses)
