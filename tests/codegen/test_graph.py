"""Reading .tflite files: what they hold, and every way in which they can be broken."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renode_mnist import codegen, paths
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.geometry import Padding
from renode_mnist.codegen.graph import ElementType
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.reader import parse
from renode_mnist.errors import ModelError
from tflite_builder import ModelBuilder

INT8 = (paths.models() / "mnist_int8.tflite").read_bytes()


def small_model() -> bytes:
    """A few hundred bytes with every kind of table in them."""
    b = ModelBuilder()
    x = b.activation((1, 4, 4, 2), "INT8", scale=0.05, zero_point=3)
    w = b.constant(np.ones((2, 3, 3, 2), np.int8), scales=[0.01, 0.02], axis=0)
    bias = b.constant(np.zeros(2, np.int32), scales=[0.0005, 0.001])
    y = b.activation((1, 2, 2, 2), "INT8", scale=0.1)
    b.conv_2d(x, w, bias, y, padding="VALID", activation="RELU")
    z = b.activation((1, 8), "INT8", scale=0.1)
    b.operator("RESHAPE", (y, b.constant(np.array([1, 8], np.int32))), (z,))
    return b.finish(x, z)


def test_reads_types_shapes_quantisation_and_options() -> None:
    graph = parse(small_model(), "small.tflite")
    conv, reshape = graph.operators
    assert [operator.op for operator in graph.operators] == ["CONV_2D", "RESHAPE"]
    assert conv.options == ConvOptions(Padding.VALID, (1, 1), (1, 1), Activation.RELU)
    weights = conv.inputs[1]
    assert weights is not None
    assert weights.data is not None
    assert weights.quantisation is not None
    assert weights.shape == (2, 3, 3, 2)
    assert weights.quantisation.scales == pytest.approx((0.01, 0.02))
    assert not weights.data.flags.writeable
    assert graph.inputs[0].type is ElementType.INT8
    assert graph.inputs[0].quantisation is not None
    assert graph.inputs[0].quantisation.zero_point == 3
    assert graph.producer(reshape.input) is conv
    assert graph.consumers(conv.output) == (reshape,)


def test_numbers_of_4_bits_are_read_two_a_byte_the_first_in_the_lower_half() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 3), "INT8", scale=0.05), b.activation((1, 3), "INT8", scale=0.1)
    values = np.array([[-8, 7, 1], [-1, 0, 2], [3, -4, 5]], np.int8)
    b.fully_connected(x, b.constant(values, scales=[0.01], packed=True), None, y)
    weights = parse(b.finish(x, y), "int4.tflite").operators[0].tensor(1)
    assert (weights.type, weights.byte_count) == (ElementType.INT4, 5)
    np.testing.assert_array_equal(weights.data, values)


def test_every_truncation_of_a_model_is_refused() -> None:
    for length in range(0, len(INT8) - 1, 997):
        with pytest.raises(ModelError):
            codegen.plan(parse(INT8[:length], "short.tflite"))


def test_a_file_that_is_no_model_is_refused_with_what_it_begins_with(tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(ModelError, match=r"picture\.png is no TensorFlow Lite model.*Give a \.tflite file"):
        codegen.load(file)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.tflite"
    file.touch()
    with pytest.raises(ModelError, match="no TensorFlow Lite model"):
        codegen.load(file)


def test_a_missing_file_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"Cannot read the model .*nothing\.tflite: No such file"):
        codegen.load(tmp_path / "nothing.tflite")


def try_to_plan(content: bytes) -> None:
    """Must end in a plan or in a ModelError, soon."""
    with contextlib.suppress(ModelError):
        codegen.plan(parse(content, "fuzzed.tflite"))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_end_in_a_plan_or_a_clear_error(changes: list[tuple[int, int]]) -> None:
    content = bytearray(small_model())
    for position, value in changes:
        content[8 + position % (len(content) - 8)] = value
    try_to_plan(bytes(content))


def test_every_byte_of_a_model_may_be_the_worst() -> None:
    content = small_model()
    for position in range(8, len(content)):
        for value in (0x00, 0x7F, 0x80, 0xFF):
            try_to_plan(content[:position] + bytes([value]) + content[position + 1 :])


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=600))
def test_garbage_behind_the_identifier_is_refused(garbage: bytes) -> None:
    with pytest.raises(ModelError):
        codegen.plan(parse(b"\x08\x00\x00\x00TFL3" + garbage, "garbage.tflite"))


@pytest.mark.long
def test_many_mutations_of_the_real_models() -> None:
    chance = random.Random(1)
    for file in sorted(paths.models().glob("*.tflite")):
        original = file.read_bytes()
        for _ in range(3000):
            content = bytearray(original)
            for _ in range(chance.choice((1, 1, 2, 10))):
                content[chance.randrange(8, len(content))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            try_to_plan(bytes(content))


def test_indices_out_of_range_name_what_they_index() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (x + 77,), (y,))
    with pytest.raises(ModelError, match="inputs of operator 0 name tensor 77, but there are 2"):
        parse(b.finish(x, y), "m.tflite")


def test_a_tensor_that_nothing_wrote_is_refused() -> None:
    b = ModelBuilder()
    x, lost, y = b.activation((1, 4)), b.activation((1, 4)), b.activation((1, 4))
    b.operator("RELU", (lost,), (y,))
    with pytest.raises(ModelError, match=r"RELU 't2' reads 't1' before anything wrote it"):
        parse(b.finish(x, y), "m.tflite")


def test_a_dynamic_dimension_is_refused_with_the_way_out() -> None:
    b = ModelBuilder()
    x, y = b.activation((-1, 4)), b.activation((1, 4))
    b.operator("RELU", (x,), (y,))
    with pytest.raises(ModelError, match=r"'t0' has the shape \[-1, 4\].*every dimension fixed"):
        codegen.plan(parse(b.finish(x, y), "m.tflite"))


def test_a_constant_of_the_wrong_length_is_refused() -> None:
    b = ModelBuilder()
    x, y = b.activation((1, 4)), b.activation((1, 4))
    w = b.constant(np.zeros((4, 4), np.float32))
    b._graph.tensors[w].shape = [4, 5]
    b.fully_connected(x, w, None, y)
    with pytest.raises(ModelError, match=r"'t2' holds 64 bytes, but its shape is \[4, 5\]"):
        parse(b.finish(x, y), "m.tflite")
