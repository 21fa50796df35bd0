"""The table that the logistic function and the hyperbolic tangent of int16 numbers are read from."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_STEP = 1 / 24


def table() -> npt.NDArray[np.uint16]:
    """1 / (1 + exp(-x)) of x = 0, 1/24, 2/24 ... in 2^-16.

    The same numbers as ``sigmoid_table_uint16`` in lite/kernels/internal/common.h. Between two entries kernels go
    straight, and are below the curve by at most step^2 / 8 times its curvature: half of that is added to each entry.
    The last one is the number that all beyond it get.
    """
    values = []
    for index in range(256):
        sigmoid = 1 / (1 + math.exp(-index * _STEP))
        curvature = sigmoid * (1 - sigmoid) * (1 - 2 * sigmoid)
        values.append(math.floor((1 << 16) * (sigmoid - _STEP**2 / 16 * curvature) + 0.5))
    return np.array([*values[:-1], (1 << 16) - 1], np.uint16)
