"""CAST: the same numbers in another type."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, same_shape
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import DECLARED, Declared, Flow, Output, Refused, Sample, Undefined
from renode_mnist.codegen.program import Step

_TO = (ElementType.FLOAT32, ElementType.INT8, ElementType.INT16, ElementType.INT32)
_FROM = (*_TO, ElementType.BOOL)
"""What TensorFlow Lite Micro has, but for uint32, which nothing else makes."""


def _inputs(operator: Operator) -> None:
    for tensor, types in ((operator.input, _FROM), (operator.output, _TO)):
        names = ", ".join(entry.value.lower() for entry in types)
        require(operator, tensor.type in types, f"{tensor} is not of {names}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    return call.of("cast", [str(operator.output.element_count), call.source()])


def _fold(operator: Operator) -> Folded:
    values = operator.constant(0)
    if operator.output.type.dtype is None or not np.isfinite(values).all():
        raise ValueError("not at build time")
    return (values.astype(operator.output.type.dtype),)


def _kind(operator: Operator) -> Kind:
    real = operator.input.type is operator.output.type is ElementType.FLOAT32
    return Kind.FLOAT32 if real else Kind.INT8


def _samples() -> Declared:
    rows: list[Sample | Refused] = []
    why = (
        "of a number that an integer type does not hold what they make is undefined; here it is the nearest that it "
        "holds, and 0 of what is no number"
    )
    beyond = tuple(Undefined(f"*/{inputs}", why) for inputs in ("huge", "*infinite", "not a number"))
    for source in _FROM:
        for result in _TO:
            name = f"{source.value.lower()} to {result.value.lower()}"
            output = Output(type=result.value)
            if result is ElementType.INT8:
                output = Output(type=result.value, scale=0.5, zero_point=3)
            like = Sample(name, (Flow((2, 3, 4), source.value, below=100),), {}, (output,), (DECLARED,))
            if source is result is ElementType.FLOAT32:
                like = like.row(name, refused_by={"cmsis-nn": "no float kernels"})
            elif source is ElementType.FLOAT32:
                like = like.row(name, exempt=beyond)
            rows.append(like)
    unsigned = Sample("", (Flow((1, 4), "UINT8"),), {}, (Output(type="FLOAT32"),), (DECLARED,))
    return (*rows, Refused("uint8", "is not of float32", unsigned))


DEFINITION = Definition(
    names=("CAST",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=same_shape,
    kind=_kind,
    lower=_lower,
    fold=_fold,
    remark="towards zero",
    samples=_samples,
)
