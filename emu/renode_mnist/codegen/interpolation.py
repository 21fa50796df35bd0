"""Tables that int16 operators read between their entries: the same for every layer, so that an image has each once.

As in tensorflow/lite/kernels/internal/common.h: entries are moved by half the error that a straight line between
neighbours makes in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

Real = npt.NDArray[np.float32]


@cache
def logistic() -> npt.NDArray[np.uint16]:
    """1 / (1 + exp(-i / 24)) for i = 0 to 255 in Q0.16: ``sigmoid_table_uint16``."""

    def value(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return 65536 / (1 + np.exp(-x / 24))

    i = np.arange(255.0)
    error = (value(i) + value(i + 1)) / 2 - value(i + 0.5)
    table = np.append(np.round(value(i) - error / 2), 65535)
    return table.astype(np.uint16)


@cache
def exponentials() -> npt.NDArray[np.int16]:
    """exp(x) for x from -10 to 0 in Q0.15, of ``InitializeLutForInt16`` (lite/micro/kernels/softmax_common.cc)."""
    return _populated(np.float32(10), 32767, lambda x: np.exp(x.astype(np.float64)).astype(np.float32))


@cache
def reciprocals() -> npt.NDArray[np.int16]:
    """1 / (1 + x) for x from 0 to 1 in Q0.15, of the same."""
    return _populated(np.float32(1), -32768, lambda x: np.float32(1) / (np.float32(1) + x))


def _populated(span: np.float32, zero_point: int, function: Callable[[Real], Real]) -> npt.NDArray[np.int16]:
    """``LUTPopulateInt16`` in float32 with an output scale of 2 / 65535: 512 steps and the end."""
    scale, output_scale = span / np.float32(65535), np.float32(2) / np.float32(65535)
    least, most = scale * np.float32(-32768 - zero_point), scale * np.float32(32767 - zero_point)
    inverse = np.float32(65536) / (output_scale * np.float32(32767) - output_scale * np.float32(-32768))
    step = (most - least) / np.float32(512)
    i = np.arange(512, dtype=np.float32)
    value, following = (function(least + position * step) * inverse for position in (i, i + np.float32(1)))
    middle = function(least + i * step + step / np.float32(2)) * inverse
    sample = _rounded(value)
    error = _rounded((following + sample) / np.float32(2)) - _rounded(middle)
    table = np.append(sample - _rounded(error / np.float32(2)), _rounded(function(np.array([most])) * inverse))
    return table.clip(-32768, 32767).astype(np.int16)


def _rounded(values: Real) -> Real:
    """Halves away from zero."""
    return np.copysign(np.floor(np.abs(values) + np.float32(0.5)), values)
