"""REVERSE_V2: dimensions backwards, as a bidirectional layer reads its sequence."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, strided_slice
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Folded, same_shape
from renode_mnist.codegen.operators.rules import require, same_quantisation
from renode_mnist.codegen.operators.samples import INT16, LIKE_INPUT, Again, Declared, Flow, Refused, Sample, Values
from renode_mnist.codegen.program import Step


def _axes(operator: Operator) -> list[int]:
    rank = len(operator.input.shape)
    return sorted(moving.axis_of(operator, axis, rank) for axis in moving.integers(operator, 1, "dimensions"))


def _values(operator: Operator) -> Folded:
    return (np.flip(operator.constant(0), tuple(_axes(operator))),)


def _rule(operator: Operator) -> None:
    same_quantisation(operator)
    axes = _axes(operator)
    neighbours = axes == list(range(axes[0], axes[0] + len(axes))) if axes else True
    require(operator, neighbours, f"dimensions {axes}, which are no neighbours", "Reverse them one after the other")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axes, shape = _axes(operator), operator.input.shape
    of = tuple(slice(None, None, -1 if axis in axes else 1) for axis in range(len(shape)))
    return moving.taken(Call(lowering, operator), [strided_slice.part(shape, of)])


def _samples() -> Declared:
    like = Sample("a sequence", (Flow((1, 7, 3)), Values((1,))), outputs=LIKE_INPUT)
    image = Flow((2, 5, 4, 3))
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        like.row("rows", inputs=(image, Values((1,)))),
        like.row("rows and columns", inputs=(image, Values((2, 1)))),
        like.row("counted from the end", inputs=(image, Values((-1,)))),
        like.row("all", inputs=(Flow((3, 4)), Values((0, 1)))),
        Refused("dimensions that are no constant", "not constant integers",
                like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("dimensions beyond the tensor's", "axis 4 of 4", like.row("", inputs=(image, Values((4,))))),
        Refused("dimensions that are no neighbours", "which are no neighbours",
                like.row("", inputs=(image, Values((1, 3))))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "REVERSE_V2",
    shapes=same_shape,
    rule=_rule,
    lower=_lower,
    values=_values,
    samples=_samples,
)
