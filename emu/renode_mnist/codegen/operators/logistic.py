"""LOGISTIC, which is 1 / (1 + exp(-x)), and TANH."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from renode_mnist.codegen import fixed_point, interpolation, quantise
from renode_mnist.codegen.fixed_point import Integers
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    INT8,
    INT16,
    Declared,
    Differs,
    Flow,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step

_INTEGER_BITS = 4

_OUTPUTS = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
"""Scale and zero point, by operator; in int16 the scale is 2^-15."""

_MOST_MULTIPLIER = 32767
_LOG_TOLERANCE = 1e-3


def shift(source: Tensor) -> int:
    """To the left, from an input to Q4.27; where it is negative, TensorFlow Lite Micro shifts by it all the same."""
    return math.frexp(quantise.quantisation(source).scale * (1 << (31 - _INTEGER_BITS)))[1]


def _rule(operator: Operator) -> None:
    if operator.output.type is ElementType.INT16:
        require(
            operator,
            _power_of_two(quantise.quantisation(operator.output).scale) == -15,
            f"{operator.output} must have scale 1/32768",
        )
        multiplier, _ = _scaling(operator)
        require(operator, multiplier <= _MOST_MULTIPLIER, f"the scale of {operator.input} is coarser than 2.66")
    if operator.output.type is ElementType.INT8:
        scale, zero_point = _OUTPUTS[operator.op]
        found = quantise.quantisation(operator.output)
        require(
            operator,
            found.scale == scale and found.zero_point == zero_point,
            f"{operator.output} must have scale 1/{round(1 / scale)} and zero point {zero_point}",
        )


def _table(function: Callable[[Integers, int], Integers], fraction_bits: int) -> lookup.Table:
    """As ``reference_integer_ops::Logistic`` and ``Tanh``: Q4.27 in, Q0.31 out, rounded to 8 bits."""

    def table(source: Tensor, result: Tensor) -> Integers:
        before = quantise.quantisation(source)
        fraction, left = math.frexp(before.scale * (1 << (31 - _INTEGER_BITS)))
        factor = round(fraction * (1 << 31))
        radius = math.floor(((1 << _INTEGER_BITS) - 1) * (1 << (31 - _INTEGER_BITS)) / 2.0**left)
        values = lookup.STORED - before.zero_point
        scaled = fixed_point.multiply(values, factor, max(left, -31))
        shares = fixed_point.divide_by_power(function(scaled, _INTEGER_BITS), 31 - fraction_bits)
        inside = fixed_point.saturated(shares + quantise.quantisation(result).zero_point, 8)
        # In this order: where the radius is 0, so is a value of 0 at the lower end.
        return np.select([values <= -radius, values >= radius], [-128, 127], inside)

    return table


_TABLES = {"LOGISTIC": _table(fixed_point.logistic, 8), "TANH": _table(fixed_point.tanh, 7)}


def _power_of_two(scale: float) -> int | None:
    """``CheckedLog2``: which one a scale is, or nearly."""
    exponent = float(np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2))))
    return round(exponent) if abs(exponent - round(exponent)) < _LOG_TOLERANCE else None


def _scaling(operator: Operator) -> tuple[int, int]:
    """Of int16 inputs: a multiplier, and a shift to the right; from logistic_common.cc and tanh.cc."""
    scale = quantise.quantisation(operator.input).scale
    left = 12 + exponent if (exponent := _power_of_two(scale)) is not None else None
    if left == 0 or (left == 1 and operator.op == "TANH"):
        return 3 << left, 0
    multiplier, right = scale * 4096.0 * 3.0, 0
    while multiplier <= _MOST_MULTIPLIER / 2 and right <= 30:
        multiplier, right = multiplier * 2, right + 1
    return int(multiplier), right


def _lower_int16(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    table = call.table("kLogistic", interpolation.logistic(), "1 / (1 + exp(-i / 24)), Q0.16, for i = 0 to 255")
    multiplier, right = _scaling(operator)
    how = call.struct("", "SigmoidTable", {"values": table, "multiplier": multiplier, "shift": right})
    count = str(operator.output.element_count)
    return call.of(operator.op.lower(), [how, count, call.source()], in_place=True, header="logistic")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    if operator.input.type is ElementType.INT16:
        return _lower_int16(lowering, operator)
    return lookup.lower(lowering, operator, _TABLES[operator.op])


def _wide_rows(op: str) -> tuple[Sample, ...]:
    """In int16."""
    # Both are right to 11 steps.
    no_table = Differs(
        "*", "of int16 whose scale is 2^-12, or 2^-11 for TANH, LiteRT's optimised kernels read no table", 11
    )
    like = Sample(f"of 16 bits, {op.lower()}", (Flow((1, 4, 5, 3), scale=0.0003),), types=(INT16,),
                  outputs=(Output(scale=2.0**-15),), only=(op,))  # fmt: skip

    def scaled(name: str, scale: float, count: int, *exempt: Differs) -> Sample:
        return like.row(f"of 16 bits, {name}, {op.lower()}", inputs=(Flow((1, count), scale=scale),), exempt=exempt)

    return (
        like,
        scaled("many inputs", 0.0006, 2048),
        scaled("scale 2^-12", 2.0**-12, 300, no_table),
        scaled("scale 2^-11", 2.0**-11, 300, *([no_table] if op == "TANH" else [])),
        scaled("coarse", 2.5, 100),
        scaled("fine", 1e-7, 100),
    )


def _samples() -> Declared:
    rows: list[Sample | Refused] = []
    for op, (scale, zero_point) in _OUTPUTS.items():
        fixed = Output(scale=scale, zero_point=zero_point)
        like = Sample(f"image, {op.lower()}", (Flow((1, 4, 5, 3)),), outputs=(fixed,), only=(op,))
        rows += [
            like,
            like.row(f"every input of {op.lower()}", inputs=(Flow((1, 2048), scale=0.06, zero_point=3),)),
            like.row(f"coarse, {op.lower()}", inputs=(Flow((1, 40), scale=1.7),)),
            like.row(f"fine, {op.lower()}", inputs=(Flow((3, 40), scale=1e-3),)),
            *_wide_rows(op),
        ]
    wide = Sample("", (Flow((1, 10), scale=2.7),), types=(INT16,), outputs=(Output(scale=2.0**-15),))
    return (
        *rows,
        Refused("an int8 output of another scale or zero point than the operator's own", "must have scale 1/",
                wide.row("", types=(INT8,), outputs=(Output(scale=1 / 64, zero_point=-128),))),
        Refused("an int16 output of another scale than 1/32768", "must have scale 1/32768",
                wide.row("", outputs=(Output(scale=2.0**-14),))),
        Refused("an int16 input of a scale above 2.66", "coarser than 2.66", wide),
    )  # fmt: skip


DEFINITION = Definition(
    names=("LOGISTIC", "TANH"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    fast_in=(Kind.INT8,),
    lower=_lower,
    samples=_samples,
)
