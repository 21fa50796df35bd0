"""MAX_POOL_2D and AVERAGE_POOL_2D: the greatest of a window, or its mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding, Window
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import options, sliding
from renode_mnist.codegen.operators.call import Call, fields
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import activations, clamps, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    INT8,
    INT16,
    LIKE_INPUT,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class PoolOptions:
    """Pairs are (height, width)."""

    padding: Padding
    stride: tuple[int, int]
    filter: tuple[int, int]
    activation: Activation


def _read(table: Any) -> PoolOptions:
    return PoolOptions(
        padding=options.padding(table),
        stride=options.stride(table),
        filter=options.pair(table.FilterHeight(), table.FilterWidth(), "filter"),
        activation=options.activation(table),
    )


def window(operator: Operator) -> Window:
    """The pool's window."""
    found = operator.options_as(PoolOptions)
    return sliding.over_image(operator, found.filter, found.stride, (1, 1), found.padding)


def _shapes(operator: Operator) -> Shapes:
    found = window(operator)
    return sliding.image(operator, found, operator.input.shape[3])


def _rule(operator: Operator) -> None:
    if operator.input.type is not ElementType.FLOAT32:
        _same_quantisation(operator)
    clamps(operator, operator.options_as(PoolOptions).activation)


def _same_quantisation(operator: Operator) -> None:
    """TensorFlow Lite Micro's pooling.cc tolerates a difference of 1e-6 in scale and then ignores it."""
    before, after = operator.input.quantisation, operator.output.quantisation
    assert before is not None
    assert after is not None
    require(
        operator,
        abs(before.scale - after.scale) <= 1e-6 and before.zero_point == after.zero_point,
        "its input and output are quantised differently",
    )


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    shape = call.struct(
        "",
        "Pool2D",
        {
            "window": fields(window(operator)),
            "batches": operator.input.shape[0],
            "channels": operator.input.shape[3],
        },
    )
    clamp = call.clamp(operator.options_as(PoolOptions).activation)
    return call.of(operator.op.lower(), [shape, clamp, call.source()])


def _samples() -> Declared:
    window = {"padding": "VALID", "strideH": 2, "strideW": 2, "filterHeight": 2, "filterWidth": 2}
    like = Sample("2x2", (Flow((1, 6, 8, 3)),), window, LIKE_INPUT)
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("same, overlapping", inputs=(Flow((1, 5, 7, 9)),), padding="SAME", filterHeight=3, strideH=1,
                 strideW=1),
        like.row("same, stride beyond the window", inputs=(Flow((1, 9, 8, 2)),), padding="SAME", strideH=3,
                 strideW=4),
        like.row("whole image", inputs=(Flow((1, 4, 5, 6)),), filterHeight=4, filterWidth=5, strideH=4, strideW=5),
        like.row("rows left over", inputs=(Flow((1, 7, 5, 3)),)),
        like.row("batch of 2", inputs=(Flow((2, 4, 4, 3)),)),
        like.row("single pixel", inputs=(Flow((1, 1, 1, 1)),), padding="SAME"),
        like.row("of 16 bits", types=(INT16,)),
        like.row("of 16 bits, same, overlapping, fused RELU6", types=(INT16,), inputs=(Flow((1, 5, 7, 9)),),
                 padding="SAME", filterHeight=3, strideH=1, strideW=1, fusedActivationFunction="RELU6"),
        Refused("another quantisation behind than before it", "quantised differently",
                like.row("", types=(INT8,), outputs=(Output(shape=(1, 3, 4, 3), scale=0.5),))),
        Refused("an image that is not of four dimensions", "needs four dimensions",
                like.row("", inputs=(Flow((6, 8, 3)),), outputs=(Output(shape=(3, 4, 3)),))),
        Refused("an output of another size than the window makes", "makes 3x4 out of",
                like.row("", outputs=(Output(shape=(1, 6, 8, 3)),))),
        Refused("a fused TANH or SIGN_BIT", "the fused activation SIGN_BIT",
                like.row("", outputs=(Output(shape=(1, 3, 4, 3)),), fusedActivationFunction="SIGN_BIT")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("MAX_POOL_2D", "AVERAGE_POOL_2D"),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=activations,
    shapes=_shapes,
    mismatch=sliding.mismatch,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("Pool2DOptions", _read),
    samples=_samples,
)
