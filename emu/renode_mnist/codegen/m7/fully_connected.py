"""FULLY_CONNECTED: as a 1x1 convolution, rows for pixels, in dynamic range for images; in float32 dense_float."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.candidate import Candidate, only
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import PLANAR, Operator, Tensor
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.m7 import flash_reads, pixels_int8, wide
from renode_mnist.codegen.m7.call import HEADERS
from renode_mnist.codegen.m7.layer_float import REGISTERS, bias_or_zeros
from renode_mnist.codegen.m7.layer_int8 import Layer
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.operators.fully_connected import FullyConnectedOptions, rows
from renode_mnist.codegen.program import Step


def _refuses(operator: Operator) -> str:
    if operators.kind(operator) in wide.KINDS:
        return wide.refuses(_layer_wide(operator))
    return "" if operators.kind(operator) is Kind.FLOAT32 else _layer_int8(operator).beyond


def _reads_planar(operator: Operator, image: Tensor) -> bool:
    """One image, flattened: the weights are then put in the image's order."""
    return operators.kind(operator) is Kind.FLOAT32 and operator.input is not image and rows(operator) == 1


def _layer_wide(operator: Operator) -> wide.Layer:
    outputs, _ = operator.tensor(1).shape
    options = operator.options_as(FullyConnectedOptions)
    hybrid = operators.kind(operator) is Kind.HYBRID
    images, pixels = (rows(operator), 1) if hybrid else (1, rows(operator))
    return wide.Layer(
        operator=operator,
        window=Window(pixels, 1, pixels, 1, 1, 1, 1, 1, 1, 1, 0, 0),
        images=images,
        weights=operator.constant(1),
        channel_axis=0,
        activation=options.activation,
        factors=lambda: quantise.dense_multipliers(operator, outputs),
        narrow=options.narrow,
        asymmetric=options.asymmetric_quantize_inputs,
    )


def _layer_int8(operator: Operator) -> Layer:
    outputs, depth = operator.tensor(1).shape
    pixels = rows(operator)
    return pixels_int8.layer(
        operator,
        Window(pixels, 1, pixels, 1, 1, 1, 1, 1, 1, 1, 0, 0),
        operator.constant(1).reshape(outputs, 1, 1, depth),
        quantise.dense_multipliers(operator, outputs),
        operator.options_as(FullyConnectedOptions).activation,
    )


def _ways(lowering: Lowering, operator: Operator) -> Iterable[Candidate]:
    if operators.kind(operator) is Kind.FLOAT32:
        return only(_dense)(lowering, operator)
    if operators.kind(operator) in wide.KINDS:
        return wide.candidates(lowering, _layer_wide(operator))
    return pixels_int8.ways(lowering, _layer_int8(operator))


def _dense(lowering: Lowering, operator: Operator) -> Step:
    outputs, inputs = operator.tensor(1).shape
    weights = operator.constant(1)
    source = lowering.buffer(operator.input)
    order = "input"
    if source.layout == PLANAR:
        assert source.tensor is not None
        _, height, width, channels = source.tensor.shape
        weights = weights.reshape(outputs, height, width, channels).transpose(0, 3, 1, 2).reshape(outputs, inputs)
        order = "input (channel, row, column)"
    taps = next(n for n in (6, 5, 4, 3, 2, 1) if inputs % n == 0)
    block = min((REGISTERS - taps) // 2, outputs)
    least, greatest = operator.options_as(FullyConnectedOptions).activation.bounds
    parts = Parts(lowering, operator)
    shape = parts.parameter(
        "",
        "m7::DenseFloat",
        {
            "batches": rows(operator),
            "inputs": inputs,
            "outputs": outputs,
            "rows": block,
            "taps": taps,
            "least": least,
            "greatest": greatest,
        },
    )
    blocks = [weights[first : first + block].T.reshape(-1) for first in range(0, outputs, block)]
    table = parts.constant("Weights", np.concatenate(blocks), f"blocks of {block} outputs: {order}, output")
    bias = parts.constant("Bias", bias_or_zeros(operator), "bias")
    return parts.step(
        f"m7::dense_float<{shape}>",
        [source.name, flash_reads.on_itcm(table), bias],
        f"{HEADERS}conv_float.hpp",
        writes=[lowering.buffer(operator.output)],
    )


KERNEL = Kernel(_ways, (Kind.FLOAT32, Kind.INT8, *wide.KINDS), refuses=_refuses, reads_planar=_reads_planar)
