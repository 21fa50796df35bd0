"""STRIDED_SLICE: every n-th element of each dimension, or one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import folding
from renode_mnist.codegen.operators.definition import Folded, OptionsTable, build_time


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
    begin, end, step = (operator.constant(i).reshape(-1).tolist() for i in (1, 2, 3))
    if found.other or not len(begin) == len(end) == len(step) <= len(operator.input.shape):
        raise ValueError("a slice of another form")

    def of(i: int) -> slice | int:
        if found.shrink >> i & 1:
            return int(begin[i])
        return slice(None if found.begin >> i & 1 else begin[i], None if found.end >> i & 1 else end[i], step[i])

    return tuple(of(i) for i in range(len(begin)))


def _fold(operator: Operator) -> Folded:
    folding.unchanged(operator)
    return (operator.constant(0)[slices(operator)],)


DEFINITION = build_time("STRIDED_SLICE", fold=_fold, options=OptionsTable("StridedSliceOptions", _read))
