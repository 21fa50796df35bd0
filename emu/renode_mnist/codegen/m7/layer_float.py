"""A convolution in float32 as all kernels for it see it, and the call that they share.

Images stay planar (channel, row, column) from one convolution to the next: see ``firmware/engine/m7/conv_float.hpp``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import PLANAR, Graph, Operator, Tensor
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import WindowCall

REGISTERS = 32
COLUMNS = 5  # conv_float.hpp: kColumnsOfBlock


@dataclass(frozen=True)
class Layer:
    """A CONV_2D with a fused MAX_POOL_2D, if any.

    Attributes:
        window: ``output_height`` and ``output_width`` count the outputs that are read.
        weights: Output channel, row, column, input channel.
        pool: Height and width of the fused pool.
        planar_input: Whether the input stands channel by channel.
        planar_output: Likewise.
    """

    operator: Operator
    window: Window
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    least: float
    greatest: float
    pool: tuple[int, int]
    planar_input: bool
    planar_output: bool

    @property
    def channels(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Input channels."""
        return int(self.weights.shape[3])

    @property
    def pixels(self) -> int:
        """Computed, before a pool."""
        return self.window.output_height * self.window.output_width


def planar_already(graph: Graph, tensor: Tensor) -> bool:
    """Whether the elements of an image stand channel by channel: they do where it has one channel or one pixel."""
    planar = graph.layouts.get(graph.root(tensor)) == PLANAR
    return planar or tensor.shape[3] == 1 or tensor.shape[1] * tensor.shape[2] == 1


def bias_or_zeros(operator: Operator) -> npt.NDArray[np.float32]:
    """One number an output channel."""
    if operator.optional_input(2) is None:
        return np.zeros(operator.tensor(1).shape[0], np.float32)
    return operator.constant(2)


def cut(width: int, most: int) -> list[int]:
    """Sizes of blocks; conv_float.hpp: ``cut``."""
    blocks = ceil(width / most)
    size, longer = divmod(width, blocks)
    return [size + 1] * longer + [size] * (blocks - longer)


def image_plane(window: Window, tile: int) -> int:
    """Elements of a plane of the copied image; conv_float.hpp: ``prepared``."""
    rows = -(-window.output_height // tile) * tile
    columns = -(-window.output_width // tile) * tile
    height = (rows - 1) * window.stride_height + (window.kernel_height - 1) * window.dilation_height + 1
    width = (columns - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
    return height * ceil(width / window.stride_width) * window.stride_width


class Call(WindowCall):
    """Of a kernel ``m7::<function><window, conv>(input, constants, scratch, output)``.

    Attributes:
        image: Name of the copy of the image, padded and planar; "nullptr" where the kernel reads the input itself.
    """

    def __init__(
        self,
        lowering: Lowering,
        layer: Layer,
        *,
        copies: bool = False,
        tile: int = 1,
        rows: int,
        taps: int,
        flat: bool = False,
    ) -> None:
        super().__init__(lowering, layer.operator, layer.window, layer.inputs)
        self.layer = layer
        self.conv = self.parameter(
            "",
            "m7::ConvFloat",
            {
                "output_channels": layer.channels,
                "pool_height": layer.pool[0],
                "pool_width": layer.pool[1],
                "copies": copies,
                "planar_input": layer.planar_input,
                "planar_output": layer.planar_output,
                "flat": flat,
                "rows": rows,
                "taps": taps,
                "least": layer.least,
                "greatest": layer.greatest,
            },
        )
        self.image = self.floats("image", layer.inputs * image_plane(layer.window, tile)) if copies else "nullptr"

    def floats(self, suffix: str, count: int) -> str:
        """The name of scratch memory."""
        return self.scratch(suffix, "float32", count, layout="scratch")

    def bias(self) -> str:
        """The name of one number a channel."""
        return self.constant("Bias", self.layer.bias, "bias")
