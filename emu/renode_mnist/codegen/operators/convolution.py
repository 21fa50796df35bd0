"""What CONV_2D and DEPTHWISE_CONV_2D share: options, and a filter that slides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding, Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import options, sliding, weighted
from renode_mnist.codegen.operators.rules import activations


@dataclass(frozen=True)
class ConvOptions:
    """Pairs are (height, width)."""

    padding: Padding
    stride: tuple[int, int]
    dilation: tuple[int, int]
    activation: Activation


def read(table: Any) -> ConvOptions:
    """Of ``Conv2DOptions`` and ``DepthwiseConv2DOptions``."""
    return ConvOptions(
        padding=options.padding(table),
        stride=options.stride(table),
        dilation=options.pair(table.DilationHFactor(), table.DilationWFactor(), "dilation"),
        activation=options.activation(table),
    )


def inputs(operator: Operator, channel_axis: int) -> None:
    """An image, and a constant filter whose output channels run along an axis."""
    activations(operator)
    weighted.has_dimensions(operator, 4, "its filter has not four dimensions")
    weighted.constant(operator, channel_axis)


def window(operator: Operator) -> Window:
    """The filter's window."""
    found = operator.options_as(ConvOptions)
    _, height, width, _ = operator.tensor(1).shape
    return sliding.over_image(operator, (height, width), found.stride, found.dilation, found.padding)
