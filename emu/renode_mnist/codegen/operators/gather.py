"""GATHER: those elements of a dimension that constant indices name."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import require, same_quantisation
from renode_mnist.codegen.operators.samples import LIKE_INPUT, Declared, Flow, Refused, Sample, Values
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class GatherOptions:
    """Of GATHER."""

    axis: int
    batch_dims: int


def _read(table: Any) -> GatherOptions:
    return GatherOptions(axis=table.Axis(), batch_dims=table.BatchDims())


def _axis(operator: Operator) -> int:
    return moving.axis_of(operator, operator.options_as(GatherOptions).axis, len(operator.input.shape))


def _inputs(operator: Operator) -> None:
    moving.inputs(operator)
    batch_dims = operator.options_as(GatherOptions).batch_dims
    require(operator, batch_dims == 0, f"{batch_dims} dimensions of batches")
    indices, size = moving.integers(operator, 1, "indices"), operator.input.shape[_axis(operator)]
    require(operator, all(0 <= index < size for index in indices), f"indices {indices} of {size}")


def _shapes(operator: Operator) -> Shapes:
    axis, shape = _axis(operator), operator.input.shape
    return ((*shape[:axis], *operator.tensor(1).shape, *shape[axis + 1 :]),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    axis, shape = _axis(operator), operator.input.shape
    run = prod(shape[axis + 1 :])
    outer = [row * shape[axis] * run for row in range(prod(shape[:axis]))]
    places = [index * run for index in moving.integers(operator, 1, "indices")]
    return moving.picked(Call(lowering, operator), [[0], outer, places], run)


def _fold(operator: Operator) -> Folded:
    found = operator.options_as(GatherOptions)
    if found.batch_dims or operator.input.quantisation != operator.output.quantisation:
        raise ValueError("not at build time")
    return (np.take(operator.constant(0), operator.constant(1), found.axis),)


def _samples() -> Declared:
    like = Sample("rows", (Flow((6, 4)), Values((5, 0, 0, 3))), {"axis": 0}, LIKE_INPUT)
    return (
        like,
        like.row("channels", inputs=(Flow((1, 3, 2, 5)), Values((4, 2))), axis=-1),
        like.row("one column", inputs=(Flow((3, 5, 2)), Values(2)), axis=1),
        like.row("a table of indices", inputs=(Flow((2, 5)), Values(((0, 4, 1), (2, 2, 3)))), axis=1),
        Refused("indices that are no constant", "not constant integers",
                like.row("", inputs=(Flow((6, 4)), Flow((2,), "INT32")))),
        Refused("indices beyond the dimension", "indices [0, 6] of 6",
                like.row("", inputs=(Flow((6, 4)), Values((0, 6))))),
        Refused("dimensions of batches", "1 dimensions of batches", like.row("", batchDims=1)),
    )  # fmt: skip


DEFINITION = Definition(
    names=("GATHER",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    rule=same_quantisation,
    lower=_lower,
    fold=_fold,
    remark="constant indices",
    options=OptionsTable("GatherOptions", _read),
    samples=_samples,
)
