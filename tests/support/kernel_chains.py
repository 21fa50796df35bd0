"""Chains of convolutions that, between them, reach every kernel of engine `m7` and the ends of its loops."""

from __future__ import annotations

import numpy as np

from tflite_builder import ModelBuilder, slide

Link = tuple[tuple[int, int], int, str, int, str, int]
"""Kernel, output channels, padding, stride, activation, size of a max pool behind (1: none)."""

CHAINS: dict[str, tuple[tuple[int, int, int], tuple[Link, ...]]] = {
    # Winograd inside and at borders, with and without a pool; odd channels; ReLU6; one by one.
    "tiles": (
        (19, 17, 4),
        (
            ((3, 3), 8, "SAME", 1, "RELU", 1),
            ((3, 3), 12, "VALID", 1, "NONE", 2),
            ((3, 3), 6, "VALID", 1, "RELU6", 1),
            ((1, 1), 16, "SAME", 1, "RELU", 1),
            ((3, 3), 7, "SAME", 1, "NONE", 1),
        ),
    ),
    # One input channel into a pool; a picture of three columns; a single pixel at the end.
    "digit": (
        (16, 18, 1),
        (
            ((3, 3), 20, "VALID", 1, "RELU", 2),
            ((3, 3), 24, "VALID", 1, "RELU", 1),
            ((3, 4), 32, "VALID", 1, "RELU", 1),
            ((3, 3), 10, "VALID", 1, "NONE", 1),
        ),
    ),
    # Loops: over words, over runs, over both; tiles of three and of four pixels; pools of a tile and of half of one.
    "loops": (
        (12, 15, 2),
        (
            ((9, 4), 20, "SAME", 1, "RELU", 1),
            ((3, 3), 72, "SAME", 1, "NONE", 2),
            ((1, 1), 132, "SAME", 1, "RELU", 1),
            ((3, 3), 5, "VALID", 2, "RELU6", 1),
        ),
    ),
    # Strides, kernels of other sizes, depths that are no multiple of four, pools that do not fit.
    "strides": (
        (21, 23, 3),
        (
            ((5, 5), 8, "SAME", 2, "RELU", 1),
            ((1, 3), 9, "VALID", 1, "RELU", 3),
            ((2, 2), 64, "SAME", 1, "RELU", 1),
            ((2, 1), 30, "VALID", 1, "NONE", 1),
            ((1, 1), 5, "VALID", 2, "NONE", 1),
        ),
    ),
}


def chain(name: str, *, quantised: bool) -> bytes:
    """The network of a chain, with random weights."""
    random = np.random.default_rng(len(name))
    b = ModelBuilder()
    kind = "INT8" if quantised else "FLOAT32"
    (height, width, channels), links = CHAINS[name]
    scale, zero_point = (1 / 64, 5) if quantised else (0.0, 0)
    source = x = b.activation((1, height, width, channels), kind, scale=scale, zero_point=zero_point)
    for kernel, outputs, padding, stride, activation, pool in links:
        _, height, width, channels = b.shape(x)
        depth = kernel[0] * kernel[1] * channels
        shape = (outputs, *kernel, channels)
        if quantised:
            scales = [float(np.float32(s)) for s in random.uniform(0.7, 1.4, outputs) / (73 * depth**0.5)]
            w = b.constant(random.integers(-127, 128, shape).astype(np.int8), scales=scales)
            values = random.normal(0, 20 * depth**0.5, outputs).astype(np.int32)
            bias = b.constant(values, scales=[scale * s for s in scales])
            scale = float(np.float32(scale * 60 * 3 / 255))
            zero_point = -128 if activation == "RELU" else int(random.integers(-40, 40))
        else:
            w = b.constant(random.normal(0, depth**-0.5, shape).astype(np.float32))
            bias = b.constant(random.normal(0, 0.3, outputs).astype(np.float32))
        size = [slide(n, k, stride, 1, padding) for n, k in zip((height, width), kernel, strict=True)]
        y = b.activation((1, *size, outputs), kind, scale=scale, zero_point=zero_point)
        b.conv_2d(x, w, bias, y, padding=padding, stride=(stride, stride), activation=activation)
        x = y
        if pool > 1:
            y = b.activation((1, size[0] // pool, size[1] // pool, outputs), kind, scale=scale, zero_point=zero_point)
            b.pool("MAX_POOL_2D", x, y, window=(pool, pool), stride=(pool, pool))
            x = y
    return b.finish(source, x)
