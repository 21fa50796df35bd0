"""Nested loops over the elements of tensors: as few as there can be, filled up to as many as a kernel counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Loop(NamedTuple):
    """One of several nested loops.

    Attributes:
        size: How often it runs.
        steps: Elements that each of the tensors advances.
    """

    size: int
    steps: tuple[int, ...]


def strides(shape: Sequence[int]) -> list[int]:
    """Elements to advance a dimension."""
    found, stride = [], 1
    for size in reversed(shape):
        found.append(stride)
        stride *= size
    return found[::-1]


def merged(shape: Sequence[int], *advances: Sequence[int]) -> list[Loop]:
    """Loops over a shape, outermost first: without dimensions of one element, neighbours that lie together as one.

    Args:
        shape: Whose elements are visited.
        advances: Of each tensor that is read: elements to advance a dimension; 0 where it is repeated.
    """
    found: list[Loop] = []
    for size, *steps in zip(shape, *advances, strict=True):
        if size == 1:
            continue
        if found and all(outer == inner * size for outer, inner in zip(found[-1].steps, steps, strict=True)):
            size *= found.pop().size
        found.append(Loop(size, tuple(steps)))
    return found


def filled(loops: Sequence[Loop], count: int, tensors: int) -> list[Loop]:
    """The same with loops that run once in front, as many in all as a kernel counts."""
    return [Loop(1, (0,) * tensors)] * (count - len(loops)) + list(loops)
