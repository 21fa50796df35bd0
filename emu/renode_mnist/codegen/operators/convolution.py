"""What CONV_2D and DEPTHWISE_CONV_2D share: options, and a filter that slides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding, Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import options, sliding, weighted
from renode_mnist.codegen.operators.call import Call, fields
from renode_mnist.codegen.operators.rules import activations
from renode_mnist.codegen.program import Step, Value


@dataclass(frozen=True)
class ConvOptions:
    """Pairs are (height, width).

    Attributes:
        narrow: In int16, whether sums have 32 bits where there is no bias to say so.
        window: Where a pass has made the convolution, and neither padding says how it meets the border.
    """

    padding: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    activation: Activation
    narrow: bool = False
    window: Window | None = None


def read(table: Any) -> ConvOptions:
    """Of ``Conv2DOptions`` and ``DepthwiseConv2DOptions``."""
    return ConvOptions(
        padding=options.padding(table),
        stride=options.stride(table),
        dilation=options.pair(table.DilationHFactor(), table.DilationWFactor(), "dilation"),
        activation=options.activation(table),
    )


def read_with_bias_type(table: Any) -> ConvOptions:
    """Of ``Conv2DOptions``, which know what a bias that is left out would be."""
    return replace(read(table), narrow=options.narrow(table))


def inputs(operator: Operator, channel_axis: int, *, wide_only: bool = True) -> None:
    """An image, and a constant filter whose output channels run along an axis."""
    activations(operator)
    weighted.has_dimensions(operator, 4, "its filter has not four dimensions")
    weighted.constant(operator, channel_axis, wide_only=wide_only)


def window(operator: Operator) -> Window:
    """The filter's window."""
    found = operator.options_as(ConvOptions)
    if found.window is not None:
        return found.window
    _, height, width, _ = operator.tensor(1).shape
    return sliding.over_image(operator, (height, width), found.stride, found.dilation, found.padding)


def lower(
    lowering: Lowering,
    operator: Operator,
    struct: str,
    more: Mapping[str, Value],
    order: str,
    channels: int,
    *,
    asymmetric: bool,
) -> Step:
    """The step of the reference kernel that is named as the operator.

    Args:
        lowering: Knows the buffers.
        operator: The convolution.
        struct: Type of its parameter.
        more: Fields that only this convolution's parameter has.
        order: Of the weights, in words.
        channels: Of the output.
        asymmetric: See ``weighted.lower``.
    """
    call = Call(lowering, operator)
    _, _, _, input_channels = operator.input.shape
    shape = call.struct(
        "",
        struct,
        {
            "window": fields(window(operator)),
            "batches": operator.input.shape[0],
            "input_channels": input_channels,
            **more,
        },
    )
    return weighted.lower(
        call,
        operator.op.lower(),
        shape,
        order,
        operator.options_as(ConvOptions).activation,
        lambda: quantise.output_multipliers(operator, channels),
        asymmetric=asymmetric,
        narrow=operator.options_as(ConvOptions).narrow,
    )
