"""Engine `tflm`: the real interpreter on the emulated chip."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import stateful_networks
from compared_networks import every_operator
from emulated_engine import Emulated, random_inputs
from emulated_tflm import run
from firmware_builds import configure, cross
from known_compiler import skip_unless_known
from random_networks import Network
from renode_mnist import codegen
from renode_mnist.codegen import load
from renode_mnist.codegen.reader import parse
from renode_mnist.codegen.tflm import arena
from renode_mnist.errors import ModelError
from renode_mnist.images import resolve_model
from runtimes import tflite_micro
from tflite_builder import ModelBuilder

KERNELS = ("cmsis-nn", "reference")


def expected(model: Path, inputs: tuple[np.ndarray, ...]) -> list[np.ndarray]:  # type: ignore[type-arg]
    return tflite_micro(Network(model.read_bytes(), inputs, ()))


def check_arena(model: Path, result: Emulated) -> None:
    """The estimate holds, and wastes little."""
    plan = codegen.plan(load(model), "tflm")
    estimate = arena.activation_bytes(plan) + arena.bookkeeping_bytes(plan.graph)
    assert estimate - 6000 < result.stats.arena_bytes <= estimate


@pytest.mark.long
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("variant", ["int8", "uint8"])
def test_quantised_models_equal_tensorflow_lite_micro_on_a_pc(variant: str, kernels: str) -> None:
    model = resolve_model(variant)
    inputs = random_inputs(model)
    result = run(model, kernels, inputs)
    np.testing.assert_array_equal(result.outputs, expected(model, inputs))
    assert [op for op, _ in result.layers] == [operator.op for operator in load(model).operators]
    assert result.stats.engine == f"tflm ({kernels} kernels)"
    check_arena(model, result)
    skip_unless_known("answer, layers and arena are right")
    assert result.instructions <= {"cmsis-nn": 6_900_000, "reference": 32_100_000}[kernels]


@pytest.mark.long
@pytest.mark.parametrize("kernels", KERNELS)
def test_every_operator_equals_tensorflow_lite_micro_on_a_pc(kernels: str, tmp_path: Path) -> None:
    model = tmp_path / "every_operator.tflite"
    model.write_bytes(every_operator())
    inputs = random_inputs(model)
    result = run(model, kernels, inputs)
    np.testing.assert_array_equal(result.outputs, expected(model, inputs))
    check_arena(model, result)


@pytest.mark.long
@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("kind", ["int8", "float32"])
def test_an_lstm_goes_on_where_the_last_inference_ended(kind: str, kernels: str) -> None:
    model = stateful_networks.lstm(kind)
    inputs = random_inputs(model, count=3)
    result = run(model, kernels, inputs)
    allowed = 0.0 if kind == "int8" else 1e-5
    np.testing.assert_allclose(result.outputs, expected(model, inputs), rtol=0, atol=allowed)
    check_arena(model, result)


@pytest.mark.long
def test_float32_is_within_1e_5_of_tensorflow_lite_micro_on_a_pc() -> None:
    model = resolve_model("float32")
    inputs = random_inputs(model, 1)
    result = run(model, "reference", inputs)
    np.testing.assert_allclose(result.outputs, expected(model, inputs), rtol=1e-5, atol=1e-5)
    check_arena(model, result)


@pytest.mark.long
def test_soft_float_changes_no_quantised_result() -> None:
    model = resolve_model("int8")
    inputs = random_inputs(model, 1)
    result = run(model, "cmsis-nn", inputs, fpu="soft")
    np.testing.assert_array_equal(result.outputs, expected(model, inputs))


def test_only_the_operators_of_the_model_are_registered_for_int8_where_that_is_enough(tmp_path: Path) -> None:
    codegen.emit(codegen.plan(load(resolve_model("uint8")), "tflm"), tmp_path)
    text = (tmp_path / "model.cpp").read_text()
    assert re.findall(r"tflite::Register_(\w+)\(\)", text) == [
        "QUANTIZE", "CONV_2D_INT8", "MAX_POOL_2D_INT8", "RESHAPE", "FULLY_CONNECTED_INT8", "SOFTMAX_INT8",
    ]  # fmt: skip


def test_registrations_for_int8_alone_are_left_to_operators_whose_weights_are_int8_too(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y, z = (b.activation(shape, "INT8", scale=0.1) for shape in ((1, 4, 4, 2), (1, 4, 4, 2), (1, 3)))
    b.conv_2d(x, b.constant(np.ones((2, 1, 1, 2), np.int8), scales=[0.1] * 2, packed=True), None, y)
    b.fully_connected(y, b.constant(np.ones((3, 32), np.int8), scales=[0.1]), None, z)
    codegen.emit(codegen.plan(parse(b.finish(x, z), "int4.tflite"), "tflm"), tmp_path)
    assert re.findall(r"Register_(\w+)\(\)", (tmp_path / "model.cpp").read_text()) == [
        "CONV_2D",
        "FULLY_CONNECTED_INT8",
    ]


def test_dynamic_range_is_refused_with_the_reason_and_a_way_out() -> None:
    with pytest.raises(ModelError, match=r"CONV_2D.*no hybrid kernels.*Choose engine reference"):
        codegen.plan(load(resolve_model("size")), "tflm")


@pytest.mark.parametrize(
    ("settings", "reason", "way_out"),
    [
        (("TFLM_KERNELS=fast",), 'TFLM_KERNELS cannot be "fast"', "Choose reference or cmsis-nn"),
        (
            ("TFLM_SOURCE_DIR=/nowhere",),
            "/nowhere holds no tensorflow/lite/micro/micro_interpreter.cc",
            "environment variable TFLM_SOURCE_DIR to a checkout of github.com/tensorflow/tflite-micro at 90b983c2b",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_a_way_out(
    settings: tuple[str, ...], reason: str, way_out: str, tmp_path: Path
) -> None:
    said = " ".join(configure(tmp_path / "build", *cross("ENGINE=tflm", *settings)).stdout.split())
    assert reason in said
    assert way_out in said
    assert "Or choose another engine" in said or "TFLM_KERNELS" in said
