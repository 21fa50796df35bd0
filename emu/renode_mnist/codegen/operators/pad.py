"""PAD with zeros, which in int8 are the zero point, and PADV2 with another number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, Shapes
from renode_mnist.codegen.operators.rules import (
    activations,
    few_dimensions,
    present,
    refusal,
    require,
    same_quantisation,
)
from renode_mnist.codegen.operators.samples import (
    INT16,
    LIKE_INPUT,
    WINDOW,
    Again,
    Bias,
    Declared,
    Flow,
    Neighbour,
    Numbers,
    Output,
    Refused,
    Sample,
    Silent,
    Values,
    Weights,
)
from renode_mnist.codegen.program import C_TYPES, Step
from renode_mnist.errors import ModelError

_MOST_DIMENSIONS = 5


def _inputs(operator: Operator) -> None:
    activations(operator)
    rank = len(operator.input.shape)
    few_dimensions(operator, rank, _MOST_DIMENSIONS)
    paddings = operator.optional_input(1)
    require(
        operator,
        paddings is not None
        and paddings.data is not None
        and paddings.type in (ElementType.INT32, ElementType.INT64)
        and paddings.shape == (rank, 2),
        "its paddings are not constant pairs of integers",
    )


def _shapes(operator: Operator) -> Shapes:
    paddings = operator.constant(1)
    if not (paddings >= 0).all():
        raise _mismatch(operator, ())
    return (tuple(int(n + sum(pair)) for n, pair in zip(operator.input.shape, paddings, strict=True)),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"paddings {operator.constant(1).tolist()} do not make {operator.output}")


def _rule(operator: Operator) -> None:
    if operator.op != "PADV2":
        return
    number = present(operator, 2)
    single = number.data is not None and number.element_count == 1 and number.type is operator.output.type
    require(operator, single, f"{number} is not a constant of the output's type")
    same_quantisation(operator)


def header(call: Call, suffix: str, shape: Sequence[int], paddings: Sequence[Sequence[int]]) -> str:
    """The parameter that says what is padded.

    Args:
        call: Of the operator.
        suffix: Of the parameter's name.
        shape: Of the input.
        paddings: In front and behind, of each dimension.
    """
    merged: list[tuple[int, int, int]] = []
    for size, (before, behind) in zip(shape, paddings, strict=True):
        entry = (size, before, behind)
        if merged and not (before or behind):
            entry = (merged[-1][0] * size, merged[-1][1] * size, merged[-1][2] * size)
            merged.pop()
        merged.append(entry)
    merged = [(1, 0, 0)] * (_MOST_DIMENSIONS - len(merged)) + merged
    return call.struct(
        suffix,
        "Pad",
        {
            "input": tuple(size for size, _, _ in merged),
            "output": tuple(sum(entry) for entry in merged),
            "before": tuple(before for _, before, _ in merged),
        },
    )


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    shape = header(call, "", operator.input.shape, operator.constant(1).tolist())
    fill, dtype = "0.0F", lowering.buffer(operator.output).dtype
    if operator.op == "PADV2":
        fill = f"*{call.constant('Fill', operator.constant(2).reshape(1), 'what it is padded with')}"
    elif operator.output.type is not ElementType.FLOAT32:
        fill = f"{C_TYPES[dtype]}{{{quantise.quantisation(operator.output).zero_point}}}"
    return call.of("pad", [shape, fill, call.source()])


def _samples() -> Declared:
    paddings = Values(((0, 0), (1, 2), (3, 0), (0, 0)))
    like = Sample("image", (Flow((1, 4, 5, 3)), paddings), outputs=LIKE_INPUT, only=("PAD",))
    image = Flow((1, 4, 5, 3), scale=0.1, zero_point=3)
    other = like.row("with another number", inputs=(image, paddings, Numbers((1,), 0.1, 3)), only=("PADV2",))
    wide = Silent("*", "TensorFlow Lite Micro wants 32-bit paddings", "tflite-micro")
    conv = Neighbour("CONV_2D", (Weights((4, 3, 3, 3)), Bias()), WINDOW)
    return (
        like,
        other,
        like.row("of 16 bits", types=(INT16,)),
        other.row("with another number, of 16 bits", types=(INT16,)),
        other.row("with a scalar", inputs=(image, paddings, Numbers((), 0.1, 3))),
        Refused("a number that is quantised differently", "are quantised differently",
                other.row("", types=("INT8",), inputs=(image, paddings, Numbers((1,), 0.2, 3)),
                          outputs=(Output(like_input=True, shape=(1, 7, 8, 3)),))),
        like.row("all sides", inputs=(Flow((2, 3, 2, 2)), Values(((1, 0), (0, 1), (2, 1), (1, 2))))),
        like.row("nothing", inputs=(Flow((1, 2, 3, 2)), Values(((0, 0),) * 4))),
        like.row("64-bit paddings", inputs=(Flow((2, 3)), Values(((0, 1), (1, 1)), type="INT64")), exempt=(wide,)),
        like.row("two dimensions", inputs=(Flow((3, 4)), Values(((1, 0), (0, 2))))),
        like.row("before a convolution", behind=(conv,)),
        Refused("paddings that are no constant pairs", "not constant pairs",
                like.row("", inputs=(Flow((1, 4)), Again()))),
        Refused("negative paddings, or an output of another size", "do not make",
                like.row("", inputs=(Flow((1, 4)), Values(((0, 0), (1, -1)))))),
        like.row("five dimensions", inputs=(Flow((1, 2, 3, 2, 2)), Values(((0, 0), (1, 2), (0, 1), (1, 0), (0, 0))))),
        like.row("all of five dimensions", inputs=(Flow((2, 1, 3, 2, 2)), Values(((1, 0),) * 5))),
        Refused("more than five dimensions", "more than 5 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2, 2)), Values(((0, 0),) * 6)))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("PAD",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    remark="up to five dimensions",
    samples=_samples,
)

PADV2 = replace(DEFINITION, names=("PADV2",))
"""A file of its own, as the interpreter registers it otherwise."""
