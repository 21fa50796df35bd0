"""READ_VARIABLE: what a variable holds at this point of the inference."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.variables import no_arithmetic, not_known
from renode_mnist.codegen.program import Step


def _inputs(operator: Operator) -> None:
    if not operator.input.is_variable:
        raise not_known(operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    """A copy: what was read does not change when the variable is assigned."""
    parts = Parts(lowering, operator)
    source, result = parts.state(0), lowering.result(operator)
    copy = f"std::copy_n({source}, {operator.output.element_count}, {result.name});"
    return replace(parts.step("", (), ""), call=copy, headers=())


DEFINITION = Definition(
    names=("READ_VARIABLE",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=same_shape,
    by_count=True,
    lower=_lower,
    kind=no_arithmetic,
    remark="a variable that lives between inferences, of any type that a model's input may have; one that is never "
    "assigned is a constant",
)
