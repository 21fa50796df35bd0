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


DEFINITION = Definition(
    names=("MEAN",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    lower=_lower,
    remark="up to four dimensions",
    options=OptionsTable("ReducerOptions", _read),
)
