"""FULLY_CONNECTED: every output from every input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tflite

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import options, weighted
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import activations, clamps, refusal, require
from renode_mnist.codegen.operators.samples import (
    CLAMPS,
    FLOAT32,
    HYBRID,
    INT8,
    INT16,
    Again,
    Bias,
    Declared,
    Deviates,
    Differs,
    Edge,
    Flow,
    Inputs,
    Output,
    Refused,
    Sample,
    Silent,
    Weights,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Of FULLY_CONNECTED.

    Attributes:
        asymmetric_quantize_inputs: Of a hybrid operator: whether its input is quantised with a zero point.
        shuffled: Whether the weights are in the 4x16 shuffled format.
        narrow: In int16, whether sums have 32 bits where there is no bias to say so.
    """

    activation: Activation
    keep_num_dims: bool
    asymmetric_quantize_inputs: bool
    shuffled: bool
    narrow: bool


def _read(table: Any) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        activation=options.activation(table),
        keep_num_dims=bool(table.KeepNumDims()),
        asymmetric_quantize_inputs=bool(table.AsymmetricQuantizeInputs()),
        shuffled=table.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT,
        narrow=options.narrow(table),
    )


def rows(operator: Operator) -> int:
    """Inputs that it is computed for, one after the other."""
    return operator.input.element_count // operator.tensor(1).shape[1]


def _inputs(operator: Operator) -> None:
    activations(operator)
    weighted.has_dimensions(operator, 2, "its weights have not two dimensions")
    weighted.constant(operator, channel_axis=0, wide_only=False)


def _shapes(operator: Operator) -> Shapes:
    outputs, depth = operator.tensor(1).shape
    if operator.input.element_count % depth:
        raise _mismatch(operator, ())
    return ((rows(operator), outputs),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(operator, f"{operator.input} and weights {operator.tensor(1)} do not make {operator.output}")


def _rule(operator: Operator) -> None:
    found = operator.options_as(FullyConnectedOptions)
    require(operator, not found.shuffled, "its weights are in the shuffled format")
    clamps(operator, found.activation)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    found = operator.options_as(FullyConnectedOptions)
    call = Call(lowering, operator)
    outputs, inputs = operator.tensor(1).shape
    shape = call.struct("", "FullyConnected", {"batches": rows(operator), "inputs": inputs, "outputs": outputs})
    return weighted.lower(
        call,
        "fully_connected",
        shape,
        "output, input",
        found.activation,
        lambda: quantise.dense_multipliers(operator, outputs),
        asymmetric=found.asymmetric_quantize_inputs,
        narrow=found.narrow,
    )


def _samples() -> Declared:
    def layer(shape: tuple[int, ...], outputs: int, per_channel: bool = False) -> Inputs:
        return Flow(shape), Weights((outputs, shape[-1]), per_channel=per_channel), Bias()

    lost = Deviates("m7", "FLOAT32/*/not a number", "NaN is clamped to the least number that the activation allows")
    dead = Edge("dead channels", dead=True)
    like = Sample("12 to 5", layer((1, 12), 5), types=(FLOAT32, INT8, HYBRID), exempt=(lost,))
    exact = like.row("", types=(FLOAT32, INT8))
    once = Differs("INT16/*", "in int16 LiteRT multiplies sums in double", 1, plain=True)
    packed = like.row("", types=(INT8,), exempt=())
    one_scale = Silent("*", "TensorFlow Lite Micro wants one scale for int4 weights", "tflite-micro")
    wide = like.row("", types=(INT16,), exempt=(once,))
    narrow = wide.row("", quantizedBiasType="INT32", refused_by={"tflm": "wants a bias of int64"})
    out = (Output(shape=(1, 5)),)
    return (
        like,
        *(like.row(f"fused {name}", fusedActivationFunction=name) for name in CLAMPS),
        like.row("a scale a channel", inputs=layer((1, 17), 6, per_channel=True), edges=(dead,)),
        like.row("bias left out", inputs=(*layer((1, 8), 3)[:2], None)),
        exact.row("bias not named", inputs=layer((1, 8), 3)[:2]),
        like.row("batch of 3", inputs=layer((3, 12), 5)),
        like.row("rows of an image, dimensions kept", inputs=layer((1, 2, 3, 9), 4), keepNumDims=True),
        exact.row("rows of an image", inputs=layer((1, 2, 3, 9), 4)),
        like.row("one weight", inputs=layer((1, 1), 1)),
        like.row("asymmetric inputs", types=(HYBRID,), asymmetricQuantizeInputs=True),
        packed.row("of 4 bits", inputs=(Flow((1, 12)), Weights((5, 12), per_channel=False, type="INT4"), Bias())),
        packed.row("of 4 bits, an odd depth, fused RELU", fusedActivationFunction="RELU",
                   inputs=(Flow((3, 7)), Weights((5, 7), per_channel=False, type="INT4"), Bias())),
        packed.row("of 4 bits, a scale a channel", inputs=(Flow((1, 9)), Weights((4, 9), type="INT4"), Bias()),
                   refused_by={"tflm": "one scale in int4"}, exempt=(one_scale,)),
        wide.row("of 16 bits", edges=(dead,)),
        wide.row("of 16 bits, a scale a channel, fused RELU6", inputs=layer((1, 17), 6, per_channel=True),
                 edges=(dead,), fusedActivationFunction="RELU6", refused_by={"tflm": "one scale in int16"}),
        wide.row("of 16 bits, rows of an image, dimensions kept", inputs=layer((1, 2, 3, 9), 4), keepNumDims=True),
        wide.row("of 16 bits, bias left out", inputs=(*layer((1, 8), 3)[:2], None)),
        narrow.row("of 16 bits, a bias of int32", inputs=(*layer((2, 8), 3)[:2], Bias(type="INT32"))),
        narrow.row("of 16 bits, a bias of int32 left out", inputs=(*layer((1, 8), 3)[:2], None)),
        Refused("weights in the shuffled format", "in the shuffled format",
                like.row("", outputs=out, weightsFormat="SHUFFLED4x16INT8")),
        Refused("weights that are not of two dimensions", "have not two dimensions",
                like.row("", inputs=(Flow((1, 12)), Weights((5, 3, 4)), Bias()), outputs=out)),
        Refused("weights that are no constant", "its weights are not constant",
                like.row("", inputs=(Flow((2, 2)), Again()))),
        Refused("weights with a zero point", "have a zero point other than 0",
                like.row("", types=(INT8,), outputs=out,
                         inputs=(Flow((1, 12)), Weights((5, 12), per_channel=False, zero_point=3)))),
        Refused("inputs whose size is no multiple of the weights' depth", "do not make",
                like.row("", inputs=(Flow((1, 10)), Weights((5, 12)), Bias()), outputs=out)),
        Refused("an output of another size", "do not make", like.row("", outputs=(Output(shape=(1, 6)),))),
        Refused("int4 weights with float32 or int16 activations", "with FLOAT32 input",
                like.row("", types=(FLOAT32,), outputs=out,
                         inputs=(Flow((1, 12)), Weights((5, 12), per_channel=False, type="INT4"), Bias()))),
        Refused("int8 input with float32 weights", "with INT8 input",
                like.row("", types=(INT8,), inputs=(Flow((1, 12)), Weights((5, 12), type="FLOAT32")), outputs=out)),
        Refused("a fused TANH or SIGN_BIT", "the fused activation TANH",
                like.row("", outputs=out, fusedActivationFunction="TANH")),
    )  # fmt: skip


DEFINITION = Definition(
    names=("FULLY_CONNECTED",),
    kinds=weighted.KINDS,
    inputs=_inputs,
    shapes=_shapes,
    # With rows in one dimension or in several: keep_num_dims.
    by_count=True,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    options=OptionsTable("FullyConnectedOptions", _read),
    kind=weighted.kind,
    macs=weighted.macs(lambda shape: shape[-1]),
    parameters=weighted.parameters,
    samples=_samples,
)
