"""SUB of two activations, or of one and a constant."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import add, broadcast, folding
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.samples import Branch, Declared, Sample, Undefined
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    if broadcast.is_float(operator):
        return add.lower(lowering, operator, None)
    return add.lower(lowering, operator, quantise.sub_scaling(*broadcast.terms(operator), operator.output))


_INFINITE = Undefined(
    "FLOAT32/*/*infinite", "TensorFlow Lite Micro makes the branch's infinity the largest float32 before it subtracts"
)


def _samples() -> Declared:
    return tuple(
        entry._replace(exempt=(_INFINITE,)) if isinstance(entry, Sample) and Branch() in entry.inputs else entry
        for entry in add.samples()
    )


DEFINITION = Definition(
    names=("SUB",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=add.rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=folding.elementwise(np.subtract),
    options=OptionsTable("SubOptions", broadcast.read),
    samples=_samples,
)
