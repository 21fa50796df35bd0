"""MEAN and SUM over some dimensions."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import reduction
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    ONE_STEP,
    Declared,
    Differs,
    Flow,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step

_MOST_WIDE = 1 << 16
"""Numbers of int16 whose sum fits 32 bits."""


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    header, count = reduction.header(call)
    if operator.output.type is ElementType.FLOAT32:
        return call.of(operator.op.lower(), [header, call.source()], header="mean")
    divisor = count if operator.op == "MEAN" else 1
    if operator.input.type is ElementType.INT16:
        require(operator, count <= _MOST_WIDE, f"{count} numbers of 16 bits in one sum")
    factor = quantise.mean_multiplier(operator.input, operator.output, divisor)
    rescale = call.rescale(factor, *quantise.limits(operator.output.type))
    return call.of("mean", [header, rescale, call.source()])


def _samples() -> Declared:
    inputs = (Flow((1, 4, 5, 3)), Values((1, 2)))
    like = Sample("height and width", inputs, {"keepDims": False}, exempt=(ONE_STEP,), only=("MEAN",))
    once = Differs("*INT8/*", "LiteRT rounds a sum once, TensorFlow Lite Micro twice", 1, plain=True)
    total = like.row("height and width", exempt=(once,), only=("SUM",))
    exact = like.row("", types=(INT16,), exempt=())
    wide = (exact.row("of 16 bits"), exact.row("of 16 bits, summed", only=("SUM",)))
    return (*reduction.rows(like), like.row("scale kept", outputs=LIKE_INPUT), *wide, *reduction.rows(total))


DEFINITION = Definition(
    names=("MEAN", "SUM"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=reduction.inputs,
    shapes=reduction.shapes,
    mismatch=reduction.mismatch,
    lower=_lower,
    remark="up to five dimensions",
    options=OptionsTable("ReducerOptions", reduction.read),
    samples=_samples,
)
