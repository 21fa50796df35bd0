"""A layer in int8 that is computed pixel by pixel: CONV_2D, and FULLY_CONNECTED with rows for pixels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import (
    conv_int8,
    conv_tiles_int8,
    dense_int8,
    first_conv_int8,
    layer_int8,
    winograd_4x4_int8,
    winograd_int8,
)
from renode_mnist.codegen.m7.call import residual
from renode_mnist.codegen.m7.layer_int8 import Layer
from renode_mnist.codegen.quantise import Multiplier


def layer(
    operator: Operator,
    window: Window,
    weights: npt.NDArray[np.int8],
    factors: list[Multiplier],
    activation: Activation,
    channel_groups: int = 1,
) -> Layer:
    """See ``layer_int8.layer``; beyond these kernels is also a sum that could be too large."""
    found = layer_int8.layer(operator, window, weights, factors, activation)
    found = replace(found, channel_groups=channel_groups)
    if not found.beyond and found.sums_below >= 1 << 30:
        return replace(found, beyond="sums of products of 2^30 or more")
    return found


def ways(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """What its kernels make of a layer."""
    if residual(layer.operator) is not None:
        yield from winograd_4x4_int8.candidates(lowering, layer)
        return
    if layer.channel_groups > 1:
        yield from conv_tiles_int8.candidates(lowering, layer)
        return
    for kernel in (conv_int8, conv_tiles_int8, dense_int8, winograd_int8, winograd_4x4_int8, first_conv_int8):
        yield from kernel.candidates(lowering, layer)
