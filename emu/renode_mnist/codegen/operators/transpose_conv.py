"""TRANSPOSE_CONV: a convolution backwards, which makes an image larger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding, Window, slide
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, options, weighted
from renode_mnist.codegen.operators.call import Call, fields
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import activations, clamps, refusal, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    Again,
    Bias,
    Declared,
    Flow,
    Inputs,
    Output,
    Refused,
    Sample,
    Values,
    Weights,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError

BIAS = 3
"""Position of that input."""


@dataclass(frozen=True)
class TransposeConvOptions:
    """Of TRANSPOSE_CONV; pairs are (height, width)."""

    padding: Padding
    stride: tuple[int, int]
    activation: Activation


def _read(table: Any) -> TransposeConvOptions:
    return TransposeConvOptions(options.padding(table), options.stride(table), options.activation(table))


def window(operator: Operator) -> Window:
    """That of the convolution which it is the way back of: from its output to its input."""
    found = operator.options_as(TransposeConvOptions)
    _, height, width, _ = operator.tensor(1).shape
    _, rows, columns, _ = operator.output.shape
    return slide((rows, columns), (height, width), found.stride, (1, 1), found.padding)


def _inputs(operator: Operator) -> None:
    activations(operator)
    for tensor in (operator.input, operator.output):
        require(operator, len(tensor.shape) == 4, f"{tensor} is no image of four dimensions")
    weighted.has_dimensions(operator, 4, "its filter has not four dimensions")
    weighted.constant(operator, 0, BIAS)
    weights = operator.tensor(1)
    require(operator, weights.type is operator.input.type, f"weights {weights} with {operator.input}")
    depth = operator.input.shape[3]
    require(operator, weights.shape[3] == depth, f"{depth} input channels do not fit its filter {weights}")


def _shapes(operator: Operator) -> Shapes:
    return (tuple(moving.integers(operator, 0, "sizes")),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"size {list(shapes[0])} for the output {operator.output}")


def _rule(operator: Operator) -> None:
    found = window(operator)
    batches, _, _, channels = operator.output.shape
    made = (batches, found.output_height, found.output_width, channels)
    wanted = (*operator.input.shape[:3], operator.tensor(1).shape[0])
    terms = f"{operator.input} and filter {operator.tensor(1)}"
    require(operator, made == wanted, f"{terms} do not make {operator.output}")
    clamps(operator, operator.options_as(TransposeConvOptions).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    channels, _, _, depth = operator.tensor(1).shape
    shape = call.struct(
        "",
        "TransposeConv",
        {
            "window": fields(window(operator)),
            "batches": operator.input.shape[0],
            "input_channels": depth,
            "output_channels": channels,
        },
    )
    return weighted.lower(
        call,
        "transpose_conv",
        shape,
        "output channel, row, column, input channel",
        operator.options_as(TransposeConvOptions).activation,
        lambda: quantise.output_multipliers(operator, channels),
        asymmetric=False,
        bias=BIAS,
    )


def _macs(operator: Operator) -> int:
    weights = operator.optional_input(1)
    if weights is None or len(weights.shape) != 4:
        return 0
    return operator.input.element_count * weights.element_count // weights.shape[3]


def _parameters(operator: Operator) -> int:
    return sum(
        tensor.element_count for tensor in (operator.optional_input(1), operator.optional_input(BIAS)) if tensor
    )


def _samples() -> Declared:
    def of(output: tuple[int, ...], weights: Weights, image: Flow) -> Inputs:
        return Values(output), weights, image, Bias()

    image, weights = Flow((1, 4, 5, 3)), Weights((2, 3, 3, 3))
    strides = {"padding": "SAME", "strideH": 2, "strideW": 2}
    like = Sample("twice", of((1, 8, 10, 2), weights, image), strides)
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("valid", inputs=of((1, 9, 11, 2), weights, image), padding="VALID"),
        like.row("2x2, no overlap", inputs=of((1, 8, 10, 4), Weights((4, 2, 2, 3)), image), padding="VALID"),
        like.row("stride 1", inputs=of((1, 4, 5, 2), weights, image), strideH=1, strideW=1),
        like.row("stride 3x2, a row", inputs=of((1, 3, 10, 2), Weights((2, 1, 5, 3)), Flow((1, 1, 5, 3))), strideH=3),
        like.row("odd size", inputs=of((1, 7, 9, 2), weights, image)),
        like.row("one scale", inputs=of((1, 8, 10, 2), Weights((2, 3, 3, 3), per_channel=False), image)),
        like.row("no bias", inputs=(Values((1, 8, 10, 2)), weights, image)),
        like.row("batch of 2", inputs=of((2, 8, 10, 2), weights, Flow((2, 4, 5, 3)))),
        Refused("weights that are no constant", "its weights are not constant",
                like.row("", inputs=(Values((1, 3, 3, 1)), Flow((1, 3, 3, 1)), Again(1)),
                         outputs=(Output(shape=(1, 3, 3, 1)),))),
        Refused("an output of another size than the filter makes", "do not make",
                like.row("", inputs=of((1, 12, 10, 2), weights, image), outputs=(Output(shape=(1, 12, 10, 2)),))),
        Refused("a size that is not the output's", "size [1, 8, 9, 2] for the output",
                like.row("", inputs=of((1, 8, 9, 2), weights, image), outputs=(Output(shape=(1, 8, 10, 2)),))),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", fusedActivationFunction="TANH", outputs=(Output(shape=(1, 8, 10, 2)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("TRANSPOSE_CONV",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    flow=2,
    options=OptionsTable("TransposeConvOptions", _read),
    macs=_macs,
    parameters=_parameters,
    samples=_samples,
)
