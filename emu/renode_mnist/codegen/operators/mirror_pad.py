"""MIRROR_PAD: an image with its own edges mirrored around it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import tflite

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import few_dimensions, require
from renode_mnist.codegen.operators.samples import LIKE_INPUT, Again, Declared, Flow, Refused, Sample, Values
from renode_mnist.codegen.program import Step

_MOST_DIMENSIONS = 5


@dataclass(frozen=True)
class MirrorPadOptions:
    """Of MIRROR_PAD.

    Attributes:
        reflect: Whether the edge itself is left out of its picture.
    """

    reflect: bool


def _read(table: Any) -> MirrorPadOptions:
    return MirrorPadOptions(table.Mode() == tflite.MirrorPadMode.REFLECT)


def _paddings(operator: Operator) -> list[tuple[int, int]]:
    shape = operator.input.shape
    flat = moving.integers(operator, 1, "paddings")
    require(operator, len(flat) == 2 * len(shape), f"paddings {flat} of {operator.input}")
    pairs = list(zip(flat[::2], flat[1::2], strict=True))
    most = 1 if operator.options_as(MirrorPadOptions).reflect else 0
    fits = all(min(pair) >= 0 and max(pair) <= size - most for pair, size in zip(pairs, shape, strict=True))
    require(operator, fits, f"paddings {flat} of {operator.input}")
    return pairs


def _inputs(operator: Operator) -> None:
    moving.inputs(operator)
    few_dimensions(operator, len(operator.input.shape), _MOST_DIMENSIONS)


def _shapes(operator: Operator) -> Shapes:
    return (tuple(n + sum(pair) for n, pair in zip(operator.input.shape, _paddings(operator), strict=True)),)


def _places(size: int, before: int, behind: int, *, reflect: bool) -> list[int]:
    """For each index of the output along a dimension the input's."""
    edge = 1 if reflect else 0
    whole = range(size)
    return [*whole[edge : edge + before][::-1], *whole, *whole[: size - edge][::-1][:behind]]


def _lower(lowering: Lowering, operator: Operator) -> Step:
    reflect = operator.options_as(MirrorPadOptions).reflect
    missing = max(0, 3 - len(operator.input.shape))
    shape = (1,) * missing + operator.input.shape
    pairs = [(0, 0)] * missing + _paddings(operator)
    offsets = [
        [place * stride for place in _places(size, *pair, reflect=reflect)]
        for size, pair, stride in zip(shape, pairs, nesting.strides(shape), strict=True)
    ]
    run = 1
    if not any(pairs[-1]) and len(shape) > 3:
        offsets.pop()
        run = shape[-1]
    outer = [sum(indices) for indices in product(*offsets[:-2])]
    return moving.picked(Call(lowering, operator), [outer, *offsets[-2:]], run)


def _samples() -> Declared:
    image = Flow((1, 4, 5, 3))
    like = Sample("reflected", (image, Values(((0, 0), (1, 2), (3, 0), (0, 0)))), {"mode": "REFLECT"}, LIKE_INPUT)
    return (
        like,
        like.row("symmetric", mode="SYMMETRIC"),
        like.row("channels too", inputs=(Flow((2, 3, 4, 3)), Values(((0, 0), (1, 1), (0, 2), (2, 1))))),
        like.row("rows, symmetric", inputs=(Flow((3, 4)), Values(((2, 3), (4, 0)))), mode="SYMMETRIC"),
        Refused("paddings that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("paddings larger than what is mirrored", "paddings [0, 0, 4, 0, 0, 0, 0, 0] of",
                like.row("", inputs=(image, Values(((0, 0), (4, 0), (0, 0), (0, 0)))))),
        like.row("five dimensions", inputs=(Flow((1, 2, 3, 2, 2)), Values(((0, 0), (1, 1), (0, 2), (1, 0), (0, 0))))),
        Refused("more than five dimensions", "more than 5 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2, 2)), Values(((0, 0),) * 6)))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "MIRROR_PAD",
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    lower=_lower,
    options=OptionsTable("MirrorPadOptions", _read),
    samples=_samples,
)
