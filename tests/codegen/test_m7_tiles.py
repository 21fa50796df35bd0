"""All ways of engine `m7` to compute an int8 convolution or dense layer, whichever the planner would choose."""

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
from runtimes import tflite_micro
from tflite_builder import ModelBuilder, slide


@dataclass(frozen=True)
class Layer:
    """CONV_2D, or DEPTHWISE_CONV_2D of an input of one channel, behind it a max pool where ``pool`` is no 1."""

    image: tuple[int, int, int]
    channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: int = 1
    dilation: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    activation: str = "RELU"
    zero_point: int = -128
    scale: float = 0.05
    pool: tuple[int, int] = (1, 1)
    groups: int = 1
    depthwise: bool = False
    least_weight: int = -127

    def model(self) -> bytes:
        """Random weights; the scales of channels are a factor of ten apart, and one has a hundredth of that."""
        random = np.random.default_rng(self.channels)
        b = ModelBuilder()
        height, width, inputs = self.image
        x = b.activation((1, *self.image), "INT8", scale=0.02, zero_point=-5)
        depth = self.kernel[0] * self.kernel[1] * inputs // self.groups
        axis = 3 if self.depthwise else 0
        filters = inputs // self.groups
        shape = (1, *self.kernel, self.channels) if self.depthwise else (self.channels, *self.kernel, filters)
        scales = random.uniform(0.3, 3, self.channels) / (73 * depth**0.5)
        scales[0] *= 0.01
        w = b.constant(
            random.integers(self.least_weight, 128, shape).astype(np.int8), scales=scales.tolist(), axis=axis
        )
        bias = b.constant(random.normal(0, 4000 * depth**0.5, self.channels).astype(np.int32))
        size = [
            slide(n, k, self.stride, d, self.padding)
            for n, k, d in zip((height, width), self.kernel, self.dilation, strict=True)
        ]
        y = b.activation((1, *size, self.channels), "INT8", scale=self.scale, zero_point=self.zero_point)
        b.conv_2d(
            x, w, bias, y, depthwise=self.depthwise, padding=self.padding, stride=(self.stride, self.stride),
            dilation=self.dilation, activation=self.activation,
        )  # fmt: skip
        if self.pool != (1, 1):
            pooled = [n // p for n, p in zip(size, self.pool, strict=True)]
            z = b.activation((1, *pooled, self.channels), "INT8", scale=self.scale, zero_point=self.zero_point)
            b.pool("MAX_POOL_2D", y, z, window=self.pool, stride=self.pool)
            y = z
        return b.finish(x, y)


LAYERS = {
    "pointwise, last tile over its neighbour": Layer((5, 5, 16), 6),
    "pointwise, channels that are no fours": Layer((4, 3, 10), 7, activation="RELU6", zero_point=-20),
    "pointwise, a loop of turns": Layer((3, 3, 132), 5, activation="NONE", zero_point=3),
    "pointwise, several runs": Layer((3, 2, 1000), 3),
    "pointwise, stride 2": Layer((7, 6, 8), 5, stride=2, activation="NONE", zero_point=0),
    "fewer pixels than a tile": Layer((2, 1, 12), 5),
    "one output channel": Layer((4, 4, 6), 1, (2, 2)),
    "rows of fours": Layer((9, 7, 4), 6, (3, 3), activation="NONE", zero_point=-3),
    "rows, a loop of runs": Layer((7, 6, 16), 4, (4, 4), padding="VALID"),
    "rows, loops of runs and turns": Layer((5, 5, 48), 3, (3, 3)),
    "rows, upright": Layer((19, 3, 8), 5, (5, 3), stride=2),
    "rows of words": Layer((13, 12, 3), 4, (3, 3), stride=2),
    "two rows": Layer((8, 10, 3), 5, (3, 3)),
    "two rows, one channel": Layer((12, 8, 1), 6, (4, 5), activation="RELU_N1_TO_1", zero_point=11),
    "an odd width": Layer((8, 9, 3), 5, (3, 3)),
    "dilated down": Layer((12, 12, 4), 4, (3, 3), dilation=(2, 1)),
    "dilated across": Layer((12, 12, 3), 4, (3, 3), dilation=(2, 2)),
    "pool of 2x2": Layer((11, 11, 8), 6, (3, 3), padding="VALID", pool=(2, 2)),
    "pool of 2x2, three channels": Layer((12, 12, 3), 6, (3, 3), pool=(2, 2)),
    "pool of 2x2, gathered": Layer((12, 12, 3), 4, (3, 3), dilation=(2, 2), pool=(2, 2), activation="NONE"),
    "pool of 1x2": Layer((6, 10, 4), 5, (3, 3), pool=(1, 2), activation="NONE", zero_point=5),
    "pool of 2x1": Layer((8, 5, 4), 5, (3, 3), pool=(2, 1)),
    "pool of 2x3": Layer((8, 6, 4), 5, (3, 3), pool=(2, 3)),
    "groups": Layer((9, 9, 16), 12, (3, 3), groups=4),
    "groups, gathered": Layer((8, 8, 15), 6, stride=2, groups=3),
    "groups of one": Layer((8, 8, 6), 6, (3, 3), groups=6, activation="RELU6", zero_point=-9),
    "depthwise of one channel": Layer((9, 8, 1), 7, (5, 3), stride=2, depthwise=True),
    "shifts to the left": Layer((4, 4, 8), 5, scale=1e-5, activation="NONE", zero_point=9),
    "a weight of -128 with a negative one": Layer((4, 4, 40), 8, least_weight=-128),
    "sums too large for half-words": Layer((2, 2, 3000), 2),
    "dense": Layer((1, 1, 41), 21),
    "dense, few channels": Layer((1, 1, 8), 3, activation="NONE", zero_point=1),
    "dense, several runs": Layer((1, 1, 1200), 10, activation="RELU6", zero_point=-30),
    "dense of a window": Layer((3, 3, 5), 9, (3, 3), padding="VALID"),
    "more output channels than an offset reaches": Layer((2, 2, 4), 2100),
}  # fmt: skip


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Plan]]:
    """Of each layer a plan for each of its kernels."""
    model = tmp_path_factory.mktemp("tiles") / "layer.tflite"
    return {name: dict(_plans(layer, model)) for name, layer in LAYERS.items()}


def _plans(layer: Layer, model: Path) -> list[tuple[str, Plan]]:
    model.write_bytes(layer.model())
    graph = codegen.load(model)
    aims = {way.kernel: codegen.Aim(kernel=way.kernel) for way in candidates(model)}
    aims["fewest instructions"] = codegen.Aim(codegen.Objective.INSTRUCTIONS)
    return [(name, codegen.plan(graph, "m7", aim)) for name, aim in aims.items()]


@pytest.fixture(scope="module")
def engine(plans: dict[str, dict[str, Plan]]) -> HostBatch:
    return HostBatch(
        "m7-tiles", {f"{name}: {way}": plan for name, ways in plans.items() for way, plan in ways.items()}
    )


@pytest.mark.parametrize("name", LAYERS)
def test_every_way_equals_tensorflow_lite_micro(
    name: str, plans: dict[str, dict[str, Plan]], engine: HostBatch
) -> None:
    layer = LAYERS[name]
    random = np.random.default_rng(4)
    inputs = tuple(random.integers(-128, 128, (1, *layer.image)).astype(np.int8) for _ in range(2))
    wanted = tflite_micro(Network(layer.model(), inputs, ()))
    for way in plans[name]:
        for values, answer in zip(inputs, wanted, strict=True):
            np.testing.assert_array_equal(engine(f"{name}: {way}", (values,))[0], answer, err_msg=way)


def test_every_kind_of_panel_and_of_weights_is_tried(plans: dict[str, dict[str, Plan]]) -> None:
    text = "".join(program_text(plan) for ways in plans.values() for plan in ways.values())
    for each in (
        *(f"m7::Panel::{kind}" for kind in ("kPixels", "kRows", "kEvenRows", "kTwoRows")),
        *(f"m7::TileWeights::{kind}" for kind in ("kBytes", "kWords")),
        *(f"m7::Clamp::{kind}" for kind in ("kAtZeroPoint", "kNone", "kGeneral")),
        *(f"/*pixels=*/{count}" for count in (3, 4)),
        *(f"/*pool=*/{count}" for count in (1, 2, 4)),
        "/*vertical=*/true",
        "m7::dense_int8<",
        "m7::conv_int8<",
        "m7::over_itcm(",
    ):
        assert each in text, each
