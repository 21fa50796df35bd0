"""Element-wise operators of one input that are a function of the C library, or a step away from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from renode_mnist.codegen import fixed_point, quantise
from renode_mnist.codegen.fixed_point import Integers
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import folding, lookup
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, same_shape
from renode_mnist.codegen.operators.lookup import Real
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    LIKE_INPUT,
    Declared,
    Flow,
    Neighbour,
    Output,
    Refused,
    Sample,
    Silent,
)
from renode_mnist.codegen.program import Step


def _abs(source: Tensor, result: Tensor) -> Integers:
    """As ``AbsEvalQuantized`` of lite/micro/kernels/elementwise.cc."""
    before, after = quantise.quantisation(source), quantise.quantisation(result)
    with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
        factor = quantise.multiplier(float(np.float32(before.scale) / np.float32(after.scale)))

    sizes = abs(lookup.STORED - before.zero_point)
    if before.scale != after.scale:
        sizes = fixed_point.multiply(sizes, factor.value, factor.shift)
    return fixed_point.saturated(fixed_point.wrapped(sizes + after.zero_point), 8)


_MORE_BITS = 20


def _rsqrt(source: Tensor, result: Tensor) -> Sequence[int]:
    """As ``RsqrtEvalQuantized``; of negative numbers, where that fails, the greatest, as of 0."""
    before, after = quantise.quantisation(source), quantise.quantisation(result)
    root = np.sqrt(np.float32(before.scale)) * np.float32(after.scale)
    factor = quantise.multiplier(1 / float(root) if root else math.inf)

    def of(stored: int) -> int:
        value = stored - before.zero_point
        if value <= 0:
            return 127
        inverse, shift = fixed_point.inverse_square_root(value)
        data = fixed_point.multiply(1, inverse, shift + _MORE_BITS)
        scaled = fixed_point.multiply(data, factor.value, factor.shift - _MORE_BITS)
        return fixed_point.saturated(fixed_point.wrapped(scaled + after.zero_point), 8)

    return [of(stored) for stored in lookup.STORED.tolist()]


_INT8: dict[str, lookup.Table] = {
    "ABS": _abs,
    "RSQRT": _rsqrt,
    "EXP": lookup.of_real(lookup.correctly(np.exp)),
}
"""Those that there is an arithmetic for in int8."""

_EXACT: dict[str, Callable[[Real], Real]] = {
    "ABS": np.abs,
    "NEG": np.negative,
    "SQUARE": np.square,
    "SQRT": np.sqrt,
    "FLOOR": np.floor,
    "CEIL": np.ceil,
}
"""Those that NumPy computes as every C library."""

_NAMES = ("ABS", "NEG", "EXP", "LOG", "SQRT", "RSQRT", "SQUARE", "SIN", "COS", "FLOOR", "CEIL", "ROUND")


def _rule(operator: Operator) -> None:
    real = operator.input.type is ElementType.FLOAT32
    require(operator, real or operator.op in _INT8, f"{operator.input} is not float32")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return lookup.lower(lowering, operator, _INT8.get(operator.op, lookup.of_real(np.negative)))


def _fold(operator: Operator) -> Folded:
    if operator.op not in _EXACT:
        raise ValueError("not at build time")
    return folding.elementwise(_EXACT[operator.op])(operator)


def _samples() -> Declared:
    rows: list[Sample | Refused] = []
    lacking = Silent("*INT8/*", "TensorFlow Lite Micro has EXP in float32 only", "tflite-micro")
    for op in _NAMES:
        name = op.lower()
        like = Sample(
            f"image, {name}", (Flow((1, 4, 5, 3)),), types=(FLOAT32, INT8) if op == "ABS" else (FLOAT32,), only=(op,)
        )
        rows.append(like)
        if op == "ABS":
            rows.append(like.row("scale kept, abs", types=(INT8,), outputs=LIKE_INPUT))
        if op == "EXP":
            inputs = (Flow((1, 300), scale=0.02, zero_point=5),)
            rows.append(like.row("every input, exp", types=(INT8,), inputs=inputs, exempt=(lacking,),
                                 refused_by={"tflm": "has EXP in float32 only"}))  # fmt: skip
        if op == "RSQRT":
            fixed = (Output(scale=0.05, zero_point=-100),)
            size = (Neighbour("ABS"),)  # of a number below zero there is no root
            rows.append(like.row("of sizes, rsqrt", types=(INT8,), before=size, outputs=fixed))
        if op not in _INT8:
            rows.append(Refused("int8", "is not float32", like.row("", types=(INT8,))))
    return tuple(rows)


DEFINITION = Definition(
    names=_NAMES,
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    fast_in=(Kind.INT8,),
    lower=_lower,
    fold=_fold,
    samples=_samples,
)
