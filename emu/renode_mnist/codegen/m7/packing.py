"""Orders of int8 and int16 weights that several kernels read: see ``firmware/engine/m7/dot.hpp``."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

INTERLEAVE = [0, 2, 1, 3]
"""Order of four numbers in the two words of a group."""


def even_channels(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Pads the first axis to an even length and splits it into pairs: pair, 2, ..."""
    padding = [(0, weights.shape[0] % 2)] + [(0, 0)] * (weights.ndim - 1)
    padded = np.pad(weights, padding)
    return padded.reshape(-1, 2, *weights.shape[1:])
