"""EQUAL, GREATER and the like, LOGICAL_AND and LOGICAL_OR: two inputs, and a truth value for each element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind
from renode_mnist.codegen.operators.rules import few_dimensions, present, quantised, require
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    FLOAT32,
    INT8,
    Again,
    Branch,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
    Undefined,
    Values,
)
from renode_mnist.codegen.program import Step

_ORDER = (ElementType.FLOAT32, ElementType.INT8, ElementType.INT32, ElementType.INT64)
_SAME = (*_ORDER, ElementType.BOOL)
_TRUTH = (ElementType.BOOL,)
_TYPES = {
    "EQUAL": _SAME,
    "NOT_EQUAL": _SAME,
    "GREATER": _ORDER,
    "GREATER_EQUAL": _ORDER,
    "LESS": _ORDER,
    "LESS_EQUAL": _ORDER,
    "LOGICAL_AND": _TRUTH,
    "LOGICAL_OR": _TRUTH,
}
"""What TensorFlow Lite Micro compares, by operator."""


def _inputs(operator: Operator) -> None:
    first, second = present(operator, 0), present(operator, 1)
    for tensor in (first, second):
        known = tensor.type in _TYPES[operator.op] and tensor.type is first.type
        names = ", ".join(entry.value.lower() for entry in _TYPES[operator.op])
        require(operator, known, f"{first} and {second} are not both of one of {names}")
        if tensor.type is ElementType.INT8:
            quantised(tensor, operator)
            scale = quantise.quantisation(tensor).scale
            require(operator, scale < 1, f"{tensor} has scale {scale:g}, and is compared only with one below 1")
    require(operator, operator.output.type is ElementType.BOOL, f"{operator.output} is not bool")
    few_dimensions(operator, len(operator.output.shape), broadcast.MOST_DIMENSIONS)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    if operator.input.type is not ElementType.INT8:
        return broadcast.lower(call, "", header="comparison")
    first, second = map(quantise.quantisation, broadcast.terms(operator))
    how = call.struct(
        "Scaling",
        "ComparisonScaling",
        {
            "first_zero_point": first.zero_point,
            "second_zero_point": second.zero_point,
            "first": factor(quantise.multiplier(first.scale)),
            "second": factor(quantise.multiplier(second.scale)),
        },
    )
    return broadcast.lower(call, how, header="comparison")


def _fold(operator: Operator) -> Folded:
    if operator.input.type is ElementType.INT8:
        raise ValueError("not at build time")
    function: Callable[..., npt.NDArray[Any]] = getattr(np, operator.op.lower())
    return (function(operator.constant(0), operator.constant(1)),)


def _samples() -> Declared:
    rows: list[Sample | Refused] = []
    truth = (Output(type="BOOL"),)
    infinite = Undefined(
        "FLOAT32/*/*infinite", "TensorFlow Lite Micro makes the branch's infinity the largest float32 first"
    )
    for op, types in _TYPES.items():
        name = op.lower()
        some = Flow((2, 3, 4), "BOOL")
        both = Sample(f"truth values, {name}", (some, Flow((3, 1), "BOOL")), outputs=truth, types=(DECLARED,),
                      only=(op,))  # fmt: skip
        if ElementType.BOOL in types:
            rows += [both, both.row(f"two of a shape, {name}", inputs=(some, Flow((2, 3, 4), "BOOL")))]
        if types == _TRUTH:
            continue
        few = Flow((1, 5, 4, 3), scale=0.02, zero_point=3)
        like = Sample(f"a constant a channel, {name}", (few, Numbers((3,), 0.03, -20)), outputs=truth, only=(op,))
        integers = like.row(
            f"integers, {name}", types=(DECLARED,), inputs=(Flow((2, 9), "INT32"), Values((0, 1) * 4 + (2,)))
        )
        rows += [
            like,
            like.row(f"of itself, {name}", inputs=(few, Again())),
            integers,
            integers.row(f"64-bit integers, {name}", inputs=(Flow((2, 3), "INT64"), Values((0, 1, 2), "INT64"))),
        ]
        if op == "LESS":  # the others differ in one character of the kernel
            rows += [
                like.row("of a branch", inputs=(few, Branch()), exempt=(infinite,)),
                like.row("constant first", inputs=(Numbers((1,), 0.5, 0), few)),
                like.row("five dimensions",
                         inputs=(few._replace(shape=(2, 3, 2, 4, 3)), Numbers((2, 1, 2, 1, 3), 0.02, 0))),
                Refused("int8 of a scale of 1 or more", "has scale 1.5",
                        like.row("", types=(INT8,), inputs=(few._replace(scale=1.5), Numbers((3,), 0.1, 0)))),
                Refused("terms of two types", "are not both of one of float32, int8, int32, int64",
                        like.row("", types=(INT8,), inputs=(few, Numbers((3,), type="FLOAT32")))),
                Refused("terms that can't be broadcast", "cannot be broadcast",
                        like.row("", types=(FLOAT32,), inputs=(few, Numbers((4,))))),
                Refused("an output that is not bool", "is not bool", like.row("", outputs=(Output(type="FLOAT32"),))),
            ]  # fmt: skip
    return tuple(rows)


DEFINITION = Definition(
    names=tuple(_TYPES),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=broadcast.rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=_fold,
    samples=_samples,
)
