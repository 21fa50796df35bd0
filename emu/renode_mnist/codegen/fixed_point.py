"""Fixed-point arithmetic at build time, rounding included: what gemmlowp's fixedpoint/fixedpoint.h computes.

Qm.n is a 32-bit integer with m integer and n = 31 - m fraction bits.
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

INT32_MAX = (1 << 31) - 1

Integers: TypeAlias = npt.NDArray[np.int64]
"""Many numbers at once, of 32 bits each, so that a product of two fits."""

N = TypeVar("N", int, Integers)
"""One number or many."""


def wrapped(value: N, bits: int = 32) -> N:
    """What so many bits keep of it."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def saturated(value: N, bits: int = 32) -> N:
    """The nearest that so many bits hold."""
    most = (1 << (bits - 1)) - 1
    if isinstance(value, int):
        return max(-most - 1, min(most, value))
    return value.clip(-most - 1, most)


def high_multiply(a: N, b: N | int, bits: int = 32) -> N:
    """``SaturatingRoundingDoublingHighMul``: a * b / 2^(bits - 1) to the nearest, halves upwards."""
    return saturated((a * b + (1 << (bits - 2))) >> (bits - 1), bits)


def divide_by_power(value: N, exponent: int, bits: int = 32) -> N:
    """``RoundingDivideByPOT``: rounds half away from zero, unless the exponent is as large as the number of bits."""
    mask = wrapped((1 << exponent) - 1, bits)
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + (remainder > threshold)


def multiply(value: N, multiplier: int, shift: int) -> N:
    """``MultiplyByQuantizedMultiplier`` with double rounding."""
    return divide_by_power(high_multiply(wrapped(value << max(shift, 0)), multiplier), max(-shift, 0))


def exp_on_negative(value: Integers, integer_bits: int) -> Integers:
    """``exp_on_negative_values`` of numbers with so many integer bits, at most 5, as Q0.31."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (value & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(within << integer_bits)
    remainder = within - value
    # exp(-2^k) for k = -2 to 4, in Q0.31.
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        if exponent < integer_bits:
            has = remainder & (1 << (fraction_bits + exponent)) != 0
            result = np.where(has, high_multiply(result, factor), result)
    return np.where(value == 0, INT32_MAX, result)


def _exp_on_last_quarter(value: Integers) -> Integers:
    """The exponential on [-1/4, 0) in Q0.31: Taylor series around -1/8."""
    x = value + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4_over_4 = divide_by_power(high_multiply(x2, x2), 2)
    tail = divide_by_power(high_multiply(x4_over_4 + x3, 715827883) + x2, 1)  # 715827883: 1/3
    at_eighth = 1895147668  # exp(-1/8)
    return at_eighth + high_multiply(x + tail, at_eighth)


def _two_over_one_plus(x: Integers) -> Integers:
    """2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31: Newton-Raphson from 48/17 - 32/17 d, d = (1 + x) / 2."""
    half = (x + INT32_MAX + 1) // 2
    estimate = 1515870810 + high_multiply(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - high_multiply(half, estimate)
        estimate += saturated(high_multiply(estimate, error) << 2)
    return estimate


def logistic(value: Integers, integer_bits: int) -> Integers:
    """1 / (1 + exp(-x)) as Q0.31."""
    positive = saturated(_two_over_one_plus(exp_on_negative(-abs(value), integer_bits)) << 1)
    return np.select([value > 0, value < 0], [positive, INT32_MAX - positive], 1 << 30)


def tanh(value: Integers, integer_bits: int) -> Integers:
    """The hyperbolic tangent as Q0.31."""
    # exp(-2 |x|): twice as large with one more integer bit is the same bits.
    size = saturated((_two_over_one_plus(exp_on_negative(-abs(value), integer_bits + 1)) - (1 << 29)) << 2)
    return np.sign(value) * size


def inverse_square_root(value: int) -> tuple[int, int]:
    """``GetInvSqrtQuantizedMultiplierExp`` with reverse shift: 1 / sqrt(value) as a multiplier and its shift."""
    if value <= 1:
        return INT32_MAX, 0
    shift = 11
    while value >= 1 << 29:
        value //= 4
        shift += 1
    pairs = (32 - value.bit_length() - 1) // 2 - 1
    shift -= pairs
    scaled = value << (2 * pairs) >> 1
    half = divide_by_power(scaled, 1)
    x = 1 << 28
    for _ in range(5):
        cube = saturated(high_multiply(high_multiply(x, x), x) << 6)
        x = saturated((high_multiply((1 << 28) + (1 << 27), x) - high_multiply(half, cube)) << 3)
    x = high_multiply(x, 1518500250)
    return (wrapped(x << -shift), 0) if shift < 0 else (x, -shift)
