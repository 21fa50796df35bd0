"""What generated code can compute: refuses the rest by operator and tensor before anything is built.

After ``check`` a back-end may rely on every rule here: shapes agree, weights are constant, quantisation is as
TensorFlow Lite's 8-bit specification has it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from renode_mnist.codegen.geometry import window
from renode_mnist.codegen.graph import (
    Activation,
    AddOptions,
    ConvOptions,
    ElementType,
    FullyConnectedOptions,
    Graph,
    Operator,
    PoolOptions,
    ReducerOptions,
    SoftmaxOptions,
    Tensor,
)
from renode_mnist.errors import ModelError

_INTERFACE_TYPES = (ElementType.FLOAT32, ElementType.INT8, ElementType.UINT8)
_CLAMPS = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)
_MOST_DIMENSIONS = 4
_DEEPEST_SOFTMAX = 4096
_EXPORT = "Export the model as float32, int8, uint8 or dynamic range (`renode-mnist export`)"


class Kind(Enum):
    """Arithmetic of an operator."""

    FLOAT32 = "float32"
    INT8 = "int8"
    HYBRID = "hybrid"
    """float32 activations, quantised at run time to meet int8 weights ("dynamic range")."""


def check(graph: Graph) -> None:
    """Refuses what no back-end computes.

    Raises:
        ModelError: Names the operator and the tensor, and says what would work.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ModelError(
            f"{graph.name} has {len(graph.inputs)} inputs and {len(graph.outputs)} outputs",
            "Export a model with one of each",
        )
    for operator in graph.operators:
        rule = _RULES.get(operator.op)
        if rule is None:
            remedy = f"Supported are: {', '.join(sorted(_RULES))}"
            if operator.op in ("SHAPE", "STRIDED_SLICE", "PACK"):
                remedy = "Fix the batch size at export (keras.Input(batch_shape=(1, ...))), then it vanishes"
            raise ModelError(f"Operator {operator} is not supported", remedy)
        rule(operator)
    for tensor in (*graph.inputs, *graph.outputs):
        if tensor.type not in _INTERFACE_TYPES or not 1 <= len(tensor.shape) <= _MOST_DIMENSIONS:
            raise ModelError(f"The model's input or output {tensor} is not supported", _EXPORT)
        if tensor.type is not ElementType.FLOAT32:
            _quantised(tensor, "The model's interface")
    source, result = graph.inputs[0], graph.outputs[0]
    if source.is_constant or result.is_constant:
        raise ModelError(f"The output {result} does not depend on the input {source}", "Export the model again")
    if all(operator.op == "RESHAPE" for operator in graph.operators):
        raise ModelError(f"{graph.name} computes nothing", "Give a model with at least one layer")


def kind(operator: Operator) -> Kind:
    """Arithmetic of an operator that ``check`` has passed; decided by its first input and its weights."""
    if operator.input.type is not ElementType.FLOAT32:
        return Kind.INT8
    weights = operator.optional_input(1) if operator.op in _WEIGHTED else None
    return Kind.HYBRID if weights is not None and weights.type is ElementType.INT8 else Kind.FLOAT32


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def _refuse(operator: Operator, why: str, remedy: str = _EXPORT) -> ModelError:
    return ModelError(f"Operator {operator} is not supported: {why}", remedy)


def _require(operator: Operator, condition: bool, why: str, remedy: str = _EXPORT) -> None:
    if not condition:
        raise _refuse(operator, why, remedy)


def _quantised(tensor: Tensor, who: Operator | str) -> None:
    """A stored activation has one scale and a zero point that its type can hold."""
    quantisation = tensor.quantisation
    low, high = (0, 255) if tensor.type is ElementType.UINT8 else (-128, 127)
    if quantisation is None or quantisation.per_channel or not low <= quantisation.zero_point <= high:
        what = f"Operator {who} is not supported" if isinstance(who, Operator) else who
        raise ModelError(f"{what}: {tensor} needs one scale and a zero point of {low} to {high}", _EXPORT)


def _activations(operator: Operator, *tensors: Tensor | None) -> None:
    """All float32, or all int8 and quantised."""
    for tensor in tensors:
        _require(operator, tensor is not None, "an input is missing", "Export the model again")
        assert tensor is not None
        _require(
            operator,
            tensor.type in (ElementType.FLOAT32, ElementType.INT8) and tensor.type is operator.input.type,
            f"{tensor} is neither float32 nor int8 throughout",
        )
        if tensor.type is ElementType.INT8:
            _quantised(tensor, operator)
    _require(operator, not operator.input.is_constant, f"its input {operator.input} is constant")


def _clamps(operator: Operator, activation: Activation) -> None:
    _require(
        operator,
        activation in _CLAMPS,
        f"the fused activation {activation.value}",
        f"Use one of {', '.join(a.value for a in _CLAMPS)}",
    )


def _weights(operator: Operator, channel_axis: int) -> Tensor:
    """Checks weights and bias of the three operators that have them; returns the weights."""
    weights, bias = operator.optional_input(1), operator.optional_input(2)
    _require(operator, weights is not None and weights.is_constant, "its weights are not constant")
    assert weights is not None
    channels = weights.shape[channel_axis]
    quantised = operator.input.type is ElementType.INT8
    allowed = (ElementType.INT8,) if quantised else (ElementType.INT8, ElementType.FLOAT32)
    _require(operator, weights.type in allowed, f"weights {weights} with {operator.input.type.value} input")
    if weights.type is ElementType.INT8:
        scales = weights.quantisation
        _require(operator, scales is not None, f"weights {weights} have no scale")
        assert scales is not None
        _require(operator, not any(scales.zero_points), f"weights {weights} have a zero point other than 0")
        _require(
            operator,
            not scales.per_channel or scales.axis == channel_axis,
            f"scales of weights {weights} run along dimension {scales.axis}",
        )
    if bias is not None:
        wanted = ElementType.INT32 if quantised else ElementType.FLOAT32
        _require(
            operator,
            bias.is_constant and bias.type is wanted and bias.element_count == channels,
            f"bias {bias} instead of {channels} constant {wanted.value.lower()}",
        )
    return weights


def _conv_2d(operator: Operator) -> None:
    assert isinstance(operator.options, ConvOptions)
    _activations(operator, operator.input, operator.output)
    weights = operator.optional_input(1)
    _require(operator, weights is not None and len(weights.shape) == 4, "its filter has not four dimensions")
    weights = _weights(operator, channel_axis=0)
    window(operator)
    channels, groups_of = operator.input.shape[3], weights.shape[3]
    _require(
        operator,
        channels % groups_of == 0 and weights.shape[0] % (channels // groups_of) == 0,
        f"{channels} input channels do not fit its filter {weights}",
    )
    _same_batch(operator)
    _require(operator, operator.output.shape[3] == weights.shape[0], f"output {operator.output}")
    if kind(operator) is Kind.HYBRID:
        _require(operator, channels == groups_of, "a grouped dynamic-range convolution")
    _clamps(operator, operator.options.activation)


def _depthwise_conv_2d(operator: Operator) -> None:
    assert isinstance(operator.options, ConvOptions)
    _activations(operator, operator.input, operator.output)
    weights = operator.optional_input(1)
    _require(operator, weights is not None and len(weights.shape) == 4, "its filter has not four dimensions")
    weights = _weights(operator, channel_axis=3)
    window(operator)
    _require(
        operator,
        weights.shape[0] == 1 and weights.shape[3] % operator.input.shape[3] == 0,
        f"{operator.input.shape[3]} input channels do not fit its filter {weights}",
    )
    _same_batch(operator)
    _require(operator, operator.output.shape[3] == weights.shape[3], f"output {operator.output}")
    if kind(operator) is Kind.HYBRID:
        scales = weights.quantisation
        assert scales is not None
        _require(operator, len(scales.scales) == weights.shape[3], f"weights {weights} without a scale a channel")
    _clamps(operator, operator.options.activation)


def _same_batch(operator: Operator) -> None:
    _require(
        operator,
        operator.output.shape[0] == operator.input.shape[0],
        f"a batch of {operator.input.shape[0]} becomes {operator.output.shape[0]}",
        "Export the model again",
    )


def _pool(operator: Operator) -> None:
    assert isinstance(operator.options, PoolOptions)
    _activations(operator, operator.input, operator.output)
    window(operator)
    _same_batch(operator)
    _require(operator, operator.output.shape[3] == operator.input.shape[3], f"output {operator.output}")
    if operator.input.type is ElementType.INT8:
        _same_quantisation(operator)
    _clamps(operator, operator.options.activation)


def _same_quantisation(operator: Operator) -> None:
    """TensorFlow Lite Micro's pooling.cc tolerates a difference of 1e-6 in scale and then ignores it."""
    before, after = operator.input.quantisation, operator.output.quantisation
    assert before is not None
    assert after is not None
    _require(
        operator,
        abs(before.scale - after.scale) <= 1e-6 and before.zero_point == after.zero_point,
        "its input and output are quantised differently",
    )


def _fully_connected(operator: Operator) -> None:
    assert isinstance(operator.options, FullyConnectedOptions)
    _activations(operator, operator.input, operator.output)
    weights = operator.optional_input(1)
    _require(operator, weights is not None and len(weights.shape) == 2, "its weights have not two dimensions")
    weights = _weights(operator, channel_axis=0)
    outputs, depth = weights.shape
    _require(
        operator,
        operator.input.element_count % depth == 0
        and operator.output.element_count == operator.input.element_count // depth * outputs,
        f"{operator.input} and weights {weights} do not make {operator.output}",
    )
    _require(operator, not operator.options.shuffled, "its weights are in the shuffled format")
    _clamps(operator, operator.options.activation)


def _reshape(operator: Operator) -> None:
    _activations_of_any_type(operator)
    _require(
        operator,
        operator.input.element_count == operator.output.element_count and operator.input.type is operator.output.type,
        f"{operator.input} does not fit {operator.output}",
    )


def _activations_of_any_type(operator: Operator) -> None:
    for tensor in (operator.input, operator.output):
        _require(operator, tensor.type in _INTERFACE_TYPES, f"{tensor} is not float32, int8 or uint8")
    _require(operator, not operator.input.is_constant, f"its input {operator.input} is constant")


def _softmax(operator: Operator) -> None:
    assert isinstance(operator.options, SoftmaxOptions)
    _activations(operator, operator.input, operator.output)
    _same_shape(operator)
    _require(operator, len(operator.input.shape) >= 1, "a scalar")
    _require(operator, operator.options.beta > 0, f"beta {operator.options.beta}")
    # Sums of exponentials are Q12.19.
    depth = operator.input.shape[-1]
    _require(operator, depth < _DEEPEST_SOFTMAX, f"{depth} classes", f"Use fewer than {_DEEPEST_SOFTMAX}")
    if operator.input.type is ElementType.INT8:
        quantisation = operator.output.quantisation
        assert quantisation is not None
        _require(
            operator,
            quantisation.scale == 1 / 256 and quantisation.zero_point == -128,
            f"{operator.output} must have scale 1/256 and zero point -128",
        )


def _same_shape(operator: Operator) -> None:
    _require(
        operator,
        operator.input.shape == operator.output.shape,
        f"{operator.input} does not fit {operator.output}",
        "Export the model again",
    )


def _add(operator: Operator) -> None:
    assert isinstance(operator.options, AddOptions)
    first, second = operator.input, operator.optional_input(1)
    _require(operator, second is not None, "an input is missing", "Export the model again")
    assert second is not None
    if first.is_constant and not second.is_constant:
        first, second = second, first
    _require(operator, not first.is_constant, "both inputs are constant")
    for tensor in (first, second, operator.output):
        _require(
            operator,
            tensor.type in (ElementType.FLOAT32, ElementType.INT8) and tensor.type is operator.output.type,
            f"{tensor} is neither float32 nor int8 throughout",
        )
        if tensor.type is ElementType.INT8:
            _quantised(tensor, operator)
    rank = len(operator.output.shape)
    _require(operator, rank <= _MOST_DIMENSIONS, f"more than {_MOST_DIMENSIONS} dimensions")
    for tensor in (first, second):
        padded = (1,) * (rank - len(tensor.shape)) + tensor.shape
        _require(
            operator,
            len(padded) == rank and all(n in (1, m) for n, m in zip(padded, operator.output.shape, strict=True)),
            f"{tensor} cannot be broadcast to {operator.output}",
        )
    if operator.output.type is ElementType.INT8:
        scales = [t.quantisation.scale for t in (first, second, operator.output) if t.quantisation is not None]
        _require(
            operator,
            2 * max(scales[:2]) / ((1 << 20) * scales[2]) < 1,
            "the output scale is more than 2^19 times finer than an input's",
        )
    _clamps(operator, operator.options.activation)


def _pad(operator: Operator) -> None:
    _activations(operator, operator.input, operator.output)
    paddings = operator.optional_input(1)
    rank = len(operator.input.shape)
    _require(operator, rank <= _MOST_DIMENSIONS, f"more than {_MOST_DIMENSIONS} dimensions")
    _require(
        operator,
        paddings is not None
        and paddings.data is not None
        and paddings.type in (ElementType.INT32, ElementType.INT64)
        and paddings.shape == (rank, 2),
        "its paddings are not constant pairs of integers",
    )
    assert paddings is not None
    assert paddings.data is not None
    widened = tuple(int(n + sum(pair)) for n, pair in zip(operator.input.shape, paddings.data, strict=True))
    _require(
        operator,
        bool((paddings.data >= 0).all()) and widened == operator.output.shape,
        f"paddings {paddings.data.tolist()} do not make {operator.output}",
    )


def _relu(operator: Operator) -> None:
    _activations(operator, operator.input, operator.output)
    _same_shape(operator)


def _mean(operator: Operator) -> None:
    assert isinstance(operator.options, ReducerOptions)
    _activations(operator, operator.input, operator.output)
    rank = len(operator.input.shape)
    _require(operator, rank <= _MOST_DIMENSIONS, f"more than {_MOST_DIMENSIONS} dimensions")
    axes = operator.optional_input(1)
    _require(
        operator,
        axes is not None and axes.data is not None and axes.type is ElementType.INT32,
        "its axes are not constant integers",
    )
    assert axes is not None
    assert axes.data is not None
    chosen = {int(axis) for axis in axes.data.reshape(-1)}
    _require(operator, all(-rank <= axis < rank for axis in chosen), f"axes {sorted(chosen)} of {rank}")
    chosen = {axis % rank for axis in chosen}
    kept = [1 if i in chosen else n for i, n in enumerate(operator.input.shape)]
    squeezed = [n for i, n in enumerate(operator.input.shape) if i not in chosen]
    wanted = kept if operator.options.keep_dims else squeezed
    _require(operator, list(operator.output.shape) == wanted, f"output {operator.output}")


def _quantize(operator: Operator) -> None:
    _activations_of_any_type(operator)
    _same_shape(operator)
    pair = (operator.input.type, operator.output.type)
    _require(operator, pair in _QUANTIZE_PAIRS, f"from {operator.input} to {operator.output}")
    for tensor in (operator.input, operator.output):
        if tensor.type is not ElementType.FLOAT32:
            _quantised(tensor, operator)


_QUANTIZE_PAIRS = (
    (ElementType.FLOAT32, ElementType.INT8),
    (ElementType.FLOAT32, ElementType.UINT8),
    (ElementType.INT8, ElementType.INT8),
    (ElementType.INT8, ElementType.UINT8),
    (ElementType.UINT8, ElementType.INT8),
)


def _dequantize(operator: Operator) -> None:
    _activations_of_any_type(operator)
    _same_shape(operator)
    _require(
        operator,
        operator.input.type is not ElementType.FLOAT32 and operator.output.type is ElementType.FLOAT32,
        f"from {operator.input} to {operator.output}",
    )
    _quantised(operator.input, operator)


_RULES: dict[str, Callable[[Operator], None]] = {
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
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
}

SUPPORTED = tuple(sorted(_RULES))
"""Operators that generated code computes, by TensorFlow Lite's names."""
