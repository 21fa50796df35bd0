"""Networks with several inputs and outputs, of many types, and with state; what tensors they are given."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import Graph
from runtimes import Tensors
from tflite_builder import ModelBuilder


def two_inputs_three_outputs() -> bytes:
    """int8: the second input is read last, one output is read later, and one is another's memory."""
    b = ModelBuilder()
    first = b.activation((1, 6, 5, 3), "INT8", scale=0.05, zero_point=3)
    second = b.activation((1, 6, 5, 3), "INT8", scale=0.04, zero_point=-9)
    clipped = b.activation((1, 6, 5, 3), "INT8", scale=0.05, zero_point=3)
    b.operator("RELU", (first,), (clipped,))  # an output that two operators read
    total = b.activation((1, 6, 5, 3), "INT8", scale=0.09, zero_point=1)
    b.add(clipped, second, total)
    flat = b.activation((1, 90), "INT8", scale=0.09, zero_point=1)
    b.operator(
        "RESHAPE", (total, b.constant(np.array([1, 90], np.int32))), (flat,), "ReshapeOptions", newShape=[1, 90]
    )
    weights = np.random.default_rng(5).integers(-127, 128, (4, 90)).astype(np.int8)
    scores = b.activation((1, 4), "INT8", scale=0.2)
    b.fully_connected(flat, b.constant(weights, scales=[0.002]), b.constant(np.arange(4, dtype=np.int32)), scores)
    return b.finish_with((first, second), (scores, clipped, flat))


def an_output_in_the_last_step_s_way() -> bytes:
    """float32: the last step could run in place of what is an output itself."""
    b = ModelBuilder()
    x = b.activation((1, 8))
    weights = np.random.default_rng(6).normal(0, 1, (8, 8)).astype(np.float32)
    y, z = b.activation((1, 8)), b.activation((1, 8))
    b.fully_connected(x, b.constant(weights), None, y)
    b.operator("SOFTMAX", (y,), (z,), "SoftmaxOptions", beta=1.0)
    return b.finish_with((x,), (z, y))


def an_input_that_is_an_output() -> bytes:
    """float32: an input handed out under another shape, and one that nobody reads."""
    b = ModelBuilder()
    x, unread = b.activation((1, 8)), b.activation((3,))
    y, z = b.activation((2, 4)), b.activation((1, 8))
    b.operator("RESHAPE", (x, b.constant(np.array([2, 4], np.int32))), (y,), "ReshapeOptions", newShape=[2, 4])
    b.operator("RELU", (x,), (z,))
    return b.finish_with((x, unread), (y, z))


def half_an_autoencoder() -> bytes:
    """float32: what is not negative comes out as it went in."""
    b = ModelBuilder()
    x, y = b.activation((1, 8)), b.activation((1, 8))
    b.operator("RELU", (x,), (y,))
    return b.finish(x, y)


def of_types() -> bytes:
    """uint8, float32 and int16 in, and bool and int64 that nobody reads; float32, int8, uint8 and int32 out."""
    b = ModelBuilder()
    wide, flags, numbers = (
        b.activation((5,), "INT16", scale=0.001),
        b.activation((2, 3), "BOOL"),
        b.activation((), "INT64"),
    )
    narrow = b.activation((5,), "INT8", scale=0.2, zero_point=5)
    b.operator("QUANTIZE", (wide,), (narrow,), "QuantizeOptions")
    best = b.activation((), "INT32")
    b.operator("ARG_MAX", (narrow, b.constant(np.array(0, np.int32))), (best,), "ArgMaxOptions", outputType="INT32")
    bytes_in = b.activation((1, 7), "UINT8", scale=0.03, zero_point=120)
    floats_in = b.activation((1, 7))
    as_int8 = b.activation((1, 7), "INT8", scale=0.03, zero_point=-8)
    b.operator("QUANTIZE", (bytes_in,), (as_int8,), "QuantizeOptions")
    real = b.activation((1, 7))
    b.operator("DEQUANTIZE", (as_int8,), (real,), "DequantizeOptions")
    total = b.activation((1, 7))
    b.add(real, floats_in, total)
    signed = b.activation((1, 7), "INT8", scale=0.05, zero_point=-38)
    b.operator("QUANTIZE", (total,), (signed,), "QuantizeOptions")
    back = b.activation((1, 7), "UINT8", scale=0.05, zero_point=90)
    b.operator("QUANTIZE", (signed,), (back,), "QuantizeOptions")
    return b.finish_with((bytes_in, wide, floats_in, flags, numbers), (total, as_int8, best, back))


def svdf(state: str = "INT16", memory: int = 4) -> bytes:
    """int8: 6 values in, 3 out, over ``memory`` inferences."""
    random = np.random.default_rng(7)
    b = ModelBuilder()
    x = b.activation((1, 6), "INT8", scale=0.05, zero_point=4)
    dtype, state_scale, zero_point = (np.int16, 2.0**-11, 0) if state == "INT16" else (np.int8, 2.0**-5, -11)
    time_scale = 2.0**-15 if state == "INT16" else 2.0**-7
    limits = np.iinfo(dtype)
    feature = b.constant(random.integers(-127, 128, (6, 6)).astype(np.int8), scales=[0.01])
    time = b.constant(random.integers(limits.min, limits.max, (6, memory)).astype(dtype), scales=[time_scale])
    bias = b.constant(random.integers(-900, 900, 3).astype(np.int32), scales=[state_scale * time_scale])
    kept = b.variable((1, 6 * memory), state, scale=state_scale, zero_point=zero_point)
    y = b.activation((1, 3), "INT8", scale=0.05, zero_point=-128)
    b.operator("SVDF", (x, feature, time, bias, kept), (y,), "SVDFOptions", rank=2, fusedActivationFunction="RELU")
    return b.finish(x, y)


def large_picture() -> bytes:
    """int8: a colour picture of 112x112, 37,632 B, into three classes."""
    b = ModelBuilder()
    x = b.activation((1, 112, 112, 3), "INT8", scale=1 / 255, zero_point=-128)
    pooled = b.activation((1, 7, 7, 3), "INT8", scale=1 / 255, zero_point=-128)
    b.pool("AVERAGE_POOL_2D", x, pooled, window=(16, 16), stride=(16, 16))
    weights = np.random.default_rng(8).integers(-127, 128, (3, 147)).astype(np.int8)
    y = b.activation((1, 3), "INT8", scale=0.05)
    b.fully_connected(pooled, b.constant(weights, scales=[0.01]), None, y)
    return b.finish(x, y)


NETWORKS = {
    function.__name__: function
    for function in (two_inputs_three_outputs, an_output_in_the_last_step_s_way, an_input_that_is_an_output, of_types)
}
"""Without state; all that tensors at the edge can be to the generator."""


def inputs(graph: Graph, count: int = 3, seed: int = 1) -> Iterator[Tensors]:
    """Random tensors for a network's inputs."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        yield tuple(_random(random, tensor.type.dtype, tensor.shape) for tensor in graph.inputs)


def _random(
    random: np.random.Generator, dtype: np.dtype[np.generic] | None, shape: tuple[int, ...]
) -> npt.NDArray[np.generic]:
    assert dtype is not None
    if dtype.kind == "f":
        return random.normal(0, 1, shape).astype(dtype)
    if dtype.kind == "b":
        return random.random(shape) < 0.5
    limits = np.iinfo(dtype)
    return random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
