"""Chains of layers that keep channels apart: between them all that engine `m7` has for those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tflite_builder import ModelBuilder, slide

Pair = tuple[int, int]
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Link:
    """A layer; pairs are (height, width).

    Attributes:
        operator: A pool's kernel is its window; a MEAN has none of the others.
        shape: What its input is reshaped to before; None for as it is.
        odd: Whether every third channel's bias, every fourth's multiplier is far from the others', as dead channels'
            are in trained networks.
    """

    kernel: Pair = (3, 3)
    stride: Pair = (1, 1)
    padding: str = "SAME"
    activation: str = "RELU"
    multiplier: int = 1
    dilation: Pair = (1, 1)
    operator: str = "DEPTHWISE_CONV_2D"
    shape: Shape | None = None
    odd: bool = False


CHAINS: dict[str, tuple[Shape, tuple[Link, ...]]] = {
    # Loops over blocks, blocks one after the other, one block; rows and columns; strips; channels out of reach.
    "sizes": (
        (48, 24, 8),
        (
            Link(shape=(96, 12, 8)),
            Link(shape=(24, 24, 16), activation="NONE"),
            Link(shape=(12, 12, 64), activation="RELU6", odd=True),
            Link(shape=(6, 6, 256)),
            Link(shape=(3, 2, 1536)),
            Link(shape=(48, 24, 8), stride=(2, 2)),
            Link(shape=(9, 16, 16), stride=(1, 2), activation="NONE"),
        ),
    ),
    # Kernels of one to seven taps, even and odd, with rows that end in blocks of any size; no fours.
    "kernels": (
        (19, 25, 6),
        (
            Link((5, 5)),
            Link((1, 3), activation="RELU6"),
            Link((3, 1), (2, 1)),
            Link((2, 2), padding="VALID", activation="NONE"),
            Link((4, 4), (1, 2), multiplier=2, odd=True),
            Link((7, 7), activation="NONE"),
            Link((1, 1), (1, 2)),
            Link((2, 6), (2, 2), activation="RELU6", odd=True),
            Link((5, 2), (1, 2), "VALID"),
        ),
    ),
    # What the loop in assembly does not take.
    "others": (
        (17, 21, 4),
        (
            Link(dilation=(2, 1)),
            Link(dilation=(2, 3), activation="RELU6", odd=True),
            Link(stride=(3, 3), padding="VALID", activation="NONE", multiplier=3),
            Link((1, 2), (1, 3)),
        ),
    ),
    # With padding and without, overlapping, in words of channels and the rest; more numbers than 16 bits hold.
    "pools": (
        (40, 36, 15),
        (
            Link((3, 3), operator="AVERAGE_POOL_2D"),
            Link((3, 2), operator="MAX_POOL_2D", activation="RELU6"),
            Link((2, 2), (2, 2), operator="MAX_POOL_2D", padding="VALID", activation="NONE"),
            Link((2, 3), (2, 2), operator="AVERAGE_POOL_2D", padding="VALID"),
            Link(multiplier=3, activation="NONE"),
            Link((10, 8), (10, 8), operator="AVERAGE_POOL_2D", padding="VALID", activation="NONE"),
        ),
    ),
    "means": (
        (24, 20, 28),
        (
            Link(operator="AVERAGE_POOL_2D", kernel=(1, 1), activation="NONE"),
            Link(operator="MEAN"),
        ),
    ),
}


def chain(name: str, *, quantised: bool) -> bytes:
    """The network of a chain, with random weights."""
    shape, links = CHAINS[name]
    drawing = _Drawing(shape, quantised=quantised, seed=len(name))
    for link in links:
        drawing.append(link)
    return drawing.b.finish(drawing.source, drawing.x)


class _Drawing:
    """A chain under construction; `x` is the tensor that the next layer reads."""

    def __init__(self, shape: Shape, *, quantised: bool, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.b = ModelBuilder()
        self.quantised = quantised
        self.scale, self.zero_point = (1 / 64, -3) if quantised else (0.0, 0)
        self.source = self.x = self._activation((1, *shape))

    def _activation(self, shape: tuple[int, ...]) -> int:
        kind = "INT8" if self.quantised else "FLOAT32"
        return self.b.activation(shape, kind, scale=self.scale, zero_point=self.zero_point)

    def append(self, link: Link) -> None:
        """Adds a layer."""
        if link.shape:
            y = self._activation((1, *link.shape))
            size = self.b.constant(np.array((1, *link.shape), np.int32))
            self.b.operator("RESHAPE", (self.x, size), (y,), "ReshapeOptions", newShape=(1, *link.shape))
            self.x = y
        if link.operator == "MEAN":
            self.scale, self.zero_point = self.scale / 5, 7 * self.quantised
            y = self._activation((1, self.b.shape(self.x)[3]))
            axes = self.b.constant(np.array((1, 2), np.int32))
            self.b.operator("MEAN", (self.x, axes), (y,), "ReducerOptions", keepDims=False)
            self.x = y
            return
        _, height, width, channels = self.b.shape(self.x)
        sizes = (
            slide(n, k, s, d, link.padding)
            for n, k, s, d in zip((height, width), link.kernel, link.stride, link.dilation, strict=True)
        )
        how = {"padding": link.padding, "stride": link.stride, "activation": link.activation}
        if link.operator == "DEPTHWISE_CONV_2D":
            outputs = channels * link.multiplier
            w, bias = (self._int8_weights if self.quantised else self._float_weights)(link, outputs)
            if self.quantised:
                at_end = link.activation == "RELU" and self.random.random() < 0.6
                self.zero_point = -128 if at_end else int(self.random.integers(-100, 40))
            y = self._activation((1, *sizes, outputs))
            self.b.conv_2d(self.x, w, bias, y, depthwise=True, dilation=link.dilation, **how)
        else:
            y = self._activation((1, *sizes, channels))
            self.b.pool(link.operator, self.x, y, window=link.kernel, **how)
        self.x = y

    def _int8_weights(self, link: Link, outputs: int) -> tuple[int, int]:
        """Names of weights and bias; the output's scale is the input's."""
        depth = link.kernel[0] * link.kernel[1]
        weights = self.random.integers(-127, 128, (1, *link.kernel, outputs)).astype(np.int8)
        biases = self.random.normal(0, 20 * depth**0.5, outputs).astype(np.int32)
        scales = self.random.uniform(0.7, 1.4, outputs) / (73 * depth**0.5)
        if link.odd:
            scales[::3] = 2.0**-24.3
            biases[::3] = np.linspace(-(2**30), 2**30, len(biases[::3]))
            weights[..., 1::4] //= 64
            scales[1::4] = 1.7
        rounded = scales.astype(np.float32)
        w = self.b.constant(weights, scales=rounded.tolist(), axis=3)
        return w, self.b.constant(biases, scales=(self.scale * rounded).tolist())

    def _float_weights(self, link: Link, outputs: int) -> tuple[int, int]:
        depth = link.kernel[0] * link.kernel[1]
        weights = self.random.normal(0, depth**-0.5, (1, *link.kernel, outputs)).astype(np.float32)
        return self.b.constant(weights), self.b.constant(self.random.normal(0, 0.3, outputs).astype(np.float32))
