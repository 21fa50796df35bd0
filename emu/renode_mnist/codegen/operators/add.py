"""ADD of two activations, or of one and a constant; the smaller is repeated along the dimensions that it lacks."""

from __future__ import annotations

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import broadcast, folding
from renode_mnist.codegen.operators.broadcast import Fused, terms
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable
from renode_mnist.codegen.operators.rules import clamps, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    INT8,
    INT16,
    Again,
    Branch,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
)
from renode_mnist.codegen.program import Step


def rule(operator: Operator) -> None:
    """Of a sum or a difference."""
    broadcast.rule(operator)
    if not broadcast.is_float(operator):
        scales = [quantise.quantisation(tensor).scale for tensor in (*terms(operator), operator.output)]
        require(
            operator,
            2 * max(scales[:2]) / ((1 << quantise.more_bits(operator.output)) * scales[2]) < 1,
            f"the output scale is more than 2^{quantise.more_bits(operator.output) - 1} times finer than an input's",
        )
    clamps(operator, operator.options_as(Fused).activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    if broadcast.is_float(operator):
        return lower(lowering, operator, None)
    return lower(lowering, operator, quantise.add_scaling(*terms(operator), operator.output))


def lower(lowering: Lowering, operator: Operator, scaling: quantise.AddScaling | None) -> Step:
    """Of a sum or a difference; ``scaling`` in int8."""
    activation = operator.options_as(Fused).activation
    call = Call(lowering, operator)
    how = broadcast.clamp(call, activation) if scaling is None else _scaling(call, scaling, activation)
    return broadcast.lower(call, how, "addend")


def _scaling(call: Call, scaling: quantise.AddScaling, activation: Activation) -> str:
    first, second = terms(call.operator)
    result = call.operator.output
    low, high = quantise.activation_range(activation, result)
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


def samples() -> Declared:
    """Of a sum or a difference."""
    image = Flow((1, 5, 4, 3))
    # LiteRT takes int16 with scales that are no powers of two only where this says so.
    like = Sample("of a branch", (image, Branch()), {"potScaleInt16": False})
    wide = like.row("", types=(INT16,))
    return (
        like,
        wide.row("of 16 bits"),
        wide.row("of 16 bits, constant 4x3, fused RELU6", inputs=(image, Numbers((4, 3))),
                 fusedActivationFunction="RELU6"),
        wide.row("of 16 bits, constant 1 first", inputs=(Numbers((1,)), image)),
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        *broadcast.rows(like),
        like.row("a term that is 1000 times finer", inputs=(Flow((1, 21), scale=0.1), Numbers((21,), scale=1e-4))),
        Refused("terms of two types", "is neither float32 nor int8 nor int16 throughout",
                like.row("", types=(INT8,), inputs=(Flow((1, 4)), Numbers((4,), type="FLOAT32")))),
        Refused("an output scale more than 2^19 times finer than an input's", "2^19 times finer",
                like.row("", types=(INT8,), inputs=(Flow((1, 4), scale=1.0), Numbers((4,))),
                         outputs=(Output(scale=1e-7),))),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", fusedActivationFunction="TANH")),
    )  # fmt: skip


def _samples() -> Declared:
    itself = Sample("of itself", (Flow((1, 9)), Again()))
    return (*samples(), itself)


DEFINITION = Definition(
    names=("ADD",),
    kinds=(Kind.FLOAT32, Kind.INT8, Kind.INT16),
    inputs=broadcast.inputs,
    shapes=broadcast.shapes,
    mismatch=broadcast.mismatch,
    rule=rule,
    lower=_lower,
    remark="broadcasting; an operand may be constant",
    fold=folding.elementwise(np.add),
    options=OptionsTable("AddOptions", broadcast.read),
    samples=_samples,
)
