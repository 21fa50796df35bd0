"""PAD with zeros, which in int8 are the zero point."""

from __future__ import annotations

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, Shapes
from renode_mnist.codegen.operators.rules import MOST_DIMENSIONS, activations, few_dimensions, refusal, require
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


def _inputs(operator: Operator) -> None:
    activations(operator)
    rank = len(operator.input.shape)
    few_dimensions(operator, rank)
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


def _lower(lowering: Lowering, operator: Operator) -> Step:
    call = Call(lowering, operator)
    missing = MOST_DIMENSIONS - len(operator.input.shape)
    shape = call.struct(
        "",
        "Pad",
        {
            "input": (1,) * missing + operator.input.shape,
            "output": (1,) * missing + operator.output.shape,
            "before": (0,) * missing + tuple(int(n) for n in operator.constant(1)[:, 0]),
        },
    )
    fill = "0.0F"
    if operator.output.type is ElementType.INT8:
        fill = f"std::int8_t{{{quantise.quantisation(operator.output).zero_point}}}"
    return call.of("pad", [shape, fill, call.source()])


DEFINITION = Definition(
    names=("PAD",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    lower=_lower,
    remark="up to four dimensions",
)
