"""CONV_2D, in int8 and float32 with a max pool fused into it, in int8 with an ADD; int16x8 and dynamic range."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.graph import Operator, Tensor
from renode_mnist.codegen.kernel import Kernel
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import add as m7_add
from renode_mnist.codegen.m7 import (
    conv_float,
    conv_tiles_int8,
    first_conv_float,
    layer_float,
    layer_int8,
    pixels_int8,
    row_winograd_float,
    wide,
    winograd_4x4_int8,
    winograd_float,
)
from renode_mnist.codegen.m7.call import computed, pool_size, residual
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.conv_2d import asymmetric, grouped
from renode_mnist.codegen.operators.convolution import ConvOptions


def _refuses(operator: Operator) -> str:
    first = operator.parts[0]
    if operators.kind(first) in wide.KINDS:
        return "groups of channels" if grouped(first) else wide.refuses(_layer_wide(operator))
    if first.input.shape[0] != 1:
        return "more than one image"
    if grouped(first) and _is_float(first):
        return "groups of channels"
    if not _is_float(first) and prod(pool_size(operator)) not in conv_tiles_int8.POOLS:
        return f"a pool of {prod(pool_size(operator))} pixels"
    if computed(operator, convolution.window(first)) is None:
        return "a pool that leaves more unread than is left out"
    if _is_float(first):
        return "" if residual(operator) is None else "an ADD behind it"
    layer = _layer_int8(operator)
    return layer.beyond or _refuses_residual(operator, layer)


def _refuses_residual(operator: Operator, layer: layer_int8.Layer) -> str:
    """Why an ADD is not computed within the convolution; empty where it is, or there is none."""
    add = residual(operator)
    if add is None:
        return ""
    fused, alone = winograd_4x4_int8.least_cycles(layer), conv_tiles_int8.least_cycles(layer)
    if fused is None or alone < fused:
        return "an ADD behind what is faster without"
    return m7_add.refuses(add)


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
        first.input.shape[3] // first.tensor(1).shape[3],
    )


def _layer_wide(operator: Operator) -> wide.Layer:
    first = operator.parts[0]
    options = first.options_as(ConvOptions)
    return wide.Layer(
        operator=operator,
        window=convolution.window(first),
        images=first.input.shape[0],
        weights=first.constant(1),
        channel_axis=0,
        activation=options.activation,
        factors=lambda: quantise.output_multipliers(first, first.tensor(1).shape[0]),
        narrow=options.narrow,
        asymmetric=asymmetric(first),
    )


def _ways(lowering: Lowering, operator: Operator) -> Iterable[Candidate]:
    if operators.kind(operator) in wide.KINDS:
        return wide.candidates(lowering, _layer_wide(operator))
    if not _is_float(operator):
        return pixels_int8.ways(lowering, _layer_int8(operator))
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
    return [candidate for kernel in kernels for candidate in kernel.candidates(lowering, layer)]


KERNEL = Kernel(
    _ways,
    (Kind.FLOAT32, Kind.INT8, *wide.KINDS),
    refuses=_refuses,
    fuses=(("MAX_POOL_2D",), ("ADD",)),
    writes_planar=_is_float,
    reads_planar=_reads_planar,
)
