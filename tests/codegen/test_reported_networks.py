"""Networks as people bring them: what the generated C++ computes equals TensorFlow Lite Micro, tensor by tensor."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock

from host_batch import HostBatch
from renode_mnist import codegen, paths
from renode_mnist.codegen import reader
from renode_mnist.codegen.graph import Graph, Tensor
from reported_networks import NETWORKS, Reported, convert
from runtimes import Tensors, litert_on, tflite_micro_on

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

EXPORTED = {network.name: network for network in NETWORKS}


@functools.cache
def content_of(name: str) -> bytes:
    """The file, converted once for all workers."""
    folder = paths.root() / "build" / "reported-networks"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}-{_converter()}.tflite"
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            file.write_bytes(convert(EXPORTED[name]))
    return file.read_bytes()


@functools.cache
def _converter() -> str:
    """What the files depend on beside their Keras code, which stands in one file."""
    import hashlib
    from importlib import metadata

    import reported_networks

    source = Path(reported_networks.__file__).read_bytes()
    return hashlib.sha256(source + metadata.version("tensorflow-cpu").encode()).hexdigest()[:12]


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


@pytest.mark.parametrize("network", [each for each in NETWORKS if each.inner != "int16"], ids=lambda each: each.name)
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
    for values, wanted in zip(asked, answers, strict=True):
        for engine in ENGINES:
            for mine, theirs in zip(batch(engine, values), wanted, strict=True):
                if mine.dtype.kind == "f":
                    np.testing.assert_allclose(mine, theirs, rtol=0, atol=FLOAT_TOLERANCE, err_msg=engine)
                elif network.name in NOT_OF_TENSORFLOW_LITE_MICRO:
                    # LiteRT's optimised convolutions round a few results to the next step (docs/operators.md).
                    np.testing.assert_allclose(mine.astype(int), theirs.astype(int), rtol=0, atol=1, err_msg=engine)
                else:
                    np.testing.assert_array_equal(mine, theirs, err_msg=engine)


def test_what_dead_channels_left_to_the_reference_kernels_is_computed_by_the_engine() -> None:
    graph = reader.parse(content_of("mobilenet_v2"), "mobilenet_v2.tflite")
    left = {step.op for step in codegen.plan(graph, "m7").steps if step.fallback}
    assert left == {"MEAN", "SOFTMAX"}
