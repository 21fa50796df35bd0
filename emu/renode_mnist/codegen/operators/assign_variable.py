"""ASSIGN_VARIABLE: gives a variable what later reads find, in this inference and the next."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.variables import no_arithmetic, not_known
from renode_mnist.codegen.program import Step


def _inputs(operator: Operator) -> None:
    if not (operator.outputs and operator.output.is_variable):
        raise not_known(operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    parts = Parts(lowering, operator)
    copy = f"std::copy_n({parts.source()}, {operator.output.element_count}, {parts.state()});"
    return replace(parts.step("", (), ""), call=copy, headers=())


DEFINITION = Definition(
    names=("ASSIGN_VARIABLE",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=same_shape,
    by_count=True,
    lower=_lower,
    kind=no_arithmetic,
    has_outputs=False,
    remark="a variable that lives between inferences, of any type that a model's input may have; a reset gives it "
    "what CALL_ONCE gave it, else zero points",
)
