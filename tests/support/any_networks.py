"""Small networks that are none for digits, in a place that stays from run to run, so that their builds do."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from renode_mnist import paths
from tflite_builder import ModelBuilder


def kept(name: str, content: bytes) -> Path:
    """The file of a network, written where it is not there yet."""
    file = paths.builds() / "tests" / name
    if not file.is_file() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return file


def two_by_two() -> bytes:
    """Two inputs, uint8 and int8; two outputs: their sum, and a dense layer of it."""
    random = np.random.default_rng(3)
    builder = ModelBuilder()
    first = builder.activation((1, 6), "UINT8", scale=0.1, zero_point=128)
    brought = builder.activation((1, 6), "INT8", scale=0.1)
    second = builder.activation((1, 6), "INT8", scale=0.05, zero_point=4)
    total = builder.activation((1, 6), "INT8", scale=0.2, zero_point=-3)
    dense = builder.activation((1, 3), "INT8", scale=0.5)
    weights = builder.constant(random.integers(-127, 128, (3, 6)).astype(np.int8), scales=[0.02])
    builder.operator("QUANTIZE", (first,), (brought,))
    builder.add(brought, second, total)
    builder.fully_connected(total, weights, None, dense)
    return builder.finish_with((first, second), (total, dense))
