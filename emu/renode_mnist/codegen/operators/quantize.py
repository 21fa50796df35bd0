"""QUANTIZE: float32 to 8 bits, or from one 8-bit scale and type to another."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, same_shape
from renode_mnist.codegen.operators.rules import activations_of_any_type, quantised, require
from renode_mnist.codegen.program import Step

_PAIRS = (
    (ElementType.FLOAT32, ElementType.INT8),
    (ElementType.FLOAT32, ElementType.UINT8),
    (ElementType.INT8, ElementType.INT8),
    (ElementType.INT8, ElementType.UINT8),
    (ElementType.UINT8, ElementType.INT8),
)


def _rule(operator: Operator) -> None:
    pair = (operator.input.type, operator.output.type)
    require(operator, pair in _PAIRS, f"from {operator.input} to {operator.output}")
    for tensor in (operator.input, operator.output):
        if tensor.type is not ElementType.FLOAT32:
            quantised(tensor, operator)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    source, count = call.source(), str(operator.output.element_count)
    if operator.input.type is ElementType.FLOAT32:
        return call.of("quantize", [call.affine(operator.output), count, source])
    before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
    multiplier = quantise.multiplier(before.scale / after.scale)
    rescale = call.rescale(multiplier, *quantise.limits(operator.output.type))
    return call.of("quantize", [rescale, count, source], in_place=True)


def _kind(operator: Operator) -> Kind:
    return Kind.INT8


DEFINITION = Definition(
    names=("QUANTIZE",),
    kinds=(Kind.INT8,),
    inputs=activations_of_any_type,
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    remark="between float32, int8 and uint8",
    kind=_kind,
)
