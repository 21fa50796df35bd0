"""SQUARED_DIFFERENCE of two activations, or of one and a constant."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind
from renode_mnist.codegen.operators.samples import Branch, Declared, Flow, Sample, Undefined
from renode_mnist.codegen.program import Step

_BITS = 7
"""More, of each term: a square of 15 bits and a sign fits in 32."""


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    if broadcast.is_float(operator):
        return broadcast.lower(call, "")
    first, second, result = map(quantise.quantisation, (*broadcast.terms(operator), operator.output))
    twice = 2 * max(first.scale, second.scale)
    how = call.struct(
        "Scaling",
        "AddScaling",
        {
            "first_zero_point": first.zero_point,
            "second_zero_point": second.zero_point,
            "output_zero_point": result.zero_point,
            "first": factor(quantise.multiplier(first.scale / twice)),
            "second": factor(quantise.multiplier(second.scale / twice)),
            "output": factor(quantise.multiplier(twice * twice / ((1 << 2 * _BITS) * result.scale))),
            "min": -128,
            "max": 127,
        },
    )
    return broadcast.lower(call, how)


def _samples() -> Declared:
    infinite = Undefined(
        "FLOAT32/*/*infinite", "TensorFlow Lite Micro makes the branch's infinity the largest float32 first"
    )
    like = Sample("of a branch", (Flow((1, 5, 4, 3)), Branch()))
    # A constant first: of a branch the twin in float32, which scales come from, makes zeros.
    rows = (*broadcast.rows(like), like)
    return tuple(
        entry._replace(exempt=(infinite,)) if isinstance(entry, Sample) and Branch() in entry.inputs else entry
        for entry in rows
    )


DEFINITION = Definition(
    names=("SQUARED_DIFFERENCE",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=broadcast.rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    samples=_samples,
)
