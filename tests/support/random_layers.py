"""Layers of random networks that people's classifiers seldom have: comparisons, choices, divisions, functions.

Each is a function that appends operators to a network under construction, or nothing where they do not fit. What is
not continuous (a comparison, a rounding, a position) is not put behind real numbers that may differ in their last
bit: see ``exact``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from tflite_builder import options_table

if TYPE_CHECKING:
    from random_networks import Drawing

_NAME = re.compile(r"[A-Z][A-Z0-9_]+")
_EXACT = frozenset((
    "ABS", "ADD", "ARG_MAX", "ARG_MIN", "BATCH_TO_SPACE_ND", "CAST", "CEIL", "CONCATENATION",
    "DEPTH_TO_SPACE", "DIV", "EXPAND_DIMS", "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GATHER", "MAXIMUM",
    "MAX_POOL_2D", "MINIMUM", "MIRROR_PAD", "MUL", "NEG", "PACK", "PAD", "PADV2", "PRELU", "REDUCE_MAX",
    "REDUCE_MIN", "RELU", "RELU6", "RESHAPE", "RESIZE_NEAREST_NEIGHBOR", "ROUND", "SELECT", "SELECT_V2", "SLICE",
    "SPACE_TO_BATCH_ND", "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUARE", "SQUEEZE", "STRIDED_SLICE", "SUB",
    "TRANSPOSE", "UNPACK",
))  # fmt: skip
"""Whose float32 results are the same wherever they are computed."""


def exact(d: Drawing) -> bool:
    """Whether what has been computed so far is the same to the bit in every runtime and engine."""
    return d.int8 or all(name in _EXACT for entry in d.operators for name in _NAME.findall(entry))


_WEIGHTED = frozenset(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"))


def quantises_alike(d: Drawing) -> bool:
    """Whether a layer of int8 weights, which quantises its real inputs, sees the same in every runtime and engine.

    Sums of products of whole numbers are the same everywhere, unlike what a function such as an exponential returns:
    a softmax one last bit apart once made a convolution behind it round to the next of 127 steps.
    """
    return d.kind != "HYBRID" or all(
        name in _EXACT | _WEIGHTED for entry in d.operators for name in _NAME.findall(entry)
    )


def _append(d: Drawing, name: str, inputs: Sequence[int], shape: tuple[int, ...], **options: Any) -> None:
    """An operator whose output the network goes on with."""
    y = d.activation(shape)
    table = options_table(name)
    d.b.operator(name, inputs, (y,), *((table,) if table else ()), **options)
    d.done(name, y)


def _aside(
    d: Drawing, name: str, inputs: Sequence[int], shape: tuple[int, ...], type_name: str, **options: Any
) -> int:
    """An operator with an output of another type, which is not what the network goes on with."""
    y = d.b.activation(shape, type_name)
    table = options_table(name)
    d.b.operator(name, inputs, (y,), *((table,) if table else ()), **options)
    d.operators.append(f"{name}{list(shape)}")
    return y


def _like(d: Drawing, shape: tuple[int, ...]) -> int:
    """A constant that is quantised as what flows."""
    if d.int8:
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        return d.b.constant(data, scales=[d.scale], zero_point=d.zero_point)
    return d.b.constant(d.random.normal(0, 1, shape).astype(np.float32))


def _smaller(d: Drawing, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A shape that can be broadcast to another."""
    return tuple(n if d.draw(st.booleans()) else 1 for n in shape)


def _bounded(d: Drawing) -> None:
    """Real numbers between -1 and 1, so that powers and exponentials stay small however many come."""
    zero = d.b.constant(np.zeros(1, np.float32))
    _append(d, "ADD", (d.x, zero), d.shape, fusedActivationFunction="RELU_N1_TO_1")


def functions(d: Drawing) -> None:
    """Of the C library, in float32; RSQRT in int8 too."""
    if d.int8:
        d.requantise(d.scale)
        _append(d, "ABS", (d.x,), d.shape)
        d.requantise(0.05)
        _append(d, "RSQRT", (d.x,), d.shape)
        return
    name = d.draw(st.sampled_from(["NEG", "SQUARE", "SIN", "COS", "EXP"]))
    if name != "NEG":
        _bounded(d)
    _append(d, name, (d.x,), d.shape)


def of_positive_numbers(d: Drawing) -> None:
    """LOG and roots, in float32."""
    if d.int8:
        return
    _append(d, "ABS", (d.x,), d.shape)
    _append(d, "ADD", (d.x, d.b.constant(np.array([0.1], np.float32))), d.shape)
    _append(d, d.draw(st.sampled_from(["LOG", "SQRT", "RSQRT"])), (d.x,), d.shape)


def roundings(d: Drawing) -> None:
    """FLOOR and its like, in float32."""
    if d.int8 or not exact(d):
        return
    name = d.draw(st.sampled_from(["FLOOR", "CEIL", "ROUND", "FLOOR_DIV", "FLOOR_MOD"]))
    inputs = [d.x]
    if name.startswith("FLOOR_"):
        divisors = d.random.uniform(0.3, 3, _smaller(d, d.shape)) * d.random.choice([-1, 1])
        inputs.append(d.b.constant(divisors.astype(np.float32)))
    _append(d, name, inputs, d.shape)


def division(d: Drawing) -> None:
    """DIV by a constant; in int8 with scales for which TensorFlow Lite Micro shifts by no more than 31."""
    shape = _smaller(d, d.shape)
    if d.int8:
        before, zero_point = d.scale, d.draw(st.integers(-128, 127))
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        data[data == zero_point] += 1 if zero_point < 127 else -1
        d.requantise(before)
        quotient = float(np.exp(d.random.uniform(np.log(130), np.log(5000))))
        divisor = d.b.constant(data, scales=[before / d.scale / quotient], zero_point=zero_point)
    else:
        sizes = d.random.uniform(0.3, 3, shape) * d.random.choice([-1, 1], shape)
        divisor = d.b.constant(sizes.astype(np.float32))
    _append(d, "DIV", (d.x, divisor), d.shape, fusedActivationFunction=d.draw(st.sampled_from(["NONE", "RELU6"])))


def log_softmax(d: Drawing) -> None:
    if d.int8:
        d.scale, d.zero_point = 1 / 16, 127
    _append(d, "LOG_SOFTMAX", (d.x,), d.shape)


def matrices(d: Drawing) -> None:
    """BATCH_MATMUL with a constant, or with itself."""
    if len(d.shape) < 2:
        return
    *batches, rows, depth = d.shape
    if d.draw(st.booleans()):
        if not d.int8:
            _bounded(d)
        d.requantise(d.scale * 100 * d.scale * depth**0.5)
        _append(d, "BATCH_MATMUL", (d.x, d.x), (*batches, rows, rows), adjX=False, adjY=True)
        return
    adj_x, adj_y = d.draw(st.booleans()), d.draw(st.booleans())
    if adj_x:
        rows, depth = depth, rows
    columns = d.draw(st.integers(1, 6))
    shape = (*_smaller(d, tuple(batches)), *((columns, depth) if adj_y else (depth, columns)))
    if d.int8:
        scale = d._scale(0.3, 3) / (73 * depth**0.5)
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        other = d.b.constant(data, scales=[scale], zero_point=d.draw(st.integers(-128, 127)))
    else:
        other = d.b.constant(d.random.normal(0, depth**-0.5, shape).astype(np.float32))
    d.requantise(d.scale)
    _append(d, "BATCH_MATMUL", (d.x, other), (*batches, rows, columns), adjX=adj_x, adjY=adj_y)


def _compared(d: Drawing) -> int:
    """Whether what flows is less than another, or the like."""
    names = ["EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL"]
    other = _like(d, _smaller(d, d.shape))
    return _aside(d, d.draw(st.sampled_from(names)), (d.x, other), d.shape, "BOOL")


def choice(d: Drawing) -> None:
    """Comparisons, perhaps joined, and what is chosen by them, or made a number of them."""
    if not exact(d) or d.scale >= 1:
        return
    condition = _compared(d)
    joined = d.draw(st.sampled_from(["", "LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT"]))
    if joined:
        inputs = (condition,) if joined == "LOGICAL_NOT" else (condition, _compared(d))
        condition = _aside(d, joined, inputs, d.shape, "BOOL")
    if d.draw(st.booleans()):
        _append(d, "SELECT_V2", (condition, d.x, _like(d, _smaller(d, d.shape))), d.shape)
    else:
        _append(d, "CAST", (condition,), d.shape)


def choice_of_one_shape(d: Drawing) -> None:
    """SELECT, which does not broadcast."""
    if exact(d) and d.scale < 1:
        _append(d, "SELECT", (_compared(d), d.x, _like(d, d.shape)), d.shape)


def position(d: Drawing) -> None:
    """ARG_MAX or ARG_MIN, as numbers that the network can go on with."""
    rank = len(d.shape)
    if rank < 2 or not exact(d):
        return
    axis = d.draw(st.integers(0, rank - 1))
    shape = (*d.shape[:axis], *d.shape[axis + 1 :])
    where = d.b.constant(np.array([axis - rank if d.draw(st.booleans()) else axis], np.int32))
    name = d.draw(st.sampled_from(["ARG_MAX", "ARG_MIN"]))
    found = _aside(d, name, (d.x, where), shape, "INT32", outputType="INT32")
    d.requantise(0.1)
    _append(d, "CAST", (found,), shape)


def dimensions(d: Drawing) -> None:
    """SQUEEZE or EXPAND_DIMS."""
    single = [axis for axis, n in enumerate(d.shape) if n == 1]
    if single and len(d.shape) > 1 and d.draw(st.booleans()):
        axis = d.draw(st.sampled_from(single))
        _append(d, "SQUEEZE", (d.x,), (*d.shape[:axis], *d.shape[axis + 1 :]), squeezeDims=[axis])
    elif len(d.shape) < 4:
        axis = d.draw(st.integers(0, len(d.shape)))
        where = d.b.constant(np.array(axis, np.int32))
        _append(d, "EXPAND_DIMS", (d.x, where), (*d.shape[:axis], 1, *d.shape[axis:]))


def five_dimensions(d: Drawing) -> None:
    """Arithmetic on an image whose channels are two dimensions."""
    if len(d.shape) != 4:
        return
    whole, channels = d.shape, d.shape[3]
    groups = d.draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    shape = (*whole[:3], groups, channels // groups)
    _append(d, "RESHAPE", (d.x, d.b.constant(np.array(shape, np.int32))), shape, newShape=shape)
    other = _like(d, _smaller(d, shape))
    d.requantise(d.scale)
    _append(d, d.draw(st.sampled_from(["ADD", "SUB", "MUL"])), (d.x, other), shape)
    _append(d, "RESHAPE", (d.x, d.b.constant(np.array(whole, np.int32))), whole, newShape=whole)


def tile(d: Drawing) -> None:
    counts = [d.draw(st.integers(1, 3)) if n < 20 else 1 for n in d.shape]
    shape = tuple(n * count for n, count in zip(d.shape, counts, strict=True))
    _append(d, "TILE", (d.x, d.b.constant(np.array(counts, np.int32))), shape)


def gelu(d: Drawing) -> None:
    d.requantise(d.scale)
    _append(d, "GELU", (d.x,), d.shape, approximate=d.draw(st.booleans()))


def bounds(d: Drawing) -> None:
    """Activations that TensorFlow Lite Micro has no operators for."""
    d.requantise(d.scale)
    _append(d, d.draw(st.sampled_from(["RELU_N1_TO_1", "RELU_0_TO_1"])), (d.x,), d.shape)


def exponential(d: Drawing) -> None:
    """EXP in int8, of numbers whose exponential can be counted in steps."""
    if not d.int8 or d.scale > 0.04:
        return
    d.scale, d.zero_point = d._scale(0.001, 0.1), d.draw(st.integers(-128, 127))
    _append(d, "EXP", (d.x,), d.shape)


LAYERS: tuple[Callable[[Drawing], None], ...] = (
    functions, of_positive_numbers, roundings, division, log_softmax, matrices, choice, choice, position, dimensions,
    five_dimensions,
)  # fmt: skip
"""That TensorFlow Lite Micro computes."""
LITERT_LAYERS: tuple[Callable[[Drawing], None], ...] = (
    tile, gelu, bounds, exponential, dimensions, five_dimensions, choice_of_one_shape,
)  # fmt: skip
"""That are held to LiteRT."""
