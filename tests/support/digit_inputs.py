"""Digits as a model takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import ElementType, Tensor


def to_input(images: npt.NDArray[np.uint8], tensor: Tensor) -> tuple[npt.NDArray[Any], ...]:
    """Pixels of 0 to 255 as the model takes them: 0 to 1, quantised where it is."""
    reals = images.astype(np.float32).reshape(-1, *tensor.shape) / np.float32(255)
    if tensor.quantisation is None:
        return tuple(reals)
    low, high = (0, 255) if tensor.type is ElementType.UINT8 else (-128, 127)
    stored = np.round(reals / np.float32(tensor.quantisation.scale)) + tensor.quantisation.zero_point
    return tuple(stored.clip(low, high).astype(np.uint8 if low == 0 else np.int8))
