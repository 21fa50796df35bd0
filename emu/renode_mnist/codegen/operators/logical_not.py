"""LOGICAL_NOT."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import DECLARED, INT8, Declared, Flow, Output, Refused, Sample
from renode_mnist.codegen.program import Step


def _inputs(operator: Operator) -> None:
    for tensor in (operator.input, operator.output):
        require(operator, tensor.type is ElementType.BOOL, f"{tensor} is not bool")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    return call.of("logical_not", [str(operator.output.element_count), call.source()], in_place=True)


def _samples() -> Declared:
    like = Sample("truth values", (Flow((2, 3, 4), "BOOL"),), outputs=(Output(type="BOOL"),), types=(DECLARED,))
    return (
        like,
        Refused("another type than bool", "is not bool", like.row("", types=(INT8,), inputs=(Flow((2, 3)),))),
    )


DEFINITION = Definition(
    names=("LOGICAL_NOT",),
    kinds=(Kind.INT8,),
    inputs=_inputs,
    shapes=same_shape,
    lower=_lower,
    fold=lambda operator: (np.logical_not(operator.constant(0)),),
    samples=_samples,
)
