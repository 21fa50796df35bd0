"""Channels that no input can change: found, given as what they are, and computed by the engine's own kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen import reader
from runtimes import tflite_micro_on
from tflite_builder import ModelBuilder

CAPPED = 1 << 30
"""To which the converter caps a bias."""


def quantised(b: ModelBuilder, shape: tuple[int, ...], scale: float = 0.05, zero_point: int = -3) -> int:
    return b.activation(shape, "INT8", scale=scale, zero_point=zero_point)


def weights(b: ModelBuilder, shape: tuple[int, ...], axis: int, scales: dict[int, float]) -> int:
    """Random ones, of scale 0.01 but where another is given for a channel."""
    values = np.random.default_rng(4).integers(-127, 128, shape).astype(np.int8)
    return b.constant(values, scales=[scales.get(channel, 0.01) for channel in range(shape[axis])], axis=axis)


def biases(b: ModelBuilder, count: int, values: dict[int, int]) -> int:
    return b.constant(np.array([values.get(channel, 17 * channel) for channel in range(count)], np.int32))


def convolution() -> bytes:
    """Channels 0 and 3 are constant: a capped bias, and sums that are shifted away."""
    b = ModelBuilder()
    x, y = quantised(b, (1, 6, 6, 3)), quantised(b, (1, 6, 6, 5), scale=0.3)
    w = weights(b, (5, 3, 3, 3), 0, {0: 1e-7, 3: 1e-10})
    b.conv_2d(x, w, biases(b, 5, {0: CAPPED, 3: -CAPPED}), y, padding="SAME", activation="RELU6")
    return b.finish(x, y)


def without_bias() -> bytes:
    """Channel 1 is constant by its scale alone."""
    b = ModelBuilder()
    x, y = quantised(b, (1, 5, 5, 4)), quantised(b, (1, 5, 5, 3), scale=0.3)
    b.conv_2d(x, weights(b, (3, 1, 1, 4), 0, {1: 1e-9}), None, y)
    return b.finish(x, y)


def depthwise() -> bytes:
    b = ModelBuilder()
    x, y = quantised(b, (1, 6, 6, 4)), quantised(b, (1, 4, 4, 4), scale=0.2)
    w = weights(b, (1, 3, 3, 4), 3, {2: 1e-7})
    b.conv_2d(x, w, biases(b, 4, {2: -CAPPED}), y, depthwise=True)
    return b.finish(x, y)


def dense() -> bytes:
    """One scale for all outputs: the constant has to come of the layer's own factor."""
    b = ModelBuilder()
    x, y = quantised(b, (1, 12)), quantised(b, (1, 6), scale=0.5)
    values = np.random.default_rng(4).integers(-127, 128, (6, 12)).astype(np.int8)
    w = b.constant(values, scales=[0.01])
    b.fully_connected(x, w, biases(b, 6, {1: CAPPED, 4: -CAPPED}), y)
    return b.finish(x, y)


def behind_constants() -> bytes:
    """What reads nothing but constants is constant, through a pool and padding too."""
    b = ModelBuilder()
    x, y = quantised(b, (1, 6, 6, 2)), quantised(b, (1, 6, 6, 4), scale=0.3, zero_point=5)
    pooled, z = quantised(b, (1, 3, 3, 4), scale=0.3, zero_point=5), quantised(b, (1, 3, 3, 4), scale=0.4)
    w = weights(b, (4, 1, 1, 2), 0, {1: 1e-7, 2: 1e-7})
    b.conv_2d(x, w, biases(b, 4, {1: CAPPED, 2: -CAPPED}), y)
    b.pool("MAX_POOL_2D", y, pooled, window=(2, 2), stride=(2, 2))
    b.conv_2d(pooled, weights(b, (1, 1, 1, 4), 3, {}), biases(b, 4, {}), z, depthwise=True)
    return b.finish(x, z)


NETWORKS = {
    convolution: "2 channels of 1 layer",
    without_bias: "1 channel of 1 layer",
    depthwise: "1 channel of 1 layer",
    dense: "2 channels of 1 layer",
    behind_constants: "4 channels of 2 layers",
}


def inputs(content: bytes) -> list[npt.NDArray[Any]]:
    shape = reader.parse(content, "m.tflite").inputs[0].shape
    random = np.random.default_rng(5)
    ends = [np.full(shape, value, np.int8) for value in (-128, 0, 127)]
    return [*ends, *(random.integers(-128, 128, shape).astype(np.int8) for _ in range(5))]


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.__name__)
def test_constant_channels_leave_a_layer_on_its_fast_kernel(network: Any, tmp_path: Path) -> None:
    content = network()
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    made = HostEngine(model, tmp_path, "m7")
    assert f"constant_channels: {NETWORKS[network]} that never change" in made.plan.graph.rewrites
    assert {step.engine for step in made.plan.steps if "CONV" in step.op or "FULLY" in step.op} == {"m7"}
    asked = inputs(content)
    for values, (wanted,) in zip(asked, tflite_micro_on(content, [(values,) for values in asked]), strict=True):
        np.testing.assert_array_equal(made(values), wanted)


def test_without_the_pass_one_such_channel_costs_the_whole_layer_its_kernel() -> None:
    plan = codegen.plan(reader.parse(convolution(), "m.tflite"), "m7", leave_out=("constant_channels",))
    assert [(step.engine, step.fallback) for step in plan.steps] == [
        ("reference", "no kernel of its own for a channel's bias of 2^29 or more")
    ]


def test_a_channel_with_two_outputs_is_left_as_it_is() -> None:
    b = ModelBuilder()
    x, y = quantised(b, (1, 1, 1, 1), zero_point=0), quantised(b, (1, 1, 1, 1), scale=0.05, zero_point=0)
    # 127 * 0.6 / 127 of a step comes to 0 for most inputs and to 1 for the greatest.
    b.conv_2d(x, b.constant(np.ones((1, 1, 1, 1), np.int8), scales=[0.6 / 127]), None, y)
    plan = codegen.plan(reader.parse(b.finish(x, y), "m.tflite"), "m7")
    assert plan.graph.rewrites == ()
