"""Engine ``m7`` in float32: which kernel computes a layer, and its weights in the order in which it reads them.

Images stay planar (channel, row, column) from one convolution to the next: see ``firmware/engine/m7/conv_float.hpp``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import geometry
from renode_mnist.codegen.graph import ConvOptions, FullyConnectedOptions, Graph, Operator, PoolOptions, Tensor
from renode_mnist.codegen.m7_choice import Candidate, choose, fused_pool, live
from renode_mnist.codegen.plan import Buffer, Constant, Objective, Parameter, Step, Value
from renode_mnist.codegen.reference import Lowering
from renode_mnist.codegen.support import Kind, kind

PLANAR = "planar"
"""Layout tag: channel, row, column."""

_HEADERS = "engine/m7/"
_REGISTERS = 32
_COLUMNS = 5  # conv_float.hpp: kColumnsOfBlock
_MOST_FLAT_PIXELS = 256


def accepts(operator: Operator) -> bool:
    """Whether ``conv`` or ``dense`` computes it."""
    if kind(operator) is not Kind.FLOAT32:
        return False
    weights = operator.optional_input(1)
    if operator.op == "FULLY_CONNECTED":
        return True
    return (
        operator.op == "CONV_2D"
        and weights is not None
        and operator.input.shape[0] == 1
        and operator.input.shape[3] == weights.shape[3]
    )


def wants_planar(graph: Graph, tensor: Tensor) -> bool:
    """Whether everything that reads ``tensor`` reads it planar as well."""
    if tensor in graph.outputs or len(tensor.shape) != 4:
        return False

    def reads_planar(operator: Operator) -> bool:
        if operator.op == "RESHAPE":
            after = operator.output
            return after not in graph.outputs and all(
                reader.op == "FULLY_CONNECTED"
                and accepts(reader)
                and reader.output.element_count == reader_outputs(reader)
                for reader in graph.consumers(after)
            )
        return operator.op == "CONV_2D" and accepts(operator)

    return all(reads_planar(operator) for operator in graph.consumers(tensor))


def reader_outputs(dense: Operator) -> int:
    """Outputs of a FULLY_CONNECTED for one row of its input."""
    weights = dense.inputs[1]
    assert weights is not None
    return weights.shape[0]


def _planar_already(tensor: Tensor, buffer: Buffer) -> bool:
    """Whether the elements of an image stand channel by channel: they do where it has one channel or one pixel."""
    return buffer.layout == PLANAR or tensor.shape[3] == 1 or tensor.shape[1] * tensor.shape[2] == 1


@dataclass(frozen=True)
class _Layer:
    """A CONV_2D with a fused MAX_POOL_2D, if any.

    Attributes:
        window: ``output_height`` and ``output_width`` count the outputs that are read.
        weights: Output channel, row, column, input channel.
        source: Buffer of the input.
    """

    operators: tuple[Operator, ...]
    window: geometry.Window
    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    least: float
    greatest: float
    pool: tuple[int, int]
    source: Buffer
    result: Buffer
    planar_input: bool

    @property
    def channels(self) -> int:
        """Output channels."""
        return int(self.weights.shape[0])

    @property
    def inputs(self) -> int:
        """Input channels."""
        return int(self.weights.shape[3])

    @property
    def pixels(self) -> int:
        """Computed, before a pool."""
        return self.window.output_height * self.window.output_width


def conv(lowering: Lowering, graph: Graph, operator: Operator, objective: Objective) -> Step:
    """The best step for a CONV_2D that ``accepts`` allows."""
    options = operator.options
    assert isinstance(options, ConvOptions)
    tensor, bias = operator.inputs[1], operator.optional_input(2)
    assert tensor is not None
    assert tensor.data is not None
    pool = fused_pool(graph.consumers(operator.output)) if operator.output not in graph.outputs else None
    window, size = geometry.window(operator), (1, 1)
    if pool is not None:
        assert isinstance(pool.options, PoolOptions)
        size = pool.options.filter
        window = live(window, pool.output.shape[1] * size[0], pool.output.shape[2] * size[1])
    operators = (operator,) if pool is None else (operator, pool)
    output = operators[-1].output
    if wants_planar(graph, output):
        planar = Buffer(f"{_stem(operator)}_out", "float32", output.element_count, layout=PLANAR, tensor=output)
        lowering.bind(output, planar)
    source = lowering.buffer(operator.input)
    least, greatest = options.activation.bounds
    layer = _Layer(
        operators=operators,
        window=window,
        weights=tensor.data,
        bias=bias.data if bias is not None and bias.data is not None else np.zeros(tensor.shape[0], np.float32),
        least=least,
        greatest=greatest,
        pool=size,
        source=source,
        result=lowering.buffer(output),
        planar_input=_planar_already(operator.input, source),
    )
    return choose([*_direct(layer), *_winograd(layer), *_row_winograd(layer), *_first(layer)], objective)


def _stem(operator: Operator) -> str:
    return f"{operator.op.lower()}_{operator.index}"


def _prefix(operator: Operator) -> str:
    return "k" + "".join(word.capitalize() for word in _stem(operator).split("_"))


def _cut(width: int, most: int) -> list[int]:
    """Sizes of blocks; conv_float.hpp: ``cut``."""
    blocks = ceil(width / most)
    size, longer = divmod(width, blocks)
    return [size + 1] * longer + [size] * (blocks - longer)


class _Parts:
    """What the steps of all kernels for a convolution have in common."""

    def __init__(self, layer: _Layer, *, copies: bool, tile: int, rows: int, taps: int, flat: bool = False) -> None:
        self.layer = layer
        self.operator = layer.operators[0]
        self.prefix = _prefix(self.operator)
        window = layer.window
        fields: dict[str, Value] = {
            "input_height": window.input_height,
            "input_width": window.input_width,
            "input_channels": layer.inputs,
            "kernel_height": window.kernel_height,
            "kernel_width": window.kernel_width,
            "stride_height": window.stride_height,
            "stride_width": window.stride_width,
            "dilation_height": window.dilation_height,
            "dilation_width": window.dilation_width,
            "pad_top": window.pad_top,
            "pad_left": window.pad_left,
            "output_height": window.output_height,
            "output_width": window.output_width,
        }
        self.window = Parameter(f"{self.prefix}Window", "m7::Window", fields)
        self.conv = Parameter(
            self.prefix,
            "m7::ConvFloat",
            {
                "output_channels": layer.channels,
                "pool_height": layer.pool[0],
                "pool_width": layer.pool[1],
                "copies": copies,
                "planar_input": layer.planar_input,
                "planar_output": _planar_already(layer.operators[-1].output, layer.result),
                "flat": flat,
                "rows": rows,
                "taps": taps,
                "least": layer.least,
                "greatest": layer.greatest,
            },
        )
        self.image = None
        if copies:
            self.image = self.scratch("image", layer.inputs * _image_plane(window, tile))

    def scratch(self, suffix: str, count: int) -> Buffer:
        """Scratch memory of floats."""
        return Buffer(f"{_stem(self.operator)}_{suffix}", "float32", count, layout="scratch")

    def constant(self, suffix: str, values: npt.NDArray[np.float32], comment: str) -> Constant:
        """A flash array."""
        return Constant(f"{self.prefix}{suffix}", values, f"{self.operator}: {comment}")

    def bias(self) -> Constant:
        """One number a channel."""
        return self.constant("Bias", self.layer.bias, "bias")

    def step(self, function: str, constants: tuple[Constant, ...], scratch: tuple[Buffer | None, ...]) -> Step:
        """The call ``m7::<function><window, conv>(input, constants, scratch, output)``."""
        layer = self.layer
        arguments = [
            layer.source.name,
            *(constant.name for constant in constants),
            *(buffer.name if buffer is not None else "nullptr" for buffer in scratch),
            layer.result.name,
        ]
        return Step(
            name=layer.operators[-1].name,
            operators=layer.operators,
            reads=(layer.source,),
            writes=(layer.result,),
            call=f"m7::{function}<{self.window.name}, {self.conv.name}>({', '.join(arguments)});",
            scratch=tuple(buffer for buffer in scratch if buffer is not None),
            constants=constants,
            parameters=(self.window, self.conv),
            headers=(f"{_HEADERS}{function}.hpp",),
        )


def _image_plane(window: geometry.Window, tile: int) -> int:
    """Elements of a plane of the copied image; conv_float.hpp: ``prepared``."""
    rows = -(-window.output_height // tile) * tile
    columns = -(-window.output_width // tile) * tile
    height = (rows - 1) * window.stride_height + (window.kernel_height - 1) * window.dilation_height + 1
    width = (columns - 1) * window.stride_width + (window.kernel_width - 1) * window.dilation_width + 1
    return height * ceil(width / window.stride_width) * window.stride_width


def block_weights(weights: npt.NDArray[np.float32], rows: int, taps: int) -> npt.NDArray[np.float32]:
    """As conv_float reads them: block of output channels, kernel row, [column,] input channel, [column,] channel."""
    blocks = []
    for first in range(0, weights.shape[0], rows):
        block = weights[first : first + rows]
        order = (1, 2, 3, 0) if taps == 1 else (1, 3, 2, 0)
        blocks.append(block.transpose(order).reshape(-1))
    return np.concatenate(blocks)


def _direct(layer: _Layer) -> Iterable[Candidate]:
    """conv_float."""
    window = layer.window
    copies = not layer.planar_input or window.padded or window.stride_width != 1
    taps = window.kernel_width
    if (window.stride_width, window.dilation_width) != (1, 1) or taps > 4:
        taps = 1
    kernel = (window.kernel_height, window.kernel_width, window.stride_height)
    flat = kernel == (1, 1, 1) and not copies and layer.pool == (1, 1) and layer.pixels <= _MOST_FLAT_PIXELS
    width = layer.pixels if flat else window.output_width
    columns = max(_cut(width, _COLUMNS))
    rows = min((_REGISTERS - (columns + taps - 1)) // (columns + 1), layer.channels)

    def build() -> Step:
        parts = _Parts(layer, copies=copies, tile=1, rows=rows, taps=taps, flat=flat)
        order = (
            "kernel row, input channel, column, channel"
            if taps > 1
            else "kernel row and column, input channel, channel"
        )
        weights = parts.constant(
            "Weights", block_weights(layer.weights, rows, taps), f"blocks of {rows} output channels: {order}"
        )
        lines = parts.scratch("lines", layer.pool[0] * rows * width)
        return parts.step("conv_float", (weights, parts.bias()), (parts.image, lines))

    products = layer.pixels * layer.weights.size
    sums = rows * columns
    rate = 1 + (taps + 1.5) / (taps * sums)
    rate_cycles = rate + (taps * rows + columns) / (2 * taps * sums)
    outputs = layer.pixels * layer.channels * 8
    copying = layer.inputs * _image_plane(window, 1) * 12 if copies else 0
    flat_cost = outputs + copying
    yield Candidate(flat_cost + rate * products, flat_cost + rate_cycles * products, 4 * layer.weights.size, build)


_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])


def winograd_weights(weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """As winograd_float reads them: block of 4 output channels, position, input channel, channel."""
    channels, _, _, inputs = weights.shape
    taps = weights.astype(np.float64).transpose(0, 3, 1, 2)
    transformed = (_G @ taps @ _G.T).reshape(channels, inputs, 16)
    padded = np.pad(transformed, ((0, -channels % 4), (0, 0), (0, 0)))
    blocks = padded.reshape(-1, 4, inputs, 16).transpose(0, 3, 2, 1)
    return np.ascontiguousarray(blocks, np.float32).reshape(-1)


def _winograd(layer: _Layer) -> Iterable[Candidate]:
    """winograd_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (window.kernel_height, window.kernel_width) != (3, 3) or strides != (1, 1, 1, 1):
        return
    if layer.pool not in ((1, 1), (2, 2)):
        return
    odd = window.output_height % 2 or window.output_width % 2
    copies = bool(not layer.planar_input or window.padded or odd)
    tiles = ceil(window.output_height / 2) * ceil(window.output_width / 2)
    blocks = _cut(tiles, _COLUMNS)
    stored = 16 * ceil(layer.channels / 4) * 4 * layer.inputs

    def build() -> Step:
        parts = _Parts(layer, copies=copies, tile=2, rows=4, taps=1)
        weights = parts.constant(
            "Weights",
            winograd_weights(layer.weights),
            "for Winograd F(2x2, 3x3): block of 4 output channels, position of the transform, input channel, channel",
        )
        transformed = parts.scratch("tiles", 16 * layer.inputs * blocks[0])
        products = parts.scratch("products", 16 * blocks[0] * 4)
        return parts.step("winograd_float", (weights, parts.bias()), (parts.image, transformed, products))

    products = stored * tiles
    ends = tiles * layer.inputs * 62 + tiles * layer.channels * 52
    copying = layer.inputs * _image_plane(window, 2) * 12 if copies else 0
    instructions = ends + copying + products * (1 + 2.6 / (4 * blocks[0]))
    cycles = ends + copying + products * (1 + (4 + blocks[0]) / 2 / (4 * blocks[0]))
    yield Candidate(instructions, cycles, 4 * stored, build)


_ROW_G = np.array(
    [[1 / 2, 0, 0], [-1 / 2, -1 / 2, -1 / 2], [-1 / 6, 1 / 6, -1 / 6], [1 / 6, 1 / 3, 2 / 3], [0, 0, 1]]
)


def row_winograd_weights(weights: npt.NDArray[np.float32], rows: int, taps: int) -> npt.NDArray[np.float32]:
    """As row_winograd_float reads them: block of ``rows`` output channels, position, then as ``block_weights``.

    What is the kernel's height there is its width here: thirds of rows stand one below the other.
    """
    transformed = np.einsum("pt,oytc->poyc", _ROW_G, weights.astype(np.float64)).astype(np.float32)
    blocks = []
    for first in range(0, weights.shape[0], rows):
        for position in transformed[:, first : first + rows]:
            kernel = position[:, :, None] if taps == 1 else position[:, None]
            blocks.append(block_weights(kernel, rows, taps))
    return np.concatenate(blocks)


def _row_winograd(layer: _Layer) -> Iterable[Candidate]:
    """row_winograd_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        window.kernel_width != 3
        or strides != (1, 1, 1, 1)
        or window.output_width % 3
        or layer.pool != (1, 1)
        or window.padded
        or not layer.planar_input
    ):
        return
    thirds = window.output_width // 3
    pixels = window.output_height * thirds
    taps = window.kernel_height if thirds == 1 and window.kernel_height <= 4 else 1
    columns = max(_cut(pixels, _COLUMNS))
    rows = min((_REGISTERS - (columns + taps - 1)) // (columns + 1), layer.channels)
    stored = layer.weights.size // 3 * 5

    def build() -> Step:
        parts = _Parts(layer, copies=False, tile=1, rows=rows, taps=taps)
        weights = parts.constant(
            "Weights",
            row_winograd_weights(layer.weights, rows, taps),
            f"for Winograd F(3, 3) along rows: blocks of {rows} output channels, position of the transform, "
            + ("input channel, row, channel" if taps > 1 else "row, input channel, channel"),
        )
        transformed = parts.scratch("transformed", 5 * layer.inputs * window.input_height * thirds)
        products = parts.scratch("products", 5 * rows * pixels)
        return parts.step("row_winograd_float", (weights, parts.bias()), (transformed, products))

    products = stored * pixels
    sums = rows * columns
    ends = layer.inputs * window.input_height * thirds * 25 + pixels * layer.channels * 30
    rate = 1 + (taps + 1.5) / (taps * sums)
    rate_cycles = rate + (taps * rows + columns) / (2 * taps * sums)
    yield Candidate(ends + rate * products, ends + rate_cycles * products, 4 * stored, build)


def _first(layer: _Layer) -> Iterable[Candidate]:
    """first_conv_float."""
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    if (
        layer.inputs != 1
        or (window.kernel_height, window.kernel_width) != (3, 3)
        or strides != (1, 1, 1, 1)
        or layer.pool != (2, 2)
        or window.padded
        or layer.greatest != float("inf")
        or not _planar_already(layer.operators[-1].output, layer.result)
    ):
        return

    def build() -> Step:
        parts = _Parts(layer, copies=False, tile=1, rows=1, taps=3)
        table = np.concatenate([layer.weights.reshape(-1, 9), layer.bias.reshape(-1, 1)], axis=1)
        weights = parts.constant("Weights", table.astype(np.float32), "nine weights and the bias of each channel")
        return parts.step("first_conv_float", (weights,), ())

    outputs = layer.pixels // 4 * layer.channels
    yield Candidate(45 * outputs, 48 * outputs, 40 * layer.channels, build)


def dense(lowering: Lowering, operator: Operator) -> Step:
    """dense_float for a FULLY_CONNECTED."""
    options = operator.options
    assert isinstance(options, FullyConnectedOptions)
    tensor, bias = operator.inputs[1], operator.optional_input(2)
    assert tensor is not None
    assert tensor.data is not None
    outputs, inputs = tensor.shape
    source, result = lowering.buffer(operator.input), lowering.buffer(operator.output)
    weights = tensor.data
    if source.layout == PLANAR:
        assert source.tensor is not None
        _, height, width, channels = source.tensor.shape
        weights = weights.reshape(outputs, height, width, channels).transpose(0, 3, 1, 2).reshape(outputs, inputs)
    taps = next(n for n in (6, 5, 4, 3, 2, 1) if inputs % n == 0)
    rows = min((_REGISTERS - taps) // 2, outputs)
    prefix = _prefix(operator)
    least, greatest = options.activation.bounds
    shape = Parameter(
        prefix,
        "m7::DenseFloat",
        {
            "batches": operator.input.element_count // inputs,
            "inputs": inputs,
            "outputs": outputs,
            "rows": rows,
            "taps": taps,
            "least": least,
            "greatest": greatest,
        },
    )
    blocks = [weights[first : first + rows].T.reshape(-1) for first in range(0, outputs, rows)]
    order = "input (channel, row, column)" if source.layout == PLANAR else "input"
    table = Constant(
        f"{prefix}Weights", np.concatenate(blocks), f"{operator}: blocks of {rows} outputs: {order}, output"
    )
    values = bias.data if bias is not None and bias.data is not None else np.zeros(outputs, np.float32)
    added = Constant(f"{prefix}Bias", values, f"{operator}: bias")
    return Step(
        name=operator.name,
        operators=(operator,),
        reads=(source,),
        writes=(result,),
        call=f"m7::dense_float<{shape.name}>({source.name}, {table.name}, {added.name}, {result.name});",
        constants=(table, added),
        parameters=(shape,),
        headers=(f"{_HEADERS}conv_float.hpp",),
    )
