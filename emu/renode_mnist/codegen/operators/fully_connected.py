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
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError


@dataclass(frozen=True)
class FullyConnectedOptions:
    """Of FULLY_CONNECTED.

    Attributes:
        asymmetric_quantize_inputs: Of a hybrid operator: whether its input is quantised with a zero point.
        shuffled: Whether the weights are in the 4x16 shuffled format.
    """

    activation: Activation
    keep_num_dims: bool
    asymmetric_quantize_inputs: bool
    shuffled: bool


def _read(table: Any) -> FullyConnectedOptions:
    return FullyConnectedOptions(
        activation=options.activation(table),
        keep_num_dims=bool(table.KeepNumDims()),
        asymmetric_quantize_inputs=bool(table.AsymmetricQuantizeInputs()),
        shuffled=table.WeightsFormat() != tflite.FullyConnectedOptionsWeightsFormat.DEFAULT,
    )


def rows(operator: Operator) -> int:
    """Inputs that it is computed for, one after the other."""
    return operator.input.element_count // operator.tensor(1).shape[1]


def _inputs(operator: Operator) -> None:
    activations(operator)
    weighted.has_dimensions(operator, 2, "its weights have not two dimensions")
    weighted.constant(operator, channel_axis=0)


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
    )


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
)
