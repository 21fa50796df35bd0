"""UNIDIRECTIONAL_SEQUENCE_LSTM: the layer that converters make of a Keras LSTM, all steps of the sequence in one.

Hochreiter, Schmidhuber: Long short-term memory (Neural Computation 1997). Its last output and its cell state are
variables of the model: an inference goes on where the one before it ended, as in TensorFlow Lite Micro and LiteRT.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import interpolation, quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import options
from renode_mnist.codegen.operators.call import Call, factor
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN, activations, positive, present, refusal, require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    Bias,
    Declared,
    Flow,
    Inputs,
    Numbers,
    Output,
    Refused,
    Sample,
    Silent,
    State,
    Weights,
)
from renode_mnist.codegen.program import Step, Value
from renode_mnist.errors import ModelError

_WEIGHTS, _RECURRENT, _BIAS = (1, 2, 3, 4), (5, 6, 7, 8), (12, 13, 14, 15)
"""Positions of inputs, each of the gates input, forget, cell and output."""
_PEEPHOLE, _PROJECTION, _NORMALISATION = (9, 10, 11), (16, 17), (20, 21, 22, 23)
_HIDDEN, _CELL = 18, 19
_INPUTS = 24
_UNROLL = "Export a Keras LSTM layer as it is, or give the layer unroll=True, which makes plain operators of it"
_GATE_SCALE = 2.0**-12
_ACTIVATED_SCALE = 2.0**-15
_MOST_POWER = 2  # of the cell's scale: three times 2^15 such steps in 2^-12 are 32 bits
_LEAST_POWER = -42


@dataclass(frozen=True)
class LstmOptions:
    """Of UNIDIRECTIONAL_SEQUENCE_LSTM.

    Attributes:
        activation: Of the cell gate.
        cell_clip: The largest cell state; 0 for any.
        time_major: Whether the sequence is the first dimension and the batch the second.
    """

    activation: Activation
    cell_clip: float
    time_major: bool


def _read(table: Any) -> LstmOptions:
    return LstmOptions(options.activation(table), float(table.CellClip()), bool(table.TimeMajor()))


def _inputs(operator: Operator) -> None:
    _is_plain(operator)
    activations(operator)
    int8 = operator.input.type is ElementType.INT8
    for position in (*_WEIGHTS, *_RECURRENT):
        weights = present(operator, position)
        require(operator, weights.is_constant, f"its weights {weights} are not constant")
        require(
            operator,
            weights.type is operator.input.type,
            f"weights {weights} with {operator.input.type.value} input",
            "Export the model as float32, or as int8 with a representative data set",
        )
        if int8:
            _has_one_scale(operator, weights, symmetric=True)
    for position in _BIAS:
        bias, wanted = present(operator, position), ElementType.INT32 if int8 else ElementType.FLOAT32
        require(
            operator,
            bias.is_constant and bias.type is wanted,
            f"bias {bias} is not constant {wanted.value.lower()}",
        )
    hidden, cell = present(operator, _HIDDEN), present(operator, _CELL)
    for state, wanted in ((hidden, operator.input.type), (cell, ElementType.INT16 if int8 else ElementType.FLOAT32)):
        require(operator, state.is_variable, f"its state {state} is no variable", EXPORT_AGAIN)
        require(operator, state.type is wanted, f"its state {state} is not {wanted.value.lower()}")
        if int8:
            _has_one_scale(operator, state, symmetric=state is cell)
    if int8:
        before, after = quantise.quantisation(hidden), quantise.quantisation(operator.output)
        same = (before.scale, before.zero_point) == (after.scale, after.zero_point)
        # The converter makes such files of a concatenation, whose terms it gives one scale; results are then off by
        # the ratio of the scales on TensorFlow Lite Micro and LiteRT, which copy the stored numbers.
        require(
            operator,
            same,
            f"its state {hidden} and {operator.output} are quantised differently",
            "Join layers by a sum instead (merge_mode='sum' of a bidirectional one), or export the model as float32",
        )


def _is_plain(operator: Operator) -> None:
    """None of the variants, as in TensorFlow Lite Micro (lstm_eval.cc, ``ValidateTensorStatus``)."""
    require(operator, len(operator.inputs) == _INPUTS, f"it has {len(operator.inputs)} inputs, not {_INPUTS}")

    def has(*positions: int) -> bool:
        return any(operator.inputs[position] is not None for position in positions)

    coupled = not has(_WEIGHTS[0]) or not has(_RECURRENT[0]) or not has(_BIAS[0])
    for variant, what in (
        (coupled, "it has no input gate (a coupled input and forget gate)"),
        (has(*_PEEPHOLE), "it has peepholes"),
        (has(*_PROJECTION), "it has a projection"),
        (has(*_NORMALISATION), "it has layer normalisation"),
    ):
        require(operator, not variant, what, _UNROLL)
    found = operator.options_as(LstmOptions).activation
    what = f"the activation {found.value} of its cell gate"
    require(operator, found is Activation.TANH, what, "Use tanh, or give the layer unroll=True")


def _has_one_scale(operator: Operator, tensor: Tensor, *, symmetric: bool) -> None:
    scales = tensor.quantisation
    require(operator, scales is not None and not scales.per_channel, f"{tensor} has not one scale")
    assert scales is not None
    require(operator, positive(scales), f"{tensor} has a scale that is no number above 0")
    low, high = quantise.limits(tensor.type)
    allowed = range(1) if symmetric else range(low, high + 1)
    require(operator, scales.zero_point in allowed, f"{tensor} has the zero point {scales.zero_point}")


def _sizes(operator: Operator) -> dict[str, int]:
    """Batches, steps, inputs and units."""
    first, second, inputs = operator.input.shape
    time_major = operator.options_as(LstmOptions).time_major
    return {
        "batches": second if time_major else first,
        "steps": first if time_major else second,
        "inputs": inputs,
        "units": operator.tensor(_HIDDEN).shape[-1],
    }


def _shapes(operator: Operator) -> Shapes:
    if len(operator.input.shape) != 3 or len(operator.tensor(_HIDDEN).shape) != 2:
        raise _mismatch(operator, ())
    sizes = _sizes(operator)
    units = sizes["units"]
    wanted = (
        *((position, (units, sizes["inputs"])) for position in _WEIGHTS),
        *((position, (units, units)) for position in _RECURRENT),
        *((position, (units,)) for position in _BIAS),
        *((position, (sizes["batches"], units)) for position in (_HIDDEN, _CELL)),
    )
    for position, shape in wanted:
        tensor = operator.tensor(position)
        require(operator, tensor.shape == shape, f"{tensor} has not the shape {list(shape)}", EXPORT_AGAIN)
    return ((*operator.input.shape[:2], units),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    return refusal(
        operator, f"{operator.input} and state {operator.tensor(_HIDDEN)} do not make {operator.output}", EXPORT_AGAIN
    )


def _rule(operator: Operator) -> None:
    if operator.input.type is ElementType.INT8:
        power = _power(operator.tensor(_CELL))
        require(
            operator,
            _LEAST_POWER <= power <= _MOST_POWER,
            f"{operator.tensor(_CELL)} has a scale of 2^{power}, not of 2^{_LEAST_POWER} to 2^{_MOST_POWER}",
        )


def _power(cell: Tensor) -> int:
    """``CheckedLog2`` of its scale, in float32; TensorFlow Lite Micro takes the nearest power where it is none."""
    scale = np.float32(quantise.quantisation(cell).scale)
    return math.floor(float(np.log(scale) * (np.float32(1) / np.log(np.float32(2)))) + 0.5)


def _scaling(call: Call) -> dict[str, Value]:
    """``LstmInt8``, as ``PrepareGateParametersInteger`` (lstm_eval_common.cc) has it."""
    operator = call.operator
    source, hidden, cell = (
        quantise.quantisation(tensor) for tensor in (operator.input, operator.tensor(_HIDDEN), operator.tensor(_CELL))
    )

    def gates(scale: float, positions: tuple[int, ...]) -> Iterator[Value]:
        for position in positions:
            weights = quantise.quantisation(operator.tensor(position)).scale
            with np.errstate(over="ignore"):  # an infinite one ``multiplier`` refuses
                product = float(np.float32(scale) * np.float32(weights))
            yield factor(quantise.multiplier(product / _GATE_SCALE))

    table = call.table("kLogistic", interpolation.logistic(), "1 / (1 + exp(-i / 24)), Q0.16, for i = 0 to 255")
    shift = 12 + _power(operator.tensor(_CELL))
    clip = operator.options_as(LstmOptions).cell_clip
    return {
        "input_zero_point": source.zero_point,
        "hidden_zero_point": hidden.zero_point,
        "input": tuple(gates(source.scale, _WEIGHTS)),
        "recurrent": tuple(gates(hidden.scale, _RECURRENT)),
        "forget": factor(quantise.multiplier(_ACTIVATED_SCALE * cell.scale / cell.scale)),
        "update": factor(quantise.multiplier(_ACTIVATED_SCALE**2 / cell.scale)),
        "output": factor(quantise.multiplier(_ACTIVATED_SCALE**2 / hidden.scale)),
        "cell_clip": int(min(clip / cell.scale, 32767)) if clip > 0 else -1,
        "gates": {"values": table, "multiplier": 3, "shift": 0},
        "cell_state": {"values": table, "multiplier": 3 << max(shift, 0), "shift": max(-shift, 0)},
    }


def _lower(lowering: Lowering, operator: Operator) -> Step:
    found = operator.options_as(LstmOptions)
    call = Call(lowering, operator)
    shape = call.struct("", "Lstm", {**_sizes(operator), "time_major": found.time_major})
    if operator.input.type is ElementType.FLOAT32:
        how = call.struct("Float", "LstmFloat", {"cell_clip": found.cell_clip})
    else:
        how = call.struct("Scaling", "LstmInt8", _scaling(call))

    def stacked(positions: tuple[int, ...]) -> npt.NDArray[Any]:
        return np.stack([operator.constant(position) for position in positions])

    gates = "gates input, forget, cell, output"
    names = [
        call.constant("Weights", stacked(_WEIGHTS), f"weights of the input: {gates}; unit, input"),
        call.constant("Recurrent", stacked(_RECURRENT), f"weights of the last output: {gates}; unit, output"),
        call.constant("Bias", stacked(_BIAS), f"biases: {gates}"),
    ]
    states = [call.state(_HIDDEN), call.state(_CELL)]
    return call.of("unidirectional_sequence_lstm", [shape, how, call.source(), *names, *states])


def _macs(operator: Operator) -> int:
    given = [operator.optional_input(position) for position in (*_WEIGHTS, *_RECURRENT)]
    if len(operator.input.shape) != 3:
        return 0
    first, second, _ = operator.input.shape
    return first * second * sum(tensor.element_count for tensor in given if tensor is not None)


def _parameters(operator: Operator) -> int:
    given = (operator.optional_input(position) for position in (*_WEIGHTS, *_RECURRENT, *_BIAS))
    return sum(tensor.element_count for tensor in given if tensor is not None)


def _samples() -> Declared:
    def layer(first: int, second: int, inputs: int, units: int, batches: int = 1) -> Inputs:
        real = Numbers((units, inputs)), Numbers((units, units))
        states = State((batches, units)), State((batches, units))
        return _around(Flow((first, second, inputs)), *real, Bias(units), *states)

    def int8(first: int, second: int, inputs: int, units: int, batches: int = 1, power: float = -15) -> Inputs:
        weights = Weights((units, inputs), per_channel=False), Weights((units, units), per_channel=False)
        states = State((batches, units), "INT8", 1 / 128, 3), State((batches, units), "INT16", 2.0**power)
        return _around(Flow((first, second, inputs)), *weights, Bias(units), *states)

    def variant(position: int, entry: Any) -> Inputs:
        return *like.inputs[:position], entry, *like.inputs[position + 1 :]

    how = {"fusedActivationFunction": "TANH", "cellClip": 10.0, "timeMajor": False}
    like = Sample("3 steps, 5 to 4", layer(1, 3, 5, 4), how, types=(FLOAT32,))
    why = "LiteRT wants scales of inner results in int8, which samples do not have, and rounds otherwise"
    silent = Silent("*INT8/*", why, "litert")
    out = (Output(scale=1 / 128, zero_point=3),)
    quantised = Sample("3 steps, 5 to 4 in int8", int8(1, 3, 5, 4), how, out, (INT8,), exempt=(silent,))
    refused = (Output(shape=(1, 3, 4)),)
    return (
        like,
        like.row("batch of 2", inputs=layer(2, 3, 5, 4, batches=2)),
        like.row("the sequence first", inputs=layer(3, 2, 5, 4, batches=2), timeMajor=True),
        like.row("clipped cell state", cellClip=0.3),
        like.row("cell state of any size", cellClip=0.0),
        quantised,
        quantised.row("batch of 2 in int8", inputs=int8(2, 3, 7, 5, batches=2)),
        quantised.row("the sequence first in int8", inputs=int8(3, 2, 7, 5, batches=2), timeMajor=True),
        quantised.row("clipped cell state in int8", cellClip=0.3),
        quantised.row("cell state of any size in int8", inputs=int8(1, 9, 5, 4, power=-11), cellClip=0.0),
        quantised.row("fine cell state in int8", inputs=int8(1, 3, 5, 4, power=-18)),
        quantised.row("cell state that is no power of 2 in int8", inputs=int8(1, 9, 5, 4, power=-11.3)),
        Refused("coupled input and forget gates", "it has no input gate",
                like.row("", inputs=variant(_WEIGHTS[0], None), outputs=refused)),
        Refused("peepholes", "it has peepholes",
                like.row("", inputs=variant(_PEEPHOLE[0], Numbers((4,))), outputs=refused)),
        Refused("projections", "it has a projection",
                like.row("", inputs=variant(_PROJECTION[0], Numbers((4, 4))), outputs=refused)),
        Refused("layer normalisation", "it has layer normalisation",
                like.row("", inputs=variant(_NORMALISATION[0], Numbers((4,))), outputs=refused)),
        Refused("a cell gate by RELU", "the activation RELU of its cell gate",
                like.row("", outputs=refused, fusedActivationFunction="RELU")),
        Refused("int8 weights with float32 activations (dynamic range)", "with FLOAT32 input",
                like.row("", inputs=variant(_WEIGHTS[1], Weights((4, 5), type="INT8")), outputs=refused)),
        Refused("weights with a scale a channel", "has not one scale",
                quantised.row("", inputs=(*quantised.inputs[:1], Weights((4, 5)), *quantised.inputs[2:]),
                              outputs=refused)),
        Refused("a state that is no variable", "is no variable",
                like.row("", inputs=variant(_HIDDEN, Flow((1, 4))), outputs=refused)),
        Refused("an int8 output that is not quantised as the state is", "are quantised differently",
                quantised.row("", outputs=(Output(shape=(1, 3, 4), scale=1 / 64),))),
        Refused("shapes that do not fit", "has not the shape",
                like.row("", inputs=variant(_RECURRENT[2], Numbers((4, 5))), outputs=refused)),
    )  # fmt: skip


def _around(flow: Flow, weights: Any, recurrent: Any, bias: Bias, hidden: State, cell: State) -> Inputs:
    """All 24 inputs."""
    gates = (*[weights] * 4, *[recurrent] * 4)
    return flow, *gates, *[None] * 3, *[bias] * 4, None, None, hidden, cell, *[None] * 4


DEFINITION = Definition(
    names=("UNIDIRECTIONAL_SEQUENCE_LSTM",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    remark="an LSTM as Keras has it; its output and cell state live between inferences, in int8 the latter as int16",
    options=OptionsTable("UnidirectionalSequenceLSTMOptions", _read),
    macs=_macs,
    parameters=_parameters,
    samples=_samples,
)
