"""SVDF: a dense layer whose last results are kept, and a weighted sum over time of what was kept.

Nakkiran, Alvarez, Prabhavalkar, Parada: Compressing deep neural networks using a rank-constrained topology
(Interspeech 2015). The state is a variable of the model, which lives between inferences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import options
from renode_mnist.codegen.operators.call import Call, bounds, factor, subscripts
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN, activations, clamps, present, refusal, require
from renode_mnist.codegen.operators.samples import (
    FLOAT32,
    INT8,
    Bias,
    Declared,
    Flow,
    Numbers,
    Output,
    Refused,
    Sample,
    Silent,
    State,
    Weights,
)
from renode_mnist.codegen.program import Step
from renode_mnist.errors import ModelError

_FEATURE, _TIME, _BIAS, _STATE = 1, 2, 3, 4


@dataclass(frozen=True)
class SvdfOptions:
    """Of SVDF.

    Attributes:
        rank: Filters that one output is the sum of.
    """

    rank: int
    activation: Activation


def _read(table: Any) -> SvdfOptions:
    if table.Rank() < 1:
        raise ValueError(f"rank {table.Rank()}")
    return SvdfOptions(rank=table.Rank(), activation=options.activation(table))


def _constant(operator: Operator, position: int, what: str, *types: ElementType) -> Tensor:
    tensor = present(operator, position)
    wanted = " or ".join(each.value.lower() for each in types)
    require(operator, tensor.is_constant and tensor.type in types, f"its {what} {tensor} are not constant {wanted}")
    return tensor


def _inputs(operator: Operator) -> None:
    activations(operator)
    int8 = operator.input.type is ElementType.INT8
    feature = _constant(operator, _FEATURE, "feature weights", operator.input.type)
    over_time = (ElementType.INT16, ElementType.INT8) if int8 else (ElementType.FLOAT32,)
    time = _constant(operator, _TIME, "time weights", *over_time)
    bias = operator.optional_input(_BIAS)
    require(operator, bias is not None or not int8, "an int8 one without bias")
    if bias is not None:
        _constant(operator, _BIAS, "biases", ElementType.INT32 if int8 else ElementType.FLOAT32)
    state = present(operator, _STATE)
    require(operator, state.is_variable, f"its state {state} is no variable", EXPORT_AGAIN)
    require(operator, state.type is time.type, f"its state {state} and time weights {time} differ in type")
    for tensor in (feature, time, state) if int8 else ():
        scales = tensor.quantisation
        require(operator, scales is not None and not scales.per_channel, f"{tensor} has not one scale")
        assert scales is not None
        require(
            operator, tensor is state or scales.zero_point == 0, f"weights {tensor} have a zero point other than 0"
        )


def _shapes(operator: Operator) -> Shapes:
    feature, time = operator.tensor(_FEATURE).shape, operator.tensor(_TIME).shape
    source, state = operator.input.shape, operator.tensor(_STATE).shape
    rank = operator.options_as(SvdfOptions).rank
    bias = operator.optional_input(_BIAS)
    if not (
        len(source) == len(feature) == len(time) == 2
        and source[1] == feature[1]
        and feature[0] == time[0]
        and feature[0] % rank == 0
        and state == (source[0], feature[0] * time[1])
        and (bias is None or bias.shape == (feature[0] // rank,))
    ):
        raise _mismatch(operator, ())
    return ((source[0], feature[0] // rank),)


def _mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    given = ", ".join(str(tensor) for tensor in operator.inputs if tensor is not None)
    return refusal(operator, f"{given} do not make {operator.output}", EXPORT_AGAIN)


def _rule(operator: Operator) -> None:
    found = operator.options_as(SvdfOptions).activation
    if operator.input.type is ElementType.FLOAT32:
        clamps(operator, found)
    else:
        # TensorFlow Lite Micro and LiteRT leave it out: a converter chooses an output scale that does the same.
        require(operator, found in (Activation.NONE, Activation.RELU), f"the fused activation {found.value} in int8")


def _scaling(operator: Operator) -> dict[str, Any]:
    """``SvdfInt8``; scales are multiplied in float32, as PrepareSvdf (svdf_common.cc) does it."""
    source, feature, time, state, output = (
        quantise.quantisation(tensor)
        for tensor in (
            operator.input,
            operator.tensor(_FEATURE),
            operator.tensor(_TIME),
            operator.tensor(_STATE),
            operator.output,
        )
    )
    one = np.float32(source.scale) * np.float32(feature.scale) / np.float32(state.scale)
    two = np.float32(state.scale) * np.float32(time.scale) / np.float32(output.scale)
    return {
        "input_zero_point": source.zero_point,
        "state_zero_point": state.zero_point,
        "output_zero_point": output.zero_point,
        "feature": factor(quantise.multiplier(float(one))),
        "time": factor(quantise.multiplier(float(two))),
    }


def _lower(lowering: Lowering, operator: Operator) -> Step:
    found = operator.options_as(SvdfOptions)
    call = Call(lowering, operator)
    feature, time = operator.tensor(_FEATURE), operator.tensor(_TIME)
    batches, inputs = operator.input.shape
    shape = call.struct(
        "",
        "Svdf",
        {
            "batches": batches,
            "inputs": inputs,
            "units": feature.shape[0] // found.rank,
            "rank": found.rank,
            "memory": time.shape[1],
        },
    )
    if operator.input.type is ElementType.FLOAT32:
        scaling = call.struct("Clamp", "Clamp", bounds(found.activation))
    else:
        scaling = call.struct("Scaling", "SvdfInt8", _scaling(operator))
    names = [
        call.constant("Feature", operator.constant(_FEATURE), f"feature weights {subscripts(feature)}"),
        call.constant("Time", operator.constant(_TIME), f"time weights {subscripts(time)}, the newest last"),
    ]
    bias = operator.optional_input(_BIAS)
    names.append("nullptr" if bias is None else call.constant("Bias", operator.constant(_BIAS), "bias"))
    return call.of("svdf", [shape, scaling, call.source(), *names, call.state(_STATE)])


def _macs(operator: Operator) -> int:
    feature, time = operator.optional_input(_FEATURE), operator.optional_input(_TIME)
    if feature is None or time is None or not operator.input.shape:
        return 0
    return operator.input.shape[0] * (feature.element_count + time.element_count)


def _parameters(operator: Operator) -> int:
    given = (operator.optional_input(position) for position in (_FEATURE, _TIME, _BIAS))
    return sum(tensor.element_count for tensor in given if tensor is not None)


def _samples() -> Declared:
    def real(inputs: int, units: int, memory: int, rank: int = 1, batches: int = 1) -> tuple[Any, ...]:
        filters = units * rank
        return (
            Flow((batches, inputs)), Numbers((filters, inputs)), Numbers((filters, memory)), Bias(units),
            State((batches, filters * memory)),
        )  # fmt: skip

    def int8(inputs: int, units: int, memory: int, rank: int = 1) -> tuple[Any, ...]:
        filters = units * rank
        time, state = 2.0**-15, 2.0**-11
        return (
            Flow((1, inputs)), Weights((filters, inputs), per_channel=False),
            Numbers((filters, memory), scale=time, zero_point=0, type="INT16"), Bias(units, scale=time * state),
            State((1, filters * memory), "INT16", state),
        )  # fmt: skip

    like = Sample("8 to 5, 6 steps", real(8, 5, 6), {"rank": 1}, types=(FLOAT32,))
    quantised = Sample(
        "8 to 5, 6 steps in int8", int8(8, 5, 6), {"rank": 1, "fusedActivationFunction": "RELU"}, types=(INT8,)
    )
    # One of an int8 state LiteRT reads as if it were int16: tests/codegen/test_state.py.
    silent = Silent("*", "LiteRT takes an int8 one with a fused RELU only", "litert")
    return (
        like,
        like.row("rank 2", inputs=real(9, 4, 10, rank=2), rank=2),
        like.row("batch of 2", inputs=real(5, 3, 4, batches=2)),
        like.row("one step", inputs=real(7, 3, 1)),
        like.row("fused RELU", fusedActivationFunction="RELU"),
        quantised,
        quantised.row("rank 2 in int8", inputs=int8(9, 4, 10, rank=2), rank=2),
        quantised.row("without activation in int8", fusedActivationFunction="NONE", exempt=(silent,)),
        Refused("a state that is no variable", "is no variable",
                like.row("", inputs=(*real(8, 5, 6)[:4], Flow((1, 30))), outputs=(Output(shape=(1, 5)),))),
        Refused("a fused TANH", "the fused activation TANH",
                like.row("", outputs=(Output(shape=(1, 5)),), fusedActivationFunction="TANH")),
        Refused("an int8 one without bias", "without bias",
                quantised.row("", inputs=(*int8(8, 5, 6)[:3], None, int8(8, 5, 6)[4]),
                              outputs=(Output(shape=(1, 5)),))),
        Refused("shapes that do not fit", "do not make",
                like.row("", outputs=(Output(shape=(1, 6)),))),
    )  # fmt: skip


DEFINITION = Definition(
    names=("SVDF",),
    kinds=(Kind.FLOAT32, Kind.INT8),
    inputs=_inputs,
    shapes=_shapes,
    mismatch=_mismatch,
    rule=_rule,
    lower=_lower,
    remark="its state lives between inferences",
    options=OptionsTable("SVDFOptions", _read),
    macs=_macs,
    parameters=_parameters,
    samples=_samples,
)
