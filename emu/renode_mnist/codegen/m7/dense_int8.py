"""dense_int8: a single row or pixel, eight channels at a time."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import flash_reads, half_words
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.program import Step

_TOGETHER = 4  # dense_int8.hpp: kDenseWords
_TURN = 4  # kDenseTurn


def _channel_pairs(channels: int) -> npt.NDArray[np.int64]:
    """Both channels of each pair; what is beyond the last one repeats it."""
    return np.minimum(np.arange(2 * ceil(channels / 2)), channels - 1).reshape(-1, 2)


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """Of a layer that has one output pixel."""
    if layer.outputs != 1 or layer.pool != (1, 1):
        return
    halves = half_words.half_words(layer, _channel_pairs(layer.channels))
    if not half_words.fit(halves):
        return
    order = half_words.in_fours(range(layer.depth))
    order += [(-1, -1)] * (-len(order) % _TURN)

    scales = layer.scalings[: layer.channels, 1:]
    one_scale = bool((scales == scales[0]).all())

    def build() -> Step:
        words = half_words.words(halves, order)
        blocks = [words[first : first + _TOGETHER].T.reshape(-1) for first in range(0, len(words), _TOGETHER)]
        call = Call(lowering, layer)
        dense = call.shared_parameter(
            "Dense",
            "m7::DenseInt8",
            {
                "output_channels": layer.channels,
                "input_zero_point": layer.input_zero_point,
                "pairs": len(order),
                "clamp": f"m7::Clamp::{layer.clamp}",
                "least": layer.least,
                "greatest": layer.greatest,
                "one_scale": one_scale,
                "scale": tuple(map(int, (0, *scales[0]))) if one_scale else (0, 0, 0, 0),
            },
        )
        text = "eight channels, pair of taps, pair of channels: halves a + 256 b"
        weights = call.constant("Weights", np.concatenate(blocks), text)
        if one_scale:
            scalings = call.constant("Biases", layer.scalings[: layer.channels, 0], "twice the bias of each channel")
        else:
            scalings = call.scalings()
        panel = call.panel("panel", len(order) + 1)
        return call.of("dense_int8", dense, [flash_reads.on_itcm(weights), scalings, panel])

    blocks, pairs = ceil(len(halves) / _TOGETHER), len(order)
    turns = pairs // _TURN
    loop = pairs * (2 * len(halves) + blocks) + 4 * blocks * turns
    ends = 150 + 60 * blocks * ceil(pairs / 256) + 16 * layer.channels + 1.0 * layer.depth
    flash = 4 * pairs * len(halves) + (4 if one_scale else 16) * layer.channels
    yield Candidate(
        "dense_int8",
        loop + ends + flash_reads.over_itcm(flash, 1),
        pairs * (4 * len(halves) + blocks) + 5 * blocks * turns + ends,
        flash,
        4 * (pairs + 1),
        build,
    )
