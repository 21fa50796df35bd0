"""CONV_2D, with a max pool fused into it, in int8 and float32."""

from __future__ import annotations

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import (
    conv_float,
    first_conv_float,
    layer_float,
    layer_int8,
    pixels_int8,
    row_winograd_float,
    winograd_float,
)
from renode_mnist.codegen.m7.call import computed, pool_size
from renode_mnist.codegen.m7.choice import choose
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.conv_2d import grouped
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.program import Step


def _refuses(operator: Operator) -> str:
    first = operator.parts[0]
    if first.input.shape[0] != 1:
        return "more than one image"
    if grouped(first):
        return "groups of channels"
    if computed(operator, convolution.window(first)) is None:
        return "a pool that leaves more unread than is left out"
    return "" if _is_float(first) else _layer_int8(operator).beyond


def _is_float(operator: Operator) -> bool:
    return operators.kind(operator) is Kind.FLOAT32


def _reads_planar(operator: Operator, image: Tensor) -> bool:
    return _is_float(operator) and operator.input is image


def _layer_int8(operator: Operator) -> layer_int8.Layer:
    first = operator.parts[0]
    window = computed(operator, convolution.window(first))
    assert window is not None
    return pixels_int8.layer(
        operator,
        window,
        first.constant(1),
        quantise.output_multipliers(first, first.tensor(1).shape[0]),
        first.options_as(ConvOptions).activation,
    )


def _lower(lowering: Lowering, operator: Operator) -> Step:
    if not _is_float(operator):
        return pixels_int8.step(lowering, _layer_int8(operator))
    first = operator.parts[0]
    window = computed(operator, convolution.window(first))
    assert window is not None
    least, greatest = first.options_as(ConvOptions).activation.bounds
    layer = layer_float.Layer(
        operator=operator,
        window=window,
        weights=first.constant(1),
        bias=layer_float.bias_or_zeros(first),
        least=least,
        greatest=greatest,
        pool=pool_size(operator),
        planar_input=layer_float.planar_already(lowering.graph, first.input),
        planar_output=layer_float.planar_already(lowering.graph, operator.output),
    )
    kernels = (conv_float, winograd_float, row_winograd_float, first_conv_float)
    candidates = [candidate for kernel in kernels for candidate in kernel.candidates(lowering, layer)]
    return choose(candidates, lowering.objective)


KERNEL = Kernel(
    _lower,
    (Kind.FLOAT32, Kind.INT8),
    refuses=_refuses,
    fuses=(("MAX_POOL_2D",),),
    writes_planar=_is_float,
    reads_planar=_reads_planar,
)
