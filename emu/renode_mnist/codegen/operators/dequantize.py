"""DEQUANTIZE: 8 bits to float32."""

from __future__ import annotations

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations_of_any_type, quantised, require
from renode_mnist.codegen.program import Step


def _rule(operator: Operator) -> None:
    require(
        operator,
        operator.input.type is not ElementType.FLOAT32 and operator.output.type is ElementType.FLOAT32,
        f"from {operator.input} to {operator.output}",
    )
    quantised(operator.input, operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    return call.of("dequantize", [call.affine(operator.input), str(operator.output.element_count), call.source()])


DEFINITION = Definition(
    names=("DEQUANTIZE",),
    kinds=(Kind.INT8,),
    inputs=activations_of_any_type,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    remark="between float32, int8 and uint8",
)
