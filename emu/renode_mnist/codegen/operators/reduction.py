"""What operators share that make one number of all along some dimensions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators import nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Shapes
from renode_mnist.codegen.operators.nesting import Loop
from renode_mnist.codegen.operators.rules import activations, few_dimensions, refusal, require
from renode_mnist.codegen.operators.samples import (
    Again,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.errors import ModelError

_MOST_DIMENSIONS = 5
_LOOPS = 3
"""Of five dimensions no more than three are apart from each other among the reduced ones, or among the others."""


@dataclass(frozen=True)
class ReducerOptions:
    """Of MEAN and its like."""

    keep_dims: bool


def read(table: Any) -> ReducerOptions:
    """Of ``ReducerOptions``."""
    return ReducerOptions(keep_dims=bool(table.KeepDims()))


def _axes(operator: Operator) -> set[int]:
    """As the file has them, also counted from the end."""
    return {int(axis) for axis in operator.constant(1).reshape(-1)}


def reduced(operator: Operator) -> set[int]:
    """Counted from the front."""
    return {axis % len(operator.input.shape) for axis in _axes(operator)}


def inputs(operator: Operator) -> None:
    """Activations, and axes that are known."""
    activations(operator)
    rank = len(operator.input.shape)
    few_dimensions(operator, rank, _MOST_DIMENSIONS)
    axes = operator.optional_input(1)
    require(
        operator,
        axes is not None and axes.data is not None and axes.type is ElementType.INT32,
        "its axes are not constant integers",
    )
    chosen = _axes(operator)
    require(operator, all(-rank <= axis < rank for axis in chosen), f"axes {sorted(chosen)} of {rank}")


def shapes(operator: Operator) -> Shapes:
    """The input's without the reduced dimensions."""
    shape, gone = operator.input.shape, reduced(operator)
    if operator.options_as(ReducerOptions).keep_dims:
        return (tuple(1 if i in gone else n for i, n in enumerate(shape)),)
    return (tuple(n for i, n in enumerate(shape) if i not in gone),)


def mismatch(operator: Operator, found: Shapes) -> ModelError:
    """Names the output."""
    return refusal(operator, f"output {operator.output}")


def header(call: Call) -> tuple[str, int]:
    """The parameter that says what is reduced, and how many elements each result is made of."""
    operator = call.operator
    shape, gone = operator.input.shape, reduced(operator)
    strides = nesting.strides(shape)

    def loops(axes: Iterable[int]) -> list[Loop]:
        chosen = list(axes)
        found = nesting.merged([shape[axis] for axis in chosen], [strides[axis] for axis in chosen])
        return nesting.filled(found, _LOOPS, 1)

    kept, folded = loops(axis for axis in range(len(shape)) if axis not in gone), loops(sorted(gone))
    count = prod(loop.size for loop in folded)
    name = call.struct(
        "",
        "Reduction",
        {
            "shape": tuple(loop.size for loop in kept),
            "strides": tuple(loop.steps[0] for loop in kept),
            "folded_shape": tuple(loop.size for loop in folded),
            "folded_strides": tuple(loop.steps[0] for loop in folded),
            "count": count,
        },
    )
    return name, count


def rows(like: Sample) -> tuple[Sample | Refused, ...]:
    """What every reduction is tried on; ``like`` reduces height and width."""
    image = like.inputs[0]
    return (
        like,
        like.row("dimensions kept", keepDims=True),
        like.row("channels", inputs=(image, Values((3,)))),
        like.row("negative axes", inputs=(Flow((2, 4, 5, 3)), Values((-1, 1)))),
        like.row("an axis named twice", inputs=(image, Values((1, -3, 1)))),
        like.row("rows", inputs=(Flow((3, 11)), Values((1,))), keepDims=True),
        like.row("a scalar axis", inputs=(Flow((2, 3, 7)), Values(1)), keepDims=True),
        Refused("axes that are no constant", "not constant integers", like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("axes beyond the dimensions", "axes [4] of 4", like.row("", inputs=(image, Values((4,))))),
        like.row("five dimensions", inputs=(Flow((2, 3, 4, 2, 3)), Values((1, 2)))),
        like.row("every other of five dimensions", inputs=(Flow((2, 3, 4, 2, 3)), Values((0, 2, 4)))),
        Refused("more than five dimensions", "more than 5 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2, 2)), Values((1,))))),
        Refused("an output of another shape", "output 't2'", like.row("", outputs=(Output(shape=(1, 4)),))),
    )  # fmt: skip
