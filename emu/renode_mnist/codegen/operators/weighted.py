"""What convolutions and dense layers share: weights, a bias, and an arithmetic that the weights decide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator, Tensor
from renode_mnist.codegen.operators.call import Call, bounds
from renode_mnist.codegen.operators.definition import Kind, kind_of_input
from renode_mnist.codegen.operators.rules import positive, require
from renode_mnist.codegen.program import Step

KINDS = (Kind.FLOAT32, Kind.INT8, Kind.INT16, Kind.HYBRID)
_MOST_BIAS = 1 << 46
"""Of int64: half of what TensorFlow Lite Micro multiplies; sums of products need less than the other half."""


def kind(operator: Operator) -> Kind:
    """Decided by the input and the weights."""
    weights = operator.optional_input(1)
    if kind_of_input(operator) is Kind.FLOAT32 and weights is not None and weights.type is ElementType.INT8:
        return Kind.HYBRID
    return kind_of_input(operator)


def parameters(operator: Operator) -> int:
    """Elements of weights and bias."""
    return sum(tensor.element_count for tensor in operator.inputs[1:] if tensor is not None)


def macs(products: Callable[[tuple[int, ...]], int]) -> Callable[[Operator], int]:
    """A function that counts multiply-accumulates.

    Args:
        products: Of one output, from the weights' shape.
    """

    def count(operator: Operator) -> int:
        weights = operator.optional_input(1)
        if weights is None or not weights.is_constant:
            return 0
        return operator.output.element_count * products(weights.shape)

    return count


def has_dimensions(operator: Operator, count: int, why: str) -> None:
    """The weights have so many."""
    weights = operator.optional_input(1)
    require(operator, weights is not None and len(weights.shape) == count, why)


def constant(operator: Operator, channel_axis: int, bias_position: int = 2, *, wide_only: bool = True) -> Tensor:
    """Requires constant, symmetric weights and a bias that fits; returns the weights.

    Args:
        operator: The operator.
        channel_axis: Dimension of the weights along which the output channels run.
        bias_position: Of that input.
        wide_only: Whether the bias is int64 where activations are int16; else int32 is taken too.
    """
    weights, bias = operator.optional_input(1), operator.optional_input(bias_position)
    require(operator, weights is not None and weights.is_constant, "its weights are not constant")
    assert weights is not None
    channels = weights.shape[channel_axis]
    allowed = {
        ElementType.INT8: (ElementType.INT8, ElementType.INT4),
        ElementType.INT16: (ElementType.INT8,),
    }.get(operator.input.type, (ElementType.INT8, ElementType.FLOAT32))
    require(operator, weights.type in allowed, f"weights {weights} with {operator.input.type.value} input")
    if weights.type is not ElementType.FLOAT32:
        scales = weights.quantisation
        require(operator, scales is not None, f"weights {weights} have no scale")
        assert scales is not None
        require(operator, not any(scales.zero_points), f"weights {weights} have a zero point other than 0")
        require(
            operator,
            not scales.per_channel or scales.axis == channel_axis,
            f"scales of weights {weights} run along dimension {scales.axis}",
        )
        require(
            operator,
            len(scales.scales) in (1, channels),
            f"weights {weights} have {len(scales.scales)} scales for {channels} channels",
        )
        require(operator, positive(scales), f"weights {weights} have a scale that is no number above 0")
    if bias is not None:
        wanted = _bias_types(operator.input.type, wide_only=wide_only)
        named = " or ".join(each.value.lower() for each in wanted)
        require(
            operator,
            bias.data is not None and bias.type in wanted and bias.element_count == channels,
            f"bias {bias} instead of {channels} constant {named}",
        )
        assert bias.data is not None
        if bias.type is ElementType.INT64:
            inside = bool((np.abs(bias.data) < _MOST_BIAS).all())
            require(operator, inside, f"bias {bias} has a number of 2^46 or more")
    return weights


def _bias_types(activations: ElementType, *, wide_only: bool) -> tuple[ElementType, ...]:
    match activations:
        case ElementType.INT8:
            return (ElementType.INT32,)
        case ElementType.INT16:
            return (ElementType.INT64,) if wide_only else (ElementType.INT64, ElementType.INT32)
        case _:
            return (ElementType.FLOAT32,)


def lower(
    call: Call,
    function: str,
    shape: str,
    order: str,
    activation: Activation,
    multipliers: Callable[[], list[quantise.Multiplier]],
    *,
    asymmetric: bool,
    bias: int = 2,
    narrow: bool = False,
) -> Step:
    """The call of a reference kernel in the arithmetic that the operator has.

    Args:
        call: Has the parameter ``shape``.
        function: Of ``firmware/engine/reference``.
        shape: Name of a parameter.
        order: Of the weights, in words.
        activation: Fused into the output.
        multipliers: From sums to the output's type, one an output channel; asked for in int8 and int16 only.
        asymmetric: In dynamic range, whether the input is quantised with a zero point. That is LiteRT's choice
            (lite/kernels/conv.cc, depthwise_conv.cc, fully_connected.cc).
        bias: Position of that input.
        narrow: In int16, whether sums have 32 bits though no bias says so.
    """
    operator = call.operator
    names = call.weights(order, bias)
    source = call.source()
    match kind(operator):
        case Kind.INT8:
            output = call.requantisation(activation, multipliers())
            return call.of(function, [shape, output, source, *names])
        case Kind.INT16:
            # The bias decides how many bits sums have, and TensorFlow Lite Micro rounds the two otherwise.
            given = operator.optional_input(bias)
            narrow = narrow if given is None else given.type is ElementType.INT32
            output = (call.requantisation if narrow else call.wide_requantisation)(activation, multipliers())
            return call.of(function, [shape, output, source, *names])
        case Kind.FLOAT32:
            clamp = call.struct("Clamp", "Clamp", bounds(activation))
            return call.of(function, [shape, clamp, source, *names])
        case Kind.HYBRID:
            # Int8 weights meet an input that is quantised, one scale a batch, into scratch memory first.
            scales = quantise.quantisation(operator.tensor(1))
            table = call.constant("Scales", np.array(scales.scales, np.float32), "weight scales")
            hybrid = call.struct(
                "Hybrid",
                "Hybrid",
                {
                    "weight_scales": table,
                    "per_channel": scales.per_channel,
                    "asymmetric": asymmetric,
                    "clamp": bounds(activation),
                },
            )
            quantised = call.scratch("quantised", "int8", operator.input.element_count)
            return call.of(function, [shape, hybrid, source, *names, quantised])
