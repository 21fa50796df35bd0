"""STRIDED_SLICE: every n-th element of each dimension, or one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import require, same_quantisation
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class StridedSliceOptions:
    """Of STRIDED_SLICE; bit i of a mask is about dimension i.

    Attributes:
        begin: Where the slice begins at the dimension's own beginning.
        end: Where it ends at the dimension's own end.
        shrink: Where one element is taken and the dimension vanishes.
        other: Of new dimensions, and of those that an ellipsis stands for.
    """

    begin: int
    end: int
    shrink: int
    other: int


def _read(table: Any) -> StridedSliceOptions:
    return StridedSliceOptions(
        begin=table.BeginMask(),
        end=table.EndMask(),
        shrink=table.ShrinkAxisMask(),
        other=table.NewAxisMask() | table.EllipsisMask(),
    )


def slices(operator: Operator) -> tuple[slice | int, ...]:
    """What is taken of each dimension, as Python counts."""
    found = operator.options_as(StridedSliceOptions)
    begin, end, step = (moving.integers(operator, i, "bounds") for i in (1, 2, 3))
    require(operator, not found.other, "new dimensions, or an ellipsis")
    fits = len(begin) == len(end) == len(step) <= len(operator.input.shape) and all(step)
    require(operator, fits, f"bounds {begin} to {end} by {step} of {operator.input}")

    def of(i: int) -> slice | int:
        if found.shrink >> i & 1:
            return int(begin[i])
        return slice(None if found.begin >> i & 1 else begin[i], None if found.end >> i & 1 else end[i], step[i])

    return tuple(of(i) for i in range(len(begin)))


def _values(operator: Operator) -> Folded:
    return (operator.constant(0)[slices(operator)],)


def _shapes(operator: Operator) -> Shapes:
    return (tuple(shape_of(operator.input.shape, slices(operator))),)


def shape_of(shape: tuple[int, ...], of: tuple[slice | int, ...]) -> list[int]:
    """Of what slices take of a shape; 0 where it is nothing."""
    sizes = [
        len(range(*entry.indices(size))) if isinstance(entry, slice) else 0
        for size, entry in zip(shape, of, strict=False)
    ]
    kept = [size for size, entry in zip(sizes, of, strict=True) if isinstance(entry, slice)]
    return [*kept, *shape[len(of) :]]


def part(shape: tuple[int, ...], of: tuple[slice | int, ...]) -> tuple[int, list[int], list[int]]:
    """What ``moving.taken`` needs to know of slices of a shape."""
    advances = nesting.strides(shape)
    start, steps = 0, []
    for size, advance, entry in zip(shape, advances, of, strict=False):
        if isinstance(entry, slice):
            first, _, step = entry.indices(size)
            start += first * advance
            steps.append(step * advance)
        else:
            start += entry % size * advance
    return start, shape_of(shape, of), [*steps, *advances[len(of) :]]


def _rule(operator: Operator) -> None:
    same_quantisation(operator)
    shape, of = operator.input.shape, slices(operator)
    inside = all(-size <= entry < size for size, entry in zip(shape, of, strict=False) if isinstance(entry, int))
    require(operator, inside, f"an element outside of {operator.input}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return moving.taken(Call(lowering, operator), [part(operator.input.shape, slices(operator))])


def _samples() -> Declared:
    image = Flow((2, 5, 6, 3))

    def of(
        begin: tuple[int, ...], end: tuple[int, ...], step: tuple[int, ...]
    ) -> tuple[Flow, Values, Values, Values]:
        return image, Values(begin), Values(end), Values(step)

    all_of = {"beginMask": 0, "endMask": 0, "ellipsisMask": 0, "newAxisMask": 0, "shrinkAxisMask": 0}
    like = Sample("a corner", of((0, 1, 2, 0), (2, 4, 5, 2), (1, 1, 1, 1)), all_of, LIKE_INPUT)
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("every second", inputs=of((0, 1, 0, 0), (2, 5, 6, 3), (1, 2, 3, 1))),
        like.row("to the ends", inputs=of((1, 1, 1, 1), (0, 0, 0, 0), (1, 1, 2, 1)), beginMask=5, endMask=15),
        like.row("one row", inputs=of((0, 3, 0, 0), (2, 4, 6, 3), (1, 1, 1, 1)), shrinkAxisMask=2),
        like.row("the last column", inputs=of((0, 0, -1, 0), (2, 5, 0, 3), (1, 1, 1, 1)), shrinkAxisMask=4),
        like.row("backwards", inputs=of((0, 4, 5, 0), (2, 0, -7, 3), (1, -1, -2, 1))),
        like.row("counted from the end", inputs=of((0, -4, -3, 0), (2, -1, -1, 3), (1, 1, 1, 1))),
        like.row("rows", inputs=(Flow((3, 11)), Values((0, 2)), Values((3, 9)), Values((1, 2)))),
        Refused("bounds that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again(), Again(), Again()))),
        Refused("new dimensions, or an ellipsis", "new dimensions, or an ellipsis", like.row("", newAxisMask=1)),
        Refused("steps of 0", "bounds [0] to [1] by [0]",
                like.row("", inputs=(image, Values((0,)), Values((1,)), Values((0,))))),
        Refused("an element outside", "an element outside of",
                like.row("", inputs=of((0, 9, 0, 0), (2, 10, 6, 3), (1, 1, 1, 1)), shrinkAxisMask=2,
                         outputs=(Output(like_input=True, shape=(2, 6, 3)),))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "STRIDED_SLICE",
    shapes=_shapes,
    rule=_rule,
    lower=_lower,
    values=_values,
    options=OptionsTable("StridedSliceOptions", _read),
    samples=_samples,
)
