"""conv_wide, conv_hybrid, depthwise_wide, depthwise_hybrid: int16 activations, and dynamic range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, prod

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import operators, quantise
from renode_mnist.codegen.activation import Activation
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.geometry import Window
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7.call import HEADERS, WindowCall
from renode_mnist.codegen.m7.flash_reads import Reads
from renode_mnist.codegen.m7.packing import INTERLEAVE
from renode_mnist.codegen.operators import Kind
from renode_mnist.codegen.program import Step, Value

KINDS = (Kind.INT16, Kind.HYBRID)

_PANELS = (0, 4 * 1024, 16 * 1024)
"""RAM to gather pixels into: a candidate each, of two pixels at least."""


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer; its kind is one of ``KINDS``.

    Attributes:
        images: Computed one after the other.
        weights: As the file has them, without a dimension for images.
        channel_axis: Of the weights.
        narrow: In int16 without a bias, whether sums have 32 bits.
        asymmetric: In dynamic range, whether the input is quantised with a zero point.
        multiplier: Output channels of an input channel, where it is depthwise; else 0.
    """

    operator: Operator
    window: Window
    images: int
    weights: npt.NDArray[np.int8]
    channel_axis: int
    activation: Activation
    factors: Callable[[], list[quantise.Multiplier]]
    narrow: bool
    asymmetric: bool
    multiplier: int = 0

    @property
    def channels(self) -> int:
        """Of the output."""
        return int(self.weights.shape[self.channel_axis])

    @property
    def is_hybrid(self) -> bool:
        """Whether its kind is dynamic range."""
        return operators.kind(self.operator) is Kind.HYBRID

    @property
    def pixels(self) -> int:
        """Of an output image."""
        return self.window.output_height * self.window.output_width

    @property
    def input_channels(self) -> int:
        """Of the image that the window slides over."""
        return self.channels // self.multiplier if self.multiplier else int(self.weights.shape[-1])

    @property
    def by_channel(self) -> npt.NDArray[np.int64]:
        """Weights, a row an output channel."""
        wide = np.moveaxis(self.weights, self.channel_axis, 0).astype(np.int64)
        return wide.reshape(self.channels, -1)

    @property
    def sums_below(self) -> int:
        """No sum of products is larger in magnitude."""
        greatest = 255 if self.is_hybrid else 1 << 15
        return greatest * int(np.abs(self.by_channel).sum(axis=1).max())


@dataclass(frozen=True)
class _Ends:
    """How sums become outputs.

    Attributes:
        type_name: Of the parameter.
        values: Of it.
        scalings: Four words a channel.
        text: What they are.
        wraps: Whether sums have 32 bits whatever they are.
    """

    type_name: str
    values: dict[str, Value]
    scalings: npt.NDArray[np.int32]
    text: str
    wraps: bool = False


def _hybrid(layer: Layer) -> _Ends:
    scales = quantise.quantisation(layer.operator.tensor(1))
    rows = np.zeros((layer.channels, 4), np.int32)
    rows[:, 0] = layer.by_channel.sum(axis=1)
    rows[:, 1] = np.broadcast_to(np.array(scales.scales, np.float32), layer.channels).view(np.int32)
    if layer.operator.optional_input(2) is not None:
        rows[:, 2] = layer.operator.constant(2).view(np.int32)
    least, greatest = layer.activation.bounds
    values: dict[str, Value] = {"asymmetric": layer.asymmetric, "least": least, "greatest": greatest}
    return _Ends(
        "m7::HybridEnds", values, rows, "sum of weights; weight scale and bias as the bits of floats; 0", True
    )


def _wide(layer: Layer) -> _Ends:
    bias = layer.operator.optional_input(2)
    biases = np.zeros(layer.channels, np.int64) if bias is None else layer.operator.constant(2).astype(np.int64)
    narrow = layer.narrow if bias is None else bias.type is ElementType.INT32
    rows = np.zeros((layer.channels, 4), np.int64)
    rows[:, 0] = biases
    if narrow:
        end, text = "kNarrow", "bias, multiplier, shift to the right; 0"
        rows[:, 1] = [factor.value for factor in layer.factors()]
        rows[:, 2] = [-factor.shift for factor in layer.factors()]
    else:
        reduced = [quantise.reduced(factor) for factor in layer.factors()]
        multipliers = np.array([factor.value for factor in reduced])
        right = np.array([15 - factor.shift for factor in reduced])
        if layer.sums_below + int(np.abs(biases).max()) < 1 << 31 and (right >= 17).all():
            end, text = "kShort", "bias, multiplier * 2^16, offset, shift"
            rows[:, 1:] = np.stack([multipliers << 16, np.int64(1) << (right - 17), right - 16], axis=1)
        else:
            end, text = "kLong", "bias, its upper half, multiplier, shift"
            rows[:, 0] = (biases & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
            rows[:, 1:] = np.stack([biases >> 32, multipliers, right], axis=1)
    least, greatest = quantise.activation_range(layer.activation, layer.operator.output)
    values: dict[str, Value] = {"end": f"m7::WideEnd::{end}", "least": least, "greatest": greatest}
    return _Ends("m7::WideEnds", values, rows.astype(np.int32), text, narrow)


def refuses(layer: Layer) -> str:
    """Why there is no kernel for a layer; empty where there is one."""
    if layer.operator.fused:
        return f"{layer.operator.fused[1].op} behind it"
    if layer.multiplier and layer.sums_below >= 1 << 31:
        return "sums of products of 2^31 or more"
    return ""


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """Of a layer that is not refused."""
    if layer.multiplier:
        yield _depthwise(lowering, layer)
        return
    if _stands(layer):
        yield _convolution(lowering, layer, 0)
        return
    blocks = {min(layer.pixels, max(2, budget // (8 * _groups(layer)))) for budget in _PANELS}
    for block in sorted(blocks):
        yield _convolution(lowering, layer, block)


def _groups(layer: Layer) -> int:
    return ceil(prod(layer.by_channel.shape[1:]) / 4)


def _stands(layer: Layer) -> bool:
    """Whether pixels stand in the input as they would in a panel."""
    w = layer.window
    pointwise = (w.kernel_height, w.kernel_width, w.stride_height, w.stride_width) == (1, 1, 1, 1)
    return pointwise and not layer.is_hybrid and layer.input_channels % 4 == 0


def _convolution(lowering: Lowering, layer: Layer, block: int) -> Candidate:
    groups = _groups(layer)
    channels = ceil(layer.channels / 2) * 2
    panel = 8 * groups * block

    def build() -> Step:
        call = _Call(lowering, layer)
        conv = call.shared_parameter(
            "Conv",
            "m7::ConvWide",
            {
                "batches": layer.images,
                "output_channels": layer.channels,
                "block": block,
                "long_sums": not call.ends.wraps and layer.sums_below >= 1 << 31,
            },
        )
        taps = np.zeros((channels, 4 * groups), np.int8)
        taps[: layer.channels, : layer.by_channel.shape[1]] = layer.by_channel
        fours = taps.reshape(channels // 2, 2, groups, 4).transpose(0, 2, 1, 3)
        if not layer.is_hybrid:
            fours = fours[..., INTERLEAVE]
        words = np.ascontiguousarray(fours).view("<u4").reshape(-1)
        weights = call.constant("Weights", words, "weights: pair of channels, group of four taps, channel, tap")
        quantised = call.quantised()
        pixels = call.scratch("panel", "uint32", panel // 4, layout="panel") if block else "nullptr"
        return call.kernel("conv", conv, _reads(layer, block).argument(weights), [*quantised, pixels])

    name = f"{_name(layer, 'conv')}, {panel} B" if block else _name(layer, "conv")
    return _candidate(layer, name, channels * 4 * groups, panel, _conv_cycles(layer, block), build)


def _depthwise(lowering: Lowering, layer: Layer) -> Candidate:
    def build() -> Step:
        call = _Call(lowering, layer)
        conv = call.shared_parameter(
            "Conv", "m7::DepthwiseWide", {"batches": layer.images, "multiplier": layer.multiplier}
        )
        stored = layer.weights.reshape(-1, layer.channels).copy()
        order = "row, column, channel"
        if not layer.is_hybrid and layer.multiplier == 1:
            fours = layer.channels // 4 * 4
            swapped = stored[:, :fours].reshape(len(stored), fours // 4, 4)[..., INTERLEAVE]
            stored[:, :fours] = swapped.reshape(len(stored), fours)
            order += ", in fours 0 2 1 3"
        weights = call.constant("Weights", stored.reshape(-1), f"weights: {order}")
        return call.kernel("depthwise", conv, weights, call.quantised())

    name = _name(layer, "depthwise")
    return _candidate(layer, name, layer.weights.size, 0, _depthwise_cycles(layer), build)


def _name(layer: Layer, what: str) -> str:
    return f"{what}_{'hybrid' if layer.is_hybrid else 'wide'}"


def _image(layer: Layer) -> int:
    """Numbers that are quantised together."""
    return layer.operator.input.element_count // layer.images


def _candidate(
    layer: Layer, name: str, weight_bytes: int, panel: int, cycles: float, build: Callable[[], Step]
) -> Candidate:
    quantised = ceil(_image(layer) / 8) * 8 if layer.is_hybrid else 0
    return Candidate(
        name, cycles, 1.2 * cycles, weight_bytes + 16 * layer.channels, panel + quantised, build, code_bytes=1_200
    )


class _Call(WindowCall):
    """Of ``m7::<function><window, parameters, ends>(input, weights, scalings, scratch, output)``."""

    def __init__(self, lowering: Lowering, layer: Layer) -> None:
        super().__init__(lowering, layer.operator, layer.window, layer.input_channels)
        self.layer = layer
        self.ends = _hybrid(layer) if layer.is_hybrid else _wide(layer)

    def quantised(self) -> list[str]:
        """The name of room for an input that is quantised at run time; none in int16."""
        if not self.layer.is_hybrid:
            return []
        return [self.scratch("quantised", "int8", _image(self.layer))]

    def kernel(self, what: str, parameters: str, weights: str, scratch: list[str]) -> Step:
        """The step."""
        ends = self.shared_parameter("Ends", self.ends.type_name, self.ends.values)
        scalings = self.constant("Scalings", self.ends.scalings.reshape(-1), f"of each channel {self.ends.text}")
        return self.step(
            f"m7::{_name(self.layer, what)}<{self.window}, {parameters}, {ends}>",
            [self.source(), weights, scalings, *scratch],
            f"{HEADERS}{what}_wide.hpp",
            writes=[self.lowering.buffer(self.operator.output)],
        )


def _ends_cycles(layer: Layer) -> float:
    """Of all outputs, and of quantising the input."""
    outputs = layer.images * layer.pixels * layer.channels
    if layer.is_hybrid:
        return 30 * outputs + 20 * layer.operator.input.element_count + 500 * layer.images
    return 14 * outputs


def _conv_cycles(layer: Layer, block: int) -> float:
    """Within 30 % of what was measured on 13 layers of each kind."""
    groups = _groups(layer)
    pixels = layer.images * layer.pixels
    packing = pixels * 6 * groups if block else 0
    per_group = 16 if layer.pixels > 1 else 11
    products = ceil(layer.channels / 2) * ceil(pixels / 2) * groups * per_group
    return packing + products + _ends_cycles(layer) + _reads(layer, block).cycles


def _reads(layer: Layer, block: int) -> Reads:
    """Of weights: those of a pair of channels meet all pixels of a panel."""
    together = block or layer.pixels
    panels = layer.images * ceil(layer.pixels / together)
    return Reads(8 * _groups(layer), ceil(together / 2), panels * ceil(layer.channels / 2))


def _depthwise_cycles(layer: Layer) -> float:
    products = layer.images * layer.pixels * layer.weights.size
    fours = layer.multiplier == 1 or layer.multiplier % 4 == 0
    return (2 if fours else 6) * products + _ends_cycles(layer)
