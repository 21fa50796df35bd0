"""Int8 networks that end in the sum of a convolution and something else."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from random_networks import Network
from tflite_builder import ModelBuilder


@dataclass(frozen=True)
class Residual:
    """A 3x3 convolution of an image, and an ADD of what it makes and the image, or a pointwise convolution of it.

    Attributes:
        image: Height, width, channels.
        projected: Whether the other term is a convolution of its own, of twice the channels.
        swapped: Whether it is the first term.
        activation: Of the ADD.
        zero_point: Of what it makes.
        own: Activation of the convolution.
    """

    image: tuple[int, int, int]
    projected: bool = False
    swapped: bool = False
    activation: str = "RELU"
    zero_point: int = -128
    own: str = "NONE"

    def model(self) -> bytes:
        random = np.random.default_rng(3)
        b = ModelBuilder()
        inputs = self.image[2]
        channels = 2 * inputs if self.projected else inputs
        x = b.activation((1, *self.image), "INT8", scale=0.02, zero_point=-7)

        def convolved(kernel: int, scale: float, zero_point: int, activation: str) -> int:
            depth = kernel * kernel * inputs
            scales = random.uniform(0.3, 3, channels) / (73 * depth**0.5)
            values = random.integers(-127, 128, (channels, kernel, kernel, inputs)).astype(np.int8)
            weights = b.constant(values, scales=scales.tolist())
            bias = b.constant(random.normal(0, 2000 * depth**0.5, channels).astype(np.int32))
            y = b.activation((1, *self.image[:2], channels), "INT8", scale=scale, zero_point=zero_point)
            b.conv_2d(x, weights, bias, y, padding="SAME", activation=activation)
            return y

        y = convolved(3, 0.03, -128 if self.own == "RELU" else 4, self.own)
        other = convolved(1, 0.05, 11, "NONE") if self.projected else x
        z = b.activation((1, *self.image[:2], channels), "INT8", scale=0.04, zero_point=self.zero_point)
        terms = (other, y) if self.swapped else (y, other)
        b.add(*terms, z, activation=self.activation)
        return b.finish(x, z)

    def network(self) -> Network:
        """With random inputs."""
        random = np.random.default_rng(4)
        inputs = tuple(random.integers(-128, 128, (1, *self.image)).astype(np.int8) for _ in range(2))
        return Network(self.model(), inputs, ())


RESIDUALS = st.builds(
    Residual,
    image=st.tuples(st.integers(12, 18), st.integers(12, 18), st.sampled_from([16, 18, 20])),
    projected=st.booleans(),
    swapped=st.booleans(),
    activation=st.sampled_from(["NONE", "RELU", "RELU6"]),
    zero_point=st.sampled_from([-128, -20, 5]),
    own=st.sampled_from(["NONE", "RELU"]),
)
