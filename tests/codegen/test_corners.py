"""What random networks meet now and then only, in every run: padding of one row or column, ties below zero."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from host_engine import HostEngine
from runtimes import Tensors, tflite_micro_on
from tflite_builder import ModelBuilder, slide

# Rows, columns, kernel, stride: what SAME then pads is one row at the bottom, one column on the right, or both.
PADDED_BY_ONE = [
    (6, 7, (1, 2), (1, 1)),
    (6, 8, (1, 3), (1, 2)),
    (7, 6, (2, 1), (1, 1)),
    (8, 6, (3, 1), (2, 1)),
    (7, 8, (3, 3), (2, 2)),
    (8, 8, (3, 3), (2, 2)),
]


def convolution(
    b: ModelBuilder, x: int, weights: npt.NDArray[np.int8], scales: list[float], *, depthwise: bool, **how: Any
) -> int:
    """Its output has the scale 1 and the zero point 0."""
    w = b.constant(weights, scales=scales, axis=3 if depthwise else 0)
    outputs = weights.shape[3 if depthwise else 0]
    bias = b.constant(np.zeros(outputs, np.int32), scales=scales)
    sizes = zip(b.shape(x)[1:3], weights.shape[1:3], how.get("stride", (1, 1)), strict=True)
    y = b.activation((1, *(slide(n, k, s, 1, "SAME") for n, k, s in sizes), outputs), "INT8", scale=1.0)
    b.conv_2d(x, w, bias, y, depthwise=depthwise, padding="SAME", **how)
    return y


def answers(content: bytes, inputs: Tensors, engine: str, folder: Path) -> Tensors:
    """An engine's, which are TensorFlow Lite Micro's."""
    model = folder / "model.tflite"
    model.write_bytes(content)
    (wanted,) = tflite_micro_on(content, [inputs])
    found = HostEngine(model, folder, engine).infer(inputs)
    for number, (mine, theirs) in enumerate(zip(found, wanted, strict=True)):
        np.testing.assert_array_equal(mine, theirs, err_msg=f"output {number}")
    return found


@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_padding_by_one_row_or_column_alone(engine: str, tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    b = ModelBuilder()
    sources, results, inputs = [], [], []
    for height, width, kernel, stride in PADDED_BY_ONE:
        # Of a zero point that is not 0, since what stands behind a tensor often is.
        x = b.activation((1, height, width, 4), "INT8", scale=1.0, zero_point=-70)
        for depthwise, outputs in ((False, 8), (True, 1)):
            weights = random.integers(-127, 128, (outputs, *kernel, 4)).astype(np.int8)
            scales = [1 / 512] * (4 if depthwise else outputs)
            results.append(convolution(b, x, weights, scales, depthwise=depthwise, stride=stride))
        sources.append(x)
        inputs.append(random.integers(-128, 128, (1, height, width, 4)).astype(np.int8))
    answers(b.finish_with(sources, results), tuple(inputs), engine, tmp_path)


@pytest.mark.parametrize("engine", ["reference", "m7"])
def test_ties_below_zero_go_away_from_it(engine: str, tmp_path: Path) -> None:
    """Sums of -128 to 127, of which an eighth is stored: -4, -12, -20 and so on lie between two numbers."""
    b = ModelBuilder()
    x = b.activation((1, 16, 16, 4), "INT8", scale=1.0)
    results, least = [], []
    for activation in ("NONE", "RELU_N1_TO_1"):
        for depthwise in (False, True):
            for rest in (1 / 8, 1.0):  # a scale of 1 shifts to the left, the others to the right
                weights = np.zeros((1 if depthwise else 4, 1, 1, 4), np.int8)
                weights[..., 0] = 1
                scales = [1 / 8, rest, rest, 1 / 8]
                results.append(convolution(b, x, weights, scales, depthwise=depthwise, activation=activation))
                least.append(-16 if activation == "NONE" else -1)
    sums = np.zeros((1, 16, 16, 4), np.int8)
    sums[0, :, :, 0] = np.arange(-128, 128).reshape(16, 16)
    for answer, smallest in zip(answers(b.finish_with([x], results), (sums,), engine, tmp_path), least, strict=True):
        by_sum = answer[0, :, :, 0].reshape(-1)
        assert by_sum[128 - 4] == -1
        assert by_sum[128 - 12] == max(-2, smallest)
        assert by_sum[0] == smallest
