"""Back-end of engine ``reference``: one plain kernel call an operator, tensors as the model has them.

It is the yardstick that other engines are compared with, and what they fall back on: a back-end that does not
cover an operator takes its step from ``Lowering.step``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import geometry, quantise
from renode_mnist.codegen.graph import (
    Activation,
    AddOptions,
    ConvOptions,
    ElementType,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
    SoftmaxOptions,
    Tensor,
)
from renode_mnist.codegen.plan import Buffer, Constant, Objective, Parameter, Program, Step, Value
from renode_mnist.codegen.support import Kind, kind

_HEADERS = "engine/reference/"


class Reference:
    """The back-end; see the module's text."""

    name = "reference"

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """One step an operator; RESHAPE costs nothing. The objective makes no difference here."""
        lowering = Lowering(graph)
        steps = [step for operator in graph.operators if (step := lowering.step(operator)) is not None]
        return Program(tuple(steps), lowering.buffer(graph.inputs[0]), lowering.buffer(graph.outputs[0]))


class Lowering:
    """Makes steps of operators, keeping track of which buffer holds which tensor (layout ``NHWC``)."""

    def __init__(self, graph: Graph) -> None:
        self._buffers: dict[Tensor, Buffer] = {
            graph.inputs[0]: _buffer("model_input", graph.inputs[0]),
        }

    def buffer(self, tensor: Tensor) -> Buffer:
        """The buffer that holds an activation; made at the first call."""
        if tensor not in self._buffers:
            self._buffers[tensor] = _buffer(f"tensor_{tensor.index}", tensor)
        return self._buffers[tensor]

    def bind(self, tensor: Tensor, buffer: Buffer) -> None:
        """Says which buffer holds ``tensor``, for a back-end that made the step before."""
        self._buffers[tensor] = buffer

    def step(self, operator: Operator) -> Step | None:
        """The operator's step, or None for RESHAPE, whose output is its input's buffer."""
        if operator.op == "RESHAPE":
            self._buffers[operator.output] = self.buffer(operator.input)
            return None
        if operator.output not in self._buffers:
            self._buffers[operator.output] = _buffer(f"{_snake(operator)}_out", operator.output)
        return _MAKERS[operator.op](self, operator)


def _buffer(name: str, tensor: Tensor) -> Buffer:
    dtype = tensor.type.dtype
    assert dtype is not None
    return Buffer(name, dtype.name, tensor.element_count, tensor=tensor)


def _snake(operator: Operator) -> str:
    """``conv_2d_0``: the operator and its number in the model."""
    return f"{operator.op.lower()}_{operator.index}"


def _camel(operator: Operator) -> str:
    """``kConv2d0``."""
    return "k" + "".join(word.capitalize() for word in _snake(operator).split("_"))


def _data(tensor: Tensor) -> npt.NDArray[Any]:
    assert tensor.data is not None
    return tensor.data


def _shape_comment(tensor: Tensor) -> str:
    return "".join(f"[{n}]" for n in tensor.shape)


def _window(operator: Operator) -> dict[str, Value]:
    return dict(vars(geometry.window(operator)))


def _clamp(activation: Activation) -> dict[str, Value]:
    least, greatest = activation.bounds
    return {"min": least, "max": greatest}


class _Parts:
    """Collects what the step of one operator is made of."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.prefix = _camel(operator)
        self.parameters: list[Parameter] = []
        self.constants: list[Constant] = []

    def parameter(self, suffix: str, type_name: str, value: Value) -> str:
        self.parameters.append(Parameter(self.prefix + suffix, f"reference::{type_name}", value))
        return self.parameters[-1].name

    def constant(self, suffix: str, values: npt.NDArray[Any], comment: str) -> str:
        text = f"{_snake(self.operator)}: {comment}"
        self.constants.append(Constant(self.prefix + suffix, values, text))
        return self.constants[-1].name

    def weights(self, order: str) -> tuple[str, str]:
        """Names of weights and bias; "nullptr" for a bias that is left out."""
        tensor, bias = self.operator.inputs[1], self.operator.optional_input(2)
        assert tensor is not None
        name = self.constant("Weights", _data(tensor), f"weights {_shape_comment(tensor)}, {order}")
        if bias is None:
            return name, "nullptr"
        return name, self.constant("Bias", _data(bias), f"bias {_shape_comment(bias)}")

    def requantisation(self, activation: Activation, channels: int) -> str:
        """The parameter that brings 32-bit sums to int8."""
        low, high = quantise.activation_range(activation, self.operator.output)
        factors = quantise.output_multipliers(self.operator, channels)
        if len(set(factors)) == 1:
            factors = factors[:1]
        multipliers = self.constant(
            "Multipliers", np.array([f.value for f in factors], np.int32), "output multipliers, 2^-31 each"
        )
        shifts = self.constant(
            "Shifts",
            np.array([f.shift for f in factors], np.int8),
            "output shifts, to the left where positive",
        )
        return self.parameter(
            "Output",
            "Requantisation",
            {
                "input_zero_point": quantise.quantisation(self.operator.input).zero_point,
                "output_zero_point": quantise.quantisation(self.operator.output).zero_point,
                "min": low,
                "max": high,
                "multipliers": multipliers,
                "shifts": shifts,
                "per_channel": len(factors) > 1,
            },
        )

    def step(
        self,
        lowering: Lowering,
        function: str,
        arguments: list[str],
        *,
        reads: tuple[Tensor, ...] = (),
        scratch: tuple[Buffer, ...] = (),
        in_place: bool = False,
    ) -> Step:
        """The call ``reference::<function>(<arguments>, <output>)``."""
        operator = self.operator
        output = lowering.buffer(operator.output)
        inputs = tuple(lowering.buffer(tensor) for tensor in reads or (operator.input,))
        return Step(
            name=operator.name,
            operators=(operator,),
            reads=inputs,
            writes=(output,),
            call=f"reference::{function}({', '.join([*arguments, output.name])});",
            scratch=scratch,
            constants=tuple(self.constants),
            parameters=tuple(self.parameters),
            headers=(f"{_HEADERS}{function}.hpp",),
            in_place=in_place,
        )


def _conv_2d(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, ConvOptions)
    parts = _Parts(operator)
    weights = operator.inputs[1]
    assert weights is not None
    shape = parts.parameter(
        "",
        "Conv2D",
        {
            "window": _window(operator),
            "batches": operator.input.shape[0],
            "input_channels": operator.input.shape[3],
            "filter_channels": weights.shape[3],
            "output_channels": weights.shape[0],
        },
    )
    names = parts.weights("output channel, row, column, input channel")
    return _weighted(lowering, parts, "conv_2d", shape, names, operator.options.activation, weights.shape[0])


def _depthwise_conv_2d(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, ConvOptions)
    parts = _Parts(operator)
    weights = operator.inputs[1]
    assert weights is not None
    shape = parts.parameter(
        "",
        "DepthwiseConv2D",
        {
            "window": _window(operator),
            "batches": operator.input.shape[0],
            "input_channels": operator.input.shape[3],
            "multiplier": weights.shape[3] // operator.input.shape[3],
        },
    )
    names = parts.weights("1, row, column, output channel")
    return _weighted(
        lowering, parts, "depthwise_conv_2d", shape, names, operator.options.activation, weights.shape[3]
    )


def _fully_connected(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, FullyConnectedOptions)
    parts = _Parts(operator)
    weights = operator.inputs[1]
    assert weights is not None
    outputs, inputs = weights.shape
    shape = parts.parameter(
        "",
        "FullyConnected",
        {"batches": operator.input.element_count // inputs, "inputs": inputs, "outputs": outputs},
    )
    names = parts.weights("output, input")
    return _weighted(lowering, parts, "fully_connected", shape, names, operator.options.activation, outputs)


def _weighted(
    lowering: Lowering,
    parts: _Parts,
    function: str,
    shape: str,
    names: tuple[str, str],
    activation: Activation,
    channels: int,
) -> Step:
    """The call of an operator with weights, in the arithmetic that it has."""
    operator = parts.operator
    source = lowering.buffer(operator.input).name
    match kind(operator):
        case Kind.INT8:
            output = parts.requantisation(activation, channels)
            return parts.step(lowering, function, [shape, output, source, *names])
        case Kind.FLOAT32:
            clamp = parts.parameter("Clamp", "Clamp", _clamp(activation))
            return parts.step(lowering, function, [shape, clamp, source, *names])
        case Kind.HYBRID:
            return _hybrid(lowering, parts, function, shape, names, activation)


def _hybrid(
    lowering: Lowering,
    parts: _Parts,
    function: str,
    shape: str,
    names: tuple[str, str],
    activation: Activation,
) -> Step:
    """Int8 weights meet an input that is quantised, one scale a batch, into scratch memory first.

    Whether with a zero point is LiteRT's choice (lite/kernels/conv.cc, depthwise_conv.cc, fully_connected.cc):
    a dense layer says so, a depthwise convolution always does, another if its channels' scales differ.
    """
    operator = parts.operator
    weights = operator.inputs[1]
    assert weights is not None
    scales = quantise.quantisation(weights)
    if isinstance(operator.options, FullyConnectedOptions):
        asymmetric = operator.options.asymmetric_quantize_inputs
    else:
        asymmetric = operator.op == "DEPTHWISE_CONV_2D" or len(set(scales.scales)) > 1
    table = parts.constant("Scales", np.array(scales.scales, np.float32), "weight scales")
    hybrid = parts.parameter(
        "Hybrid",
        "Hybrid",
        {
            "weight_scales": table,
            "per_channel": scales.per_channel,
            "asymmetric": asymmetric,
            "clamp": _clamp(activation),
        },
    )
    quantised = Buffer(f"{_snake(operator)}_quantised", "int8", operator.input.element_count)
    source = lowering.buffer(operator.input).name
    return parts.step(lowering, function, [shape, hybrid, source, *names, quantised.name], scratch=(quantised,))


def _pool(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, PoolOptions)
    parts = _Parts(operator)
    shape = parts.parameter(
        "",
        "Pool2D",
        {
            "window": _window(operator),
            "batches": operator.input.shape[0],
            "channels": operator.input.shape[3],
        },
    )
    clamp = _element_clamp(parts, operator.options.activation)
    source = lowering.buffer(operator.input).name
    return parts.step(lowering, operator.op.lower(), [shape, clamp, source])


def _element_clamp(parts: _Parts, activation: Activation) -> str:
    if parts.operator.output.type is ElementType.FLOAT32:
        return parts.parameter("Clamp", "Clamp", _clamp(activation))
    low, high = quantise.activation_range(activation, parts.operator.output)
    return parts.parameter("Clamp", "ClampInt8", {"min": low, "max": high})


def _softmax(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, SoftmaxOptions)
    parts = _Parts(operator)
    depth = operator.input.shape[-1]
    shape = parts.parameter("", "Softmax", {"rows": operator.input.element_count // depth, "depth": depth})
    source = lowering.buffer(operator.input).name
    beta = operator.options.beta
    if kind(operator) is Kind.FLOAT32:
        scale = parts.parameter("Beta", "Beta", {"beta": beta})
        return parts.step(lowering, "softmax", [shape, scale, source], in_place=True)
    table = quantise.softmax_exponentials(quantise.quantisation(operator.input).scale, beta)
    name = parts.constant("Exponentials", table, "exp(-d * scale * beta), Q0.31, for d = 0, 1, 2 ...")
    exponentials = parts.parameter("Table", "Exponentials", {"values": name, "count": len(table)})
    return parts.step(lowering, "softmax", [shape, exponentials, source], in_place=True)


def _multiplier(factor: quantise.Multiplier) -> dict[str, Value]:
    return {"value": factor.value, "shift": factor.shift}


def _add(lowering: Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, AddOptions)
    parts = _Parts(operator)
    shape = (1,) * (4 - len(operator.output.shape)) + operator.output.shape
    terms = [tensor for tensor in operator.inputs[:2] if tensor is not None]
    strides: list[Value] = []
    names: list[str] = []
    for tensor, suffix in zip(terms, ("First", "Second"), strict=True):
        strides.append(_broadcast_strides(tensor.shape, shape))
        if tensor.is_constant:
            names.append(parts.constant(suffix, _data(tensor), f"addend {_shape_comment(tensor)}"))
        else:
            names.append(lowering.buffer(tensor).name)
    header = parts.parameter("", "Add", {"shape": shape, "first_strides": strides[0], "second_strides": strides[1]})
    if operator.output.type is ElementType.FLOAT32:
        output = parts.parameter("Clamp", "Clamp", _clamp(operator.options.activation))
    else:
        low, high = quantise.activation_range(operator.options.activation, operator.output)
        scaling = quantise.add_scaling(terms[0], terms[1], operator.output)
        output = parts.parameter(
            "Scaling",
            "AddScaling",
            {
                "first_zero_point": quantise.quantisation(terms[0]).zero_point,
                "second_zero_point": quantise.quantisation(terms[1]).zero_point,
                "output_zero_point": quantise.quantisation(operator.output).zero_point,
                "first": _multiplier(scaling.first),
                "second": _multiplier(scaling.second),
                "output": _multiplier(scaling.output),
                "min": low,
                "max": high,
            },
        )
    reads = tuple(dict.fromkeys(tensor for tensor in terms if not tensor.is_constant))
    return parts.step(lowering, "add", [header, output, *names], reads=reads)


def _broadcast_strides(shape: tuple[int, ...], target: tuple[int, ...]) -> tuple[int, ...]:
    """Elements to advance a dimension of ``target``; 0 along those that are repeated."""
    padded = (1,) * (len(target) - len(shape)) + shape
    strides, stride = [], 1
    for size in reversed(padded):
        strides.append(0 if size == 1 else stride)
        stride *= size
    return tuple(reversed(strides))


def _pad(lowering: Lowering, operator: Operator) -> Step:
    parts = _Parts(operator)
    paddings = operator.inputs[1]
    assert paddings is not None
    missing = 4 - len(operator.input.shape)
    value: Value = 0.0
    if operator.output.type is ElementType.INT8:
        value = quantise.quantisation(operator.output).zero_point
    shape = parts.parameter(
        "",
        "Pad",
        {
            "input": (1,) * missing + operator.input.shape,
            "output": (1,) * missing + operator.output.shape,
            "before": (0,) * missing + tuple(int(n) for n in _data(paddings)[:, 0]),
        },
    )
    fill = _number(value)
    return parts.step(lowering, "pad", [shape, fill, lowering.buffer(operator.input).name])


def _number(value: Value) -> str:
    return f"{value!r}F" if isinstance(value, float) else f"std::int8_t{{{value}}}"


def _relu(lowering: Lowering, operator: Operator) -> Step:
    parts = _Parts(operator)
    activation = Activation(operator.op)
    source = lowering.buffer(operator.input).name
    count = str(operator.output.element_count)
    if operator.output.type is ElementType.FLOAT32:
        clamp = parts.parameter("Clamp", "Clamp", _clamp(activation))
        return parts.step(lowering, "relu", [clamp, count, source], in_place=True)
    before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
    if activation is Activation.RELU6:
        # activations.cc clamps between the input's 0 and 6 and leaves the scale alone.
        six = max(-128, min(127, quantise.stored(6.0, operator.input)))
        clamp = parts.parameter("Clamp", "ClampInt8", {"min": before.zero_point, "max": six})
        return parts.step(lowering, "relu", [clamp, count, source], in_place=True)
    low, high = quantise.activation_range(activation, operator.output)
    ratio = float(np.float32(before.scale) / np.float32(after.scale))
    scaling = parts.parameter(
        "Rescale",
        "Rescale",
        {
            "input_zero_point": before.zero_point,
            "output_zero_point": after.zero_point,
            "multiplier": _multiplier(quantise.multiplier(ratio)),
            "min": low,
            "max": high,
        },
    )
    return parts.step(lowering, "relu", [scaling, count, source], in_place=True)


def _mean(lowering: Lowering, operator: Operator) -> Step:
    parts = _Parts(operator)
    axes = operator.inputs[1]
    assert axes is not None
    rank = len(operator.input.shape)
    missing = 4 - rank
    reduced = {int(axis) % rank + missing for axis in _data(axes).reshape(-1)}
    shape = (1,) * missing + operator.input.shape
    count = int(np.prod([n for axis, n in enumerate(shape) if axis in reduced], initial=1))
    header = parts.parameter(
        "",
        "Mean",
        {
            "shape": shape,
            "reduced": tuple(axis in reduced for axis in range(4)),
            "count": count,
        },
    )
    source = lowering.buffer(operator.input).name
    if operator.output.type is ElementType.FLOAT32:
        return parts.step(lowering, "mean", [header, source])
    before, after = quantise.quantisation(operator.input), quantise.quantisation(operator.output)
    rescale = parts.parameter(
        "Rescale",
        "Rescale",
        {
            "input_zero_point": before.zero_point,
            "output_zero_point": after.zero_point,
            "multiplier": _multiplier(quantise.mean_multiplier(operator.input, operator.output, count)),
            "min": -128,
            "max": 127,
        },
    )
    return parts.step(lowering, "mean", [header, rescale, source])


def _quantize(lowering: Lowering, operator: Operator) -> Step:
    parts = _Parts(operator)
    after = quantise.quantisation(operator.output)
    low, high = quantise.limits(operator.output.type)
    source, count = lowering.buffer(operator.input).name, str(operator.output.element_count)
    if operator.input.type is ElementType.FLOAT32:
        affine = parts.parameter("Affine", "Affine", {"scale": after.scale, "zero_point": after.zero_point})
        return parts.step(lowering, "quantize", [affine, count, source])
    before = quantise.quantisation(operator.input)
    rescale = parts.parameter(
        "Rescale",
        "Rescale",
        {
            "input_zero_point": before.zero_point,
            "output_zero_point": after.zero_point,
            "multiplier": _multiplier(quantise.multiplier(before.scale / after.scale)),
            "min": low,
            "max": high,
        },
    )
    return parts.step(lowering, "quantize", [rescale, count, source], in_place=True)


def _dequantize(lowering: Lowering, operator: Operator) -> Step:
    parts = _Parts(operator)
    before = quantise.quantisation(operator.input)
    affine = parts.parameter("Affine", "Affine", {"scale": before.scale, "zero_point": before.zero_point})
    count = str(operator.output.element_count)
    return parts.step(lowering, "dequantize", [affine, count, lowering.buffer(operator.input).name])


_MAKERS: dict[str, Callable[[Lowering, Operator], Step]] = {
    "ADD": _add,
    "AVERAGE_POOL_2D": _pool,
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "DEQUANTIZE": _dequantize,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "PAD": _pad,
    "QUANTIZE": _quantize,
    "RELU": _relu,
    "RELU6": _relu,
    "SOFTMAX": _softmax,
}
