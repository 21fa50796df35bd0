"""Fields that the options of several operators have."""

from __future__ import annotations

from typing import Any, TypeVar

import tflite

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding

_ACTIVATIONS = {
    value: Activation(name) for name, value in vars(tflite.ActivationFunctionType).items() if name.isupper()
}
_PADDINGS = {value: Padding(name) for name, value in vars(tflite.Padding).items() if name.isupper()}

T = TypeVar("T")


def _enum(table: dict[int, T], value: int, what: str) -> T:
    if value not in table:
        raise ValueError(f"{what} {value} is unknown")
    return table[value]


def activation(table: Any) -> Activation:
    """The fused activation."""
    return _enum(_ACTIVATIONS, table.FusedActivationFunction(), "activation")


def padding(table: Any) -> Padding:
    """How a window meets the border."""
    return _enum(_PADDINGS, table.Padding(), "padding")


def pair(height: int, width: int, what: str) -> tuple[int, int]:
    """Of a window: its size, stride or dilation."""
    if not (1 <= height <= 1 << 15 and 1 <= width <= 1 << 15):
        raise ValueError(f"{what} {height}x{width} is out of range")
    return height, width


def stride(table: Any) -> tuple[int, int]:
    """Of a window."""
    return pair(table.StrideH(), table.StrideW(), "stride")


def narrow(table: Any) -> bool:
    """Whether a bias that is left out would be int32: in int16 sums then have 32 bits."""
    return bool(table.QuantizedBiasType() == tflite.TensorType.INT32)
