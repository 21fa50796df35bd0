"""DEPTHWISE_CONV_2D: depthwise_int8, depthwise_float, depthwise_wide; of one channel, in int8, also a CONV_2D."""

from __future__ import annotations

from collections.abc import Iterator

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import depthwise_float, depthwise_int8, pixels_int8, wide
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.convolution import ConvOptions


def _layer_wide(operator: Operator) -> wide.Layer:
    _, height, width, channels = operator.tensor(1).shape
    return wide.Layer(
        operator=operator,
        window=convolution.window(operator),
        images=operator.input.shape[0],
        weights=operator.constant(1).reshape(height, width, channels),
        channel_axis=2,
        activation=operator.options_as(ConvOptions).activation,
        factors=lambda: quantise.output_multipliers(operator, channels),
        narrow=False,
        asymmetric=True,
        multiplier=channels // operator.input.shape[3],
    )


def _refuses(operator: Operator) -> str:
    return wide.refuses(_layer_wide(operator)) if operators.kind(operator) in wide.KINDS else ""


def _ways(lowering: Lowering, operator: Operator) -> Iterator[Candidate]:
    if operators.kind(operator) in wide.KINDS:
        yield from wide.candidates(lowering, _layer_wide(operator))
        return
    if operators.kind(operator) is Kind.FLOAT32:
        yield from depthwise_float.candidates(lowering, operator)
        return
    yield from depthwise_int8.candidates(lowering, operator)
    batches, _, _, channels = operator.input.shape
    if batches != 1 or channels != 1:
        return
    layer = pixels_int8.layer(
        operator,
        convolution.window(operator),
        operator.constant(1).transpose(3, 1, 2, 0),  # channel, row, column, 1
        quantise.output_multipliers(operator, operator.tensor(1).shape[3]),
        operator.options_as(ConvOptions).activation,
    )
    if not layer.beyond:
        yield from pixels_int8.ways(lowering, layer)


def _writes_planar(operator: Operator) -> bool:
    return operators.kind(operator) is Kind.FLOAT32 and operator.output.shape[0] == 1


def _reads_planar(operator: Operator, image: Tensor) -> bool:
    return operators.kind(operator) is Kind.FLOAT32 and operator.input is image and image.shape[0] == 1


KERNEL = Kernel(
    _ways,
    (Kind.FLOAT32, Kind.INT8, *wide.KINDS),
    refuses=_refuses,
    writes_planar=_writes_planar,
    reads_planar=_reads_planar,
)
