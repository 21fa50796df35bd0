"""REDUCE_MAX and REDUCE_MIN over some dimensions."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import reduction
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.rules import same_quantisation
from renode_mnist.codegen.operators.samples import (
    INT8,
    LIKE_INPUT,
    Declared,
    Differs,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    header, _ = reduction.header(call)
    return call.of(operator.op.lower(), [header, call.source()], header="reduce_max")


def _samples() -> Declared:
    kept = Differs("FLOAT32/*/not a number", "LiteRT's optimised kernels keep what is no number", None)
    like = Sample(
        "height and width", (Flow((1, 4, 5, 3)), Values((1, 2))), {"keepDims": False}, LIKE_INPUT, exempt=(kept,)
    )
    return (
        *reduction.rows(like),
        Refused("another quantisation behind than before it", "quantised differently",
                like.row("", types=(INT8,), outputs=(Output(shape=(1, 3), scale=0.5),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("REDUCE_MAX", "REDUCE_MIN"),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=reduction.inputs,
    shapes=reduction.shapes,
    mismatch=reduction.mismatch,
    rule=same_quantisation,
    lower=_lower,
    remark="up to five dimensions",
    options=OptionsTable("ReducerOptions", reduction.read),
    samples=_samples,
)
