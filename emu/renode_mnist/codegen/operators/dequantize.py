"""DEQUANTIZE: 8 or 16 bits to float32."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, kind_of_ends, same_shape
from renode_mnist.codegen.operators.rules import activations_of_any_type, positive, quantised, require
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


def _rule(operator: Operator) -> None:
    require(
        operator,
        operator.input.type is not ElementType.FLOAT32 and operator.output.type is ElementType.FLOAT32,
        f"from {operator.input} to {operator.output}",
    )
    quantised(operator.input, operator)


def _fold(operator: Operator) -> Folded:
    """float16 weights, or 8-bit ones that stand before an operator in float32."""
    values, source = operator.constant(0), operator.input
    if operator.output.type is not ElementType.FLOAT32:
        raise ValueError("not at build time")
    if source.type is ElementType.FLOAT16:
        return (values.astype(np.float32),)
    scales = quantise.quantisation(source)
    if source.type.byte_count > 2 or not positive(scales):
        raise ValueError("not at build time")
    along = [-1 if scales.per_channel and axis == scales.axis else 1 for axis in range(values.ndim)]
    factors = np.array(scales.scales, np.float32).astype(np.float64).reshape(along)
    zeros = np.array(scales.zero_points).reshape(along)
    return ((factors * (values.astype(np.int64) - zeros)).astype(np.float32),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    return call.of("dequantize", [call.affine(operator.input), str(operator.output.element_count), call.source()])


def _samples() -> Declared:
    int8 = Flow((1, 4, 5, 3), "INT8", 0.1, -7)
    like = Sample("int8", (int8,), outputs=(Output(type="FLOAT32"),), types=(DECLARED,))
    return (
        like,
        like.row("uint8", inputs=(Flow((1, 50), "UINT8", 0.1, 7),)),
        like.row("tiny scale", inputs=(Flow((1, 50), "INT8", 1e-20, 0),)),
        like.row("int16", inputs=(Flow((1, 200), "INT16", 0.001, 0),)),
        Refused("int32", "is not float32, int8, uint8 or int16", like.row("", inputs=(Flow((1, 4), "INT32", 0.1),))),
        Refused("float32, or an output that is not float32", "from 't0' (int8 1x4x5x3) to",
                like.row("", outputs=(Output(type="INT8", scale=0.1),))),
        Refused("an input without a scale", "needs one scale", like.row("", inputs=(Flow((1, 4), "INT8", 0.0),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("DEQUANTIZE",),
    kinds=(Kind.INT8, Kind.INT16),
    inputs=activations_of_any_type,
    shapes=same_shape,
    rule=_rule,
    kind=kind_of_ends,
    lower=_lower,
    fold=_fold,
    remark="int8, uint8 and int16 to float32",
    samples=_samples,
)
