"""Integer arithmetic of TensorFlow Lite's 8-bit kernels, as the generator needs it at build time.

Formulas: tensorflow/lite/kernels/internal/quantization_util.cc and kernel_util.cc, with the double rounding
that TensorFlow Lite Micro builds use; softmax: gemmlowp fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Quantisation, Tensor
from renode_mnist.errors import ModelError

_INT32_MAX = (1 << 31) - 1


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
    """``QuantizeMultiplier``."""
    if real == 0:
        return Multiplier(0, 0)
    fraction, shift = math.frexp(real)
    value = _round_half_away(fraction * (1 << 31))
    if value == 1 << 31:
        value //= 2
        shift += 1
    if shift < -31:
        return Multiplier(0, 0)
    return Multiplier(value, shift)


def _round_half_away(value: float) -> int:
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def rescaled(value: int, factor: Multiplier) -> int | None:
    """``MultiplyByQuantizedMultiplier``; None where a shift to the left leaves the word."""
    shifted = value << max(factor.shift, 0)
    if not -(1 << 31) <= shifted <= _INT32_MAX:
        return None
    return _divide_by_power(_high_multiply(shifted, factor.value), max(-factor.shift, 0))


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
    product = float(np.float32(quantisation(operator.input).scale) * np.float32(scales.scale))
    return [multiplier(product / quantisation(operator.output).scale)] * channels


def limits(element_type: ElementType) -> tuple[int, int]:
    """Smallest and greatest value of an 8-bit type."""
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
    """Zero point plus real / scale, divided in float32 and rounded half away from zero; not clamped."""
    parameters = quantisation(tensor)
    quotient = float(np.float32(real) / np.float32(parameters.scale))
    return parameters.zero_point + _round_half_away(quotient)


def mean_multiplier(source: Tensor, result: Tensor, count: int) -> Multiplier:
    """Of MEAN: scale ratio divided by the number of elements, as ``QuantizedMeanOrSum`` folds it in."""
    ratio = multiplier(quantisation(source).scale / quantisation(result).scale)
    shift = min(count.bit_length() - 1, 32, 31 + ratio.shift)
    return Multiplier((ratio.value << shift) // count, ratio.shift - shift)


@dataclass(frozen=True)
class AddScaling:
    """Of ADD: both inputs brought to twice the coarser scale, with 20 more bits."""

    first: Multiplier
    second: Multiplier
    output: Multiplier


def add_scaling(first: Tensor, second: Tensor, result: Tensor) -> AddScaling:
    """As lite/micro/kernels/add_common.cc."""
    scales = quantisation(first).scale, quantisation(second).scale
    twice_greatest = 2 * max(scales)
    return AddScaling(
        multiplier(scales[0] / twice_greatest),
        multiplier(scales[1] / twice_greatest),
        multiplier(twice_greatest / ((1 << 20) * quantisation(result).scale)),
    )


# Softmax computes exp in Q5.26. Its argument is (x - max) * beta * scale with x - max in -255..0, so that all
# the exponentials a layer can ever need are a table of at most 256 entries, made here.

_SOFTMAX_INTEGER_BITS = 5


def softmax_exponentials(scale: float, beta: float) -> npt.NDArray[np.int32]:
    """exp(-d * beta * scale) for d = 0, 1, 2 ... in Q0.31; smaller exponentials than the last count as 0."""
    real = min(beta * scale * (1 << (31 - _SOFTMAX_INTEGER_BITS)), _INT32_MAX)
    if real <= 1:
        raise ModelError(f"A softmax of inputs with scale {scale} is flat", "Check the model's quantisation")
    factor = multiplier(real)
    radius = math.floor(
        ((1 << _SOFTMAX_INTEGER_BITS) - 1) * (1 << (31 - _SOFTMAX_INTEGER_BITS)) / (1 << factor.shift)
    )
    count = min(radius, 255) + 1
    return np.array(
        [_exp_on_negative(_high_multiply(-d << factor.shift, factor.value)) for d in range(count)], np.int32
    )


def _high_multiply(a: int, b: int) -> int:
    """``SaturatingRoundingDoublingHighMul``: a * b / 2^31 to the nearest, halves upwards."""
    if a == b == -(1 << 31):
        return _INT32_MAX
    return (a * b + (1 << 30)) >> 31


def _divide_by_power(value: int, exponent: int) -> int:
    """``RoundingDivideByPOT``: rounds half away from zero."""
    mask = (1 << exponent) - 1
    remainder = value & mask
    threshold = (mask >> 1) + (1 if value < 0 else 0)
    return (value >> exponent) + (1 if remainder > threshold else 0)


def _exp_on_negative(value: int) -> int:
    """``exp_on_negative_values`` of a Q5.26 number, as Q0.31."""
    if value == 0:
        return _INT32_MAX
    fraction_bits = 31 - _SOFTMAX_INTEGER_BITS
    quarter = 1 << (fraction_bits - 2)
    within = (value & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(within << _SOFTMAX_INTEGER_BITS)
    remainder = within - value
    # exp(-2^k) for k = -2 to 4, in Q0.31.
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        if remainder & (1 << (fraction_bits + exponent)):
            result = _high_multiply(result, factor)
    return result


def _exp_on_last_quarter(value: int) -> int:
    """The exponential on [-1/4, 0) in Q0.31: Taylor series around -1/8."""
    x = value + (1 << 28)
    x2 = _high_multiply(x, x)
    x3 = _high_multiply(x2, x)
    x4_over_4 = _divide_by_power(_high_multiply(x2, x2), 2)
    tail = _divide_by_power(_high_multiply(x4_over_4 + x3, 715827883) + x2, 1)  # 715827883: 1/3
    at_eighth = 1895147668  # exp(-1/8)
    return at_eighth + _high_multiply(at_eighth, x + tail)
