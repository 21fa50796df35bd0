"""SLICE: a box of a tensor."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    INT16,
    Again,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.operators.strided_slice import part
from renode_mnist.codegen.program import Step


def _slices(operator: Operator) -> tuple[slice, ...]:
    shape = operator.input.shape
    begin, size = (moving.integers(operator, i, "bounds") for i in (1, 2))
    require(operator, len(begin) == len(size) == len(shape), f"bounds {begin}, {size} of {operator.input}")
    # A size of -1 goes to the end.
    sizes = [n - first if length == -1 else length for n, first, length in zip(shape, begin, size, strict=True)]
    inside = all(a >= 0 and n > 0 and a + n <= most for a, n, most in zip(begin, sizes, shape, strict=True))
    require(operator, inside, f"bounds {begin}, {size} of {operator.input}")
    return tuple(slice(first, first + length) for first, length in zip(begin, sizes, strict=True))


def _shapes(operator: Operator) -> Shapes:
    return (tuple(entry.stop - entry.start for entry in _slices(operator)),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    return moving.taken(Call(lowering, operator), [part(operator.input.shape, _slices(operator))])


def _values(operator: Operator) -> Folded:
    return (operator.constant(0)[_slices(operator)],)


def _samples() -> Declared:
    image = Flow((2, 5, 6, 3))

    def to(*shape: int) -> tuple[Output]:
        return (Output(like_input=True, shape=shape),)

    like = Sample("a box", (image, Values((0, 1, 2, 1)), Values((2, 3, 2, 2))), outputs=to(2, 3, 2, 2))
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("to the ends", inputs=(image, Values((1, 1, 2, 1)), Values((-1, 3, -1, -1))),
                 outputs=to(1, 3, 4, 2)),
        like.row("all of it", inputs=(Flow((3, 4)), Values((0, 0)), Values((3, 4))), outputs=to(3, 4)),
        like.row("64-bit bounds", inputs=(Flow((3, 4)), Values((0, 1), "INT64"), Values((3, 2), "INT64")),
                 outputs=to(3, 2)),
        Refused("bounds that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again(), Again()))),
        Refused("bounds outside of the input", "bounds [0, 3, 0, 0], [2, 3, 1, 1] of",
                like.row("", inputs=(image, Values((0, 3, 0, 0)), Values((2, 3, 1, 1))))),
        Refused("an output of another shape", "does not fit", like.row("", outputs=(Output(shape=(1, 3, 2, 2)),))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "SLICE",
    shapes=_shapes,
    lower=_lower,
    values=_values,
    samples=_samples,
)
