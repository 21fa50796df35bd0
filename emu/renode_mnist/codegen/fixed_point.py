"""Fixed-point arithmetic at build time, rounding included: what gemmlowp's fixedpoint/fixedpoint.h computes.

Qm.n is a 32-bit integer with m integer and n = 31 - m fraction bits.
"""

from __future__ import annotations

INT32_MAX = (1 << 31) - 1


def wrapped(value: int, bits: int = 32) -> int:
    """What so many bits keep of it."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def saturated(value: int, bits: int = 32) -> int:
    """The nearest that so many bits hold."""
    most = (1 << (bits - 1)) - 1
    return max(-most - 1, min(most, value))


def high_multiply(a: int, b: int, bits: int = 32) -> int:
    """``SaturatingRoundingDoublingHighMul``: a * b / 2^(bits - 1) to the nearest, halves upwards."""
    return saturated((a * b + (1 << (bits - 2))) >> (bits - 1), bits)


def divide_by_power(value: int, exponent: int, bits: int = 32) -> int:
    """``RoundingDivideByPOT``: rounds half away from zero, unless the exponent is as large as the number of bits."""
    mask = wrapped((1 << exponent) - 1, bits)
    remainder = value & mask
    threshold = (mask >> 1) + (1 if value < 0 else 0)
    return (value >> exponent) + (1 if remainder > threshold else 0)


def multiply(value: int, multiplier: int, shift: int) -> int:
    """``MultiplyByQuantizedMultiplier`` with double rounding."""
    return divide_by_power(high_multiply(wrapped(value << max(shift, 0)), multiplier), max(-shift, 0))


def exp_on_negative(value: int, integer_bits: int) -> int:
    """``exp_on_negative_values`` of a number with so many integer bits, at most 5, as Q0.31."""
    if value == 0:
        return INT32_MAX
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    within = (value & (quarter - 1)) - quarter
    result = _exp_on_last_quarter(within << integer_bits)
    remainder = within - value
    # exp(-2^k) for k = -2 to 4, in Q0.31.
    for exponent, factor in enumerate((1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242), -2):
        if exponent < integer_bits and remainder & (1 << (fraction_bits + exponent)):
            result = high_multiply(result, factor)
    return result


def _exp_on_last_quarter(value: int) -> int:
    """The exponential on [-1/4, 0) in Q0.31: Taylor series around -1/8."""
    x = value + (1 << 28)
    x2 = high_multiply(x, x)
    x3 = high_multiply(x2, x)
    x4_over_4 = divide_by_power(high_multiply(x2, x2), 2)
    tail = divide_by_power(high_multiply(x4_over_4 + x3, 715827883) + x2, 1)  # 715827883: 1/3
    at_eighth = 1895147668  # exp(-1/8)
    return at_eighth + high_multiply(at_eighth, x + tail)


def _two_over_one_plus(x: int) -> int:
    """2 / (1 + x) in Q2.29 for x in [0, 1) in Q0.31: Newton-Raphson from 48/17 - 32/17 d, d = (1 + x) / 2."""
    half = (x + INT32_MAX + 1) // 2
    estimate = 1515870810 + high_multiply(half, -1010580540)
    for _ in range(3):
        error = (1 << 29) - high_multiply(half, estimate)
        estimate += saturated(high_multiply(estimate, error) << 2)
    return estimate


def logistic(value: int, integer_bits: int) -> int:
    """1 / (1 + exp(-x)) as Q0.31."""
    if value == 0:
        return 1 << 30
    positive = saturated(_two_over_one_plus(exp_on_negative(-abs(value), integer_bits)) << 1)
    return positive if value > 0 else INT32_MAX - positive


def tanh(value: int, integer_bits: int) -> int:
    """The hyperbolic tangent as Q0.31."""
    if value == 0:
        return 0
    # exp(-2 |x|): twice as large with one more integer bit is the same bits.
    size = saturated((_two_over_one_plus(exp_on_negative(-abs(value), integer_bits + 1)) - (1 << 29)) << 2)
    return size if value > 0 else -size


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
