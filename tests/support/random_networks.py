"""Hypothesis strategies that make small random networks as ``.tflite`` files: shared by the engines' tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

import random_layers
from tflite_builder import ModelBuilder, slide

CLAMPS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6")

_MOST_CLASSES = 511
"""Of an int8 softmax: TensorFlow Lite Micro aborts where more of them share evenly."""


@dataclass(frozen=True)
class Network:
    """A model and inputs for it."""

    content: bytes
    inputs: tuple[npt.NDArray[Any], ...]
    operators: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Network({' '.join(self.operators)}, input {self.inputs[0].shape})"


class Drawing:
    """A network under construction: `x` is the tensor that the next operator reads."""

    def __init__(self, draw: st.DrawFn, kind: str) -> None:
        self.draw = draw
        self.kind = kind  # FLOAT32, INT8, INT16 or HYBRID
        self.random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        self.b = ModelBuilder()
        self.operators: list[str] = []
        shape = (draw(st.integers(1, 2)), draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(1, 9)))
        self.scale, self.zero_point = 0.0, 0
        if self.int8:
            self.scale, self.zero_point = self._scale(0.001, 0.2), draw(st.integers(-128, 127))
        elif self.wide:
            self.scale = self._scale(0.001 / 256, 0.2 / 256)
        self.source = self.x = self.activation(shape)

    @property
    def int8(self) -> bool:
        return self.kind == "INT8"

    @property
    def wide(self) -> bool:
        return self.kind == "INT16"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.b.shape(self.x)

    def _scale(self, low: float, high: float) -> float:
        return float(np.float32(np.exp(self.random.uniform(np.log(low), np.log(high)))))

    def activation(self, shape: tuple[int, ...]) -> int:
        type_name = self.kind if self.int8 or self.wide else "FLOAT32"
        return self.b.activation(shape, type_name, scale=self.scale, zero_point=self.zero_point)

    def requantise(self, scale: float) -> None:
        """The next activation's quantisation: around `scale`, any zero point."""
        if self.int8:
            self.scale = float(np.float32(scale * self.random.uniform(0.3, 3)))
            self.zero_point = self.draw(st.integers(-128, 127))
        elif self.wide:
            self.scale = float(np.float32(scale * self.random.uniform(0.3, 3)))

    def weights(self, shape: tuple[int, ...], axis: int, *, packed: bool = False) -> tuple[int, int | None, float]:
        """Weights, perhaps a bias, and the standard deviation of a product of the sums; `packed` as INT4."""
        channels, depth = shape[axis], int(np.prod(shape)) // shape[axis]
        # LiteRT's dynamic-range convolutions want a bias, its depthwise ones a scale for each channel.
        has_bias = self.draw(st.booleans()) or (self.kind == "HYBRID" and len(shape) == 4)
        if self.kind == "FLOAT32":
            w = self.b.constant(self.random.normal(0, depth**-0.5, shape).astype(np.float32))
            return w, self._float_bias(channels) if has_bias else None, 1.0
        most, deviation = (7, 4.3) if packed else (127, 73)
        values = self.random.integers(-most, most + 1, shape).astype(np.int8)
        per_channel = self.draw(st.booleans()) or (self.kind == "HYBRID" and shape[0] == 1)
        base = 1 / (deviation * depth**0.5)
        scales = [self._scale(base / 2, base * 2) for _ in range(channels if per_channel else 1)]
        w = self.b.constant(values, scales=scales, axis=axis, packed=packed)
        if self.kind == "HYBRID":
            return w, self._float_bias(channels) if has_bias else None, 1.0
        bias = None
        if has_bias:
            spread, dtype = (30 * 256, np.int64) if self.wide else (30, np.int32)
            data = (self.random.normal(0, spread, channels) * deviation * depth**0.5).astype(dtype)
            bias = self.b.constant(data, scales=[self.scale * s for s in scales], axis=0)
        return w, bias, self.scale

    def _float_bias(self, channels: int) -> int:
        return self.b.constant(self.random.normal(0, 0.3, channels).astype(np.float32))

    def gate_weights(self, shape: tuple[int, ...]) -> int:
        """Of an LSTM: one scale, no bias."""
        if not self.int8:
            return self.b.constant(self.random.normal(0, shape[1] ** -0.5, shape).astype(np.float32))
        base = 1 / (73 * shape[1] ** 0.5)
        values = self.random.integers(-127, 128, shape).astype(np.int8)
        return self.b.constant(values, scales=[self._scale(base / 2, base * 2) / max(self.scale, 0.01)])

    def gate_bias(self, units: int) -> int:
        """Of an LSTM."""
        if not self.int8:
            return self._float_bias(units)
        return self.b.constant(self.random.normal(0, 2000, units).astype(np.int32), scales=[self.scale * 1e-3])

    def window(self, most: int, *, dilated: bool) -> tuple[dict[str, Any], tuple[int, int], tuple[int, int]] | None:
        """Padding, strides and dilation; kernel; output size. None where the image is too small."""
        padding = self.draw(st.sampled_from(["SAME", "VALID"]))
        kernel = (self.draw(st.integers(1, most)), self.draw(st.integers(1, most)))
        dilation = (self.draw(st.integers(1, 3)), self.draw(st.integers(1, 3))) if dilated else (1, 1)
        # LiteRT and TFLM take dilation with stride, Keras does not make it.
        stride = (self.draw(st.integers(1, 3)), self.draw(st.integers(1, 3)))
        size = tuple(slide(self.shape[1 + i], kernel[i], stride[i], dilation[i], padding) for i in (0, 1))
        if min(size) < 1:
            return None
        how = {"padding": padding, "stride": stride, "activation": self.draw(st.sampled_from(CLAMPS))}
        return how | {"dilation": dilation}, kernel, (size[0], size[1])

    def done(self, name: str, y: int) -> None:
        self.operators.append(f"{name}{list(self.b.shape(y))}")
        self.x = y


def _conv_2d(d: Drawing) -> None:
    if len(d.shape) != 4 or not random_layers.quantises_alike(d) or (window := d.window(4, dilated=True)) is None:
        return
    how, kernel, size = window
    channels = d.shape[3]
    groups = d.draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
    if d.kind == "HYBRID":
        groups = 1
    outputs = groups * d.draw(st.integers(1, 9 if groups == 1 else 3))
    w, bias, deviation = d.weights((outputs, *kernel, channels // groups), axis=0)
    d.requantise(deviation)
    y = d.activation((d.shape[0], *size, outputs))
    d.b.conv_2d(d.x, w, bias, y, **how)
    d.done("CONV_2D" if groups == 1 else f"CONV_2D/{groups}", y)


def _depthwise_conv_2d(d: Drawing) -> None:
    if len(d.shape) != 4 or not random_layers.quantises_alike(d) or (window := d.window(4, dilated=True)) is None:
        return
    how, kernel, size = window
    outputs = d.shape[3] * d.draw(st.integers(1, 3))
    w, bias, deviation = d.weights((1, *kernel, outputs), axis=3)
    d.requantise(deviation)
    y = d.activation((d.shape[0], *size, outputs))
    d.b.conv_2d(d.x, w, bias, y, depthwise=True, **how)
    d.done("DEPTHWISE_CONV_2D", y)


def _pool(d: Drawing) -> None:
    if len(d.shape) != 4 or (window := d.window(4, dilated=False)) is None:
        return
    how, kernel, size = window
    name = d.draw(st.sampled_from(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
    y = d.activation((d.shape[0], *size, d.shape[3]))
    d.b.pool(name, d.x, y, window=kernel, **how)
    d.done(name, y)


def _fully_connected(d: Drawing) -> None:
    if not random_layers.quantises_alike(d):
        return
    depth = d.shape[-1]
    outputs = d.draw(st.integers(1, 12))
    w, bias, deviation = d.weights((outputs, depth), axis=0)
    rows = int(np.prod(d.shape)) // depth
    d.requantise(deviation)
    y = d.activation((rows, outputs))
    asymmetric = d.kind == "HYBRID" and d.draw(st.booleans())
    d.b.fully_connected(d.x, w, bias, y, activation=d.draw(st.sampled_from(CLAMPS)), asymmetric=asymmetric)
    d.done("FULLY_CONNECTED", y)


def _reshape(d: Drawing) -> None:
    shape = (d.shape[0], int(np.prod(d.shape[1:])))
    y = d.activation(shape)
    d.b.operator("RESHAPE", (d.x, d.b.constant(np.array(shape, np.int32))), (y,), "ReshapeOptions", newShape=shape)
    d.done("RESHAPE", y)


def _softmax(d: Drawing) -> None:
    if d.int8 and d.shape[-1] > _MOST_CLASSES:
        return
    d.scale, d.zero_point = (1 / 256, -128) if d.int8 else (2.0**-15 if d.wide else 0.0, 0)
    y = d.activation(d.shape)
    beta = d.draw(st.sampled_from([1.0, 0.5, 2.25]))
    d.b.operator("SOFTMAX", (d.x,), (y,), "SoftmaxOptions", beta=beta)
    d.done("SOFTMAX", y)


def _arithmetic(d: Drawing) -> None:
    name = d.draw(st.sampled_from(["ADD", "ADD", "SUB", "MUL"]))
    before = d.scale
    shape = d.draw(st.sampled_from([d.shape, d.shape[-1:], (1,) * len(d.shape), (*d.shape[:-1], 1), None]))
    if shape is None:
        other = d.x
    elif d.int8:
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        around = 0.02 if name == "MUL" else before
        other = d.b.constant(
            data, scales=[d._scale(around / 20, around * 20)], zero_point=d.draw(st.integers(-128, 127))
        )
    elif d.wide:
        data = d.random.integers(-32768, 32768, shape).astype(np.int16)
        around = 0.02 / 256 if name == "MUL" else before
        other = d.b.constant(data, scales=[d._scale(around / 20, around * 20)])
    else:
        other = d.b.constant(d.random.normal(0, 1, shape).astype(np.float32))
    first, second = (d.x, other) if d.draw(st.booleans()) else (other, d.x)
    d.requantise(before)
    y = d.activation(d.shape)
    options = f"{name.capitalize()}Options"
    d.b.operator(name, (first, second), (y,), options, fusedActivationFunction=d.draw(st.sampled_from(CLAMPS)))
    d.done(name, y)


def _prelu(d: Drawing) -> None:
    shape = d.shape[-1:]
    if d.int8:
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        slope = d.b.constant(data, scales=[d._scale(0.001, 0.02)], zero_point=d.draw(st.integers(-128, 127)))
    else:
        slope = d.b.constant(d.random.normal(0, 1, shape).astype(np.float32))
    d.requantise(d.scale)
    y = d.activation(d.shape)
    d.b.operator("PRELU", (d.x, slope), (y,))
    d.done("PRELU", y)


def _unary(d: Drawing) -> None:
    name = d.draw(st.sampled_from(["LOGISTIC", "TANH", "LEAKY_RELU"] if d.wide else list(_UNARY)))
    if name in ("LOGISTIC", "TANH") and d.wide:
        d.scale = 2.0**-15
    elif name in ("LOGISTIC", "TANH") and d.int8:
        d.scale, d.zero_point = (1 / 256, -128) if name == "LOGISTIC" else (1 / 128, 0)
    elif name not in ("LOGISTIC", "TANH"):
        d.requantise(d.scale)
    y = d.activation(d.shape)
    d.b.operator(name, (d.x,), (y,), *((_UNARY[name],) if _UNARY[name] else ()), **_OPTIONS.get(name, {}))
    d.done(name, y)


_UNARY = {
    "ABS": "AbsOptions",
    "LOGISTIC": "",
    "TANH": "",
    "HARD_SWISH": "HardSwishOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "ELU": "",
}
"""Names of their options."""
_OPTIONS = {"LEAKY_RELU": {"alpha": 0.2}}


def _concatenation(d: Drawing) -> None:
    axis = d.draw(st.integers(0, len(d.shape) - 1))
    count = d.draw(st.integers(1, 3))
    shape = list(d.shape)
    shape[axis] *= count
    y = d.activation(tuple(shape))
    d.b.operator("CONCATENATION", (d.x,) * count, (y,), "ConcatenationOptions", axis=axis - len(shape))
    d.done("CONCATENATION", y)


def _pad(d: Drawing) -> None:
    paddings = np.array([[d.draw(st.integers(0, 2)), d.draw(st.integers(0, 2))] for _ in d.shape], np.int32)
    y = d.activation(tuple(int(n + sum(pair)) for n, pair in zip(d.shape, paddings, strict=True)))
    d.b.operator("PAD", (d.x, d.b.constant(paddings)), (y,), "PadOptions")
    d.done("PAD", y)


def _relu(d: Drawing) -> None:
    name = d.draw(st.sampled_from(["RELU", "RELU6"]))
    if name == "RELU":
        d.requantise(d.scale)
    y = d.activation(d.shape)
    d.b.operator(name, (d.x,), (y,))
    d.done(name, y)


def _terms(d: Drawing) -> None:
    """MAXIMUM and MINIMUM, which leave the scale alone, and SQUARED_DIFFERENCE."""
    name = d.draw(st.sampled_from(["MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"]))
    shape = d.draw(st.sampled_from([d.shape, d.shape[-1:], (1,) * len(d.shape)]))
    if d.int8:
        data = d.random.integers(-128, 128, shape).astype(np.int8)
        other = d.b.constant(data, scales=[d.scale], zero_point=d.zero_point)
    else:
        other = d.b.constant(d.random.normal(0, 1, shape).astype(np.float32))
    options = "MaximumMinimumOptions"
    if name == "SQUARED_DIFFERENCE":
        options = "SquaredDifferenceOptions"
        d.requantise(d.scale * 100 * d.scale)
    y = d.activation(d.shape)
    d.b.operator(name, (d.x, other), (y,), options)
    d.done(name, y)


def _l2_normalization(d: Drawing) -> None:
    if d.int8:
        d.scale, d.zero_point = 1 / 128, 0
    y = d.activation(d.shape)
    d.b.operator("L2_NORMALIZATION", (d.x,), (y,), "L2NormOptions")
    d.done("L2_NORMALIZATION", y)


def _other_pad(d: Drawing) -> None:
    """MIRROR_PAD, or PADV2 with some number."""
    reflect = d.draw(st.booleans())
    most = [n - 1 if reflect else n for n in d.shape]
    paddings = np.array(
        [[d.draw(st.integers(0, min(2, n))), d.draw(st.integers(0, min(2, n)))] for n in most], np.int32
    )
    y = d.activation(tuple(int(n + sum(pair)) for n, pair in zip(d.shape, paddings, strict=True)))
    if d.draw(st.booleans()):
        mode = "REFLECT" if reflect else "SYMMETRIC"
        d.b.operator("MIRROR_PAD", (d.x, d.b.constant(paddings)), (y,), "MirrorPadOptions", mode=mode)
        d.done("MIRROR_PAD", y)
        return
    if d.int8:
        number = d.b.constant(np.array([d.draw(st.integers(-128, 127))], np.int8), scales=[d.scale],
                              zero_point=d.zero_point)  # fmt: skip
    else:
        number = d.b.constant(np.array([1.5], np.float32))
    d.b.operator("PADV2", (d.x, d.b.constant(paddings), number), (y,), "PadV2Options")
    d.done("PADV2", y)


def _blocks(d: Drawing) -> None:
    """Pixels as channels or as images of their own, and back."""
    if len(d.shape) != 4:
        return
    n, h, w, c = d.shape
    fitting = {
        "SPACE_TO_DEPTH": h % 2 == w % 2 == 0,
        "DEPTH_TO_SPACE": c % 4 == 0,
        "SPACE_TO_BATCH_ND": h % 2 == w % 2 == 0,
        "BATCH_TO_SPACE_ND": n % 4 == 0,
    }
    names = [name for name, fits in fitting.items() if fits]
    if not names:
        return
    name = d.draw(st.sampled_from(names))
    shape = {
        "SPACE_TO_DEPTH": (n, h // 2, w // 2, c * 4),
        "DEPTH_TO_SPACE": (n, h * 2, w * 2, c // 4),
        "SPACE_TO_BATCH_ND": (n * 4, h // 2, w // 2, c),
        "BATCH_TO_SPACE_ND": (n // 4, h * 2, w * 2, c),
    }[name]
    y = d.activation(shape)
    if name.endswith("_ND"):
        sizes = (d.b.constant(np.array([2, 2], np.int32)), d.b.constant(np.zeros((2, 2), np.int32)))
        options = "SpaceToBatchNDOptions" if name == "SPACE_TO_BATCH_ND" else "BatchToSpaceNDOptions"
        d.b.operator(name, (d.x, *sizes), (y,), options)
    else:
        options = "SpaceToDepthOptions" if name == "SPACE_TO_DEPTH" else "DepthToSpaceOptions"
        d.b.operator(name, (d.x,), (y,), options, blockSize=2)
    d.done(name, y)


def _gather(d: Drawing) -> None:
    axis = d.draw(st.integers(0, len(d.shape) - 1))
    indices = d.draw(st.lists(st.integers(0, d.shape[axis] - 1), min_size=1, max_size=6))
    y = d.activation((*d.shape[:axis], len(indices), *d.shape[axis + 1 :]))
    d.b.operator("GATHER", (d.x, d.b.constant(np.array(indices, np.int32))), (y,), "GatherOptions", axis=axis)
    d.done("GATHER", y)


def _transpose(d: Drawing) -> None:
    if d.draw(st.booleans()):
        axis, y = d.draw(st.integers(-len(d.shape), len(d.shape) - 1)), d.activation(d.shape)
        d.b.operator("REVERSE_V2", (d.x, d.b.constant(np.array([axis], np.int32))), (y,), "ReverseV2Options")
        d.done("REVERSE_V2", y)
        return
    order = d.draw(st.permutations(range(len(d.shape))))
    y = d.activation(tuple(d.shape[axis] for axis in order))
    d.b.operator("TRANSPOSE", (d.x, d.b.constant(np.array(order, np.int32))), (y,), "TransposeOptions")
    d.done("TRANSPOSE", y)


def _slice(d: Drawing) -> None:
    """STRIDED_SLICE, or SLICE where no step is taken."""
    begin, end, step = [], [], []
    for size in d.shape:
        first = d.draw(st.integers(0, size - 1))
        begin.append(first)
        end.append(d.draw(st.integers(first + 1, size)))
        step.append(d.draw(st.sampled_from([1, 1, 1, 2, 3])))
    if all(n == 1 for n in step):
        name, options, bounds = "SLICE", "SliceOptions", (begin, [b - a for a, b in zip(begin, end, strict=True)])
    else:
        name, options, bounds = "STRIDED_SLICE", "StridedSliceOptions", (begin, end, step)
    y = d.activation(tuple(len(range(*bounds)) for bounds in zip(begin, end, step, strict=True)))
    d.b.operator(name, (d.x, *(d.b.constant(np.array(entry, np.int32)) for entry in bounds)), (y,), options)
    d.done(name, y)


def _apart_and_together(d: Drawing) -> None:
    """SPLIT, SPLIT_V or UNPACK, and what puts the pieces together in another order."""
    axis = d.draw(st.integers(0, len(d.shape) - 1))
    size = d.shape[axis]
    if len(d.shape) > 1 and size <= 6 and d.draw(st.booleans()):
        pieces = [d.activation((*d.shape[:axis], *d.shape[axis + 1 :])) for _ in range(size)]
        d.b.operator("UNPACK", (d.x,), pieces, "UnpackOptions", num=size, axis=axis)
        y = d.activation((*d.shape[:axis], *d.shape[axis + 1 :], size))
        d.b.operator("PACK", pieces[::-1], (y,), "PackOptions", valuesCount=size, axis=-1)
        d.done("UNPACK PACK", y)
        return
    first = d.draw(st.integers(1, size))
    lengths = [first, size - first] if first < size else [size]
    pieces = [d.activation((*d.shape[:axis], length, *d.shape[axis + 1 :])) for length in lengths]
    where = d.b.constant(np.array(axis, np.int32))
    if len(set(lengths)) == 1:
        d.b.operator("SPLIT", (where, d.x), pieces, "SplitOptions", numSplits=len(lengths))
    else:
        counts = d.b.constant(np.array(lengths, np.int32))
        d.b.operator("SPLIT_V", (d.x, counts, where), pieces, "SplitVOptions", numSplits=len(lengths))
    y = d.activation(d.shape)
    d.b.operator("CONCATENATION", pieces[::-1], (y,), "ConcatenationOptions", axis=axis)
    d.done("SPLIT CONCATENATION", y)


def _resize(d: Drawing) -> None:
    if len(d.shape) != 4:
        return
    name = d.draw(st.sampled_from(["RESIZE_NEAREST_NEIGHBOR", *([] if d.wide else ["RESIZE_BILINEAR"])]))
    size = (d.draw(st.integers(1, 12)), d.draw(st.integers(1, 12)))
    how = d.draw(st.sampled_from(["", "alignCorners", "halfPixelCenters"]))
    y = d.activation((d.shape[0], *size, d.shape[3]))
    options = "ResizeNearestNeighborOptions" if name == "RESIZE_NEAREST_NEIGHBOR" else "ResizeBilinearOptions"
    d.b.operator(name, (d.x, d.b.constant(np.array(size, np.int32))), (y,), options, **({how: True} if how else {}))
    d.done(name, y)


def _transpose_conv(d: Drawing) -> None:
    if len(d.shape) != 4 or d.kind == "HYBRID":
        return
    kernel = (d.draw(st.integers(1, 4)), d.draw(st.integers(1, 4)))
    stride = (d.draw(st.integers(1, 3)), d.draw(st.integers(1, 3)))
    padding = d.draw(st.sampled_from(["SAME", "VALID"]))
    size = tuple(
        d.shape[1 + i] * stride[i] + (max(0, kernel[i] - stride[i]) if padding == "VALID" else 0) for i in (0, 1)
    )
    outputs = d.draw(st.integers(1, 5))
    w, bias, deviation = d.weights((outputs, *kernel, d.shape[3]), axis=0)
    d.requantise(deviation)
    shape = (d.shape[0], *size, outputs)
    y = d.activation(shape)
    inputs = (d.b.constant(np.array(shape, np.int32)), w, d.x, *([] if bias is None else [bias]))
    d.b.operator("TRANSPOSE_CONV", inputs, (y,), "TransposeConvOptions", padding=padding, strideH=stride[0],
                 strideW=stride[1])  # fmt: skip
    d.done("TRANSPOSE_CONV", y)


def _reduction(d: Drawing) -> None:
    name = d.draw(st.sampled_from(["MEAN", "MEAN", "SUM", *([] if d.wide else ["REDUCE_MAX", "REDUCE_MIN"])]))
    rank = len(d.shape)
    if rank == 1:
        return
    axes = sorted(d.draw(st.sets(st.integers(0, rank - 1), min_size=1, max_size=rank - 1)))
    keep = d.draw(st.booleans())
    before = d.shape
    shape = [1 if i in axes else n for i, n in enumerate(before)] if keep else [
        n for i, n in enumerate(before) if i not in axes
    ]  # fmt: skip
    if name in ("MEAN", "SUM"):
        count = int(np.prod([before[axis] for axis in axes])) if name == "SUM" else 1
        d.requantise(d.scale * count**0.5)
    y = d.activation(tuple(shape))
    values = np.array([axis - rank if d.draw(st.booleans()) else axis for axis in axes], np.int32)
    d.b.operator(name, (d.x, d.b.constant(values)), (y,), "ReducerOptions", keepDims=keep)
    d.done(name, y)


def _quantize(d: Drawing) -> None:
    if not (d.int8 or d.wide):
        return
    d.requantise(d.scale)
    y = d.activation(d.shape)
    d.b.operator("QUANTIZE", (d.x,), (y,), "QuantizeOptions")
    d.done("QUANTIZE", y)


def _variable(d: Drawing) -> None:
    """What came here in the inference before, and what comes now."""
    handle, kept = d.b.handle(f"variable{len(d.operators)}"), d.activation(d.shape)
    if d.kind == "HYBRID" or d.draw(st.booleans()):  # LiteRT wants a first value
        values = d.random.integers(-128, 128, d.shape)
        dtype = d.kind.lower() if d.int8 or d.wide else "float32"
        first = values.astype(dtype) if d.int8 or d.wide else (values / 64).astype(dtype)
        d.b.first_value(f"variable{len(d.operators)}", first, scale=d.scale, zero_point=d.zero_point)
    d.b.operator("READ_VARIABLE", (handle,), (kept,))
    d.b.operator("ASSIGN_VARIABLE", (handle, d.x), ())
    d.requantise(d.scale or 1.0)
    y = d.activation(d.shape)
    d.b.add(kept, d.x, y)
    d.done("VARIABLE+ADD", y)


def _lstm(d: Drawing) -> None:
    """Rows of an image are the steps of a sequence."""
    if d.kind == "HYBRID" or len(d.shape) < 3:
        return
    if len(d.shape) > 3:
        shape = (*d.shape[:2], int(np.prod(d.shape[2:])))
        flat = d.activation(shape)
        d.b.operator("RESHAPE", (d.x, d.b.constant(np.array(shape, np.int32))), (flat,), "ReshapeOptions",
                     newShape=shape)  # fmt: skip
        d.done("RESHAPE", flat)
    x, time_major, units = d.x, d.draw(st.booleans()), d.draw(st.integers(1, 6))
    first, second, inputs = d.shape
    batches = second if time_major else first
    weights = [d.gate_weights((units, depth)) for depth in (*[inputs] * 4, *[units] * 4)]
    biases = [d.gate_bias(units) for _ in range(4)]
    cell = d.b.variable((batches, units), "INT16" if d.int8 else "FLOAT32", scale=2.0**-11 if d.int8 else 0.0)
    d.requantise(1 / 128)
    hidden = d.b.variable((batches, units), "INT8" if d.int8 else "FLOAT32", scale=d.scale, zero_point=d.zero_point)
    y = d.activation((first, second, units))
    d.b.operator(
        "UNIDIRECTIONAL_SEQUENCE_LSTM",
        (x, *weights, *[None] * 3, *biases, None, None, hidden, cell, *[None] * 4),
        (y,),
        "UnidirectionalSequenceLSTMOptions",
        fusedActivationFunction="TANH",
        timeMajor=time_major,
        cellClip=d.draw(st.sampled_from([0.0, 10.0])),
    )
    d.done("UNIDIRECTIONAL_SEQUENCE_LSTM", y)


LAYERS: tuple[Callable[[Drawing], None], ...] = (
    _conv_2d, _conv_2d, _conv_2d, _depthwise_conv_2d, _depthwise_conv_2d, _pool, _pool, _fully_connected,
    _reshape, _softmax, _arithmetic, _pad, _relu, _reduction, _quantize, _unary, _unary, _prelu, _concatenation,
    _transpose, _slice, _apart_and_together, _resize, _transpose_conv, _terms, _l2_normalization, _other_pad, _blocks,
    _gather, _variable, _lstm, *random_layers.LAYERS,
)  # fmt: skip

CHANNEL_LAYERS: tuple[Callable[[Drawing], None], ...] = (_depthwise_conv_2d, _depthwise_conv_2d, _pool, _reduction)
"""What keeps channels apart: windows, and reductions among which are those over a whole plane."""

LITERT_LAYERS: tuple[Callable[[Drawing], None], ...] = (
    *random_layers.LITERT_LAYERS, _transpose, _concatenation, _slice, _relu,
)  # fmt: skip
"""What TensorFlow Lite Micro lacks, among what LiteRT computes as that does."""

_WIDE_LAYERS: tuple[Callable[[Drawing], None], ...] = (
    _conv_2d, _conv_2d, _depthwise_conv_2d, _depthwise_conv_2d, _pool, _fully_connected, _reshape, _softmax,
    _arithmetic, _pad, _relu, _reduction, _quantize, _unary, _concatenation, _transpose, _slice, _apart_and_together,
    _resize, _variable,
)  # fmt: skip
"""What there is in int16."""


def pooled_convolution(d: Drawing, *, packed: bool = False) -> None:
    """Shapes that engine `m7` has fast kernels for, and their neighbours; half of them before a max pool."""
    if len(d.shape) != 4:
        return
    kernel = d.draw(st.sampled_from([(3, 3), (3, 3), (1, 1), (5, 5), (3, 2), (1, 3)]))
    padding = d.draw(st.sampled_from(["SAME", "VALID"]))
    stride = d.draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2)]))
    size = tuple(slide(d.shape[1 + i], kernel[i], stride[i], 1, padding) for i in (0, 1))
    if min(size) < 1:
        return
    outputs = d.draw(st.sampled_from([4, 8, 12, 16, 5, 1]))
    w, bias, deviation = d.weights((outputs, *kernel, d.shape[3]), axis=0, packed=packed)
    d.requantise(deviation)
    activation = d.draw(st.sampled_from(CLAMPS))
    if d.int8 and d.draw(st.booleans()):
        d.zero_point = -128
    y = d.activation((d.shape[0], *size, outputs))
    d.b.conv_2d(d.x, w, bias, y, padding=padding, stride=stride, activation=activation)
    d.done("CONV_2D", y)
    if d.draw(st.booleans()) and min(size) >= 2:
        window = d.draw(st.sampled_from([(2, 2), (2, 2), (2, 1), (3, 3)]))
        pooled = tuple(size[i] // window[i] for i in (0, 1))
        if min(pooled) >= 1:
            y = d.activation((d.shape[0], *pooled, outputs))
            d.b.pool("MAX_POOL_2D", d.x, y, window=window, stride=window)
            d.done("MAX_POOL_2D", y)


def packed_convolution(d: Drawing) -> None:
    """The same with weights of 4 bits, in int8."""
    pooled_convolution(d, packed=d.int8)


IMAGE_LAYERS: tuple[Callable[[Drawing], None], ...] = (
    pooled_convolution, pooled_convolution, pooled_convolution, packed_convolution, _pool, _reshape, _fully_connected,
    _relu, _transpose_conv, _transpose_conv,
)  # fmt: skip
"""What engines fuse, and keep in layouts of their own."""


_ENDS = {"INT8": ["INT8", "INT8", "UINT8", "FLOAT32"], "INT16": ["INT16", "INT16", "INT8", "FLOAT32"]}


def _interface(d: Drawing) -> None:
    """Gives an int8 network, sometimes, uint8 or float32 ends, and one of int16 those of int8 or float32."""
    if not (d.int8 or d.wide):
        return
    wanted = d.draw(st.sampled_from(_ENDS[d.kind]))
    if wanted == "FLOAT32":
        y = d.b.activation(d.shape)
        d.b.operator("DEQUANTIZE", (d.x,), (y,), "DequantizeOptions")
        d.done("DEQUANTIZE", y)
    elif wanted == "INT8" and d.wide:
        y = d.b.activation(d.shape, "INT8", scale=d.scale * 256, zero_point=d.draw(st.integers(-128, 127)))
        d.b.operator("QUANTIZE", (d.x,), (y,), "QuantizeOptions")
        d.done("QUANTIZE", y)
    elif wanted == "UINT8":
        offset = 128 if d.draw(st.booleans()) else d.draw(st.integers(-100, 100))
        zero_point = min(255, max(0, d.zero_point + offset))
        y = d.b.activation(d.shape, "UINT8", scale=d.scale, zero_point=zero_point)
        d.b.operator("QUANTIZE", (d.x,), (y,), "QuantizeOptions")
        d.done("QUANTIZE", y)


def _entry(d: Drawing) -> str:
    """The type of the model's input; puts a QUANTIZE in front where it is not the network's own."""
    wanted = d.draw(st.sampled_from(_ENDS[d.kind])) if d.kind in _ENDS else "FLOAT32"
    if d.kind in _ENDS and wanted != d.kind:
        inner = d.x
        if wanted == "INT8":
            zero_point = d.draw(st.integers(-128, 127))
            d.source = d.b.activation(d.shape, "INT8", scale=d.scale * 256, zero_point=zero_point)
        elif wanted == "UINT8":
            d.source = d.b.activation(d.shape, "UINT8", scale=d.scale, zero_point=d.draw(st.integers(0, 255)))
        else:
            d.source = d.b.activation(d.shape)
        d.b.operator("QUANTIZE", (d.source,), (inner,), "QuantizeOptions")
        d.operators.append(f"QUANTIZE<{wanted}")
    return wanted


@st.composite
def networks(draw: st.DrawFn, kind: str, most_layers: int = 4, layers: Any = None) -> Network:
    """Chains of one to `most_layers` operators with random weights.

    Args:
        draw: Given by Hypothesis.
        kind: FLOAT32, INT8, INT16 or HYBRID (float32 activations, int8 weights).
        most_layers: Longest chain, without the conversions at its ends.
        layers: Functions that append an operator, or nothing where it does not fit; those of the kind, where none
            are given.
    """
    d = Drawing(draw, kind)
    input_type = _entry(d)
    first = d.x
    layers = layers or (_WIDE_LAYERS if d.wide else LAYERS)
    for layer in draw(st.lists(st.sampled_from(layers), min_size=1, max_size=most_layers)):
        layer(d)
    _interface(d)
    if d.x == first or all(name.startswith(("RESHAPE", "SQUEEZE", "EXPAND_DIMS")) for name in d.operators):
        _relu(d)
    shape = d.b.shape(d.source)
    inputs = tuple(_values(d, input_type, shape) for _ in range(3))
    return Network(d.b.finish(d.source, d.x), inputs, tuple(d.operators))


def _values(d: Drawing, input_type: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    if input_type == "INT8":
        return d.random.integers(-128, 128, shape).astype(np.int8)
    if input_type == "UINT8":
        return d.random.integers(0, 256, shape).astype(np.uint8)
    if input_type == "INT16":
        return d.random.integers(-32768, 32768, shape).astype(np.int16)
    spread = {"INT8": 40, "INT16": 10_000}[d.kind] * d.scale if d.kind in _ENDS else 1.0
    return d.random.normal(0, spread, shape).astype(np.float32)
