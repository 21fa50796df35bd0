"""Weights of two channels in a half-word: a + 256 b (``firmware/engine/m7/tiles_int8.hpp``, TileWeights::kBytes)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.m7.layer_int8 import Layer

TapPairs = list[tuple[int, int]]
"""Numbers of the taps in each word, -1 for none."""


def in_fours(taps: Sequence[int]) -> TapPairs:
    """As SXTB16 leaves them: taps 0 and 2, then 1 and 3 of each four."""
    pairs = []
    for i in range(0, len(taps), 4):
        four = (*taps[i : i + 4], -1, -1, -1)
        pairs += [(four[0], four[2]), (four[1], four[3])]
    return pairs if pairs[-1] != (-1, -1) else pairs[:-1]


def half_words(layer: Layer, channels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Of each tap a + 256 b, and behind them a 0, which tap -1 finds.

    Args:
        layer: The layer.
        channels: Both channels of each pair.
    """
    weights = layer.weights.reshape(layer.channels, -1).astype(np.int64)[channels]
    return np.pad(weights[:, 0] + 256 * weights[:, 1], ((0, 0), (0, 1)))


def fit(halves: npt.NDArray[np.int64]) -> bool:
    """Whether they are half-words: a b of -128 with a negative a is beyond."""
    return int(halves.min()) >= -(1 << 15)


def words(halves: npt.NDArray[np.int64], order: TapPairs) -> npt.NDArray[np.uint32]:
    """Of each pair of channels a word a pair of taps."""
    return np.ascontiguousarray(halves[:, np.array(order)], "<i2").view("<u4")[..., 0]
