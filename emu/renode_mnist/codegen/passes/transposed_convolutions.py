"""A TRANSPOSE_CONV of stride s is a CONV_2D of stride 1 that makes s x s pixels of each, and then moves them apart.

Output row y is the sum over input rows i and taps k with ``y = i * s - pad + k``. With ``y = s * q + p`` the taps
that phase p meets are ``k = r + s * j`` for ``r = (p + pad) % s``, and they meet row ``i = q + (p + pad) // s - j``:
whatever q, the same few rows around it. So each phase is a convolution of its own at stride 1, and all of them have
one window once taps that a phase does not have are weights of 0 (Shi et al., 2016, "Is the deconvolution layer the
same as a convolutional layer?"). Those zeros are products that come on top; sums and their requantisation are the
same to the bit in int8. In float32 they are not: an infinity times 0 is no number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import operators
from renode_mnist.codegen.geometry import Padding, Window
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.operators import Kind, transpose_conv
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.operators.space_to_depth import BlockOptions
from renode_mnist.codegen.operators.transpose_conv import TransposeConvOptions

_MOST_TIMES = 5
"""Products that may come for one of the layer's own: what a kernel of CONV_2D gains, with what moving costs."""


@dataclass(frozen=True)
class _Axis:
    """One dimension of the window.

    Attributes:
        stride: Phases.
        size: Taps of the convolution.
        before: Rows of padding before the first.
        taps: [phase, tap of the convolution] the tap of the layer, or -1.
    """

    stride: int
    size: int
    before: int
    taps: npt.NDArray[np.int64]


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Rewrites where a kernel takes the convolution, and the output is whole blocks of phases."""
    tensors, kept, count = list(graph.tensors), [], 0
    for operator in graph.operators:
        made = _made(operator, len(tensors), kernel_of) if _suits(operator) else ()
        if not made:
            kept.append(operator)
            continue
        kept += made
        seen = (tensor for step in made for tensor in (*step.inputs, *step.outputs) if tensor is not None)
        tensors += {tensor.index: tensor for tensor in seen if tensor.index >= len(tensors)}.values()
        count += 1
    did = f"{count} TRANSPOSE_CONV as CONV_2D of {'its' if count == 1 else 'their'} phases" if count else ""
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept)), did


def _suits(operator: Operator) -> bool:
    return operator.op == "TRANSPOSE_CONV" and operators.kind(operator) is Kind.INT8


def _made(operator: Operator, index: int, kernel_of: KernelOf) -> tuple[Operator, ...]:
    """The convolution, and what moves its pixels apart; empty where the layer stays as it is."""
    back = transpose_conv.window(operator)  # that of the way back: its input is the output here
    height = _axis(back.kernel_height, back.stride_height, back.pad_top)
    width = _axis(back.kernel_width, back.stride_width, back.pad_left)
    stride = height.stride
    if min(height.before, width.before) < 0:
        return ()  # padding so wide that the first row is in no output
    if width.stride != stride or back.input_height % stride or back.input_width % stride:
        return ()
    if height.size * width.size * stride**2 > _MOST_TIMES * back.kernel_height * back.kernel_width:
        return ()
    convolution = _convolution(operator, height, width, index)
    if kernel_of(convolution) is None:
        return ()
    if stride == 1:
        return (convolution,)
    size = BlockOptions(stride)
    return convolution, Operator(operator.index, "DEPTH_TO_SPACE", convolution.outputs, operator.outputs, size)


def _convolution(operator: Operator, height: _Axis, width: _Axis, index: int) -> Operator:
    """All phases of an output pixel as channels of one: row, column, channel, as DEPTH_TO_SPACE wants them."""
    phases = height.stride**2
    weights, bias, output = operator.tensor(1), operator.optional_input(transpose_conv.BIAS), operator.output
    batches, rows, columns, channels = output.shape
    rows, columns = rows // height.stride, columns // width.stride
    values = _phases(operator.constant(1), height, width)
    quantisation = weights.quantisation
    if quantisation is not None and quantisation.per_channel:
        quantisation = replace(
            quantisation, scales=quantisation.scales * phases, zero_points=quantisation.zero_points * phases
        )
    made = replace(weights, index=index, shape=values.shape, data=values, quantisation=quantisation)
    inputs: tuple[Tensor, ...] = (operator.input, made)
    if bias is not None:
        many = np.tile(operator.constant(transpose_conv.BIAS).reshape(-1), phases)
        inputs += (replace(bias, index=index + 1, shape=many.shape, data=many),)
    blocks = output
    if phases > 1:
        blocks = replace(
            output, index=index + 2, name=f"{output.name} (phases)", shape=(batches, rows, columns, phases * channels)
        )
    _, input_height, input_width, _ = operator.input.shape
    window = Window(
        input_height=input_height,
        input_width=input_width,
        output_height=rows,
        output_width=columns,
        kernel_height=height.size,
        kernel_width=width.size,
        stride_height=1,
        stride_width=1,
        dilation_height=1,
        dilation_width=1,
        pad_top=height.before,
        pad_left=width.before,
    )
    activation = operator.options_as(TransposeConvOptions).activation
    options = ConvOptions(Padding.VALID, (1, 1), (1, 1), activation, window=window)
    return Operator(operator.index, "CONV_2D", inputs, (blocks,), options)


def _phases(weights: npt.NDArray[np.generic], height: _Axis, width: _Axis) -> npt.NDArray[np.generic]:
    """Weights [phase row, phase column, output channel] x [tap row, tap column, input channel]."""
    channels, _, _, depth = weights.shape
    found = np.zeros((height.stride, width.stride, channels, height.size, width.size, depth), weights.dtype)
    for (y, i), row in np.ndenumerate(height.taps):
        for (x, j), column in np.ndenumerate(width.taps):
            if row >= 0 and column >= 0:
                found[y, x, :, i, j] = weights[:, row, column]
    return found.reshape(-1, height.size, width.size, depth)


def _axis(kernel: int, stride: int, pad: int) -> _Axis:
    reached = [  # phase, place of its first tap among the rows, tap
        (phase, (phase + pad) // stride - j, (phase + pad) % stride + j * stride)
        for phase in range(stride)
        for j in range(kernel)
        if (phase + pad) % stride + j * stride < kernel
    ]
    first = min(place for _, place, _ in reached)
    size = max(place for _, place, _ in reached) - first + 1
    taps = np.full((stride, size), -1)
    for phase, place, tap in reached:
        taps[phase, place - first] = tap
    return _Axis(stride, size, -first, taps)
