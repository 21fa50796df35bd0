"""Engine `m7`'s Winograd kernel for int8, forced on layers that another kernel may be faster for: the same bits."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulated_engine import emulate
from host_engine import HostEngine
from kernel_costs import candidates
from random_networks import Network
from renode_mnist import codegen
from renode_mnist.codegen.m7 import winograd_4x4_int8 as winograd
from renode_mnist.images import BuildConfig
from runtimes import tflite_micro
from tflite_builder import ModelBuilder, slide

FEW = settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
KERNELS = [f"winograd_{most}x{most}, {bits} bit" for most in (4, 2) for bits in (16, 8)]
"""Candidates' names begin so; what they take of scratch memory follows."""


def forced(model: Path, kernel: str, block: int = 0) -> str:
    """The name of one of a kernel's candidates for a model, which the plan does take; empty where it has none."""
    names = [way.kernel for way in candidates(model) if way.kernel.startswith(kernel)]
    if not names:
        return ""
    name = names[block % len(names)]
    plan = codegen.plan(codegen.load(model), "m7", codegen.Aim(kernel=name))
    assert [step.kernel for step in plan.steps] == [name]
    return name


def layer(
    shape: tuple[int, int, int], outputs: int, how: str, padding: str, pool: int, activation: str, zero_point: int
) -> tuple[bytes, np.ndarray]:
    """A convolution of 3x3, maybe with a pool behind it, and an image; weights and image random, or all at an end."""
    random = np.random.default_rng(sum(shape) + outputs)
    height, width, channels = shape
    b = ModelBuilder()
    x = b.activation((1, *shape), "INT8", scale=1 / 64, zero_point=zero_point)
    values = random.integers(-127, 128, (outputs, 3, 3, channels))
    image = random.integers(-128, 128, (1, *shape))
    if how == "ends":
        values, image = np.where(values < 0, -127, 127), np.where(image < 0, -128, 127)
    elif how == "greatest":
        values, image = np.full_like(values, 127), np.full_like(image, 127)
    elif how == "least":
        values, image = np.full_like(values, -127), np.full_like(image, 127)
    deviation = 73 * (9 * channels) ** 0.5 * (20 if how in ("greatest", "least") else 1)
    scales = [float(np.float32(s)) for s in random.uniform(0.7, 1.4, outputs) / deviation]
    w = b.constant(values.astype(np.int8), scales=scales)
    bias = b.constant(random.normal(0, 20 * (9 * channels) ** 0.5, outputs).astype(np.int32))
    size = tuple(slide(n, 3, 1, 1, padding) for n in (height, width))
    end = {"scale": 0.01, "zero_point": -128 if activation == "RELU" else 11}
    y = b.activation((1, *size, outputs), "INT8", **end)
    b.conv_2d(x, w, bias, y, padding=padding, activation=activation)
    if pool > 1:
        pooled = b.activation((1, size[0] // 2, size[1] // 2, outputs), "INT8", **end)
        b.pool("MAX_POOL_2D", y, pooled, window=(2, 2), stride=(2, 2))
        y = pooled
    return b.finish(x, y), image.astype(np.int8)


@FEW
@given(
    kernel=st.sampled_from(KERNELS),
    block=st.integers(0, 7),
    height=st.integers(2, 15),
    width=st.integers(2, 15),
    channels=st.sampled_from([1, 3, 4, 5, 8, 16, 24]),
    outputs=st.integers(1, 9),
    how=st.sampled_from(["random", "random", "ends", "greatest", "least"]),
    padding=st.sampled_from(["SAME", "VALID"]),
    pool=st.sampled_from([1, 2]),
    activation=st.sampled_from(["RELU", "NONE", "RELU6"]),
    zero_point=st.sampled_from([-128, -3, 0, 127]),
)
def test_equals_tensorflow_lite_micro(
    kernel: str, block: int, height: int, width: int, channels: int, outputs: int, how: str, padding: str, pool: int,
    activation: str, zero_point: int,
) -> None:  # fmt: skip
    """Every tile is at some border, high, wide, both or neither; pools leave a row or a column out."""
    least = 4 if padding == "VALID" else 2
    shape = (max(height, least), max(width, least), channels)
    content, image = layer(shape, outputs, how, padding, pool, activation, zero_point)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tflite"
        model.write_bytes(content)
        name = forced(model, kernel, block)
        assert name
        mine = HostEngine(model, Path(folder), "m7", kernel=name)(image)
    (wanted,) = tflite_micro(Network(content, (image,), ()))
    np.testing.assert_array_equal(mine, wanted)


@pytest.mark.parametrize(
    ("kernel", "shape", "outputs", "how", "padding", "pool", "activation"),
    [
        (KERNELS[0], (10, 11, 84), 5, "ends", "SAME", 1, "NONE"),  # the loop over channels has turns
        (KERNELS[1], (13, 12, 12), 7, "random", "VALID", 2, "RELU"),
        (KERNELS[0], (18, 9, 8), 8, "greatest", "SAME", 2, "NONE"),
        (KERNELS[0], (9, 13, 16), 4, "random", "SAME", 1, "RELU"),
        (KERNELS[3], (7, 9, 5), 6, "random", "SAME", 1, "RELU6"),
    ],
)
def test_assembly(
    kernel: str, shape: tuple[int, int, int], outputs: int, how: str, padding: str, pool: int, activation: str,
    tmp_path: Path,
) -> None:  # fmt: skip
    """On the emulated chip, whose loops the PC does not run."""
    content, image = layer(shape, outputs, how, padding, pool, activation, -3)
    model = tmp_path / "model.tflite"
    model.write_bytes(content)
    name = forced(model, kernel)
    assert name
    result = emulate(BuildConfig(model, definitions=(("KERNEL", name),)), (image,))
    np.testing.assert_array_equal(result.outputs, tflite_micro(Network(content, (image,), ())))


@pytest.mark.parametrize("outputs", range(1, 40))
def test_tiles_cover_a_row_of_outputs(outputs: int) -> None:
    for most in (4, 2):
        sizes = winograd.sizes(outputs, most)
        assert outputs <= sum(sizes) <= outputs + 1


def test_passes_take_each_tile_once() -> None:
    for height, width, most in ((9, 14, 6), (32, 32, 16), (5, 3, 2), (1, 1, 2)):
        tiles = winograd.tiles(height, width, 4)
        taken = [tile for one in winograd.passes(tiles, most) for tile in one.tiles]
        assert sorted(taken, key=lambda t: (t.y, t.x)) == tiles
        assert all(len(one.tiles) <= most for one in winograd.passes(tiles, most))


def test_a_sum_beyond_what_can_be_scaled_back_is_left_to_others() -> None:
    """255 times the sum of a channel's weights must stay below 2^25: with all weights 127 up to 114 channels."""
    for channels, possible in ((112, True), (116, False)):
        content, _ = layer((4, 4, channels), 1, "greatest", "SAME", 1, "RELU", 0)
        with tempfile.TemporaryDirectory() as folder:
            model = Path(folder) / "model.tflite"
            model.write_bytes(content)
            assert bool(forced(model, KERNELS[0])) is possible
