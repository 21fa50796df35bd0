"""PACK: tensors of one shape along a new dimension."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Numbers,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class PackOptions:
    """Of PACK; the axis is one of the output's, also counted from the end."""

    axis: int


def _read(table: Any) -> PackOptions:
    return PackOptions(axis=table.Axis())


def _axis(operator: Operator) -> int:
    return moving.axis_of(operator, operator.options_as(PackOptions).axis, len(operator.tensor(0).shape) + 1)


def _inputs(operator: Operator) -> None:
    moving.inputs(operator, range(len(operator.inputs)))


def _shapes(operator: Operator) -> Shapes:
    axis, shape = _axis(operator), operator.tensor(0).shape
    for position in range(len(operator.inputs)):
        tensor = operator.tensor(position)
        require(operator, tensor.shape == shape, f"{tensor} is not of the shape of {operator.tensor(0)}")
    return ((*shape[:axis], len(operator.inputs), *shape[axis:]),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axis, shape = _axis(operator), operator.tensor(0).shape
    return moving.joined(Call(lowering, operator), prod(shape[:axis]), [prod(shape[axis:])] * len(operator.inputs))


def _values(operator: Operator) -> Folded:
    values = [operator.constant(i) for i in range(len(operator.inputs))]
    return (np.stack(values, operator.options_as(PackOptions).axis),)


def _samples() -> Declared:
    rows = Flow((2, 3), scale=0.1, zero_point=3)
    like = Sample("columns", (rows, Numbers((2, 3), 0.1, 3)), {"axis": 1, "valuesCount": 2}, LIKE_INPUT)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("in front", axis=0),
        like.row("behind, three of them", inputs=(rows, Again(), Again()), axis=-1, valuesCount=3),
        like.row("images", inputs=(Flow((2, 4, 3), scale=0.1, zero_point=3), Again()), axis=2),
        Refused("inputs of other shapes", "is not of the shape of",
                like.row("", inputs=(rows, Numbers((3, 2), 0.1, 3)))),
        Refused("an axis beyond the dimensions", "axis 3 of 3", like.row("", axis=3)),
    )  # fmt: skip


DEFINITION = moving.definition(
    "PACK",
    inputs=_inputs,
    shapes=_shapes,
    lower=_lower,
    values=_values,
    options=OptionsTable("PackOptions", _read),
    samples=_samples,
)
