"""SOFTMAX along the last dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen import interpolation, quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, same_shape
from renode_mnist.codegen.operators.rules import activations, require
from renode_mnist.codegen.operators.samples import (
    INT8,
    INT16,
    Declared,
    Flow,
    Output,
    Refused,
    Sample,
    Silent,
)
from renode_mnist.codegen.program import Step, Value

_DEEPEST = 4096
"""Sums of exponentials are Q12.19."""


@dataclass(frozen=True)
class SoftmaxOptions:
    """Of SOFTMAX."""

    beta: float


def _read(table: Any) -> SoftmaxOptions:
    return SoftmaxOptions(beta=float(table.Beta()))


def depth(operator: Operator) -> int:
    """How many numbers share; refuses more than fit."""
    require(operator, len(operator.input.shape) >= 1, "a scalar")
    found = operator.input.shape[-1]
    require(operator, found < _DEEPEST, f"{found} classes", f"Use fewer than {_DEEPEST}")
    return found


def _rule(operator: Operator) -> None:
    beta = operator.options_as(SoftmaxOptions).beta
    require(operator, beta > 0, f"beta {beta}")
    depth(operator)
    if operator.input.type is ElementType.INT16:
        scale = quantise.quantisation(operator.output).scale
        require(operator, abs(scale * 32768 - 1) <= _NEAR, f"{operator.output} must have scale 1/32768")
        coarse = f"the scale of {operator.input} times beta is 5 or more"
        require(operator, _scaling(operator).shift <= _MOST_SHIFT, coarse)
    if operator.input.type is ElementType.INT8:
        scales = quantise.quantisation(operator.output)
        require(
            operator,
            scales.scale == 1 / 256 and scales.zero_point == -128,
            f"{operator.output} must have scale 1/256 and zero point -128",
        )


def flat(operator: Operator) -> bool:
    """Whether an int8 input is so fine that all classes share evenly, whatever it is."""
    scale, beta = quantise.quantisation(operator.input).scale, operator.options_as(SoftmaxOptions).beta
    return quantise.softmax_is_flat(scale, beta)


_NEAR = 1e-3
_MOST_SHIFT = 15
"""Of differences of 17 bits, to the left."""


def _scaling(operator: Operator) -> quantise.Multiplier:
    """Of differences of int16 inputs: 10 becomes 65535."""
    beta = operator.options_as(SoftmaxOptions).beta
    return quantise.multiplier(quantise.quantisation(operator.input).scale * beta / (10.0 / 65535.0))


def _tables(call: Call) -> str:
    """The parameter of a softmax in int16."""
    exponentials = call.table("kExponentials", interpolation.exponentials(), "exp(x), Q0.15, for x from -10 to 0")
    reciprocals = call.table("kReciprocals", interpolation.reciprocals(), "1 / (1 + x), Q0.15, for x from 0 to 1")
    scaling = factor(_scaling(call.operator))
    fields: dict[str, Value] = {"exponentials": exponentials, "reciprocals": reciprocals, "scaling": scaling}
    return call.struct("Tables", "SoftmaxTables", fields)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    beta = operator.options_as(SoftmaxOptions).beta
    call = Call(lowering, operator)
    count = depth(operator)
    shape = call.struct("", "Softmax", {"rows": operator.input.element_count // count, "depth": count})
    if operator.input.type is ElementType.FLOAT32:
        scale = call.struct("Beta", "Beta", {"beta": beta})
        return call.of("softmax", [shape, scale, call.source()], in_place=True)
    if operator.input.type is ElementType.INT16:
        return call.of("softmax", [shape, _tables(call), call.source()], in_place=True)
    table = exponentials(call, quantise.quantisation(operator.input).scale, beta)
    return call.of("softmax", [shape, table, call.source()], in_place=True)


def exponentials(call: Call, scale: float, beta: float) -> str:
    """The parameter with the exponentials of all differences of two int8 inputs."""
    table = quantise.softmax_exponentials(scale, beta)
    name = call.constant("Exponentials", table, "exp(-d * scale * beta), Q0.31, for d = 0, 1, 2 ...")
    return call.struct("Table", "Exponentials", {"values": name, "count": len(table)})


def _samples() -> Declared:
    like = Sample("10 classes", (Flow((1, 10)),), {"beta": 1.0}, (Output(scale=1 / 256, zero_point=-128),))
    why = "TensorFlow Lite Micro aborts where 512 classes or more share evenly"

    def aborts(*inputs: str) -> tuple[Silent, ...]:
        return tuple(
            Silent(f"*/{what}", why, "tflite-micro") for what in ("lowest", "highest", "zero point", *inputs)
        )

    many = like.row("", types=(INT8,))
    wide = Sample("of 16 bits", (Flow((1, 10), scale=0.0005),), {"beta": 1.0}, (Output(scale=2.0**-15),), (INT16,))
    return (
        like,
        like.row("beta 0.5", beta=0.5),
        like.row("rows of an image", inputs=(Flow((1, 3, 4, 5)),)),
        like.row("one class", inputs=(Flow((4, 1)),)),
        like.row("one dimension", inputs=(Flow((7,)),)),
        like.row("coarse scale", inputs=(Flow((1, 20), scale=4.0),)),
        like.row("511 classes", inputs=(Flow((1, 511)),)),
        many.row("513 classes", inputs=(Flow((1, 513), scale=0.2),), exempt=aborts()),
        many.row("4095 classes", inputs=(Flow((1, 4095), scale=0.2),), exempt=aborts("extremes")),
        wide,
        wide.row("of 16 bits, beta 0.5, rows of an image", inputs=(Flow((1, 3, 4, 5), scale=0.001),), beta=0.5),
        wide.row("of 16 bits, one class", inputs=(Flow((4, 1)),)),
        wide.row("of 16 bits, 1000 classes", inputs=(Flow((2, 1000), scale=0.0002),)),
        wide.row("of 16 bits, coarse scale", inputs=(Flow((1, 20), scale=4.9),)),
        wide.row("of 16 bits, fine scale", inputs=(Flow((1, 20), scale=1e-8),)),
        Refused("an int16 output of another scale than 1/32768", "must have scale 1/32768",
                wide.row("", outputs=(Output(scale=2.0**-14),))),
        Refused("an int16 input of a scale times beta of 5 or more", "is 5 or more",
                wide.row("", inputs=(Flow((1, 20), scale=5.1),))),
        Refused("4096 classes or more", "4096 classes", like.row("", inputs=(Flow((1, 4096)),))),
        Refused("a beta that is not positive", "beta 0", like.row("", beta=0.0)),
        Refused("an int8 output of another scale than 1/256 or zero point than -128", "must have scale 1/256",
                like.row("", types=(INT8,), outputs=(Output(scale=1 / 128, zero_point=-128),))),
        Refused("an output of another shape", "does not fit", like.row("", outputs=(Output(shape=(1, 9)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("SOFTMAX",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=activations,
    shapes=same_shape,
    rule=_rule,
    fast_in=(Kind.INT8,),
    lower=_lower,
    options=OptionsTable("SoftmaxOptions", _read),
    samples=_samples,
)
