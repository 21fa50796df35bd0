"""Networks as people bring them: what the generated C++ computes equals TensorFlow Lite Micro, tensor by tensor."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import reported_networks
from converted_files import converted
from host_batch import HostBatch
from renode_mnist import codegen
from renode_mnist.codegen import reader
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.images import BuildConfig, build
from renode_mnist.session.opening import open_session
from reported_networks import NETWORKS, Reported, convert
from runtimes import Tensors, litert_interpreter, litert_on, tflite_micro_on
from tflite_builder import ModelBuilder

ENGINES = ("reference", "m7")
FLOAT_TOLERANCE = 2e-6
"""Of results up to 1: another order of sums in engine m7, and the C library's exponential."""

NOT_OF_TENSORFLOW_LITE_MICRO = {
    "decoder_nearest": "its wheel has no TILE",
    "decoder_open_batch": "its wheel has no TILE",
    "gru_open_batch": "it wants the first state's shape to be constant",
    "gelu": "its wheel has no GELU",
    "float16_export": "it has no DEQUANTIZE of float16",
}
"""What LiteRT is asked in its place, without delegates."""

ROUNDED_UPWARDS = {"decoder_nearest": 3, "decoder_open_batch": 3}
"""How many results of a network LiteRT has one step higher: its last convolution's.

LiteRT's optimised convolutions (ruy, apply_multiplier.cc) round a product with the output's factor once, halves
upwards. TensorFlow Lite Micro, LiteRT's reference kernels and this project round it twice, halves away from zero. So
sums differ that are negative and end halfway.
"""

EXPORTED = {network.name: network for network in NETWORKS}


@functools.cache
def content_of(name: str) -> bytes:
    return converted(name, reported_networks, lambda: convert(EXPORTED[name])).read_bytes()


def inputs_of(graph: Graph) -> list[Tensors]:
    random = np.random.default_rng(7)
    drawn = [tuple(_drawn(tensor, random) for tensor in graph.inputs) for _ in range(4)]
    ends = [tuple(_end(tensor, high=high) for tensor in graph.inputs) for high in (False, True)]
    return [*drawn, *ends]


def _drawn(tensor: Tensor, random: np.random.Generator) -> npt.NDArray[Any]:
    assert tensor.type.dtype is not None
    if tensor.type.dtype.kind == "f":
        return random.uniform(-1, 1, tensor.shape).astype(tensor.type.dtype)
    limits = np.iinfo(tensor.type.dtype)
    return random.integers(limits.min, limits.max, tensor.shape, tensor.type.dtype, endpoint=True)


def _end(tensor: Tensor, *, high: bool) -> npt.NDArray[Any]:
    assert tensor.type.dtype is not None
    if tensor.type.dtype.kind == "f":
        return np.full(tensor.shape, 1.0 if high else -1.0, tensor.type.dtype)
    limits = np.iinfo(tensor.type.dtype)
    return np.full(tensor.shape, limits.max if high else limits.min, tensor.type.dtype)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.name)
def test_a_network_that_was_once_refused_equals_the_runtime(network: Reported) -> None:
    content = content_of(network.name)
    graph = reader.parse(content, f"{network.name}.tflite")
    plans = {engine: codegen.plan(graph, engine) for engine in ENGINES}
    batch = HostBatch(f"reported-{network.name}", plans)
    asked = inputs_of(graph)
    if network.name in NOT_OF_TENSORFLOW_LITE_MICRO:
        answers = litert_on(content, asked)
    else:
        answers = tflite_micro_on(content, asked)
    upwards = dict.fromkeys(ENGINES, 0)
    for values, wanted in zip(asked, answers, strict=True):
        for engine in ENGINES:
            for mine, theirs in zip(batch(engine, values), wanted, strict=True):
                if mine.dtype.kind == "f":
                    np.testing.assert_allclose(mine, theirs, rtol=0, atol=FLOAT_TOLERANCE, err_msg=engine)
                elif network.name in NOT_OF_TENSORFLOW_LITE_MICRO:
                    steps = theirs.astype(int) - mine.astype(int)
                    assert set(np.unique(steps)) <= {0, 1}, engine
                    upwards[engine] += int(steps.sum())
                else:
                    np.testing.assert_array_equal(mine, theirs, err_msg=engine)
    assert upwards == dict.fromkeys(ENGINES, ROUNDED_UPWARDS.get(network.name, 0))


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.name)
def test_the_emulated_chip_answers_what_this_pc_does(network: Reported, engine: str, tmp_path: Path) -> None:
    """What this PC answers is held to TensorFlow Lite Micro above."""
    file = tmp_path / f"{network.name}.tflite"
    file.write_bytes(content_of(network.name))
    graph = codegen.load(file)
    batch = HostBatch(f"reported-chip-{network.name}", {engine: codegen.plan(graph, engine)})
    # One after the other, so that layers add their roundings: the chip's compiler fuses what a PC's does not.
    allowed = max(FLOAT_TOLERANCE, 1e-6 * len(graph.operators))
    with open_session("embedded", build(BuildConfig(file, engine=engine)).elf) as session:
        for values in inputs_of(graph)[2:5]:
            answers = session.infer(values, "drawn").outputs
            for got, wanted in zip(answers, batch(engine, values), strict=True):
                if wanted.dtype.kind == "f":
                    np.testing.assert_allclose(got, wanted, rtol=0, atol=allowed)
                else:
                    np.testing.assert_array_equal(got, wanted)


def test_where_litert_rounds_upwards_tensorflow_lite_micro_does_not() -> None:
    """The decoder's last convolution by itself, on what LiteRT has before it."""
    content = content_of("decoder_nearest")
    graph = reader.parse(content, "decoder.tflite")
    last = graph.operators[-1]
    interpreter = litert_interpreter(content, experimental_preserve_all_tensors=True)
    before = []
    for (values,) in inputs_of(graph):
        interpreter.set_tensor(graph.inputs[0].index, values)
        interpreter.invoke()
        before.append((interpreter.get_tensor(last.input.index),))
    alone = convolution(last)
    plan = codegen.plan(reader.parse(alone, "last.tflite"), "reference")
    batch = HostBatch("decoder-last", {"reference": plan})
    micro, litert = tflite_micro_on(alone, before), litert_on(alone, before)
    plain = litert_on(alone, before, reference=True)
    higher = 0
    for values, (wanted,), (rounded,), (shared,) in zip(before, micro, litert, plain, strict=True):
        (mine,) = batch("reference", values)
        np.testing.assert_array_equal(mine, wanted)
        np.testing.assert_array_equal(shared, wanted)
        higher += np.count_nonzero(rounded == wanted.astype(int) + 1)
    assert higher == ROUNDED_UPWARDS["decoder_nearest"]


def convolution(operator: Operator) -> bytes:
    """A network of one CONV_2D in int8, as it stands in another."""
    b = ModelBuilder()
    source, result = (
        b.activation(tensor.shape, "INT8", scale=scales.scale, zero_point=scales.zero_point)
        for tensor in (operator.input, operator.output)
        if (scales := tensor.quantisation)
    )
    weights, bias = (
        b.constant(operator.constant(position), scales=scales.scales, axis=scales.axis)
        for position in (1, 2)
        if (scales := operator.tensor(position).quantisation)
    )
    options = operator.options_as(ConvOptions)
    b.conv_2d(source, weights, bias, result, padding=options.padding.value, activation=options.activation.value)
    return b.finish(source, result)


def test_what_dead_channels_left_to_the_reference_kernels_is_computed_by_the_engine() -> None:
    graph = reader.parse(content_of("mobilenet_v2"), "mobilenet_v2.tflite")
    assert not [step.fallback for step in codegen.plan(graph, "m7").steps if step.fallback]
