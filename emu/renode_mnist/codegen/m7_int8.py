"""Engine ``m7`` in int8: which kernel computes a layer, and its weights in the order in which the kernel reads them.

Kernels, and the layouts that the functions here produce, are described in ``firmware/engine/m7``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import geometry, quantise
from renode_mnist.codegen.graph import AddOptions, ConvOptions, FullyConnectedOptions, Operator, PoolOptions
from renode_mnist.codegen.m7_choice import Candidate, choose, live
from renode_mnist.codegen.plan import Buffer, Constant, Objective, Parameter, Step, Value
from renode_mnist.codegen.reference import Lowering

_HEADERS = "engine/m7/"
_PANEL_BYTES = 12 * 1024
"""RAM that a layer may take to widen pixels into, unless it needs more for a single block of them."""
_FIRST_TAPS = 10  # first_conv_int8.hpp: kFirstTaps


@dataclass(frozen=True)
class Layer:
    """A CONV_2D or FULLY_CONNECTED with what is fused into it, as a convolution.

    Attributes:
        operators: The operator, then a fused MAX_POOL_2D.
        window: ``output_height`` and ``output_width`` count the outputs that are read.
        weights: Output channel, row, column, input channel.
        sums_below: Bound of every sum of products with a raw int8 input, bias left out.
        pool: Height and width of the fused pool.
    """

    operators: tuple[Operator, ...]
    window: geometry.Window
    weights: npt.NDArray[np.int8]
    scalings: npt.NDArray[np.int32]
    clamp: str
    least: int
    greatest: int
    input_zero_point: int
    pool: tuple[int, int]

    @property
    def outputs(self) -> int:
        """Pixels written."""
        height, width = self.pool
        return (self.window.output_height // height) * (self.window.output_width // width)

    @property
    def channels(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def depth(self) -> int:
        """Products in a sum."""
        return prod(self.weights.shape[1:])

    @property
    def groups(self) -> int:
        """Groups of four that a sum takes in a panel."""
        return -(-self.depth // 4)

    @property
    def sums_below(self) -> int:
        """No sum of products with raw int8 inputs is larger in magnitude."""
        return 128 * int(np.abs(self.weights.astype(np.int64)).reshape(self.channels, -1).sum(axis=1).max())


def layer(operator: Operator, pool: Operator | None) -> Layer | None:
    """The operator as a convolution, or None where its shape or its numbers are beyond the kernels."""
    options = operator.options
    tensor, bias = operator.inputs[1], operator.optional_input(2)
    assert tensor is not None
    assert tensor.data is not None
    if isinstance(options, ConvOptions):
        window = geometry.window(operator)
        weights = tensor.data
        if operator.input.shape[0] != 1 or operator.input.shape[3] != weights.shape[3]:
            return None
    else:
        assert isinstance(options, FullyConnectedOptions)
        depth = tensor.shape[1]
        rows = operator.input.element_count // depth
        # Rows of a batch are pixels of a 1x1 convolution.
        window = geometry.Window(rows, 1, rows, 1, 1, 1, 1, 1, 1, 1, 0, 0)
        weights = tensor.data.reshape(tensor.shape[0], 1, 1, depth)
    size = (1, 1)
    if pool is not None:
        assert isinstance(pool.options, PoolOptions)
        size = pool.options.filter
        window = live(window, pool.output.shape[1] * size[0], pool.output.shape[2] * size[1])
    least, greatest = quantise.activation_range(options.activation, operator.output)
    scaled = _scalings(operator, weights, bias.data if bias is not None else None, least, greatest)
    if scaled is None:
        return None
    scalings, clamp = scaled
    made = Layer(
        operators=(operator,) if pool is None else (operator, pool),
        window=window,
        weights=weights,
        scalings=scalings,
        clamp=clamp,
        least=least,
        greatest=greatest,
        input_zero_point=quantise.quantisation(operator.input).zero_point,
        pool=size,
    )
    return made if made.sums_below < 1 << 30 else None


def _scalings(
    operator: Operator,
    weights: npt.NDArray[np.int8],
    bias: npt.NDArray[np.int32] | None,
    least: int,
    greatest: int,
) -> tuple[npt.NDArray[np.int32], str] | None:
    """``m7::Scaling`` of each channel, padded to an even number of them, and the ``m7::Clamp`` that they allow.

    None where a number does not fit: a shift that is too wide, or a bias so large that twice it is no int32.
    """
    channels = weights.shape[0]
    zero_in = quantise.quantisation(operator.input).zero_point
    zero_out = quantise.quantisation(operator.output).zero_point
    sums = weights.astype(np.int64).reshape(channels, -1).sum(axis=1)
    biases = (bias.astype(np.int64) if bias is not None else 0) - zero_in * sums
    factors = quantise.output_multipliers(operator, channels)
    shifts = [-factor.shift for factor in factors]
    if int(np.abs(biases).max()) >= 1 << 29 or not -8 <= min(shifts) <= max(shifts) <= 22:
        return None
    rows = np.zeros((channels + channels % 2, 4), np.int64)
    rows[:, 3] = 1
    rows[:channels, 0] = 2 * biases
    for row, factor, shift in zip(rows, factors, shifts, strict=False):
        row[1] = factor.value
        row[2] = (zero_out << shift) + (1 << (shift - 1)) if shift > 0 else zero_out
        row[3] = shift
    clamp = "kGeneral"
    if min(shifts) > 0 and (least, greatest) == (-128, 127):
        clamp = "kAtZeroPoint" if zero_out == -128 else "kNone"
    return rows.astype(np.int32), clamp


_INTERLEAVE = [0, 2, 1, 3]
"""Order of four numbers in the two words of a group: see dot.hpp."""


def _even_channels(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Pads the first axis to an even length and splits it into pairs: pair, 2, ..."""
    padding = [(0, weights.shape[0] % 2)] + [(0, 0)] * (weights.ndim - 1)
    padded = np.pad(weights, padding)
    return padded.reshape(-1, 2, *weights.shape[1:])


def pair_panel(weights: npt.NDArray[np.int16]) -> npt.NDArray[np.uint32]:
    """Weights [channel, k] as dot_2x2 reads them: pair of channels, group, channel, two words."""
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    pairs = _even_channels(padded)
    groups = pairs.reshape(pairs.shape[0], 2, -1, 4).transpose(0, 2, 1, 3)[..., _INTERLEAVE]
    return np.ascontiguousarray(groups, "<i2").view("<u4").reshape(-1)


def byte_panel(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights [channel, k] as widen_weights reads them: pair of channels, group, channel, one word."""
    padded = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))
    pairs = _even_channels(padded.astype(np.int16)).astype(np.int8)
    groups = pairs.reshape(pairs.shape[0], 2, -1, 4).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(groups).view("<u4").reshape(-1)


_TWICE_G = np.array([[2, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 2]], np.int16)


def winograd_pairs(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Transformed weights as winograd_products reads them: pair of channels, position, group, channel, two words."""
    taps = weights.astype(np.int16).transpose(0, 3, 1, 2)
    transformed = _TWICE_G @ taps @ _TWICE_G.T
    channels, inputs = transformed.shape[:2]
    pairs = _even_channels(transformed.reshape(channels, inputs, 16).transpose(0, 2, 1))
    groups = pairs.reshape(-1, 2, 16, inputs // 4, 4).transpose(0, 2, 3, 1, 4)[..., _INTERLEAVE]
    return np.ascontiguousarray(groups, "<i2").view("<u4").reshape(-1)


def winograd_bytes(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights as transform_pair_weights reads them: pair of channels, group, channel, tap, a word."""
    channels, _, _, inputs = weights.shape
    pairs = _even_channels(weights.reshape(channels, 9, inputs).astype(np.int16)).astype(np.int8)
    groups = pairs.reshape(-1, 2, 9, inputs // 4, 4).transpose(0, 3, 1, 2, 4)
    return np.ascontiguousarray(groups).view("<u4").reshape(-1)


def step(lowering: Lowering, layer: Layer, objective: Objective) -> Step:
    """The best step for a layer."""
    candidates = [
        *_direct(lowering, layer, objective),
        *_winograd(lowering, layer, objective),
        *_first(lowering, layer, objective),
    ]
    return choose(candidates, objective)


class _Parts:
    """What the steps of all kernels for a layer have in common."""

    def __init__(
        self, lowering: Lowering, layer: Layer, objective: Objective, input_channels: int | None = None
    ) -> None:
        self.lowering, self.layer, self.objective = lowering, layer, objective
        operator = layer.operators[0]
        self.operator = operator
        stem = f"{operator.op.lower()}_{operator.index}"
        self.stem = stem
        self.prefix = "k" + "".join(word.capitalize() for word in stem.split("_"))
        self.window = Parameter(
            f"{self.prefix}Window",
            "m7::Window",
            {
                "input_height": layer.window.input_height,
                "input_width": layer.window.input_width,
                "input_channels": input_channels or layer.weights.shape[3],
                "kernel_height": layer.window.kernel_height,
                "kernel_width": layer.window.kernel_width,
                "stride_height": layer.window.stride_height,
                "stride_width": layer.window.stride_width,
                "dilation_height": layer.window.dilation_height,
                "dilation_width": layer.window.dilation_width,
                "pad_top": layer.window.pad_top,
                "pad_left": layer.window.pad_left,
                "output_height": layer.window.output_height,
                "output_width": layer.window.output_width,
            },
        )

    def conv(self, block_outputs: int, weights: str) -> Parameter:
        """``m7::Conv``."""
        layer = self.layer
        cycles = self.objective is Objective.CYCLES
        fields: dict[str, Value] = {
            "output_channels": layer.channels,
            "input_zero_point": layer.input_zero_point,
            "pool_height": layer.pool[0],
            "pool_width": layer.pool[1],
            "block_outputs": block_outputs,
            "weights": f"m7::Weights::{weights}",
            "objective": f"m7::Objective::{'kCycles' if cycles else 'kInstructions'}",
            "clamp": f"m7::Clamp::{layer.clamp}",
            "least": layer.least,
            "greatest": layer.greatest,
        }
        return Parameter(self.prefix, "m7::Conv", fields)

    def constant(self, suffix: str, values: npt.NDArray[np.generic], comment: str) -> Constant:
        """A flash array."""
        return Constant(f"{self.prefix}{suffix}", values, f"{self.operator}: {comment}")

    def scalings(self) -> Constant:
        """``m7::Scaling`` of all channels."""
        text = "twice the bias, multiplier, offset, shift of each channel"
        return self.constant("Scalings", self.layer.scalings, text)

    def scratch(self, suffix: str, words: int) -> Buffer:
        """Scratch memory of 32-bit words."""
        return Buffer(f"{self.stem}_{suffix}", "uint32", words, layout="panel")

    def step(
        self,
        function: str,
        conv: Parameter,
        constants: tuple[Constant, ...],
        scratch: tuple[Buffer | None, ...],
    ) -> Step:
        """The call ``m7::<function><window, conv>(input, constants, scratch, output)``."""
        source = self.lowering.buffer(self.operator.input)
        result = self.lowering.buffer(self.layer.operators[-1].output)
        arguments = [
            source.name,
            *(constant.name for constant in constants),
            *(buffer.name if buffer is not None else "nullptr" for buffer in scratch),
            result.name,
        ]
        return Step(
            name=self.layer.operators[-1].name,
            operators=self.layer.operators,
            reads=(source,),
            writes=(result,),
            call=f"m7::{function}<{self.window.name}, {conv.name}>({', '.join(arguments)});",
            scratch=tuple(buffer for buffer in scratch if buffer is not None),
            constants=constants,
            parameters=(self.window, conv),
            headers=(f"{_HEADERS}{function}.hpp",),
        )


def _direct(lowering: Lowering, layer: Layer, objective: Objective) -> Iterable[Candidate]:
    """conv_int8 with weights in pairs, and in bytes."""
    pool = layer.pool[0] * layer.pool[1]
    pixels = layer.outputs * pool
    outputs_at_once = 2 if pool == 1 else 1
    pair_bytes = 2 * layer.groups * 8
    depth = 4 * layer.groups
    products = pixels * ceil(layer.channels / 2) * 2 * depth
    epilogue = layer.outputs * layer.channels * (16 if pool == 1 else 8 + 8 * pool)
    packing = pixels * depth * 1.3
    flat = packing + epilogue
    rate_instructions, rate_cycles = (0.64, 0.76) if objective is not Objective.CYCLES else (1.0, 0.52)
    if layer.outputs == 1 and pool == 1:
        products, rate_instructions, rate_cycles = layer.channels * depth, 0.7, 0.9

    def build_pairs() -> Step:
        parts = _Parts(lowering, layer, objective)
        block = min(outputs_at_once, layer.outputs)
        weights = parts.constant(
            "Weights",
            pair_panel(layer.weights.reshape(layer.channels, -1).astype(np.int16)),
            "16-bit weights: pair of channels, group of four taps, channel, taps 0 2 1 3",
        )
        panel = parts.scratch("panel", (block * pool + block * pool % 2) * layer.groups * 2)
        return parts.step("conv_int8", parts.conv(block, "kPairs"), (weights, parts.scalings()), (panel, None))

    def build_bytes() -> Step:
        parts = _Parts(lowering, layer, objective)
        most = max(_PANEL_BYTES // (pair_bytes * max(1, pool // 2)), 1) * outputs_at_once
        block = min(most, layer.outputs)
        weights = parts.constant(
            "Weights",
            byte_panel(layer.weights.reshape(layer.channels, -1)),
            "8-bit weights: pair of channels, group of four taps, channel, taps",
        )
        panel = parts.scratch("panel", (block * pool + block * pool % 2) * layer.groups * 2)
        widened = parts.scratch("weights", layer.groups * 4) if pixels > 1 else None
        return parts.step("conv_int8", parts.conv(block, "kBytes"), (weights, parts.scalings()), (panel, widened))

    stored = ceil(layer.channels / 2) * 2 * depth
    yield Candidate(flat + rate_instructions * products, flat + rate_cycles * products, 2 * stored, build_pairs)
    if layer.outputs == 1 and pool == 1:
        yield Candidate(flat + 1.15 * products, flat + 1.1 * products, stored, build_bytes)
    else:
        most = max(_PANEL_BYTES // (pair_bytes * max(1, pool // 2)), 1) * outputs_at_once
        widening = ceil(layer.outputs / most) * stored
        yield Candidate(
            flat + rate_instructions * products + 1.1 * widening,
            flat + rate_cycles * products + 1.1 * widening,
            stored,
            build_bytes,
        )


_MOST_WINOGRAD_CHANNELS = 128
"""The loop over positions is unrolled: at 128 channels it is 1.3 kB of code."""


def _winograd(lowering: Lowering, layer: Layer, objective: Objective) -> Iterable[Candidate]:
    """winograd_int8 with weights transformed offline, and at run time."""
    window = layer.window
    inputs = layer.weights.shape[3]
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        (window.kernel_height, window.kernel_width) != (3, 3)
        or strides != (1, 1, 1, 1)
        or layer.pool not in ((1, 1), (2, 2))
        or inputs % 4
        or inputs > _MOST_WINOGRAD_CHANNELS
        or layer.sums_below >= 1 << 29
    ):
        return
    tiles = ceil(window.output_height / 2) * ceil(window.output_width / 2)
    tile_bytes = 32 * (inputs + 4)  # half of sixteen times position_words
    products = ceil(tiles / 2) * ceil(layer.channels / 2) * 4 * 16 * inputs
    transforms = tiles * inputs / 2 * 90 + tiles * layer.channels * (60 if layer.pool == (2, 2) else 95)
    rate_instructions, rate_cycles = (0.66, 0.78) if objective is not Objective.CYCLES else (1.0, 0.55)
    pairs = ceil(layer.channels / 2)

    def build(weights_in: str, budget: int) -> Step:
        parts = _Parts(lowering, layer, objective)
        block = min(max(budget // (2 * tile_bytes), 1) * 2, tiles)
        if weights_in == "kPairs":
            values, text = winograd_pairs(layer.weights), "position of the transform, group, channel"
        else:
            values, text = winograd_bytes(layer.weights), "group of four input channels, channel, tap"
        panel = parts.scratch("panel", (block + block % 2) // 2 * tile_bytes // 2)
        transformed = parts.scratch("weights", 16 * inputs) if weights_in == "kBytes" else None
        weights = parts.constant("Weights", values, f"for Winograd F(2x2, 3x3): pair of channels, {text}")
        return parts.step(
            "winograd_int8", parts.conv(block, weights_in), (weights, parts.scalings()), (panel, transformed)
        )

    yield Candidate(
        transforms + rate_instructions * products,
        transforms + rate_cycles * products,
        pairs * 2 * 16 * inputs * 2,
        lambda: build("kPairs", _PANEL_BYTES),
    )
    again = ceil(tiles * tile_bytes / _WINOGRAD_BYTES_PANEL) * pairs * 2 * inputs * 35
    yield Candidate(
        transforms + rate_instructions * products + again,
        transforms + rate_cycles * products + again,
        pairs * 2 * 9 * inputs,
        lambda: build("kBytes", _WINOGRAD_BYTES_PANEL),
    )


_WINOGRAD_BYTES_PANEL = 32 * 1024
"""Larger than ``_PANEL_BYTES``: each block of tiles transforms all weights again."""


def _first(lowering: Lowering, layer: Layer, objective: Objective) -> Iterable[Candidate]:
    """first_conv_int8."""
    if (
        layer.depth > _FIRST_TAPS
        or layer.clamp != "kAtZeroPoint"
        or layer.pool != (2, 2)
        or layer.window.padded
        or int(np.abs(layer.scalings[:, 0]).max()) + 2 * layer.sums_below >= 1 << 30
    ):
        return

    def build() -> Step:
        parts = _Parts(lowering, layer, objective)
        taps = np.zeros((layer.channels, _FIRST_TAPS), "<i2")
        taps[:, : layer.depth] = 2 * layer.weights.reshape(layer.channels, -1).astype(np.int16)
        rows = np.zeros((layer.channels, 9), "<u4")
        scalings = layer.scalings[: layer.channels].view(np.uint32)
        rows[:, :5] = taps.view("<u4")
        rows[:, 5:] = scalings
        rows[:-1, 8] |= 1 << 31
        channels = parts.constant("Channels", rows, "five pairs of weights and the scaling of each channel")
        return parts.step("first_conv_int8", parts.conv(1, "kPairs"), (channels,), ())

    outputs = layer.outputs * layer.channels
    cost = outputs * 42 + layer.outputs * 90
    yield Candidate(cost, outputs * 44 + layer.outputs * 90, 36 * layer.channels, build)


def depthwise(lowering: Lowering, operator: Operator, objective: Objective) -> Step | None:
    """depthwise_int8 for a DEPTHWISE_CONV_2D with channels in fours, or None."""
    options = operator.options
    assert isinstance(options, ConvOptions)
    tensor, bias = operator.inputs[1], operator.optional_input(2)
    assert tensor is not None
    assert tensor.data is not None
    channels = operator.input.shape[3]
    if operator.input.shape[0] != 1 or tensor.shape[3] != channels or channels % 4:
        return None
    weights = tensor.data.transpose(3, 1, 2, 0)  # channel, row, column, 1
    least, greatest = quantise.activation_range(options.activation, operator.output)
    scaled = _scalings(operator, weights, bias.data if bias is not None else None, least, greatest)
    if scaled is None:
        return None
    scalings, clamp = scaled
    window = geometry.window(operator)
    layer = Layer(
        operators=(operator,),
        window=window,
        weights=weights,
        scalings=scalings,
        clamp=clamp,
        least=least,
        greatest=greatest,
        input_zero_point=quantise.quantisation(operator.input).zero_point,
        pool=(1, 1),
    )
    parts = _Parts(lowering, layer, objective, input_channels=channels)
    fours = tensor.data.reshape(-1, channels // 4, 4).transpose(1, 0, 2)[..., _INTERLEAVE]
    values = np.ascontiguousarray(fours, "<i2").view("<u4").reshape(-1)
    table = parts.constant("Weights", values, "16-bit weights: four channels, tap, channels 0 2 1 3")
    lines = None
    if window.padded:
        seen = (window.kernel_height - 1) * window.dilation_height + 1
        columns = (
            (window.output_width - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
        )
        lines = Buffer(f"{parts.stem}_lines", "int8", seen * columns * channels, layout="padded rows")
    return parts.step("depthwise_int8", parts.conv(1, "kPairs"), (table, parts.scalings()), (lines,))


def add(lowering: Lowering, operator: Operator) -> Step | None:
    """add_int8 for an ADD of two activations of one shape, or None."""
    options = operator.options
    assert isinstance(options, AddOptions)
    first, second = operator.input, operator.inputs[1]
    assert second is not None
    if first.is_constant or second.is_constant or not first.shape == second.shape == operator.output.shape:
        return None
    scaling = quantise.add_scaling(first, second, operator.output)
    shifts = [-factor.shift for factor in (scaling.first, scaling.second, scaling.output)]
    if min(shifts) < 0 or shifts[2] < 1 or max(shifts) > 22:
        return None
    least, greatest = quantise.activation_range(options.activation, operator.output)
    inputs: list[Value] = [
        {"offset": -quantise.quantisation(tensor).zero_point << 21, "multiplier": factor.value, "shift": shift}
        for tensor, factor, shift in zip((first, second), (scaling.first, scaling.second), shifts, strict=False)
    ]
    zero_out = quantise.quantisation(operator.output).zero_point
    parameter = Parameter(
        f"kAdd{operator.index}",
        "m7::AddInt8",
        {
            "first": inputs[0],
            "second": inputs[1],
            "multiplier": scaling.output.value,
            "shift": shifts[2],
            "offset": (zero_out << shifts[2]) + (1 << (shifts[2] - 1)),
            "least": least,
            "greatest": greatest,
        },
    )
    sources = [lowering.buffer(first), lowering.buffer(second)]
    result = lowering.buffer(operator.output)
    count = operator.output.element_count
    return Step(
        name=operator.name,
        operators=(operator,),
        reads=tuple(dict.fromkeys(sources)),
        writes=(result,),
        call=f"m7::add_int8<{parameter.name}>({sources[0].name}, {sources[1].name}, {count}, {result.name});",
        parameters=(parameter,),
        headers=(f"{_HEADERS}add_int8.hpp",),
        in_place=True,
    )
