"""What depends on constants and shapes alone is computed at build time: batches of None, weights in float16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

from host_engine import HostEngine
from renode_mnist import codegen
from renode_mnist.codegen.reader import parse
from renode_mnist.commands.inspect import inspect
from renode_mnist.errors import ModelError
from runtimes import litert_on, tflite_micro_on
from tflite_builder import ModelBuilder


def open_batch(shape: tuple[int, ...] = (-1, 2, 6)) -> bytes:
    """RESHAPE to a shape that is put together of the input's, as Keras writes it where the batch is None."""
    b = ModelBuilder()
    x = b.activation((1, 2, 6))
    b._graph.tensors[x].shapeSignature = list(shape)
    sizes, first, wanted = b.activation((3,), "INT32"), b.activation((), "INT32"), b.activation((2,), "INT32")
    b.operator("SHAPE", (x,), (sizes,), "ShapeOptions", outType="INT32")
    ends = [b.constant(np.array([n], np.int32)) for n in (0, 1, 1)]
    b.operator("STRIDED_SLICE", (sizes, *ends), (first,), "StridedSliceOptions", shrinkAxisMask=1)
    rest = b.constant(np.array(12, np.int32))
    b.operator("PACK", (first, rest), (wanted,), "PackOptions", valuesCount=2, axis=0)
    flat, y = b.activation((1, 12)), b.activation((1, 12))
    b.operator("RESHAPE", (x, wanted), (flat,))
    b.operator("RELU", (flat,), (y,))
    return b.finish(x, y)


@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_a_batch_of_none_is_1_and_the_shapes_made_of_it_vanish(engine: str) -> None:
    plan = codegen.plan(parse(open_batch(), "m.tflite"), engine)
    assert [step.op for step in plan.steps] == ["RELU"]
    assert plan.graph.rewrites[:2] == (
        "batch: 't0' may have any; taken as 1",
        "constants_folded: SHAPE, STRIDED_SLICE, PACK at build time",
    )


def test_inspect_says_so(tmp_path: Path) -> None:
    model = tmp_path / "m.tflite"
    model.write_bytes(open_batch())
    said = CliRunner().invoke(inspect, [str(model)]).output
    assert "batch: 't0' may have any; taken as 1" in said
    assert "SHAPE, STRIDED_SLICE, PACK at build time" in said


def test_the_interpreter_gets_all_operators_of_the_file() -> None:
    plan = codegen.plan(parse(open_batch(), "m.tflite"), "tflm")
    assert [step.op for step in plan.steps] == ["SHAPE", "STRIDED_SLICE", "PACK", "RESHAPE", "RELU"]
    assert "AddStridedSlice(" in codegen.files(plan)["model.cpp"]


def test_a_shape_that_the_file_leaves_open_is_found() -> None:
    """As Keras' upsampling leaves it: the file's own shape there is 1x1x6."""
    b = ModelBuilder()
    x, sizes = b.activation((1, 2, 6)), b.activation((3,), "INT32")
    b._graph.tensors[x].shapeSignature = [-1, 2, 6]
    turned, y = b.activation((1, 1, 6)), b.activation((1, 1, 6))
    for tensor in (turned, y):
        b._graph.tensors[tensor].shapeSignature = [-1, -1, 6]
    b.operator("SHAPE", (x,), (sizes,), "ShapeOptions", outType="INT32")
    b.operator("RESHAPE", (x, sizes), (turned,))
    b.operator("RELU", (turned,), (y,))
    graph = parse(b.finish(x, y), "m.tflite")
    assert codegen.plan(graph).graph.outputs[0].shape == (1, 2, 6)
    with pytest.raises(ModelError, match=r"Engine tflm .* leaves the shape of 't2' \(float32 1x2x6\) open"):
        codegen.plan(graph, "tflm")


def test_zeros_like_an_activation_are_a_constant(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, zeros, y = (b.activation((1, 6), "INT8", scale=0.1, zero_point=3) for _ in range(3))
    b.operator("ZEROS_LIKE", (x,), (zeros,), "ZerosLikeOptions")
    b.operator("MAXIMUM", (x, zeros), (y,), "MaximumMinimumOptions")
    content = b.finish(x, y)
    plan = codegen.plan(parse(content, "m.tflite"))
    assert [step.op for step in plan.steps] == ["MAXIMUM"]
    values = np.array([[-128, -1, 0, 1, 3, 127]], np.int8)
    (wanted,) = tflite_micro_on(content, [(values,)])[0]
    model = tmp_path / "m.tflite"
    model.write_bytes(content)
    assert HostEngine(model, tmp_path)(values).tolist() == wanted.tolist() == [[0, 0, 0, 1, 3, 127]]


def test_another_open_dimension_is_refused_by_its_input() -> None:
    with pytest.raises(ModelError, match=r"'t0' has the shape \[-1, -1, 6\].*every dimension but the batch fixed"):
        codegen.plan(parse(open_batch((-1, -1, 6)), "m.tflite"))


def test_what_depends_on_the_input_is_refused_in_words() -> None:
    b = ModelBuilder()
    x, y, z = b.activation((1, 4)), b.activation((4, 4)), b.activation((4, 4))
    b.operator("BROADCAST_TO", (x, b.constant(np.array([4, 4], np.int32))), (y,))
    b.operator("RELU", (y,), (z,))
    with pytest.raises(ModelError, match=r"BROADCAST_TO 't1'.* at build time only, and its inputs are not constant"):
        codegen.plan(parse(b.finish(x, z), "m.tflite"))


def stored(kind: str) -> tuple[bytes, npt.NDArray[np.float32]]:
    """A dense layer in float32 whose weights are stored in fewer bits, and what they are."""
    random = np.random.default_rng(0)
    b = ModelBuilder()
    x, w, y = b.activation((1, 5)), b.activation((3, 5)), b.activation((1, 3))
    values: npt.NDArray[Any]
    if kind == "float16":
        values = random.normal(0, 1, (3, 5)).astype(np.float16)
        small, real = b.constant(values), values.astype(np.float32)
    else:
        values = random.integers(-127, 128, (3, 5)).astype(np.int8)
        scales = [0.1] if kind == "int8" else [0.1, 0.02, 0.3]
        small = b.constant(values, scales=scales, axis=0)
        real = (values * np.array(scales, np.float32).astype(np.float64).reshape(-1, 1)).astype(np.float32)
    b.operator("DEQUANTIZE", (small,), (w,), "DequantizeOptions")
    b.fully_connected(x, w, None, y)
    return b.finish(x, y), real


@pytest.mark.parametrize("kind", ["float16", "int8", "int8 a channel"])
def test_weights_stored_in_fewer_bits_are_unpacked(kind: str, tmp_path: Path) -> None:
    content, real = stored(kind)
    model = tmp_path / "m.tflite"
    model.write_bytes(content)
    engine = HostEngine(model, tmp_path)
    (weights,) = engine.plan.constants
    np.testing.assert_array_equal(weights.values, real)
    values = np.random.default_rng(1).normal(0, 1, (1, 5)).astype(np.float32)
    np.testing.assert_allclose(engine(values), litert_on(content, [(values,)])[0][0], rtol=1e-6, atol=1e-6)


def test_float16_is_refused_for_the_interpreter_which_has_none() -> None:
    with pytest.raises(ModelError, match="TensorFlow Lite Micro has no float16"):
        codegen.plan(parse(stored("float16")[0], "m.tflite"), "tflm")


ARITHMETIC = {"ADD": 12, "MUL": 35, "SUB": 2, "MAXIMUM": 7, "MINIMUM": 5, "FLOOR_DIV": 1}


@pytest.mark.parametrize("operator", ARITHMETIC)
def test_sizes_are_computed_as_the_kernels_compute_them(operator: str) -> None:
    b = ModelBuilder()
    x, y = b.activation((2, 70)), b.activation((2, 70))
    size, wanted = b.activation((), "INT32"), b.activation((1,), "INT32")
    seven, five = (b.constant(np.array(n, np.int32)) for n in (7, 5))
    table = "" if operator in ("MAXIMUM", "MINIMUM", "FLOOR_DIV") else f"{operator.capitalize()}Options"
    b.operator(operator, (seven, five), (size,), table)
    b.operator("PACK", (size,), (wanted,), "PackOptions", valuesCount=1, axis=0)
    b.operator("RELU", (x,), (y,))
    graph = codegen.prepared(parse(b.finish(x, y), "m.tflite"))
    assert [op.op for op in graph.operators] == ["RELU"]
    made = graph.tensors[wanted].data
    assert made is not None
    assert made.tolist() == [ARITHMETIC[operator]]


def test_a_constant_input_is_read_from_flash(tmp_path: Path) -> None:
    """As an unrolled LSTM's first state: nobody folds what a layer makes of it."""
    b = ModelBuilder()
    x, y, z = b.activation((1, 3)), b.activation((1, 3)), b.activation((1, 3))
    weights = np.arange(12, dtype=np.float32).reshape(3, 4)
    b.fully_connected(b.constant(np.ones((1, 4), np.float32)), b.constant(weights), None, y)
    b.add(x, y, z)
    content = b.finish(x, z)
    for engine in ("reference", "m7"):
        model = tmp_path / "m.tflite"
        model.write_bytes(content)
        values = np.array([[1, 2, 3]], np.float32)
        np.testing.assert_array_equal(HostEngine(model, tmp_path, engine)(values), values + weights.sum(axis=1))
