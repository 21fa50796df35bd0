"""HARD_SWISH: x * min(6, max(0, x + 3)) / 6."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import fixed_point, quantise
from renode_mnist.codegen.fixed_point import Integers
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import DENORMAL, INT8, Declared, Flow, Output, Refused, Sample
from renode_mnist.codegen.program import Step

_BITS = 16


def _factors(source: Tensor, result: Tensor) -> tuple[quantise.Multiplier, quantise.Multiplier]:
    """To the output's scale, and to that of 3/2^15, from 128 times finer steps than the input's; in float32."""
    fine = np.float32(1 / 128) * np.float32(quantise.quantisation(source).scale)
    with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
        to_output = float(fine / np.float32(quantise.quantisation(result).scale))
        to_gate = float(fine / np.float32(3 / 32768))
    return quantise.multiplier(to_output), quantise.multiplier(to_gate)


def _in_16_bits(value: int) -> int:
    """``DownScaleInt32ToInt16Multiplier``."""
    return 32767 if value >= fixed_point.INT32_MAX - (1 << 15) else (value + (1 << 15)) >> 16


def _table(source: Tensor, result: Tensor) -> Integers:
    """As lite/kernels/internal/reference/hard_swish.h, in 16 bits."""
    to_output, to_gate = _factors(source, result)
    zero_in, zero_out = quantise.quantisation(source).zero_point, quantise.quantisation(result).zero_point

    fine = (lookup.STORED - zero_in) << 7
    linear = fixed_point.high_multiply(fine, _in_16_bits(to_output.value), _BITS)
    gate = fine
    if to_gate.shift > 0:
        gate = fixed_point.saturated(gate << (to_gate.shift - 1), _BITS)
    gate = fixed_point.high_multiply(gate, _in_16_bits(to_gate.value), _BITS)
    if to_gate.shift > 0:
        gate = fixed_point.saturated(gate << 1, _BITS)
    else:
        gate = fixed_point.divide_by_power(gate, -to_gate.shift, _BITS)
    gate = (gate + (1 << 15)) >> 1
    product = np.sign(linear) * (gate * abs(linear) >> 15)  # towards zero
    return fixed_point.saturated(fixed_point.divide_by_power(product, -to_output.shift, _BITS) + zero_out, 8)


def _rule(operator: Operator) -> None:
    if operator.output.type is ElementType.INT8:
        shift = _factors(operator.input, operator.output)[0].shift
        require(operator, shift <= 0, "its output is more than 128 times finer than its input")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return lookup.lower(lowering, operator, _table)


def _samples() -> Declared:
    like = Sample("image", (Flow((1, 4, 5, 3)),), exempt=(DENORMAL,))
    return (
        like,
        like.row("every input", inputs=(Flow((1, 2048), scale=0.04),)),
        like.row("coarse", inputs=(Flow((1, 40), scale=0.9),)),
        like.row("fine", inputs=(Flow((3, 40), scale=1e-3),)),
        Refused("an int8 output that is more than 128 times finer than the input", "more than 128 times finer",
                like.row("", types=(INT8,), inputs=(Flow((1, 4), scale=0.1),), outputs=(Output(scale=1e-4),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("HARD_SWISH",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    fast_in=(Kind.INT8,),
    lower=_lower,
    samples=_samples,
)
