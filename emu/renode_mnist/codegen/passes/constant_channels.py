"""A channel whose output no input can change is given as what it is: no weights, and a bias that makes the constant.

Training leaves such channels: batch normalisation with a gamma of zero gives a scale so small that the converter
caps the channel's bias at 2^30 or shifts its sums out of the word. Kernels whose sums have less room than 32 bits,
or whose shifts are shorter, would have to leave the whole layer alone for one of them.

What an input can be is told channel by channel: by the weights, bias and clamp of the layer that wrote it, through
pools, so that behind constant channels more are found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Graph, Operator, Quantisation, Tensor
from renode_mnist.codegen.kernel import KernelOf
from renode_mnist.codegen.operators import Kind, convolution
from renode_mnist.codegen.operators.conv_2d import grouped
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.operators.fully_connected import FullyConnectedOptions

_SCALE_BITS = 8
"""A channel with a scale of its own gets the factor 2^-8: a shift to the right, as all kernels like it best."""


@dataclass(frozen=True)
class _Layer:
    """Where an operator keeps its output channels."""

    axis: int
    factors: Callable[[Operator, int], list[quantise.Multiplier]]
    activation: Callable[[Operator], Activation]


def _conv_activation(operator: Operator) -> Activation:
    return operator.options_as(ConvOptions).activation


_POOLS = ("MAX_POOL_2D", "AVERAGE_POOL_2D")
"""A largest value, or a mean, is none that was not between those seen; neither sees padding."""

_LAYERS = {
    "CONV_2D": _Layer(0, quantise.output_multipliers, _conv_activation),
    "DEPTHWISE_CONV_2D": _Layer(3, quantise.output_multipliers, _conv_activation),
    "FULLY_CONNECTED": _Layer(
        0, quantise.dense_multipliers, lambda operator: operator.options_as(FullyConnectedOptions).activation
    ),
}


@dataclass(frozen=True)
class _Range:
    """Least and greatest stored value of each channel, the last dimension of a tensor."""

    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]

    def with_padding(self, zero_point: int) -> _Range:
        """The same where windows also see the zero point."""
        return _Range(np.minimum(self.low, zero_point), np.maximum(self.high, zero_point))


def run(graph: Graph, kernel_of: KernelOf) -> tuple[Graph, str]:
    """Folds the constant channels of int8 layers."""
    tensors, kept, did = list(graph.tensors), [], []
    ranges: dict[Tensor, _Range] = {}
    for operator in graph.operators:
        folded = None
        if operator.op in _LAYERS and operators.kind(operator) is Kind.INT8:
            layer = _LAYERS[operator.op]
            ranges[operator.output] = _outputs(operator, layer, ranges.get(operator.input))
            folded = _folded(operator, layer, ranges[operator.output], len(tensors))
        elif operator.op in _POOLS and operator.input in ranges:
            ranges[operator.output] = ranges[operator.input]
        if folded is None:
            kept.append(operator)
            continue
        made, count = folded
        kept.append(made)
        tensors += [tensor for tensor in made.inputs[1:] if tensor is not None]
        did.append(count)
    if not did:
        return graph, ""
    text = f"{sum(did)} channel{'s' * (sum(did) > 1)} of {len(did)} layer{'s' * (len(did) > 1)} that never change"
    return replace(graph, tensors=tuple(tensors), operators=tuple(kept)), text


def _folded(operator: Operator, layer: _Layer, found: _Range, index: int) -> tuple[Operator, int] | None:
    """The operator with its constant channels folded, and how many; None where there are none that need it."""
    weights = operator.constant(1)
    rows, biases = _rows(operator, layer), _biases(operator, layer)
    channels = len(rows)
    factors = layer.factors(operator, channels)
    scales = quantise.quantisation(operator.tensor(1))
    zero_out = quantise.quantisation(operator.output).zero_point
    new_rows, new_biases, new_scales = rows.copy(), biases.copy(), list(scales.scales)
    count = 0
    for channel in np.flatnonzero(found.low == found.high):
        constant = int(found.low[channel])
        if not rows[channel].any() and abs(int(biases[channel])) <= 255 << _SCALE_BITS:
            continue  # folded already, by whoever made the file
        if scales.per_channel:
            # The scale is free where no weight is left: one that makes the factor 2^-8.
            new_scales[channel] = (
                quantise.quantisation(operator.output).scale
                / quantise.quantisation(operator.input).scale
                / (1 << _SCALE_BITS)
            )
            value: int | None = (constant - zero_out) << _SCALE_BITS
        else:
            value = _sum_for(constant, factors[channel], zero_out)
        if value is None:
            continue
        new_rows[channel] = 0
        new_biases[channel] = value
        count += 1
    if not count:
        return None
    moved = np.moveaxis(weights, layer.axis, 0).shape
    values = np.moveaxis(new_rows.reshape(moved), 0, layer.axis).astype(weights.dtype)
    made_weights = replace(
        operator.tensor(1), index=index, data=values, quantisation=replace(scales, scales=tuple(new_scales))
    )
    return replace(operator, inputs=(operator.input, made_weights, _bias(operator, new_biases, index + 1))), count


def _bias(operator: Operator, values: npt.NDArray[np.int64], index: int) -> Tensor:
    """The bias with new values: the old one's, or one that was left out."""
    old, data = operator.optional_input(2), values.astype(np.int32)
    if old is not None:
        return replace(old, index=index, data=data)
    scales = Quantisation((1.0,), (0,), 0)  # which no kernel reads
    return Tensor(index, f"{operator.name} bias", ElementType.INT32, data.shape, scales, data)


def _rows(operator: Operator, layer: _Layer) -> npt.NDArray[np.int64]:
    """Weights as a row an output channel; within it the input's channels last."""
    weights = operator.constant(1)
    return np.moveaxis(weights, layer.axis, 0).reshape(weights.shape[layer.axis], -1).astype(np.int64)


def _biases(operator: Operator, layer: _Layer) -> npt.NDArray[np.int64]:
    if operator.optional_input(2) is None:
        return np.zeros(operator.tensor(1).shape[layer.axis], np.int64)
    return operator.constant(2).reshape(-1).astype(np.int64)


def _outputs(operator: Operator, layer: _Layer, source: _Range | None) -> _Range:
    """What each channel can be.

    A sum lies between its bias and the least and greatest products of each weight; what follows never turns the order
    of two sums round. So the ends of the sums come to the ends of the outputs.
    """
    zero_in = quantise.quantisation(operator.input).zero_point
    zero_out = quantise.quantisation(operator.output).zero_point
    least, greatest = quantise.activation_range(layer.activation(operator), operator.output)
    rows, biases = _rows(operator, layer), _biases(operator, layer)
    low, high = (end - zero_in for end in _taps(operator, rows, source))
    lowest = biases + np.minimum(rows * low, rows * high).sum(axis=1)
    highest = biases + np.maximum(rows * low, rows * high).sum(axis=1)
    ends = np.tile(np.array([[least], [greatest]]), len(rows))
    for channel, factor in enumerate(layer.factors(operator, len(rows))):
        scaled = [quantise.rescaled(int(total[channel]), factor) for total in (lowest, highest)]
        if None not in scaled:  # else the sum may wrap
            ends[:, channel] = np.clip(np.array(scaled) + zero_out, least, greatest)
    return _Range(ends[0], ends[1])


def _taps(
    operator: Operator, rows: npt.NDArray[np.int64], source: _Range | None
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Least and greatest input that each weight meets, to be broadcast against the rows of weights."""
    low, high = quantise.limits(operator.input.type)
    if source is None or operator.op == "FULLY_CONNECTED":
        return np.array(low), np.array(high)
    if convolution.window(operator).padded:
        source = source.with_padding(quantise.quantisation(operator.input).zero_point)
    if operator.op == "DEPTHWISE_CONV_2D":
        each = len(rows) // len(source.low)
        return np.repeat(source.low, each)[:, np.newaxis], np.repeat(source.high, each)[:, np.newaxis]
    if grouped(operator):
        return np.array(low), np.array(high)
    times = rows.shape[1] // len(source.low)
    return np.tile(source.low, times), np.tile(source.high, times)


def _sum_for(constant: int, factor: quantise.Multiplier, zero_out: int) -> int | None:
    """A small sum that the layer's own factor brings to a constant; None where there is none."""
    wanted = constant - zero_out
    if not factor.value:
        return 0 if wanted == 0 else None
    near = round(wanted / (factor.value * 2.0 ** (factor.shift - 31)))
    for value in (near, near - 1, near + 1):
        if abs(value) < 1 << 28 and quantise.rescaled(value, factor) == wanted:
            return value
    return None
