"""A layer in int8 that is computed pixel by pixel: CONV_2D, and FULLY_CONNECTED with rows for pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import conv_int8, first_conv_int8, layer_int8, winograd_int8
from renode_mnist.codegen.m7.choice import choose
from renode_mnist.codegen.m7.layer_int8 import Layer
from renode_mnist.codegen.program import Step
from renode_mnist.codegen.quantise import Multiplier


def layer(
    operator: Operator,
    window: Window,
    weights: npt.NDArray[np.int8],
    factors: list[Multiplier],
    activation: Activation,
) -> Layer:
    """See ``layer_int8.layer``; beyond these kernels is also a sum that could be too large."""
    found = layer_int8.layer(operator, window, weights, factors, activation)
    if not found.beyond and found.sums_below >= 1 << 30:
        return replace(found, beyond="sums of products of 2^30 or more")
    return found


def step(lowering: Lowering, layer: Layer) -> Step:
    """The best step for a layer."""
    kernels = (conv_int8, winograd_int8, first_conv_int8)
    candidates = [candidate for kernel in kernels for candidate in kernel.candidates(lowering, layer)]
    return choose(candidates, lowering.objective)
