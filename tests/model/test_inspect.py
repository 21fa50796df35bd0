"""`renode-mnist inspect`: the figures, the pictures, and that they agree with the linker."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from renode_mnist import codegen, paths
from renode_mnist.codegen.planning import Plan
from renode_mnist.commands.inspect import inspect as command
from renode_mnist.errors import CheckFailed, ModelError
from renode_mnist.images import BuildConfig, Engine, build, fitting
from renode_mnist.measure.image_sizes import examined
from renode_mnist.model.inspect import STACK_BYTES, inspect
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from tflite_builder import ModelBuilder

INT8 = paths.models() / "mnist_int8.tflite"


def test_macs_and_parameters_are_the_articles() -> None:
    facts = inspect(INT8)
    assert facts.parameters == 93_322
    assert [operator.macs for operator in facts.operators] == [
        194_688, 0, 2_230_272, 0, 331_776, 0, 36_864, 640, 0
    ]  # fmt: skip


MOTIONS = paths.models() / "motions" / "motions_int8.tflite"
BUILT = [(model, engine) for model in (INT8, MOTIONS) for engine in ("reference", "m7", "cmsis-nn")]


@pytest.mark.parametrize(("model", "engine"), BUILT, ids=lambda value: getattr(value, "stem", value))
def test_an_image_takes_what_inspect_and_the_firmware_say(model: Path, engine: Engine) -> None:
    image = build(BuildConfig(model, engine=engine))
    facts = examined(BuildConfig(model)).engine(engine)
    with EmbeddedTarget(image.elf) as target:
        firmware = Client(target).stats()
    assert facts.flash_bytes == firmware.flash_bytes
    assert facts.ram_static_bytes == firmware.ram_static_bytes
    assert facts.image is not None
    assert facts.image.stack_bytes == STACK_BYTES
    # What the plan knows to the byte, the linker places so, and aligns each array.
    assert facts.arena_bytes == facts.image.arena_bytes == firmware.arena_bytes
    assert facts.weights_bytes == firmware.weights_bytes
    assert 0 <= facts.image.weights_bytes - facts.weights_bytes < 256


@pytest.mark.parametrize(("model", "engine"), BUILT, ids=lambda value: getattr(value, "stem", value))
def test_what_is_expected_without_an_image_is_near_and_not_too_little(model: Path, engine: Engine) -> None:
    facts = inspect(model).engine(engine)
    image = examined(BuildConfig(model), compiling=True).engine(engine).image
    assert image is not None
    assert image.flash_bytes <= facts.flash_bytes < image.flash_bytes + 16_000
    assert image.ram_static_bytes <= facts.ram_static_bytes < image.ram_static_bytes + 4_000


def test_limits_are_what_an_image_has_to_fit() -> None:
    free = inspect(INT8).engine("m7")
    less = fitting.Limits.of(None, free.ram_static_bytes + STACK_BYTES - 1)
    within = inspect(INT8, limits=less).engine("m7")
    assert within.fits
    assert within.arena_bytes < free.arena_bytes, "as `build` does, it is planned anew"
    nothing = inspect(INT8, limits=fitting.Limits.of(1000, 1000))
    assert not any(engine.fits for engine in nothing.engines)


def test_a_plan_well_below_its_limit_is_made_smaller_from_what_it_took() -> None:
    limits = fitting.Limits.of(None, 60_000)
    graph = codegen.load(INT8)
    aim_of, plan_of = partial(fitting.aim, "time", limits), partial(codegen.plan, graph, "m7")
    excess = fitting.grown(fitting.Excess(), fitting.Excess(ram_bytes=1), aim_of, plan_of)
    assert plan_of(aim_of(excess)).arena_bytes < plan_of(aim_of(fitting.Excess())).arena_bytes


def test_shares_are_of_what_is_allowed() -> None:
    said = CliRunner().invoke(command, ["int8", "--max-flash", "300000", "--max-ram", "65536"])
    assert said.exit_code == 0
    assert "of 300,000 B" in said.output
    assert "of 64 KiB" in said.output
    with pytest.raises(CheckFailed, match="cannot run within what is allowed"):
        CliRunner().invoke(command, ["int8", "--max-ram", "1000"], catch_exceptions=False)


def too_large(tmp_path: Path, weights: int, height: int) -> Path:
    """A dense layer of so many weights, behind a pool over an image of so many rows of 2,000 elements."""
    b = ModelBuilder()
    x, pooled, y = (b.activation(shape) for shape in ((1, height, 1, 2000), (1, 1, 1, 2000), (1, weights // 2000)))
    b.pool("AVERAGE_POOL_2D", x, pooled, window=(height, 1), stride=(1, 1))
    b.fully_connected(pooled, b.constant(np.ones((weights // 2000, 2000), np.float32)), None, y)
    file = tmp_path / "large.tflite"
    file.write_bytes(b.finish(x, y))
    return file


def test_what_cannot_fit_is_refused_before_the_compiler_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renode_mnist.images.cmake.run", lambda *given, **more: pytest.fail("CMake was called"))
    flash = (
        r"at least 2,0\d\d,\d\d\d B of flash, of which there are 1,048,576 B, and .* "
        r"most of it: step 1 \(FULLY_C\w+\) 2,0"
    )
    with pytest.raises(ModelError, match=flash):
        build(BuildConfig(too_large(tmp_path, 500_000, 1), engine="reference"))
    ram = (
        r"at least 4\d\d,\d\d\d B of RAM, of which there are 327,680 B, and .* "
        r"most of it: model_input in step 0 400,000 B, "
    )
    with pytest.raises(ModelError, match=ram):
        build(BuildConfig(too_large(tmp_path, 2000, 50), engine="reference"))


def test_the_plan_keeps_to_the_flash_that_there_is(tmp_path: Path) -> None:
    """Transformed weights of 16 bits take 36 words for nine bytes."""
    random = np.random.default_rng(1)
    b = ModelBuilder()
    x, y = (b.activation((1, 8, 8, channels), "INT8", scale=0.1) for channels in (64, 64))
    weights = random.integers(-127, 128, (64, 3, 3, 64)).astype(np.int8)
    b.conv_2d(x, b.constant(weights, scales=[0.01]), None, y, padding="SAME")
    file = tmp_path / "transformed.tflite"
    file.write_bytes(b.finish(x, y))
    graph = codegen.load(file)

    def planned(flash_bytes: int) -> Plan:
        limits = fitting.Limits(flash_bytes=flash_bytes)
        return codegen.plan(graph, "m7", fitting.aim("time", limits, fitting.Excess()))

    free, limited = planned(1_000_000), planned(150_000)
    assert "16 bit" in free.steps[0].kernel
    assert 290_000 < free.weights_bytes < 310_000
    assert free.program.notes == ()
    assert limited.weights_bytes < 150_000 - fitting.LEAST_CODE_BYTES
    assert (
        "B of flash for constants and kernels 1 of 1 steps take another kernel than the fastest"
        in limited.program.notes[0]
    )
    assert limited.steps[0].faster.startswith(free.steps[0].kernel)


def test_json_holds_what_the_tables_show() -> None:
    done = CliRunner().invoke(command, ["int8", "--json"])
    facts = json.loads(done.output)
    assert done.exit_code == 0
    assert facts["macs"] == 2_794_240
    reference = next(engine for engine in facts["engines"] if engine["engine"] == "reference")
    assert reference["fits"]
    assert max(step["live_bytes"] for step in reference["steps"]) == 27_040
    assert {buffer["layout"] for buffer in reference["buffers"]} == {"NHWC"}
    assert facts["tensors"][0]["scales"] == pytest.approx([1 / 255])


def test_the_picture_marks_the_peak() -> None:
    done = CliRunner().invoke(command, ["int8", "--engine", "reference"], env={"COLUMNS": "140"})
    assert done.exit_code == 0
    peaks = [line for line in done.output.splitlines() if line.rstrip().endswith("peak")]
    assert len(peaks) == 1
    assert peaks[0].split()[:2] == ["1", "MAX_POOL_2D"]


def test_a_model_that_no_engine_takes_is_shown_with_the_reason(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RFFT2D", (x,), (y,))
    file = tmp_path / "rfft.tflite"
    file.write_bytes(b.finish(x, y))
    done = CliRunner().invoke(command, [str(file)], env={"COLUMNS": "140"})
    assert isinstance(done.exception, CheckFailed)
    assert "Operator RFFT2D 't1' is not supported" in done.output


def test_a_model_too_large_for_the_chip_is_said_not_to_fit(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 1000)), b.activation((1, 300))
    b.fully_connected(x, b.constant(np.zeros((300, 1000), np.float32)), None, y)
    file = tmp_path / "large.tflite"
    file.write_bytes(b.finish(x, y))
    assert not any(engine.fits for engine in inspect(file).engines)
    with pytest.raises(CheckFailed, match=r"large\.tflite cannot run on this chip"):
        CliRunner().invoke(command, [str(file)], catch_exceptions=False)


def test_a_file_that_is_no_model_is_refused() -> None:
    with pytest.raises(ModelError, match="no TensorFlow Lite model"):
        inspect(paths.digits() / "3.png")
