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
        milliseconds: By place of the operator in the model; empty where only the total is known.
        total_milliseconds: Of the whole inference.
    """

    heading: str
    clock_mhz: int
    milliseconds: tuple[float, ...]
    total_milliseconds: float


ARTICLE: Mapping[int, Published] = {
    216: Published("published: TFLM 1.14 float", 216, (18.69, 1.99, 91.03, 0.56, 12.52, 1.48, 0.03, 0.01), 126.31),
    288: Published("published: TFLM 1.14 float", 288, (14.02, 1.49, 68.48, 0.42, 9.41, 1.11, 0.02, 0.007), 94.957),
}
"""The article's "default" columns; its CMSIS-NN ones differ by less than 0.1 ms (no float kernels in there)."""

X_CUBE_AI = Published("published: X-CUBE-AI 4.0 float", 216, (), 73.735)
"""15,926,760 cycles, 5.58 cycles/MACC; same article."""
