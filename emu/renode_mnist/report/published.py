"""Figures that others published for this network on this chip; shown beside the project's own, marked as theirs.

Dimitris Tassopoulos, "Machine Learning on Embedded (Part 3)", 2019: TensorFlow 1.14, float32, FPU on, STM32F746 at
216 MHz, milliseconds. His rows carry no build identity; his TensorFlow 2.1 build took 220 ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A column that was not measured here.

    Attributes:
        heading: Who, what, which clock.
        operators: In order; empty where only the total is known.
        milliseconds: Of each.
        total_milliseconds: Of the whole inference.
    """

    heading: str
    clock_mhz: int
    operators: tuple[str, ...]
    milliseconds: tuple[float, ...]
    total_milliseconds: float


_ARTICLE_OPERATORS = (
    "CONV_2D",  # listed as DEPTHWISE_CONV_2D, which TensorFlow 1.14 made of a convolution with one input channel
    "MAX_POOL_2D",
    "CONV_2D",
    "MAX_POOL_2D",
    "CONV_2D",
    "FULLY_CONNECTED",
    "FULLY_CONNECTED",
    "SOFTMAX",
)


def _article(clock_mhz: int, milliseconds: tuple[float, ...], total_milliseconds: float) -> Published:
    heading = "published: TFLM 1.14 float"
    return Published(heading, clock_mhz, _ARTICLE_OPERATORS, milliseconds, total_milliseconds)


ARTICLE: Mapping[int, Published] = {
    216: _article(216, (18.69, 1.99, 91.03, 0.56, 12.52, 1.48, 0.03, 0.01), 126.31),
    288: _article(288, (14.02, 1.49, 68.48, 0.42, 9.41, 1.11, 0.02, 0.007), 94.957),
}
"""The article's "default" columns; its CMSIS-NN ones differ by less than 0.1 ms (no float kernels in there)."""

X_CUBE_AI = Published("published: X-CUBE-AI 4.0 float", 216, (), (), 73.735)
"""15,926,760 cycles, 5.58 cycles/MACC; same article."""
