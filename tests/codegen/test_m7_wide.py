"""Engine `m7` on int16 activations and in dynamic range: all ways of its kernels against engine `reference`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from host_batch import HostBatch, program_text
from kernel_costs import candidates
from random_networks import Network
from renode_mnist import codegen
from renode_mnist.codegen.planning import Plan
from renode_mnist.images import BuildConfig, build
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from runtimes import tflite_micro
from tflite_builder import ModelBuilder, slide


@dataclass(frozen=True)
class Layer:
    """An operator on an image, or FULLY_CONNECTED on rows; dynamic range where it is ``hybrid``, else int16.

    Attributes:
        bias: Of int16 sums: ``INT64``, or ``INT32`` for those that wrap; empty for none.
        bias_size: Deviation of the bias, in steps.
        per_channel: Whether each channel has a scale of its own.
    """

    op: str
    image: tuple[int, ...]
    channels: int = 0
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    dilation: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    activation: str = "NONE"
    hybrid: bool = False
    bias: str = "INT64"
    bias_size: float = 1e5
    scale: float = 1 / 3000
    per_channel: bool = True
    asymmetric: bool = False

    def model(self) -> bytes:
        b = ModelBuilder()
        shape = self.image
        x = self._activation(b, shape, 1 / 4000)
        if self.op == "ADD":
            other = self._activation(b, shape, 1 / 900)
            y = self._activation(b, shape, self.scale)
            b.add(x, other, y, activation=self.activation)
            return b.finish(x, y, other)
        size = [
            slide(n, k, self.stride, d, self.padding)
            for n, k, d in zip(shape[1:-1], self.kernel, self.dilation, strict=False)
        ]
        how = {"padding": self.padding, "stride": (self.stride, self.stride), "activation": self.activation}
        if "POOL" in self.op:
            y = self._activation(b, (shape[0], *size, shape[3]), 1 / 4000)
            b.pool(self.op, x, y, window=self.kernel, **how)
            return b.finish(x, y)
        weights, bias = self._weights(b)
        if self.op == "FULLY_CONNECTED":
            y = self._activation(b, (*shape[:-1], self.channels), self.scale)
            b.fully_connected(x, weights, bias, y, activation=self.activation, asymmetric=self.asymmetric)
        else:
            y = self._activation(b, (shape[0], *size, self.channels), self.scale)
            depthwise = self.op == "DEPTHWISE_CONV_2D"
            b.conv_2d(x, weights, bias, y, depthwise=depthwise, dilation=self.dilation, **how)
        return b.finish(x, y)

    def _activation(self, b: ModelBuilder, shape: tuple[int, ...], scale: float) -> int:
        return b.activation(shape) if self.hybrid else b.activation(shape, "INT16", scale=scale)

    def _weights(self, b: ModelBuilder) -> tuple[int, int | None]:
        random = np.random.default_rng(self.channels)
        depthwise, dense = self.op == "DEPTHWISE_CONV_2D", self.op == "FULLY_CONNECTED"
        inputs = self.image[-1]
        window = () if dense else self.kernel
        shape = (1, *window, self.channels) if depthwise else (self.channels, *window, inputs)
        depth = int(np.prod(shape)) // self.channels
        count = self.channels if self.per_channel else 1
        scales = random.uniform(0.3, 3, count) / (73 * depth**0.5)
        values = random.integers(-127, 128, shape).astype(np.int8)
        weights = b.constant(values, scales=scales.tolist(), axis=3 if depthwise else 0)
        if not self.bias:
            return weights, None
        real = random.normal(0, 1, self.channels)
        if self.hybrid:
            return weights, b.constant(real.astype(np.float32))
        return weights, b.constant((self.bias_size * real).astype(np.int64 if self.bias == "INT64" else np.int32))

    def inputs(self) -> list[tuple[np.ndarray, ...]]:
        """Three runs: random, all at their least, and 0 where it is dynamic range, else random."""
        random = np.random.default_rng(3)
        count = 2 if self.op == "ADD" else 1

        def one(run: int) -> np.ndarray:
            if self.hybrid:
                return (random.normal(0.3, 1, self.image) * (run != 1)).astype(np.float32)
            if run == 1:
                return np.full(self.image, -32768, np.int16)
            return random.integers(-32768, 32768, self.image).astype(np.int16)

        return [tuple(one(run) for _ in range(count)) for run in range(3)]


CONV, DEPTHWISE, DENSE = "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"
LAYERS = {
    "pointwise in place": Layer(CONV, (1, 5, 5, 8), 6),
    "pointwise, odd": Layer(CONV, (1, 4, 5, 7), 5, activation="RELU"),
    "3x3": Layer(CONV, (1, 7, 6, 3), 4, (3, 3), activation="RELU6", scale=1 / 5000),
    "3x3, several panels": Layer(CONV, (1, 20, 20, 8), 3, (3, 3)),
    "stride 2, two images": Layer(CONV, (2, 9, 8, 4), 4, (3, 3), stride=2, padding="VALID"),
    "dilated": Layer(CONV, (1, 9, 9, 2), 2, (3, 2), dilation=(2, 3)),
    "sums of 64 bits": Layer(CONV, (1, 3, 4, 300), 3, (2, 2), scale=1 / 800),
    "a bias beyond 32 bits": Layer(CONV, (1, 4, 4, 8), 4, bias_size=1e11, scale=1.0),
    "finer than its sums": Layer(CONV, (1, 4, 4, 8), 4, scale=1e-6),
    "a bias of 32 bits": Layer(CONV, (1, 4, 4, 8), 4, (2, 2), bias="INT32"),
    "no bias": Layer(CONV, (1, 4, 4, 8), 4, bias=""),
    "depthwise": Layer(DEPTHWISE, (1, 7, 6, 8), 8, (3, 3)),
    "depthwise, stride 2, odd": Layer(DEPTHWISE, (2, 7, 6, 11), 11, (3, 3), stride=2, activation="RELU"),
    "depthwise, three channels": Layer(DEPTHWISE, (1, 5, 4, 3), 3, (3, 3)),
    "depthwise, a multiplier of 8": Layer(DEPTHWISE, (1, 9, 8, 1), 8, (5, 4), stride=2),
    "depthwise, a multiplier of 3, dilated": Layer(DEPTHWISE, (1, 9, 8, 2), 6, (3, 2), dilation=(2, 2)),
    "depthwise, a bias beyond 32 bits": Layer(DEPTHWISE, (1, 4, 4, 4), 4, (3, 3), bias_size=1e11, scale=1.0),
    "dense": Layer(DENSE, (1, 42), 9, per_channel=False),
    "dense, rows": Layer(DENSE, (5, 16), 7, per_channel=False, activation="RELU"),
    "add": Layer("ADD", (1, 3, 3, 5)),
    "add, RELU6": Layer("ADD", (1, 2, 3, 4), activation="RELU6", scale=1 / 5000),
    "add to a fine scale": Layer("ADD", (1, 2, 3, 4), scale=1e-6),
    "max pool": Layer("MAX_POOL_2D", (1, 6, 7, 5), kernel=(2, 2), stride=2, activation="RELU6"),
    "max pool, padded": Layer("MAX_POOL_2D", (2, 5, 7, 4), kernel=(3, 3)),
    "average pool": Layer("AVERAGE_POOL_2D", (1, 6, 7, 5), kernel=(2, 2), stride=2),
    "average pool, padded": Layer("AVERAGE_POOL_2D", (1, 5, 7, 4), kernel=(3, 3), activation="RELU"),
    "hybrid pointwise": Layer(CONV, (1, 5, 5, 8), 6, hybrid=True, activation="RELU"),
    "hybrid 3x3, two images": Layer(CONV, (2, 7, 6, 3), 5, (3, 3), hybrid=True),
    "hybrid 3x3, one scale": Layer(CONV, (1, 7, 6, 4), 4, (3, 3), hybrid=True, per_channel=False, bias=""),
    "hybrid, several panels": Layer(CONV, (1, 20, 20, 8), 3, (3, 3), hybrid=True, stride=2),
    "hybrid depthwise": Layer(DEPTHWISE, (1, 7, 6, 8), 8, (3, 3), hybrid=True, activation="RELU6"),
    "hybrid depthwise, odd": Layer(DEPTHWISE, (2, 7, 6, 7), 7, (3, 3), stride=2, hybrid=True),
    "hybrid depthwise, a multiplier of 4": Layer(DEPTHWISE, (1, 9, 8, 2), 8, (5, 4), hybrid=True),
    "hybrid depthwise, a multiplier of 3": Layer(DEPTHWISE, (1, 9, 8, 2), 6, (3, 2), hybrid=True),
    "hybrid dense": Layer(DENSE, (1, 42), 9, hybrid=True, per_channel=False),
    "hybrid dense, rows, asymmetric": Layer(DENSE, (4, 19), 6, hybrid=True, asymmetric=True),
}
_OTHERWISE = ("a bias of 32 bits", "no bias")
"""TensorFlow Lite Micro has none of it for these."""


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Plan]]:
    """Of each layer a plan for each of its kernels, and that of engine `reference`."""
    model = tmp_path_factory.mktemp("wide") / "layer.tflite"
    return {name: _plans(layer, model) for name, layer in LAYERS.items()}


def _plans(layer: Layer, model: Path) -> dict[str, Plan]:
    model.write_bytes(layer.model())
    graph = codegen.load(model)
    found = {way.kernel: codegen.plan(graph, "m7", codegen.Aim(kernel=way.kernel)) for way in candidates(model)}
    return {**found, "reference": codegen.plan(graph, "reference")}


@pytest.fixture(scope="module")
def engine(plans: dict[str, dict[str, Plan]]) -> HostBatch:
    every = {f"{name}: {way}": plan for name, ways in plans.items() for way, plan in ways.items()}
    return HostBatch("m7-wide", every)


@pytest.mark.parametrize("name", LAYERS)
def test_every_way_equals_the_reference_kernel(
    name: str, plans: dict[str, dict[str, Plan]], engine: HostBatch
) -> None:
    for values in LAYERS[name].inputs():
        (wanted,) = engine(f"{name}: reference", values)
        assert len(np.unique(wanted)) > 1 or len(np.unique(values[0])) == 1
        for way, plan in plans[name].items():
            assert not any(step.fallback for step in plan.steps), way
            np.testing.assert_array_equal(engine(f"{name}: {way}", values)[0], wanted, err_msg=way)


@pytest.mark.parametrize(
    "name", [name for name, layer in LAYERS.items() if not layer.hybrid and name not in _OTHERWISE]
)
def test_int16_equals_tensorflow_lite_micro(name: str, engine: HostBatch) -> None:
    layer = LAYERS[name]
    if layer.op == "ADD":
        pytest.skip("two inputs: the random networks of test_property.py have sums of int16")
    inputs = tuple(values[0] for values in layer.inputs())
    for values, wanted in zip(inputs, tflite_micro(Network(layer.model(), inputs, ())), strict=True):
        np.testing.assert_array_equal(engine(f"{name}: reference", (values,))[0], wanted)


def test_every_kind_of_sum_and_of_end_is_tried(plans: dict[str, dict[str, Plan]]) -> None:
    text = "".join(program_text(plan) for ways in plans.values() for plan in ways.values())
    for each in (
        *(f"m7::WideEnd::{kind}" for kind in ("kShort", "kLong", "kNarrow")),
        *(f"/*long_sums=*/{value}" for value in ("true", "false")),
        "/*block=*/0",
        *(f"m7::{name}<" for name in ("conv_hybrid", "depthwise_hybrid", "add_int16")),
        *(f"m7::{name}_pool_int16<" for name in ("max", "average")),
    ):
        assert each in text, each


def network(*, hybrid: bool) -> bytes:
    """A small classifier: convolution, depthwise and pointwise ones, a residual sum and a pool in int16, dense."""
    random = np.random.default_rng(5)
    b = ModelBuilder()

    def activation(shape: tuple[int, ...]) -> int:
        return b.activation(shape) if hybrid else b.activation(shape, "INT16", scale=1 / 4000)

    def weighted(shape: tuple[int, ...], axis: int, scales: int) -> tuple[int, int]:
        depth = int(np.prod(shape)) // shape[axis]
        values = random.integers(-127, 128, shape).astype(np.int8)
        spread = (random.uniform(0.5, 1.5, scales) / (73 * depth**0.5)).tolist()
        bias = random.normal(0, 0.1, shape[axis])
        constant = bias.astype(np.float32) if hybrid else (bias * 1e6).astype(np.int64)
        return b.constant(values, scales=spread, axis=axis), b.constant(constant)

    def convolved(x: int, kernel: int, channels: int, *, depthwise: bool = False) -> int:
        _, height, width, inputs = b.shape(x)
        shape = (1, kernel, kernel, inputs) if depthwise else (channels, kernel, kernel, inputs)
        y = activation((1, height, width, channels))
        weights = weighted(shape, 3 if depthwise else 0, channels)
        b.conv_2d(x, *weights, y, depthwise=depthwise, padding="SAME", activation="RELU")
        return y

    source = activation((1, 16, 16, 3))
    x = convolved(source, 3, 16)
    y = convolved(convolved(x, 3, 16, depthwise=True), 1, 16)
    if not hybrid:  # what dynamic range adds and pools is float32
        z, pooled = activation((1, 16, 16, 16)), activation((1, 8, 8, 16))
        b.add(x, y, z)
        b.pool("MAX_POOL_2D", z, pooled, window=(2, 2), stride=(2, 2))
        y = pooled
    y = convolved(y, 3, 24)
    scores = activation((1, 10))
    weights, bias = weighted((10, int(np.prod(b.shape(y)))), 0, 1)
    flat = activation((1, b.shape(weights)[1]))
    b.operator("RESHAPE", (y, b.constant(np.array(b.shape(flat), np.int32))), (flat,), "ReshapeOptions")
    b.fully_connected(flat, weights, bias, scores)
    return b.finish(source, scores)


@pytest.mark.long
@pytest.mark.parametrize("hybrid", [False, True], ids=["int16x8", "dynamic range"])
def test_layers_take_at_most_half_of_references_time_on_the_chip(hybrid: bool, tmp_path: Path) -> None:
    model = tmp_path / "network.tflite"
    model.write_bytes(network(hybrid=hybrid))
    random = np.random.default_rng(6)
    real = random.normal(0, 1, (1, 16, 16, 3))
    values = (real.astype(np.float32) if hybrid else (real * 4000).astype(np.int16)).tobytes()
    results = {}
    for name in ("m7", "reference"):
        with EmbeddedTarget(build(BuildConfig(model, engine=name)).elf, clock_model="m7") as target:
            client = Client(target, timeout_seconds=60)
            client.infer(values)
            results[name] = client.infer(values)
    mine, theirs = results["m7"], results["reference"]
    print(
        *((layer.op, layer.counter, other.counter) for layer, other in zip(mine.layers, theirs.layers, strict=True))
    )
    assert mine.tensor == theirs.tensor
    assert 2 * mine.counter <= theirs.counter
    for layer, other in zip(mine.layers, theirs.layers, strict=True):
        assert 2 * layer.counter <= other.counter or other.counter < 1000, layer.op
