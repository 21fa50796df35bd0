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
    if operator.input.type is ElementType.INT8:
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


DEFINITION = Definition(
    names=("MAX_POOL_2D", "AVERAGE_POOL_2D"),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=activations,
    shapes=_shapes,
    mismatch=sliding.mismatch,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("Pool2DOptions", _read),
)
