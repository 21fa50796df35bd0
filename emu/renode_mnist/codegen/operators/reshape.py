"""RESHAPE, SQUEEZE and EXPAND_DIMS: the same elements in another shape."""

from __future__ import annotations

import math
from dataclasses import replace

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering, Parts
from renode_mnist.codegen.operators import folding
from renode_mnist.codegen.operators.definition import Definition, Kind, Shapes, same_shape
from renode_mnist.codegen.operators.rules import activations_of_any_type, refusal
from renode_mnist.codegen.operators.samples import (
    DECLARED,
    INT16,
    LIKE_INPUT,
    ONE_STEP,
    SPREADS,
    WINDOW,
    Bias,
    Declared,
    Flow,
    Neighbour,
    Output,
    Refused,
    Sample,
    Values,
    Weights,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError

_MOVED = (ElementType.BOOL, ElementType.INT32, ElementType.INT64)
"""Types that only few operators compute with, and any may change the shape of."""


def _inputs(operator: Operator) -> None:
    if operator.input.type not in _MOVED:
        activations_of_any_type(operator)
    if operator.input.type is not operator.output.type:
        raise _mismatch(operator, ())


def _resolved(operator: Operator) -> Shapes:
    """The shape that the second input says."""
    if operator.op != "RESHAPE":
        return (operator.output.shape,)
    wanted = operator.constant(1).reshape(-1).tolist()
    if wanted.count(-1) == 1:
        wanted[wanted.index(-1)] = operator.input.element_count // -math.prod(wanted)
    return (tuple(wanted),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"{operator.input} does not fit {operator.output}")


def _lower(lowering: Lowering, operator: Operator) -> Step:
    """A copy: met only where the pass that makes it free is left out."""
    parts = Parts(lowering, operator)
    source, result = parts.source(), lowering.result(operator)
    step = parts.step("", (), "", in_place=True)
    copy = f"for (std::size_t i = 0; i < {operator.output.element_count}; ++i) {result.name}[i] = {source}[i];"
    return replace(step, call=copy, headers=())


def _samples() -> Declared:
    relu = Neighbour("RELU", output=LIKE_INPUT[0])
    like = Sample(
        "flat",
        (Flow((1, 3, 4, 2)), Values((1, 24))),
        {"newShape": [1, 24]},
        LIKE_INPUT,
        behind=(relu,),
        only=("RESHAPE",),
    )
    squeezed = like.row("", inputs=(Flow((1, 3, 1, 4)),), options={}, only=("SQUEEZE",))
    expanded = like.row("", inputs=(Flow((3, 4)), Values(1)), options={}, only=("EXPAND_DIMS",))

    def conv(channels: int, *kernel: int) -> Neighbour:
        return Neighbour("CONV_2D", (Weights((channels, *kernel, channels)), Bias()), {**WINDOW, "padding": "SAME"})

    dense = Neighbour("FULLY_CONNECTED", (Weights((5, 24), per_channel=False), Bias()))
    return (
        like,
        like.row("of 16 bits", types=(INT16,)),
        expanded.row("of 16 bits", types=(INT16,)),
        squeezed.row("of 16 bits", types=(INT16,)),
        squeezed.row("one dimension", squeezeDims=[2]),
        squeezed.row("all of length one"),
        expanded.row("in the middle"),
        expanded.row("in front", inputs=(Flow((3, 4)), Values(0))),
        expanded.row("behind", inputs=(Flow((2, 3, 2)), Values(-1))),
        like.row("one dimension left open", inputs=(Flow((1, 3, 4, 2)), Values((1, -1, 6))), newShape=[1, -1, 6]),
        like.row("between convolutions", inputs=(Flow((1, 4, 4, 4)), Values((1, 2, 8, 4))), newShape=[1, 2, 8, 4],
                 before=(conv(4, 3, 3),), behind=(conv(4, 1, 3),), exempt=(ONE_STEP, *SPREADS[1:])),
        like.row("before a dense layer", before=(conv(2, 1, 1),), behind=(dense,), exempt=(ONE_STEP, *SPREADS[1:])),
        Refused("another number of elements", "does not fit",
                like.row("", options={}, outputs=(Output(shape=(1, 23)),), behind=())),
        like.row("bool", inputs=(Flow((1, 3, 4, 2), "BOOL"), Values((1, 24))),
                 outputs=(Output(type="BOOL", shape=(1, 24)),), types=(DECLARED,),
                 behind=(Neighbour("LOGICAL_NOT", output=Output(type="BOOL")),)),
        like.row("int32", inputs=(Flow((1, 3, 4, 2), "INT32"), Values((1, 24))),
                 outputs=(Output(type="INT32", shape=(1, 24)),), types=(DECLARED,),
                 behind=(Neighbour("CAST", output=Output(type="FLOAT32")),)),
        Refused("other types", "is not float32, int8, uint8 or int16",
                like.row("", options={}, inputs=(Flow((1, 4), type="INT4"), Values((4, 1))),
                         outputs=(Output(type="INT4", shape=(4, 1)),), behind=())),
    )  # fmt: skip


DEFINITION = Definition(
    names=("RESHAPE", "SQUEEZE", "EXPAND_DIMS"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=_inputs,
    shapes=same_shape,
    by_count=True,
    mismatch=_mismatch,
    free=True,
    lower=_lower,
    resolved=_resolved,
    fold=folding.moved,
    samples=_samples,
)
