"""SELECT_V2 and SELECT: of two inputs the first where a condition holds, else the second.

SELECT is what older converters write, and today's for branches that are computed; it does not broadcast.
"""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding, nesting
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Folded, Kind, Shapes, does_not_fit
from renode_mnist.codegen.operators.rules import few_dimensions, of_type, present, refusal, require, same_quantisation
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
    Silent,
    Values,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


def _inputs(operator: Operator) -> None:
    condition = present(operator, 0)
    require(operator, condition.type is ElementType.BOOL, f"its condition {condition} is not bool")
    for tensor in (present(operator, 1), present(operator, 2), operator.output):
        of_type(operator, tensor, operator.output.type)
    few_dimensions(operator, len(operator.output.shape), broadcast.MOST_DIMENSIONS)


def _shapes(operator: Operator) -> Shapes:
    return (broadcast.shape_of(*(operator.tensor(position).shape for position in range(3))),)


def _mismatch(operator: Operator, found: Shapes) -> ModelError:
    """Names the input that does not fit."""
    for position in (1, 2, 0):
        tensor = operator.tensor(position)
        if not broadcast.fits(tensor, operator.output):
            return refusal(operator, f"{tensor} cannot be broadcast to {operator.output}")
    return does_not_fit(operator, found)


def _rule(operator: Operator) -> None:
    same_quantisation(operator)
    if operator.op == "SELECT":
        shapes = {operator.tensor(position).shape for position in range(3)}
        require(operator, shapes == {operator.output.shape}, "its condition and its inputs are not of one shape")
    if not all(broadcast.fits(operator.tensor(position), operator.output) for position in range(3)):
        raise _mismatch(operator, ())


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call, shape = Call(lowering, operator), operator.output.shape
    tensors = [operator.tensor(position) for position in range(3)]
    loops = nesting.merged(shape, *(broadcast.steps(tensor.shape, shape) for tensor in tensors))
    loops = nesting.filled(loops, broadcast.MOST_DIMENSIONS, len(tensors))
    strides = (tuple(loop.steps[position] for loop in loops) for position in range(3))
    names = ("condition_strides", "first_strides", "second_strides")
    selection = call.struct(
        "", "Selection", {"shape": tuple(loop.size for loop in loops), **dict(zip(names, strides, strict=True))}
    )
    return call.of("select_v2", [selection, *(call.source(position) for position in range(3))], reads=tensors)


def _fold(operator: Operator) -> Folded:
    folding.unchanged(operator)
    return (np.where(*(operator.constant(position) for position in range(3))),)


def _samples() -> Declared:
    condition, image = Flow((1, 5, 4, 3), "BOOL"), Flow((1, 5, 4, 3), scale=0.05, zero_point=3)

    def numbers(*shape: int) -> Numbers:
        return Numbers(shape, 0.05, 3)

    like = Sample(
        "of an image and a constant",
        (condition, image, numbers(1, 5, 4, 3)),
        outputs=(Output(scale=0.05, zero_point=3),),
        only=("SELECT_V2",),
    )
    lacking = Silent("*", "TensorFlow Lite Micro has no SELECT", "tflite-micro")
    old = like.row("", only=("SELECT",), exempt=(lacking,), refused_by={"tflm": "has no SELECT"})
    return (
        like,
        old.row("all of one shape"),
        old.row("of two images", inputs=(condition, image, image)),
        Refused("SELECT that broadcasts", "not of one shape", old.row("", inputs=(condition, image, numbers(3)))),
        like.row("one number elsewhere", inputs=(condition, image, numbers(1))),
        like.row("a condition a pixel", inputs=(Flow((1, 5, 4, 1), "BOOL"), image, numbers(3))),
        like.row("of two constants", inputs=(condition, numbers(3), numbers(5, 1, 1))),
        like.row("a constant condition", inputs=(Values((True, False, True), "BOOL"), image, numbers(1))),
        like.row("five dimensions", inputs=(Flow((2, 1, 2, 1, 3), "BOOL"),
                                            image._replace(shape=(2, 3, 2, 4, 3)), numbers(3, 1, 4, 1))),
        Refused("a condition that is not bool", "is not bool",
                like.row("", types=(FLOAT32,), inputs=(image, image, numbers(3)))),
        Refused("int8 that is quantised differently", "are quantised differently",
                like.row("", types=(INT8,), inputs=(condition, image, Numbers((3,), 0.1, 3)))),
        Refused("terms that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(Flow((2,), "BOOL"), image, numbers(3)))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("SELECT_V2", "SELECT"),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    flow=1,
    remark="SELECT_V2 broadcasts; any operand may be constant",
    fold=_fold,
    samples=_samples,
)
