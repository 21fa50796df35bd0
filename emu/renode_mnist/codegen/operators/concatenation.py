"""CONCATENATION: tensors one behind the other along a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, options
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import refusal, require
from renode_mnist.codegen.operators.samples import (
    INT8,
    INT16,
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
    reshaped,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class ConcatenationOptions:
    """Of CONCATENATION; the axis may be counted from the end."""

    axis: int
    activation: Activation


def _read(table: Any) -> ConcatenationOptions:
    return ConcatenationOptions(axis=table.Axis(), activation=options.activation(table))


def _axis(operator: Operator) -> int:
    return operator.options_as(ConcatenationOptions).axis % len(operator.output.shape)


def _inputs(operator: Operator) -> None:
    moving.inputs(operator, range(len(operator.inputs)))
    found, rank = operator.options_as(ConcatenationOptions), len(operator.output.shape)
    require(operator, found.activation is Activation.NONE, f"the fused activation {found.activation.value}")
    require(operator, -rank <= found.axis < rank, f"axis {found.axis} of {rank}")


def _shapes(operator: Operator) -> Shapes:
    axis = _axis(operator)
    shapes = [operator.tensor(i).shape for i in range(len(operator.inputs))]
    if any(len(shape) <= axis or (*shape[:axis], *shape[axis + 1 :]) != (*shapes[0][:axis], *shapes[0][axis + 1 :])
           for shape in shapes):  # fmt: skip
        raise _mismatch(operator, ())
    return ((*shapes[0][:axis], sum(shape[axis] for shape in shapes), *shapes[0][axis + 1 :]),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    terms = ", ".join(str(tensor) for tensor in operator.inputs)
    return refusal(operator, f"{terms} do not make {operator.output}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axis, shape = _axis(operator), operator.output.shape
    inner = prod(shape[axis + 1 :])
    runs = [operator.tensor(i).shape[axis] * inner for i in range(len(operator.inputs))]
    return moving.joined(Call(lowering, operator), prod(shape[:axis]), runs)


def _values(operator: Operator) -> Folded:
    values = [operator.constant(i) for i in range(len(operator.inputs))]
    return (np.concatenate(values, operator.options_as(ConcatenationOptions).axis),)


def _samples() -> Declared:
    image = Flow((1, 4, 3, 5), scale=0.1, zero_point=3)

    def behind(*shape: int) -> Numbers:
        return Numbers(shape, 0.1, 3)

    like = Sample("channels", (image, behind(1, 4, 3, 2)), {"axis": 3}, LIKE_INPUT)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("of itself", inputs=(image, Again())),
        like.row("rows, three of them", inputs=(image, behind(1, 2, 3, 5), Again()), axis=1),
        like.row("axis from the end", inputs=(behind(1, 4, 1, 5), image), axis=-2),
        like.row("one dimension", inputs=(Flow((7,), scale=0.1, zero_point=3), behind(4)), axis=0),
        like.row("a single input", inputs=(image,), axis=2),
        like.row("five dimensions", inputs=(Flow((6, 4), scale=0.1, zero_point=3), Again()), axis=2,
                 before=(reshaped(1, 2, 3, 2, 2),), behind=(reshaped(12, 4),)),
        Refused("inputs that are quantised differently", "are quantised differently",
                like.row("", types=(INT8,), inputs=(image, Numbers((1, 4, 3, 2), 0.2, 3)),
                         outputs=(Output(like_input=True, shape=(1, 4, 3, 7)),))),
        Refused("inputs of other shapes", "do not make", like.row("", inputs=(image, behind(1, 4, 2, 2)))),
        Refused("a fused activation", "the fused activation RELU", like.row("", fusedActivationFunction="RELU")),
        Refused("an axis beyond the dimensions", "axis 4 of 4", like.row("", axis=4)),
    )  # fmt: skip


DEFINITION = moving.definition(
    "CONCATENATION",
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    lower=_lower,
    values=_values,
    options=OptionsTable("ConcatenationOptions", _read),
    samples=_samples,
)
