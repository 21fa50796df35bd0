"""MEAN over some dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import MOST_DIMENSIONS, activations, few_dimensions, refusal, require
from renode_mnist.codegen.operators.samples import (
    LIKE_INPUT,
    ONE_STEP,
    Again,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Values,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class ReducerOptions:
    """Of MEAN."""

    keep_dims: bool


def _read(table: Any) -> ReducerOptions:
    return ReducerOptions(keep_dims=bool(table.KeepDims()))


def _axes(operator: Operator) -> set[int]:
    """As the file has them, also counted from the end."""
    return {int(axis) for axis in operator.constant(1).reshape(-1)}


def _reduced(operator: Operator) -> set[int]:
    """Counted from the front."""
    return {axis % len(operator.input.shape) for axis in _axes(operator)}


def _inputs(operator: Operator) -> None:
    activations(operator)
    rank = len(operator.input.shape)
    few_dimensions(operator, rank)
    axes = operator.optional_input(1)
    require(
        operator,
        axes is not None and axes.data is not None and axes.type is ElementType.INT32,
        "its axes are not constant integers",
    )
    chosen = _axes(operator)
    require(operator, all(-rank <= axis < rank for axis in chosen), f"axes {sorted(chosen)} of {rank}")


def _shapes(operator: Operator) -> Shapes:
    shape, reduced = operator.input.shape, _reduced(operator)
    if operator.options_as(ReducerOptions).keep_dims:
        return (tuple(1 if i in reduced else n for i, n in enumerate(shape)),)
    return (tuple(n for i, n in enumerate(shape) if i not in reduced),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"output {operator.output}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    missing = MOST_DIMENSIONS - len(operator.input.shape)
    reduced = {axis + missing for axis in _reduced(operator)}
    shape = (1,) * missing + operator.input.shape
    count = int(np.prod([n for axis, n in enumerate(shape) if axis in reduced], initial=1))
    header = call.struct(
        "",
        "Mean",
        {
            "shape": shape,
            "reduced": tuple(axis in reduced for axis in range(MOST_DIMENSIONS)),
            "count": count,
        },
    )
    if operator.output.type is ElementType.FLOAT32:
        return call.of("mean", [header, call.source()])
    multiplier = quantise.mean_multiplier(operator.input, operator.output, count)
    return call.of("mean", [header, call.rescale(multiplier, -128, 127), call.source()])


def _samples() -> Declared:
    image = Flow((1, 4, 5, 3))
    like = Sample("height and width", (image, Values((1, 2))), {"keepDims": False}, exempt=(ONE_STEP,))
    return (
        like,
        like.row("dimensions kept", keepDims=True),
        like.row("channels", inputs=(image, Values((3,)))),
        like.row("negative axes", inputs=(Flow((2, 4, 5, 3)), Values((-1, 1)))),
        like.row("an axis named twice", inputs=(image, Values((1, -3, 1)))),
        like.row("rows", inputs=(Flow((3, 11)), Values((1,))), keepDims=True),
        like.row("a scalar axis", inputs=(Flow((2, 3, 7)), Values(1)), keepDims=True),
        like.row("scale kept", outputs=LIKE_INPUT),
        Refused("axes that are no constant", "not constant integers", like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("axes beyond the dimensions", "axes [4] of 4", like.row("", inputs=(image, Values((4,))))),
        Refused("more than four dimensions", "more than 4 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2)), Values((1,))))),
        Refused("an output of another shape", "output 't2'", like.row("", outputs=(Output(shape=(1, 4)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("MEAN",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    lower=_lower,
    remark="up to four dimensions",
    options=OptionsTable("ReducerOptions", _read),
    samples=_samples,
)
