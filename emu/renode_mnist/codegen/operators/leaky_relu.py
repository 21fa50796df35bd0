"""LEAKY_RELU: x, or alpha * x below zero."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen import fixed_point, quantise
from renode_mnist.codegen.fixed_point import Integers
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import lookup
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import INT16, Declared, Flow, Refused, Sample
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class LeakyReluOptions:
    """Of LEAKY_RELU."""

    alpha: float


def _read(table: Any) -> LeakyReluOptions:
    return LeakyReluOptions(alpha=float(table.Alpha()))


def _rule(operator: Operator) -> None:
    alpha = operator.options_as(LeakyReluOptions).alpha
    require(operator, math.isfinite(alpha), f"alpha {alpha}")


def _factors(source: Tensor, result: Tensor, alpha: float) -> tuple[quantise.Multiplier, quantise.Multiplier, float]:
    """From 0 on and below, and the slope there; in float32, as ``CalculateOpDataLeakyRelu`` has them."""
    before, after = quantise.quantisation(source), quantise.quantisation(result)
    with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
        identity = quantise.multiplier(float(np.float32(before.scale) / np.float32(after.scale)))
        slope = float(np.float32(before.scale) * np.float32(alpha) / np.float32(after.scale))
    return identity, quantise.multiplier(abs(slope)), slope


def _table(alpha: float) -> lookup.Table:
    """As ``QuantizeLeakyRelu``; factors in float32."""

    def table(source: Tensor, result: Tensor) -> Integers:
        before, after = quantise.quantisation(source), quantise.quantisation(result)
        identity, below, slope = _factors(source, result, alpha)

        values = lookup.STORED - before.zero_point
        above = fixed_point.multiply(values, identity.value, identity.shift)
        scaled = fixed_point.multiply(values, below.value, below.shift) * (-1 if slope < 0 else 1)
        results = np.where(values >= 0, above, scaled) + after.zero_point
        return fixed_point.saturated(fixed_point.wrapped(results), 8)

    return table


def _lower(lowering: Lowering, operator: Operator) -> Step:
    alpha = operator.options_as(LeakyReluOptions).alpha
    if operator.input.type is ElementType.INT16:
        above, below, slope = _factors(operator.input, operator.output, alpha)
        call = Call(lowering, operator)
        how = call.struct("", "LeakyScaling", {"above": factor(above), "below": factor(below), "rises": slope < 0})
        count = str(operator.output.element_count)
        return call.of("leaky_relu", [how, count, call.source()], in_place=True)
    return lookup.lower(lowering, operator, _table(alpha), {"alpha": alpha})


def _samples() -> Declared:
    like = Sample("image", (Flow((1, 4, 5, 3)),), {"alpha": 0.1})
    return (
        like,
        like.row("every input", inputs=(Flow((1, 2048)),), alpha=0.3),
        like.row("of 16 bits", types=(INT16,)),
        like.row("of 16 bits, alpha -0.7", types=(INT16,), alpha=-0.7),
        like.row("alpha 0", alpha=0.0),
        like.row("alpha 1.5", alpha=1.5),
        like.row("batch of 3", inputs=(Flow((3, 40), scale=1e-3),), alpha=0.2),
        Refused("an alpha that is no number", "alpha inf", like.row("", alpha=math.inf)),
    )


DEFINITION = Definition(
    names=("LEAKY_RELU",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    fast_in=(Kind.INT8,),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("LeakyReluOptions", _read),
    samples=_samples,
)
