"""A layer in int8 as all kernels for it see it, and the call that they share."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import WindowCall, pool_size
from renode_mnist.codegen.objective import Objective


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer with what is fused into it, as a convolution.

    Attributes:
        operator: With a fused MAX_POOL_2D.
        window: ``output_height`` and ``output_width`` count the outputs that are read.
        weights: Output channel, row, column, input channel.
        pool: Height and width of the fused pool.
        channel_groups: Groups of input channels, each with output channels of its own.
        beyond: Which of its numbers are beyond the kernels, in words; empty where none is. Where it is not, there
            are no scalings.
    """

    operator: Operator
    window: Window
    weights: npt.NDArray[np.int8]
    scalings: npt.NDArray[np.int32]
    clamp: str
    least: int
    greatest: int
    input_zero_point: int
    pool: tuple[int, int]
    beyond: str
    channel_groups: int = 1

    @property
    def outputs(self) -> int:
        """Pixels written."""
        height, width = self.pool
        return (self.window.output_height // height) * (self.window.output_width // width)

    @property
    def channels(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def depth(self) -> int:
        """Products in a sum."""
        return prod(self.weights.shape[1:])

    @property
    def groups(self) -> int:
        """Groups of four that a sum takes in a panel."""
        return -(-self.depth // 4)

    @property
    def sums_below(self) -> int:
        """No sum of products with raw int8 inputs is larger in magnitude."""
        return 128 * int(np.abs(self.weights.astype(np.int64)).reshape(self.channels, -1).sum(axis=1).max())


def layer(
    operator: Operator,
    window: Window,
    weights: npt.NDArray[np.int8],
    factors: list[quantise.Multiplier],
    activation: Activation,
) -> Layer:
    """An operator as a convolution.

    Args:
        operator: The operator, with a fused MAX_POOL_2D.
        window: Over the outputs that are read.
        weights: Output channel, row, column, input channel.
        factors: From sums to int8, one an output channel.
        activation: Fused into the output.
    """
    first = operator.parts[0]
    least, greatest = quantise.activation_range(activation, first.output)
    zero_in = quantise.quantisation(first.input).zero_point
    sums = weights.astype(np.int64).reshape(weights.shape[0], -1).sum(axis=1)
    bias = first.constant(2).astype(np.int64) if first.optional_input(2) is not None else 0
    biases = bias - zero_in * sums
    beyond = _beyond(biases, factors)
    scalings, clamp = np.empty((0, 4), np.int32), "kGeneral"
    if not beyond:
        zero_out = quantise.quantisation(first.output).zero_point
        scalings, clamp = _scalings(biases, factors, zero_out, (least, greatest))
    return Layer(
        operator=operator,
        window=window,
        weights=weights,
        scalings=scalings,
        clamp=clamp,
        least=least,
        greatest=greatest,
        input_zero_point=zero_in,
        pool=pool_size(operator),
        beyond=beyond,
    )


def _beyond(biases: npt.NDArray[np.int64], factors: list[quantise.Multiplier]) -> str:
    """Channels whose bias is so large that twice it is no int32, or whose shift is too wide."""
    if int(np.abs(biases).max()) >= 1 << 29:
        return "a channel's bias of 2^29 or more"
    if not all(-22 <= factor.shift <= 8 for factor in factors):
        return "a channel's shift to the right of more than 22, or to the left of more than 8"
    return ""


def _scalings(
    biases: npt.NDArray[np.int64], factors: list[quantise.Multiplier], zero_out: int, ends: tuple[int, int]
) -> tuple[npt.NDArray[np.int32], str]:
    """``m7::Scaling`` of each channel, padded to an even number of them, and the ``m7::Clamp`` that they allow."""
    channels = len(biases)
    shifts = [-factor.shift for factor in factors]
    rows = np.zeros((channels + channels % 2, 4), np.int64)
    rows[:, 3] = 1
    rows[:channels, 0] = 2 * biases
    for row, factor, shift in zip(rows, factors, shifts, strict=False):
        row[1] = factor.value
        row[2] = (zero_out << shift) + (1 << (shift - 1)) if shift > 0 else zero_out
        row[3] = shift
    clamp = "kGeneral"
    if min(shifts) > 0 and ends == (-128, 127):
        clamp = "kAtZeroPoint" if zero_out == -128 else "kNone"
    return rows.astype(np.int32), clamp


class Call(WindowCall):
    """Of a kernel ``m7::<function><window, conv>(input, constants, scratch, output)``."""

    def __init__(self, lowering: Lowering, layer: Layer) -> None:
        super().__init__(lowering, layer.operator, layer.window, layer.weights.shape[3])
        self.layer = layer

    def conv(self, block_outputs: int, weights: str) -> str:
        """The name of ``m7::Conv``."""
        layer = self.layer
        counted = self.lowering.objective is Objective.INSTRUCTIONS
        return self.parameter(
            "",
            "m7::Conv",
            {
                "output_channels": layer.channels,
                "input_zero_point": layer.input_zero_point,
                "pool_height": layer.pool[0],
                "pool_width": layer.pool[1],
                "block_outputs": block_outputs,
                "weights": f"m7::Weights::{weights}",
                "objective": f"m7::Objective::{'kInstructions' if counted else 'kCycles'}",
                "clamp": f"m7::Clamp::{layer.clamp}",
                "least": layer.least,
                "greatest": layer.greatest,
            },
        )

    def scalings(self, offset: int = 0) -> str:
        """The name of ``m7::Scaling`` of all channels, of a kernel that adds ``offset`` to each input."""
        scalings = self.layer.scalings
        if offset:
            sums = self.layer.weights.astype(np.int64).reshape(self.layer.channels, -1).sum(axis=1)
            scalings = scalings.copy()
            scalings[: self.layer.channels, 0] -= (2 * offset * sums).astype(np.int32)
        text = "twice the bias, multiplier, offset, shift of each channel"
        return self.constant("Scalings", scalings, text)

    def panel(self, suffix: str, words: int) -> str:
        """The name of scratch memory of 32-bit words."""
        return self.scratch(suffix, "uint32", words, layout="panel")
