"""ADD of two activations, or of one and a constant; the smaller is repeated along the dimensions that it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import folding, options
from renode_mnist.codegen.operators.call import Call, bounds, factor, subscripts
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import (
    MOST_DIMENSIONS,
    clamps,
    few_dimensions,
    of_type,
    present,
    refusal,
    require,
)
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    INT8,
    Again,
    Branch,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step, Value
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class AddOptions:
    """Of ADD."""

    activation: Activation


def _read(table: Any) -> AddOptions:
    return AddOptions(options.activation(table))


def terms(operator: Operator) -> tuple[Tensor, Tensor]:
    """What is added, in the operator's order."""
    return operator.input, operator.tensor(1)


def _inputs(operator: Operator) -> None:
    for tensor in (operator.input, present(operator, 1), operator.output):
        of_type(operator, tensor, operator.output.type)
    few_dimensions(operator, len(operator.output.shape))


def _shapes(operator: Operator) -> Shapes:
    rank = max(len(tensor.shape) for tensor in terms(operator))
    padded = [(1,) * (rank - len(tensor.shape)) + tensor.shape for tensor in terms(operator)]
    # Where two sizes differ and neither is 1, one of the terms does not fit the output, and ``_mismatch`` names it.
    return (tuple(max(sizes) for sizes in zip(*padded, strict=True)),)


def _fits(tensor: Tensor, output: Tensor) -> bool:
    rank = len(output.shape)
    padded = (1,) * (rank - len(tensor.shape)) + tensor.shape
    return len(padded) == rank and all(n in (1, m) for n, m in zip(padded, output.shape, strict=True))


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    # What flows comes first.
    ordered = sorted(terms(operator), key=lambda tensor: tensor.is_constant)
    for tensor in ordered:
        if not _fits(tensor, operator.output):
            return refusal(operator, f"{tensor} cannot be broadcast to {operator.output}")
    return refusal(operator, f"{ordered[0]} and {ordered[1]} do not make {operator.output}")


def _rule(operator: Operator) -> None:
    for tensor in terms(operator):
        if not _fits(tensor, operator.output):
            raise _mismatch(operator, ())
    if operator.output.type is ElementType.INT8:
        scales = [quantise.quantisation(tensor).scale for tensor in (*terms(operator), operator.output)]
        require(
            operator,
            2 * max(scales[:2]) / ((1 << 20) * scales[2]) < 1,
            "the output scale is more than 2^19 times finer than an input's",
        )
    clamps(operator, operator.options_as(AddOptions).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    activation = operator.options_as(AddOptions).activation
    call = Call(lowering, operator)
    shape = (1,) * (MOST_DIMENSIONS - len(operator.output.shape)) + operator.output.shape
    strides: list[Value] = []
    names: list[str] = []
    for position, suffix in enumerate(("First", "Second")):
        tensor = operator.tensor(position)
        strides.append(_broadcast_strides(tensor.shape, shape))
        if tensor.is_constant:
            names.append(call.constant(suffix, operator.constant(position), f"addend {subscripts(tensor)}"))
        else:
            names.append(call.source(position))
    header = call.struct("", "Add", {"shape": shape, "first_strides": strides[0], "second_strides": strides[1]})
    if operator.output.type is ElementType.FLOAT32:
        output = call.struct("Clamp", "Clamp", bounds(activation))
    else:
        output = _scaling(call, activation)
    return call.of("add", [header, output, *names], reads=[t for t in terms(operator) if not t.is_constant])


def _scaling(call: Call, activation: Activation) -> str:
    first, second = terms(call.operator)
    result = call.operator.output
    low, high = quantise.activation_range(activation, result)
    scaling = quantise.add_scaling(first, second, result)
    return call.struct(
        "Scaling",
        "AddScaling",
        {
            "first_zero_point": quantise.quantisation(first).zero_point,
            "second_zero_point": quantise.quantisation(second).zero_point,
            "output_zero_point": quantise.quantisation(result).zero_point,
            "first": factor(scaling.first),
            "second": factor(scaling.second),
            "output": factor(scaling.output),
            "min": low,
            "max": high,
        },
    )


def _broadcast_strides(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """Elements to advance a dimension of ``target``; 0 along those that are repeated."""
    padded = (1,) * (len(target) - len(shape)) + shape
    strides, stride = [], 1
    for size in reversed(padded):
        strides.append(0 if size == 1 else stride)
        stride *= size
    return tuple(reversed(strides))


def _samples() -> Declared:
    image = Flow((1, 5, 4, 3))
    like = Sample("of a branch", (image, Branch()))
    terms = ((1, 5, 4, 3), (3,), (1,), (1, 1, 1, 1), (1, 5, 4, 1), (1, 5, 1, 3), (4, 3))
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        *(like.row(f"constant {'x'.join(map(str, shape))}", inputs=(image, Numbers(shape))) for shape in terms),
        like.row("constant first", inputs=(Numbers((3,)), image)),
        like.row("of itself", inputs=(Flow((1, 9)), Again())),
        like.row("a term that is 1000 times finer", inputs=(Flow((1, 21), scale=0.1), Numbers((21,), scale=1e-4))),
        like.row("batch of 2", inputs=(Flow((2, 3, 5)), Branch())),
        Refused("more than four dimensions", "more than 4 dimensions",
                like.row("", inputs=(Flow((1, 2, 2, 2, 2)), Numbers((2,))))),
        Refused("terms that can't be broadcast", "cannot be broadcast",
                like.row("", inputs=(Flow((1, 4)), Numbers((3,))))),
        Refused("a single input", "an input is missing", like.row("", inputs=(Flow((1, 4)),))),
        Refused("terms of two types", "is neither float32 nor int8 throughout",
                like.row("", types=(INT8,), inputs=(Flow((1, 4)), Numbers((4,), type="FLOAT32")))),
        Refused("an output scale more than 2^19 times finer than an input's", "2^19 times finer",
                like.row("", types=(INT8,), inputs=(Flow((1, 4), scale=1.0), Numbers((4,))),
                         outputs=(Output(scale=1e-7),))),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", fusedActivationFunction="TANH")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("ADD",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    remark="broadcasting; one operand may be constant",
    options=OptionsTable("AddOptions", _read),
    fold=folding.elementwise(np.add),
    samples=_samples,
)
