"""Back-end of engine ``cmsis-nn``: Arm's CMSIS-NN for int8, the reference kernels for what it lacks.

The calls work with every release from 6.0 on. Arithmetic is TensorFlow Lite Micro's to the bit, in both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import geometry, quantise, reference
from renode_mnist.codegen.graph import (
    Activation,
    AddOptions,
    ConvOptions,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
    SoftmaxOptions,
    Tensor,
)
from renode_mnist.codegen.plan import Buffer, Constant, Objective, Parameter, Program, Step, Value
from renode_mnist.codegen.support import Kind, kind
from renode_mnist.errors import ModelError

_HEADER = "engine/cmsis_nn/cmsis_nn.hpp"
_SOFTMAX_INTEGER_BITS = 5


class CmsisNn:
    """The back-end; see the module's text."""

    name = "cmsis-nn"

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """One step an operator; the objective makes no difference here."""
        lowering = reference.Lowering(graph)
        steps = [step for operator in graph.operators if (step := _step(lowering, operator)) is not None]
        return Program(tuple(steps), lowering.buffer(graph.inputs[0]), lowering.buffer(graph.outputs[0]))


def _step(lowering: reference.Lowering, operator: Operator) -> Step | None:
    if kind(operator) is not Kind.INT8 and operator.op not in ("QUANTIZE", "RESHAPE"):
        raise ModelError(
            f"Engine cmsis-nn cannot compute {operator}: CMSIS-NN has no float kernels that are of use on a "
            "Cortex-M7, which is why it made no difference to a float model in TensorFlow Lite Micro either",
            "Choose engine m7 for this model, or export it as int8",
        )
    match operator.op:
        case "CONV_2D" if not _grouped(operator):
            return _conv_2d(lowering, operator)
        case "DEPTHWISE_CONV_2D":
            return _depthwise_conv_2d(lowering, operator)
        case "FULLY_CONNECTED":
            return _fully_connected(lowering, operator)
        case "MAX_POOL_2D" | "AVERAGE_POOL_2D":
            return _pool(lowering, operator)
        case "SOFTMAX":
            return _softmax(lowering, operator)
        case "ADD" if all(tensor is not None and tensor.shape == operator.output.shape for tensor in operator.inputs):
            return _add(lowering, operator)
        case _:
            return lowering.step(operator)


def _grouped(operator: Operator) -> bool:
    """Whether the filter sees only some of the input channels; arm_convolve_s8 of release 6.0 knows no groups."""
    weights = operator.inputs[1]
    assert weights is not None
    return weights.shape[3] != operator.input.shape[3]


# Scratch memory that CMSIS-NN asks for on a core with the DSP extension, as documented with, and tested against,
# arm_*_get_buffer_size (the tests compile those for the host).


def convolution_scratch_bytes(window: geometry.Window, input_channels: int) -> int:
    """``arm_convolve_wrapper_s8_get_buffer_size``: two im2col columns of int16, each a multiple of 4 long."""
    pointwise = window.kernel_height == window.kernel_width == 1
    if pointwise and not (window.pad_top or window.pad_left) and window.dilation_height == window.dilation_width == 1:
        return 0
    column = window.kernel_height * window.kernel_width * input_channels
    return 2 * (-(-column // 4) * 4) * 2


def depthwise_scratch_bytes(window: geometry.Window, batches: int, input_channels: int, output_channels: int) -> int:
    """``arm_depthwise_conv_wrapper_s8_get_buffer_size``: one im2col column of int16, or nothing for 3x3."""
    dilated = (window.dilation_height, window.dilation_width) != (1, 1)
    if input_channels != output_channels or batches != 1 or dilated:
        return 0
    if window.kernel_height == window.kernel_width == 3 and window.pad_top <= 1 and window.pad_left <= 1:
        return 0
    return input_channels * window.kernel_height * window.kernel_width * 2


def average_pool_scratch_bytes(channels: int) -> int:
    """``arm_avgpool_s8_get_buffer_size``: an int32 sum a channel."""
    return 4 * channels


@dataclass(frozen=True)
class SoftmaxScaling:
    """Arguments of ``arm_softmax_s8``, as TensorFlow Lite's ``PreprocessSoftmaxScaling`` makes them.

    Attributes:
        multiplier: Brings a difference of stored inputs to Q5.26, with ``shift`` to the left.
        diff_min: Differences below contribute nothing.
    """

    multiplier: int
    shift: int
    diff_min: int


def softmax_scaling(scale: float, beta: float) -> SoftmaxScaling:
    """Of inputs with this scale."""
    fraction_bits = 31 - _SOFTMAX_INTEGER_BITS
    factor = quantise.multiplier(min(beta * scale * (1 << fraction_bits), (1 << 31) - 1.0))
    radius = ((1 << _SOFTMAX_INTEGER_BITS) - 1) * (1 << fraction_bits) >> factor.shift
    return SoftmaxScaling(factor.value, factor.shift, -radius)


class _Parts:
    """Collects what the step of one operator is made of."""

    def __init__(self, lowering: reference.Lowering, operator: Operator) -> None:
        self.lowering = lowering
        self.operator = operator
        self.snake = f"{operator.op.lower()}_{operator.index}"
        self.camel = "k" + "".join(word.capitalize() for word in self.snake.split("_"))
        self.parameters: list[Parameter] = []
        self.constants: list[Constant] = []
        self.scratch: list[Buffer] = []

    def parameter(self, type_name: str, value: Value) -> str:
        self.parameters.append(Parameter(self.camel, f"cmsis_nn::{type_name}", value))
        return self.camel

    def constant(self, suffix: str, values: npt.NDArray[Any], comment: str) -> str:
        self.constants.append(Constant(self.camel + suffix, values, f"{self.operator}: {comment}"))
        return self.constants[-1].name

    def weights(self, order: str) -> list[str]:
        """Names of weights and bias."""
        weights, bias = self.operator.inputs[1], self.operator.optional_input(2)
        assert weights is not None
        assert weights.data is not None
        names = [self.constant("Weights", weights.data, f"weights, {order}")]
        if bias is None:
            return [*names, "nullptr"]
        assert bias.data is not None
        return [*names, self.constant("Bias", bias.data, "bias")]

    def multipliers(self, channels: int) -> list[str]:
        """Names of the output multipliers and shifts, one a channel whether or not they differ."""
        factors = quantise.output_multipliers(self.operator, channels)
        values = np.array([factor.value for factor in factors], np.int32)
        shifts = np.array([factor.shift for factor in factors], np.int32)
        return [
            self.constant("Multipliers", values, "output multipliers, 2^-31 each"),
            self.constant("Shifts", shifts, "output shifts, to the left where positive"),
        ]

    def scratch_of(self, byte_count: int) -> str:
        """An expression for scratch memory of so many bytes."""
        if byte_count == 0:
            return "nullptr"
        self.scratch.append(Buffer(f"{self.snake}_scratch", "int8", byte_count))
        return self.scratch[-1].name

    def step(self, function: str, arguments: list[str], reads: tuple[Tensor, ...] = ()) -> Step:
        """The call ``cmsis_nn::<function>(<arguments>, <output>)``."""
        output = Buffer(f"{self.snake}_out", "int8", self.operator.output.element_count, tensor=self.operator.output)
        inputs = tuple(self.lowering.buffer(tensor) for tensor in reads or (self.operator.input,))
        self.lowering.bind(self.operator.output, output)
        return Step(
            name=self.operator.name,
            operators=(self.operator,),
            reads=inputs,
            writes=(output,),
            call=f"cmsis_nn::{function}({', '.join([*arguments, output.name])});",
            scratch=tuple(self.scratch),
            constants=tuple(self.constants),
            parameters=tuple(self.parameters),
            headers=(_HEADER,),
        )


def _dims(n: int, h: int, w: int, c: int) -> dict[str, Value]:
    """``cmsis_nn_dims``."""
    return {"n": n, "h": h, "w": w, "c": c}


def _tile(w: int, h: int) -> dict[str, Value]:
    """``cmsis_nn_tile``."""
    return {"w": w, "h": h}


def _activation(operator: Operator, activation: Activation) -> dict[str, Value]:
    """``cmsis_nn_activation``."""
    low, high = quantise.activation_range(activation, operator.output)
    return {"min": low, "max": high}


def _offsets(operator: Operator) -> dict[str, Value]:
    """CMSIS-NN adds the input offset to inputs, so it is the negative zero point."""
    return {
        "input_offset": -quantise.quantisation(operator.input).zero_point,
        "output_offset": quantise.quantisation(operator.output).zero_point,
    }


def _window(window: geometry.Window) -> dict[str, Value]:
    return {
        "stride": _tile(window.stride_width, window.stride_height),
        "padding": _tile(window.pad_left, window.pad_top),
        "dilation": _tile(window.dilation_width, window.dilation_height),
    }


def _conv_2d(lowering: reference.Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, ConvOptions)
    weights = operator.inputs[1]
    assert weights is not None
    window = geometry.window(operator)
    parts = _Parts(lowering, operator)
    shape = parts.parameter(
        "Convolution",
        {
            "parameters": {
                **_offsets(operator),
                **_window(window),
                "activation": _activation(operator, operator.options.activation),
            },
            "input": _dims(*operator.input.shape),
            "filter": _dims(*weights.shape),
            "output": _dims(*operator.output.shape),
        },
    )
    arguments = [
        shape,
        lowering.buffer(operator.input).name,
        *parts.weights("output channel, row, column, input channel"),
        *parts.multipliers(weights.shape[0]),
        parts.scratch_of(convolution_scratch_bytes(window, operator.input.shape[3])),
    ]
    return parts.step("convolve", arguments)


def _depthwise_conv_2d(lowering: reference.Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, ConvOptions)
    weights = operator.inputs[1]
    assert weights is not None
    window = geometry.window(operator)
    batches, _, _, channels = operator.input.shape
    parts = _Parts(lowering, operator)
    shape = parts.parameter(
        "DepthwiseConvolution",
        {
            "parameters": {
                **_offsets(operator),
                "ch_mult": weights.shape[3] // channels,
                **_window(window),
                "activation": _activation(operator, operator.options.activation),
            },
            "input": _dims(*operator.input.shape),
            "filter": _dims(*weights.shape),
            "output": _dims(*operator.output.shape),
        },
    )
    arguments = [
        shape,
        lowering.buffer(operator.input).name,
        *parts.weights("1, row, column, output channel"),
        *parts.multipliers(weights.shape[3]),
        parts.scratch_of(depthwise_scratch_bytes(window, batches, channels, weights.shape[3])),
    ]
    return parts.step("depthwise_convolve", arguments)


def _fully_connected(lowering: reference.Lowering, operator: Operator) -> Step:
    """With one scale a channel as a 1x1 convolution: the call for that came after release 6.0."""
    assert isinstance(operator.options, FullyConnectedOptions)
    weights = operator.inputs[1]
    assert weights is not None
    outputs, inputs = weights.shape
    batches = operator.input.element_count // inputs
    activation = _activation(operator, operator.options.activation)
    parts = _Parts(lowering, operator)
    source = lowering.buffer(operator.input).name
    dims = {"input": _dims(batches, 1, 1, inputs), "output": _dims(batches, 1, 1, outputs)}
    if quantise.quantisation(weights).per_channel:
        one, none = _tile(1, 1), _tile(0, 0)
        window: dict[str, Value] = {"stride": one, "padding": none, "dilation": one}
        shape = parts.parameter(
            "Convolution",
            {
                "parameters": {**_offsets(operator), **window, "activation": activation},
                "input": dims["input"],
                "filter": _dims(outputs, 1, 1, inputs),
                "output": dims["output"],
            },
        )
        names = [*parts.weights("output, input"), *parts.multipliers(outputs), "nullptr"]
        return parts.step("convolve", [shape, source, *names])
    factor = quantise.output_multipliers(operator, 1)[0]
    offsets = _offsets(operator)
    shape = parts.parameter(
        "FullyConnected",
        {
            "parameters": {
                "input_offset": offsets["input_offset"],
                "filter_offset": 0,
                "output_offset": offsets["output_offset"],
                "activation": activation,
            },
            "output_factor": {"multiplier": factor.value, "shift": factor.shift},
            "input": dims["input"],
            "filter": _dims(inputs, 1, 1, outputs),
            "output": dims["output"],
        },
    )
    return parts.step("fully_connected", [shape, source, *parts.weights("output, input")])


def _pool(lowering: reference.Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, PoolOptions)
    window = geometry.window(operator)
    channels = operator.input.shape[3]
    parts = _Parts(lowering, operator)
    shape = parts.parameter(
        "Pool",
        {
            "parameters": {
                "stride": _tile(window.stride_width, window.stride_height),
                "padding": _tile(window.pad_left, window.pad_top),
                "activation": _activation(operator, operator.options.activation),
            },
            "input": _dims(*operator.input.shape),
            "filter": _dims(1, window.kernel_height, window.kernel_width, 1),
            "output": _dims(*operator.output.shape),
        },
    )
    source = lowering.buffer(operator.input).name
    if operator.op == "MAX_POOL_2D":
        return parts.step("max_pool", [shape, source])
    scratch = parts.scratch_of(average_pool_scratch_bytes(channels))
    return parts.step("average_pool", [shape, source, scratch])


def _softmax(lowering: reference.Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, SoftmaxOptions)
    depth = operator.input.shape[-1]
    scaling = softmax_scaling(quantise.quantisation(operator.input).scale, operator.options.beta)
    parts = _Parts(lowering, operator)
    shape = parts.parameter(
        "Softmax",
        {
            "rows": operator.input.element_count // depth,
            "depth": depth,
            "multiplier": scaling.multiplier,
            "shift": scaling.shift,
            "diff_min": scaling.diff_min,
        },
    )
    return parts.step("softmax", [shape, lowering.buffer(operator.input).name])


def _add(lowering: reference.Lowering, operator: Operator) -> Step:
    assert isinstance(operator.options, AddOptions)
    first, second = operator.inputs
    assert first is not None
    assert second is not None
    scaling = quantise.add_scaling(first, second, operator.output)
    parts = _Parts(lowering, operator)
    names = [
        lowering.buffer(tensor).name if tensor.data is None else parts.constant(suffix, tensor.data, "addend")
        for tensor, suffix in ((first, "First"), (second, "Second"))
    ]
    shape = parts.parameter(
        "Add",
        {
            "first": _term(first, scaling.first),
            "second": _term(second, scaling.second),
            "output_offset": quantise.quantisation(operator.output).zero_point,
            "output_factor": {"multiplier": scaling.output.value, "shift": scaling.output.shift},
            "activation": _activation(operator, operator.options.activation),
            "count": operator.output.element_count,
        },
    )
    reads = tuple(dict.fromkeys(tensor for tensor in (first, second) if not tensor.is_constant))
    return parts.step("add", [shape, *names], reads)


def _term(tensor: Tensor, factor: quantise.Multiplier) -> dict[str, Value]:
    return {
        "offset": -quantise.quantisation(tensor).zero_point,
        "factor": {"multiplier": factor.value, "shift": factor.shift},
    }
