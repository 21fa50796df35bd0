"""RESHAPE: the same elements in another shape."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.definition import Definition, Kind, Shapes, same_shape
from renode_mnist.codegen.operators.rules import activations_of_any_type, refusal
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


def _inputs(operator: Operator) -> None:
    activations_of_any_type(operator)
    if operator.input.type is not operator.output.type:
        raise _mismatch(operator, ())


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"{operator.input} does not fit {operator.output}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    """A copy: met only where the pass that makes it free is left out."""
    source, result = lowering.buffer(operator.input), lowering.result(operator)
    count = operator.output.element_count
    return Step(
        name=operator.name,
        operators=(operator,),
        reads=(source,),
        writes=(result,),
        call=f"for (std::size_t i = 0; i < {count}; ++i) {result.name}[i] = {source.name}[i];",
        in_place=True,
    )


DEFINITION = Definition(
    names=("RESHAPE",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=same_shape,
    by_count=True,
    mismatch=_mismatch,
    free=True,
    lower=_lower,
)
