"""depthwise_int8: planes of 16-bit numbers, two taps a multiply."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import quantise
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import WindowCall
from renode_mnist.codegen.operators import convolution
from renode_mnist.codegen.operators.convolution import ConvOptions
from renode_mnist.codegen.program import Step

_IN_FULL = 1 << 31
_SHIFT_BIAS = 64
"""``kInFull`` and ``kShiftBias`` of the header."""

_MOST_PLANES_BYTES = 8 * 1024
_PLANES_BYTES = (2 * 1024, 4 * 1024)
"""Scratch memory for planes, unless the least that there can be is more."""
_CACHED = 2 * 1024
"""Constants that stay in the data cache, of 4 kB, from one strip to the next."""
_REACH = 4095
"""Of the offset of a load or a store."""
_MOST = 8
"""Outputs computed together."""


@dataclass(frozen=True)
class Shape:
    """A layer in the shape that the kernel sees.

    Attributes:
        window: Its rows are rows of a plane; height and width are exchanged where ``transposed``.
        channels: Of the input.
        multiplier: Outputs an input channel.
        transposed: Whether a row of a plane is a column of the image.
    """

    window: Window
    channels: int
    multiplier: int
    transposed: bool

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.channels * self.multiplier

    @property
    def step(self) -> int:
        """Bytes from an output to the next of its row."""
        return self.outputs * (self.window.output_height if self.transposed else 1)

    @property
    def output_row(self) -> int:
        """Bytes from a row of outputs to the next."""
        return self.outputs * (1 if self.transposed else self.window.output_width)

    @property
    def plane_width(self) -> int:
        """Numbers in a row of a plane."""
        return 2 * ceil(_seen(self.window.output_width, self.window.stride_width, self.kernel_reach) / 2)

    @property
    def kernel_reach(self) -> int:
        """Columns from the kernel's first tap to its last, both included."""
        return (self.window.kernel_width - 1) * self.window.dilation_width + 1

    def seen_rows(self, rows: int) -> int:
        """Rows of a plane that some rows of outputs see."""
        height = (self.window.kernel_height - 1) * self.window.dilation_height + 1
        return _seen(rows, self.window.stride_height, height)

    def allocated_rows(self, rows: int) -> int:
        """The same, and where the row behind them begins, whose first word is read before that is known."""
        return max(self.seen_rows(rows), rows * self.window.stride_height + 1)

    @property
    def passes(self) -> int:
        """In which a kernel row's taps are taken, two or three at a time."""
        return max(self.window.kernel_width // 2, 1)

    @property
    def channel_words(self) -> int:
        """Constants of an output channel."""
        return self.window.kernel_height * max(self.window.kernel_width - 1, 1) + 4

    @property
    def is_fast(self) -> bool:
        """Whether the loop in assembly takes it, but for planes and images that are too wide."""
        window = self.window
        return (
            window.stride_width <= 2
            and window.dilation_width == 1
            and window.kernel_height * self.passes <= 24
            and self.step <= _REACH
        )

    @property
    def group(self) -> int:
        """Channels that are widened together."""
        return 4 if self.channels % 4 == 0 else 1

    def plane_bytes(self, rows: int) -> int:
        """Of the planes for some rows of outputs."""
        return 2 * self.group * self.plane_width * self.allocated_rows(rows)


def _seen(outputs: int, stride: int, kernel: int) -> int:
    return (outputs - 1) * stride + kernel


def shapes(operator: Operator) -> tuple[Shape, Shape]:
    """A layer as it stands, and with height and width exchanged."""
    window = convolution.window(operator)
    channels = operator.input.shape[3]
    multiplier = operator.tensor(1).shape[3] // channels
    turned = replace(
        window,
        input_height=window.input_width,
        input_width=window.input_height,
        output_height=window.output_width,
        output_width=window.output_height,
        kernel_height=window.kernel_width,
        kernel_width=window.kernel_height,
        stride_height=window.stride_width,
        stride_width=window.stride_height,
        dilation_height=window.dilation_width,
        dilation_width=window.dilation_height,
        pad_top=window.pad_left,
        pad_left=window.pad_top,
    )
    return Shape(window, channels, multiplier, transposed=False), Shape(turned, channels, multiplier, transposed=True)


def channel_words(operator: Operator, *, transposed: bool) -> tuple[npt.NDArray[np.uint32], bool]:
    """The constants of all output channels, and whether there are some that are requantised in full."""
    weights = operator.constant(1)[0].transpose(2, 1, 0) if transposed else operator.constant(1)[0].transpose(2, 0, 1)
    weights = weights.astype(np.int64)
    channels, _, width = weights.shape
    doubled = np.pad(2 * weights, ((0, 0), (0, 0), (0, 1))) if width == 1 else 2 * weights
    pairs = np.stack((doubled[..., :-1], doubled[..., 1:]), axis=-1).astype("<i2").view("<u4")
    words = np.zeros((channels, pairs[0].size + 4), np.int64)
    words[:, :-4] = pairs.reshape(channels, -1)
    flat = weights.reshape(channels, -1)
    zero_in = quantise.quantisation(operator.input).zero_point
    zero_out = quantise.quantisation(operator.output).zero_point
    bias = operator.constant(2).astype(np.int64) if operator.optional_input(2) is not None else 0
    biases = bias - zero_in * flat.sum(axis=1)
    most = np.abs(biases) + 128 * np.abs(flat).sum(axis=1)
    least, _ = bounds(operator)
    checks = False
    for channel, factor in enumerate(quantise.output_multipliers(operator, channels)):
        shift = -factor.shift
        offset = ((zero_out - 128 - least) << shift) + (1 << (shift - 1)) if shift > 0 else 0
        reached = (2 * int(most[channel]) * factor.value >> 32) + 2 + abs(offset)
        if shift > 0 and 2 * int(most[channel]) < 1 << 31 and reached < 1 << 31:
            words[channel, -4:] = 2 * biases[channel], factor.value, offset, shift
        else:
            wrapped = (int(biases[channel]) + (1 << 31)) % (1 << 32) - (1 << 31)
            words[channel, -4:] = wrapped, factor.value, zero_out, _IN_FULL | (shift + _SHIFT_BIAS)
            checks = True
    return (words & 0xFFFFFFFF).astype(np.uint32), checks


def bounds(operator: Operator) -> tuple[int, int]:
    """Least and greatest output."""
    return quantise.activation_range(operator.options_as(ConvOptions).activation, operator.output)


def candidates(lowering: Lowering, operator: Operator) -> Iterator[Candidate]:
    """With a row of a plane for a row of the image, and for a column; with planes of all rows, and of a few."""
    for shape in shapes(operator):
        budgets = [budget for budget in _PLANES_BYTES if budget < shape.plane_bytes(shape.window.output_height)]
        strips = {_rows(shape, budget) for budget in budgets} | {_rows(shape, _MOST_PLANES_BYTES)}
        for rows in strips:
            yield _candidate(lowering, operator, shape, rows)


def _rows(shape: Shape, budget: int) -> int:
    """Rows of outputs at a time, evenly, so that their planes take no more than a budget if that is possible."""
    height = shape.window.output_height
    return next(
        rows
        for rows in (ceil(height / strips) for strips in range(1, height + 1))
        if rows == 1 or shape.plane_bytes(rows) <= budget
    )


def _candidate(lowering: Lowering, operator: Operator, shape: Shape, rows: int) -> Candidate:
    height = shape.window.output_height
    least, greatest = bounds(operator)
    steps = (4 if _at_zero_point(operator) else 6) + 2 * (greatest - least < 255) + (greatest < 127)
    cycles = _cycles(shape, rows, operator.input.shape[0], ceil(steps / 2))
    return Candidate(
        kernel="depthwise_int8"
        + (", columns" if shape.transposed else "")
        + (f", {rows} at once" if rows < height else ""),
        cycles=cycles,
        instructions=1.5 * cycles,
        flash_bytes=4 * shape.outputs * shape.channel_words,
        scratch_bytes=shape.plane_bytes(rows),
        build=lambda: _step(lowering, operator, shape, rows),
    )


def _at_zero_point(operator: Operator) -> bool:
    """Whether no output is below the zero point."""
    return bounds(operator)[0] >= quantise.quantisation(operator.output).zero_point


def _step(lowering: Lowering, operator: Operator, shape: Shape, rows: int) -> Step:
    call = WindowCall(lowering, operator, shape.window, shape.channels)
    words, checks = channel_words(operator, transposed=shape.transposed)
    least, greatest = bounds(operator)
    block, blocks = _cut(shape)
    depthwise = call.parameter(
        "",
        "m7::DepthwiseInt8",
        {
            "batches": operator.input.shape[0],
            "multiplier": shape.multiplier,
            "group": shape.group,
            "rows": rows,
            "block": block,
            "blocks": blocks,
            "transposed": shape.transposed,
            "checks": checks,
            "input_zero_point": quantise.quantisation(operator.input).zero_point,
            "at_zero_point": _at_zero_point(operator),
            "least": least,
            "greatest": greatest,
        },
    )
    constants = call.constant("Channels", words, "of each channel pairs of weights, doubled, then its requantisation")
    planes = call.scratch("planes", "uint32", shape.plane_bytes(rows) // 4, layout="planes of 16 bits")
    return call.of("depthwise_int8", depthwise, [constants, planes])


def _cut(shape: Shape) -> tuple[int, int]:
    """Outputs in a block of a row, and how many blocks; the rest is a block of its own."""
    width = shape.window.output_width
    count = ceil(width / _MOST)
    cuts = [(block, count - 1) for block in range(2, _MOST + 1, 2) if 1 <= width - block * (count - 1) <= _MOST]
    return min(cuts, key=lambda cut: abs(width - cut[0] * count), default=(_MOST, 0))


def _cycles(shape: Shape, rows: int, batches: int, epilogue: int) -> float:
    """Of a layer whose outputs take `epilogue` cycles each to requantise and store.

    Counted in the loops, and what is around them fitted: layers of 3x3 within 10 %, but 20 % off at 6x6x32 with
    stride 2; 1x3, 2x1, 2x3 and dilated windows 10 to 46 % off.
    """
    window = shape.window
    strips = ceil(window.output_height / rows)
    block, blocks = _cut(shape)
    tail = window.output_width - block * blocks
    if shape.is_fast:
        row = blocks * _block(shape, block, epilogue) + _block(shape, tail, epilogue) + 4
        if blocks * window.kernel_height * shape.passes > 9:  # a loop
            row += 2 * blocks + 8
    else:
        row = ceil(window.output_width / 4) * (window.kernel_height * (8 + 5 * window.kernel_width) + 45)
    constants = 4 * shape.outputs * shape.channel_words
    missed = strips if constants > _CACHED else 1
    widening = 22 + 6.3 * shape.plane_width / 2 if shape.group == 4 else 20 + 1.25 * shape.plane_width
    return batches * (
        shape.outputs * (strips * 36 + window.output_height * row)
        + missed * constants * 0.5
        + strips * shape.seen_rows(rows) * ceil(shape.channels / shape.group) * widening
    )


def _block(shape: Shape, outputs: int, epilogue: int) -> float:
    """Cycles of outputs that are computed together."""
    window = shape.window
    even, odd = ceil(window.kernel_width / 2), window.kernel_width // 2 + 1
    if window.stride_width == 1 and window.kernel_width > 1:
        multiplies = ceil(outputs / 2) * even + outputs // 2 * odd
    else:
        multiplies = outputs * even + 2 * shape.passes
    # A word and the weights are loaded before the first multiply of a pass.
    loads = shape.passes * (outputs * window.stride_width / 2 + 3)
    return window.kernel_height * max(multiplies, loads) + epilogue * outputs + 4
