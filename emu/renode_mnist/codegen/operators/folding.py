"""Folded of operators whose inputs are all constant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.operators.definition import Folded

_NUMBERS = (ElementType.FLOAT32, ElementType.INT32, ElementType.INT64)
"""Types that NumPy computes in as the kernels do: a sum of two float32 is the nearest float32."""


def elementwise(function: Callable[..., npt.NDArray[Any]]) -> Callable[[Operator], Folded]:
    """Of an operator that computes each element by itself, in real or integer numbers, with nothing fused."""

    def fold(operator: Operator) -> Folded:
        fused = getattr(operator.options, "activation", Activation.NONE)
        if fused is not Activation.NONE or operator.output.type not in _NUMBERS:
            raise ValueError("not at build time")
        with np.errstate(all="ignore"):
            return (function(*(operator.constant(i) for i in range(len(operator.inputs)))),)

    return fold


def moved(operator: Operator) -> Folded:
    """The same elements in the output's shape."""
    if operator.input.type is not operator.output.type or operator.input.quantisation != operator.output.quantisation:
        raise ValueError("not at build time")
    return (operator.constant(0).reshape(operator.output.shape),)


def unchanged(operator: Operator) -> None:
    """Refuses to fold what would have to be quantised anew."""
    for tensor in (*operator.inputs, *operator.outputs):
        if tensor is None or tensor.type is not operator.output.type:
            continue
        if tensor.quantisation != operator.output.quantisation:
            raise ValueError("not at build time")
