"""Integer arithmetic of TensorFlow Lite's 8-bit kernels, as the generator needs it at build time.

Formulas: tensorflow/lite/kernels/internal/quantization_util.cc and kernel_util.cc, with the double rounding
that TensorFlow Lite Micro builds use; softmax: gemmlowp fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import fixed_point
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.fixed_point import INT32_MAX
from renode_mnist.codegen.graph import ElementType, Operator, Quantisation, Tensor
from renode_mnist.errors import ModelError

_MOST_SHIFT = 30
"""To the left."""


@dataclass(frozen=True)
class Multiplier:
    """A positive real number as ``value * 2^(shift - 31)``, ``value`` a 31-bit integer.

    Attributes:
        value: 2^30 to 2^31 - 1; 0 where the number is too small to matter.
        shift: Positive to the left, negative to the right.
    """

    value: int
    shift: int


def multiplier(real: float) -> Multiplier:
    """``QuantizeMultiplier``; one that would be shifted by more than 30 becomes the greatest that is not.

    Raises:
        ArithmeticError: The number is infinite or none.
    """
    if not math.isfinite(real):
        raise ArithmeticError(f"the factor between its scales is {real}")
    if real == 0:
        return Multiplier(0, 0)
    fraction, shift = math.frexp(real)
    value = _round_half_away(fraction * (1 << 31))
    if value == 1 << 31:
        value //= 2
        shift += 1
    if shift < -31:
        return Multiplier(0, 0)
    if shift > _MOST_SHIFT:
        return Multiplier(INT32_MAX, _MOST_SHIFT)
    return Multiplier(value, shift)


def _round_half_away(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def rescaled(value: int, factor: Multiplier) -> int | None:
    """``MultiplyByQuantizedMultiplier``; None where a shift to the left leaves the word."""
    shifted = value << max(factor.shift, 0)
    if not -(1 << 31) <= shifted <= INT32_MAX:
        return None
    return fixed_point.divide_by_power(fixed_point.high_multiply(shifted, factor.value), max(-factor.shift, 0))


def quantisation(tensor: Tensor) -> Quantisation:
    """Of a tensor that has one."""
    if tensor.quantisation is None:
        raise ModelError(f"{tensor} has no quantisation", "Export the model again")
    return tensor.quantisation


def output_multipliers(operator: Operator, channels: int) -> list[Multiplier]:
    """Of a convolution: input scale * weight scale / output scale, one an output channel."""
    source, result = quantisation(operator.input).scale, quantisation(operator.output).scale
    scales = quantisation(operator.tensor(1))
    values = scales.scales if scales.per_channel else scales.scales * channels
    return [multiplier(source * scale / result) for scale in values]


def dense_multipliers(operator: Operator, channels: int) -> list[Multiplier]:
    """Of a dense layer: with one scale it multiplies in float32 where a convolution multiplies in double.

    The reference does, and the last bit of a multiplier shows in results.
    """
    scales = quantisation(operator.tensor(1))
    if scales.per_channel:
        return output_multipliers(operator, channels)
    with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
        product = float(np.float32(quantisation(operator.input).scale) * np.float32(scales.scale))
    return [multiplier(product / quantisation(operator.output).scale)] * channels


_WIDE_SHIFT = 7
"""To the left, most that a 64-bit sum is shifted by."""


def reduced(factor: Multiplier) -> Multiplier:
    """A factor of 64-bit sums: 16 bits in the place of 32, as ``MultiplyByQuantizedMultiplier`` of int64 rounds it.

    Raises:
        ArithmeticError: It is larger than TensorFlow Lite Micro shifts by.
    """
    if factor.shift > _WIDE_SHIFT:
        raise ArithmeticError(f"its output is more than 2^{_WIDE_SHIFT} times finer than its sums")
    return Multiplier(min((factor.value + (1 << 15)) >> 16, 0x7FFF), factor.shift)


def limits(element_type: ElementType) -> tuple[int, int]:
    """Smallest and greatest value of an 8-bit type, or of int16."""
    if element_type is ElementType.INT16:
        return -32768, 32767
    return (0, 255) if element_type is ElementType.UINT8 else (-128, 127)


def activation_range(activation: Activation, tensor: Tensor) -> tuple[int, int]:
    """``CalculateActivationRangeQuantized``: what an output may be after the fused activation."""
    low, high = limits(tensor.type)
    least, greatest = activation.bounds
    return (
        low if math.isinf(least) else max(low, stored(least, tensor)),
        high if math.isinf(greatest) else min(high, stored(greatest, tensor)),
    )


def stored(real: float, tensor: Tensor) -> int:
    """Zero point plus real / scale, divided in float32 and rounded half away from zero; not clamped.

    Raises:
        ArithmeticError: It is no int32, where TensorFlow Lite Micro gives up too.
    """
    parameters = quantisation(tensor)
    with np.errstate(over="ignore"):
        quotient = float(np.float32(real) / np.float32(parameters.scale))
    if abs(quotient) >= 1 << 31:
        raise ArithmeticError(f"{real:g} is {quotient:.3g} steps of {tensor}")
    return parameters.zero_point + _round_half_away(quotient)


def mean_multiplier(source: Tensor, result: Tensor, count: int) -> Multiplier:
    """Of MEAN: scale ratio divided by the number of elements, as ``QuantizedMeanOrSum`` folds it in."""
    ratio = multiplier(quantisation(source).scale / quantisation(result).scale)
    shift = min(count.bit_length() - 1, 32, 31 + ratio.shift)
    return Multiplier((ratio.value << shift) // count, ratio.shift - shift)


@dataclass(frozen=True)
class AddScaling:
    """Of ADD: both inputs brought to twice the coarser scale, with ``more_bits``."""

    first: Multiplier
    second: Multiplier
    output: Multiplier


def more_bits(result: Tensor) -> int:
    """That the terms of a sum are given before they are added: they fill the word."""
    return 15 if result.type is ElementType.INT16 else 20


def add_scaling(first: Tensor, second: Tensor, result: Tensor) -> AddScaling:
    """As lite/micro/kernels/add_common.cc."""
    scales = quantisation(first).scale, quantisation(second).scale
    twice_greatest = 2 * max(scales)
    return AddScaling(
        multiplier(scales[0] / twice_greatest),
        multiplier(scales[1] / twice_greatest),
        multiplier(twice_greatest / ((1 << more_bits(result)) * quantisation(result).scale)),
    )


# Softmax computes exp in Q5.26. Its argument is (x - max) * beta * scale with x - max in -255..0, so that all
# the exponentials a layer can ever need are a table of at most 256 entries, made here.

_SOFTMAX_INTEGER_BITS = 5


def sub_scaling(first: Tensor, second: Tensor, result: Tensor) -> AddScaling:
    """As lite/micro/kernels/sub_common.cc, which divides in float32."""
    scales = [np.float32(quantisation(tensor).scale) for tensor in (first, second, result)]
    with np.errstate(all="ignore"):  # an infinite one ``multiplier`` refuses
        twice_greatest = np.float32(2) * max(scales[:2])
        return AddScaling(
            multiplier(float(scales[0] / twice_greatest)),
            multiplier(float(scales[1] / twice_greatest)),
            multiplier(float(twice_greatest / (np.float32(1 << more_bits(result)) * scales[2]))),
        )


def softmax_is_flat(scale: float, beta: float) -> bool:
    """Whether TensorFlow Lite Micro's ``PreprocessSoftmaxScaling`` ends the program: 255 steps are below 2^-18."""
    return _softmax_factor(scale, beta) <= 1


def _softmax_factor(scale: float, beta: float) -> float:
    return min(beta * scale * (1 << (31 - _SOFTMAX_INTEGER_BITS)), INT32_MAX)


def softmax_exponentials(scale: float, beta: float) -> npt.NDArray[np.int32]:
    """exp(-d * beta * scale) for d = 0, 1, 2 ... in Q0.31; smaller exponentials than the last count as 0.

    Where it is flat LiteRT answers evenly, and so does this.
    """
    if softmax_is_flat(scale, beta):
        return np.full(256, INT32_MAX, np.int32)
    factor = multiplier(_softmax_factor(scale, beta))
    radius = _softmax_radius(factor)
    differences = -np.arange(min(radius, 255) + 1)
    scaled = fixed_point.high_multiply(differences << factor.shift, factor.value)
    return fixed_point.exp_on_negative(scaled, _SOFTMAX_INTEGER_BITS).astype(np.int32)


def _softmax_radius(factor: Multiplier) -> int:
    """``CalculateInputRadius``: the largest difference that Q5.26 holds."""
    return math.floor(((1 << _SOFTMAX_INTEGER_BITS) - 1) * (1 << (31 - _SOFTMAX_INTEGER_BITS)) / (1 << factor.shift))


@dataclass(frozen=True)
class LogSoftmaxScaling:
    """Of LOG_SOFTMAX: from differences of inputs to Q5.26, back, and the largest difference that fits."""

    input: Multiplier
    reverse: Multiplier
    radius: int


def log_softmax_scaling(scale: float) -> LogSoftmaxScaling:
    """``PreprocessLogSoftmaxScalingExp`` of an input that is not flat."""
    factor = multiplier(_softmax_factor(scale, 1.0))
    return LogSoftmaxScaling(factor, multiplier((1 << (31 - factor.shift)) / factor.value), _softmax_radius(factor))
