"""LOGISTIC, which is 1 / (1 + exp(-x)), and TANH."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from renode_mnist.codegen import fixed_point, quantise
from renode_mnist.codegen.fixed_point import Integers
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    INT8,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step

_INTEGER_BITS = 4

_OUTPUTS = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
"""Scale and zero point, by operator."""


def shift(source: Tensor) -> int:
    """To the left, from an input to Q4.27; where it is negative, TensorFlow Lite Micro shifts by it all the same."""
    return math.frexp(quantise.quantisation(source).scale * (1 << (31 - _INTEGER_BITS)))[1]


def _rule(operator: Operator) -> None:
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
        return np.select([values >= radius, values <= -radius], [127, -128], inside)

    return table


_TABLES = {"LOGISTIC": _table(fixed_point.logistic, 8), "TANH": _table(fixed_point.tanh, 7)}


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return lookup.lower(lowering, operator, _TABLES[operator.op])


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
        ]
    rows.append(
        Refused("an int8 output of another scale or zero point than the operator's own", "must have scale 1/",
                Sample("", (Flow((1, 10)),), types=(INT8,), outputs=(Output(scale=1 / 64, zero_point=-128),)))
    )  # fmt: skip
    return tuple(rows)


DEFINITION = Definition(
    names=("LOGISTIC", "TANH"),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    samples=_samples,
)
