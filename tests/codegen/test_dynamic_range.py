"""How far dynamic range is from LiteRT in deeper networks: what docs/codegen.md states is measured here."""

from __future__ import annotations

import numpy as np

from host_batch import HostBatch
from renode_mnist import codegen
from renode_mnist.codegen.reader import parse
from runtimes import litert_on
from tflite_builder import ModelBuilder

_SIZE, _CHANNELS = 8, 16


def residual_network(seed: int, blocks: int) -> bytes:
    """float32 with int8 weights: a convolution, residual blocks, global average, a dense layer, softmax."""
    random = np.random.default_rng(seed)
    b = ModelBuilder()

    def convolved(x: int, depth: int, activation: str) -> int:
        values = random.integers(-127, 128, (_CHANNELS, 3, 3, depth)).astype(np.int8)
        scales = (np.sqrt(2 / (9 * depth)) / 73 * random.uniform(0.5, 1.5, _CHANNELS)).astype(np.float32)
        weights = b.constant(values, scales=scales.tolist(), axis=0)
        bias = b.constant(random.normal(0, 0.1, _CHANNELS).astype(np.float32))
        y = b.activation((1, _SIZE, _SIZE, _CHANNELS))
        b.conv_2d(x, weights, bias, y, padding="SAME", activation=activation)
        return y

    source = b.activation((1, _SIZE, _SIZE, 3))
    x = convolved(source, 3, "RELU")
    for _ in range(blocks):
        y = convolved(convolved(x, _CHANNELS, "RELU"), _CHANNELS, "NONE")
        z = b.activation((1, _SIZE, _SIZE, _CHANNELS))
        b.add(x, y, z, activation="RELU")
        x = z
    pooled, scores, result = b.activation((1, 1, 1, _CHANNELS)), b.activation((1, 10)), b.activation((1, 10))
    b.pool("AVERAGE_POOL_2D", x, pooled, window=(_SIZE, _SIZE), padding="VALID", stride=(_SIZE, _SIZE))
    values = random.integers(-127, 128, (10, _CHANNELS)).astype(np.int8)
    weights = b.constant(values, scales=[float(np.float32(1 / (73 * _CHANNELS**0.5)))])
    b.fully_connected(pooled, weights, b.constant(np.zeros(10, np.float32)), scores)
    b.operator("SOFTMAX", (scores,), (result,), "SoftmaxOptions", beta=1.0)
    return b.finish(source, result)


def test_most_residual_networks_are_within_1e_6_and_a_borderline_activation_costs_a_step() -> None:
    networks = {f"{blocks} {seed}": residual_network(seed, blocks) for blocks in (1, 3, 5, 9) for seed in range(3)}
    plans = {key: codegen.plan(parse(content, f"{key}.tflite")) for key, content in networks.items()}
    batch = HostBatch("dynamic-range-residual", plans)
    furthest = []
    for key, content in networks.items():
        random = np.random.default_rng(100 + int(key.split()[1]))
        inputs = [(random.normal(0, 1, (1, _SIZE, _SIZE, 3)).astype(np.float32),) for _ in range(6)]
        wanted = litert_on(content, inputs)
        furthest.append(
            max(float(np.abs(batch(key, x)[0] - y[0]).max()) for x, y in zip(inputs, wanted, strict=True))
        )
    print("scores differ at most by", *(f"{value:.1e}" for value in furthest))
    assert sum(value <= 1e-6 for value in furthest) >= 10, furthest
    assert max(furthest) <= 5e-3, furthest
