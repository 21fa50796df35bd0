"""winograd_4x4_int8: F(4x4, 3x3), weights transformed offline, or once a pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import flash_reads
from renode_mnist.codegen.m7.add import int8, tables
from renode_mnist.codegen.m7.call import residual
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.operators.broadcast import terms
from renode_mnist.codegen.program import Step

_G = np.array([[6, 0, 0], [-1, -1, -1], [-1, 1, -1], [1, 2, 4], [1, -2, 4], [0, 0, 6]], np.int16)
_ENDS, _MIDDLE = (0, 1, 2, 5), (3, 4)
_GROUPS = {
    "small": tuple(product(_ENDS, _ENDS)),
    "tall": tuple(product(_MIDDLE, _ENDS)),
    "wide": tuple(product(_ENDS, _MIDDLE)),
    "large": tuple(product(_MIDDLE, _MIDDLE)),
}
"""Elements (row, column) of a transformed tile, in the kernel's order."""


_PASSES = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16)
"""In how many passes the tiles may be taken, where there are so many."""

_MOST_TILES = 128
"""Of a pass: their counts are bytes."""


def _pairs(count: int) -> int:
    return ceil(count / 2)


@dataclass(frozen=True)
class Tile:
    """Two or four rows and columns of outputs; ``y`` and ``x``: the first."""

    y: int
    x: int
    tall: bool
    wide: bool

    @cached_property
    def place(self) -> int:
        """Where it stands in a pass: low, large, narrow, small."""
        return (0 if not self.tall else 1) if self.wide else (2 if self.tall else 3)


@dataclass(frozen=True)
class Pass:
    """``m7::Pass``: a block of tiles, in order."""

    tiles: tuple[Tile, ...]

    @cached_property
    def counts(self) -> tuple[int, int, int, int]:
        """Of low, large, narrow, small tiles."""
        places = [tile.place for tile in self.tiles]
        return places.count(0), places.count(1), places.count(2), places.count(3)

    @cached_property
    def pairs(self) -> dict[str, int]:
        """Pairs of tiles that are multiplied in each group of elements."""
        low, large, narrow, _ = self.counts
        first = low // 2
        return {
            "small": _pairs(len(self.tiles)),
            "tall": _pairs(low + large + narrow) - first if large + narrow else 0,
            "wide": _pairs(low + large),
            "large": _pairs(low + large) - first if large else 0,
        }

    def written(self) -> list[int]:
        """As the kernel reads it."""
        return [*self.counts, *(n // 2 for tile in self.tiles for n in (tile.y, tile.x))]


def sizes(outputs: int, most: int) -> list[int]:
    """Sizes of tiles, at most four or at most two, that cover a row of outputs."""
    if most == 2:
        return [2] * ceil(outputs / 2)
    rest = outputs % 4
    return [4] * (outputs // 4 + (rest == 3)) + [2] * (rest in (1, 2))


def tiles(height: int, width: int, most: int) -> list[Tile]:
    """All tiles of an output, row by row."""
    found, y = [], 0
    for tall in sizes(height, most):
        x = 0
        for wide in sizes(width, most):
            found.append(Tile(y, x, tall == 4, wide == 4))
            x += wide
        y += tall
    return found


def passes(all_tiles: Sequence[Tile], most: int) -> list[Pass]:
    """Cuts the tiles into as few passes of at most ``most``, an even number, as there can be, of about one length."""
    count = ceil(len(all_tiles) / most)
    length = 2 * ceil(len(all_tiles) / count / 2)
    cut = [all_tiles[first : first + length] for first in range(0, len(all_tiles), length)]
    return [Pass(tuple(sorted(part, key=lambda tile: tile.place))) for part in cut]


@dataclass(frozen=True)
class Tiling:
    """``m7::Tiling`` with the tiles themselves."""

    passes: tuple[Pass, ...]

    @cached_property
    def room(self) -> dict[str, int]:
        """Most pairs of tiles in each group of elements."""
        pairs = [one.pairs for one in self.passes]
        return {group: max(of[group] for of in pairs) for group in _GROUPS}

    @cached_property
    def elements(self) -> list[tuple[int, int]]:
        """Those that any tile has."""
        room = self.room
        return [element for group, members in _GROUPS.items() if room[group] for element in members]

    def panel_words(self, inputs: int) -> int:
        """Of the transformed inputs and the sums of a pass."""
        transformed = sum(self.room[group] * len(members) for group, members in _GROUPS.items()) * inputs
        return transformed + self.room["small"] * len(self.elements) * 9

    @cached_property
    def products(self) -> int:
        """Elements times pairs of tiles."""
        return sum(one.pairs[group] * len(members) for one in self.passes for group, members in _GROUPS.items())


def _quads(weights: npt.NDArray[np.integer]) -> npt.NDArray[np.int8]:
    """Channels and inputs padded to multiples of four: quad, channel, row, column, group of inputs, input."""
    channels, _, _, inputs = weights.shape
    padded = np.pad(weights, ((0, -channels % 4), (0, 0), (0, 0), (0, -inputs % 4)))
    return padded.reshape(-1, 4, 3, 3, padded.shape[3] // 4, 4)


def pairs(weights: npt.NDArray[np.int8], elements: Sequence[tuple[int, int]]) -> npt.NDArray[np.uint32]:
    """Transformed weights as multiply_elements reads them: quad of channels, element, pair of inputs, channel."""
    quads = _quads(weights).astype(np.int16)
    transformed = np.einsum("ia,jb,qcabgn->qijgnc", _G, _G, quads)
    rows, columns = zip(*elements, strict=True)
    chosen = transformed[:, rows, columns]  # quad, element, group, input, channel
    paired = np.stack([chosen[..., [0, 1], :], chosen[..., [2, 3], :]], axis=-1)
    return np.ascontiguousarray(paired, "<i2").view("<u4").reshape(-1)


def quad_bytes(weights: npt.NDArray[np.int8]) -> npt.NDArray[np.uint32]:
    """Weights as transform_weights reads them: quad of channels, group of inputs, channel, tap, a word of inputs."""
    quads = _quads(weights)
    return np.ascontiguousarray(quads.transpose(0, 4, 1, 2, 3, 5)).view("<u4").reshape(-1)


def _takes(layer: Layer) -> bool:
    window = layer.window
    strides = (window.stride_height, window.stride_width, window.dilation_height, window.dilation_width)
    by_channel = layer.weights.astype(np.int64).reshape(layer.channels, -1)
    reach = 255 * max(int(np.maximum(sign * by_channel, 0).sum(axis=1).max()) for sign in (1, -1))
    return (
        (window.kernel_height, window.kernel_width) == (3, 3)
        and strides == (1, 1, 1, 1)
        and layer.pool in ((1, 1), (2, 2))
        and layer.channel_groups == 1
        and reach < 1 << 25
        and max(window.output_height, window.output_width) <= 512
    )


def _tilings(layer: Layer) -> Iterator[tuple[int, Tiling]]:
    """With the most rows and columns of a tile's outputs."""
    window = layer.window
    for most in (4, 2):
        found = tiles(window.output_height, window.output_width, most)
        blocks = {2 * ceil(len(found) / count / 2) for count in _PASSES if len(found) >= 2 * count}
        for block in sorted(blocks | {min(len(found), 2)}):
            if block <= _MOST_TILES:
                yield most, Tiling(tuple(passes(found, block)))


def least_cycles(layer: Layer) -> float | None:
    """Of the fastest way; None where there is none."""
    if not _takes(layer):
        return None
    inputs = 4 * ceil(layer.weights.shape[3] / 4)
    return min(_costs(layer, tiling, inputs, in_bytes=False)[0] for _, tiling in _tilings(layer))


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """Weights transformed offline, or once a pass; tiles of four or of two; several blocks of tiles."""
    if not _takes(layer):
        return
    for most, tiling in _tilings(layer):
        for weights_in in ("kPairs", "kBytes"):
            yield _candidate(lowering, layer, most, tiling, weights_in)


def _on_itcm(inputs: int) -> bool:
    """Whether weights are read over the ITCM bus: those of an element, which each pair of tiles reads."""
    return 8 * inputs <= flash_reads.ART_BYTES


_OUTPUT = {0: (130, 200), 1: (172, 300), 2: (130, 200), 3: (80, 120)}
_INPUT = {0: (170, 230), 1: (260, 380), 2: (170, 230), 3: (100, 130)}
"""Cycles and instructions of the transforms by ``Tile.place``: of an output channel, of a pair of input channels."""


def _costs(layer: Layer, tiling: Tiling, inputs: int, *, in_bytes: bool) -> tuple[float, float]:
    """Cycles and instructions, put together from what the parts of the kernel take on the emulated chip.

    A pair of tiles takes four cycles an element and input channel, and nine behind that. Each pass reads all
    weights from flash, and code that is not in the cache: 750 cycles for four output channels and 350 a tile. The
    panel is taken to be in DTCM. Estimates beside what was measured, tiles of 4x4 and weights of 16 bit where not
    told: 13x13x32 to 64, pooled: -1 %, bytes 0 %, tiles of 2x2 +3 %; 5x5x64 to 32: -1 %, tiles of 2x2 +3 %, these
    with bytes +7 %; 32x32x16 to 16: 0 %. Not used to find the figures: the last with bytes -9 %, 16x16x32 to 32 -1
    %. Instructions: up to 10 % too many. No layer of few or of 128 channels, or above 32x32, was compared.
    """
    quads = ceil(layer.channels / 4)
    elements = len(tiling.elements)
    passes = len(tiling.passes)
    runs = sum(len(_GROUPS[group]) for one in tiling.passes for group, pairs in one.pairs.items() if pairs)
    found = [tile for one in tiling.passes for tile in one.tiles]
    window = layer.window
    cut = window.output_height % 2 or window.output_width % 2
    slower = 1.45 if layer.clamp == "kGeneral" or cut else 1.0
    cycles: float = quads * (tiling.products * (4 * inputs + 9) + runs * 20)
    instructions: float = quads * (tiling.products * (7 * inputs + 15) + runs * 20)
    for tile in found:
        cycles += _OUTPUT[tile.place][0] * layer.channels * slower + _INPUT[tile.place][0] * inputs / 2
        instructions += _OUTPUT[tile.place][1] * layer.channels * slower + _INPUT[tile.place][1] * inputs / 2
    copied = len(found) if window.padded or inputs != layer.weights.shape[3] else 0
    cycles += copied * 36 * (8 + 0.35 * inputs) + passes * quads * 750 + len(found) * 350
    instructions += copied * 36 * (12 + 0.5 * inputs)
    if in_bytes:
        transformed = passes * quads * 2 * inputs
        cycles += transformed * (50 + 4.1 * elements) + passes * quads * (30 * elements + 18 * inputs)
        instructions += transformed * (80 + 7 * elements)
    else:
        reads = flash_reads.over_itcm if _on_itcm(inputs) else flash_reads.cycles
        cycles += reads(quads * elements * 8 * inputs, 1, passes)
    return cycles, instructions


def _candidate(lowering: Lowering, layer: Layer, most: int, tiling: Tiling, weights_in: str) -> Candidate:
    inputs = 4 * ceil(layer.weights.shape[3] / 4)
    quads = ceil(layer.channels / 4)
    elements = len(tiling.elements)
    in_bytes = weights_in == "kBytes"
    panel_words = tiling.panel_words(inputs)
    transformed_words = elements * 2 * inputs if in_bytes else 0
    table = np.array([n for one in tiling.passes for n in one.written()], np.uint8)
    add = residual(layer.operator)
    apart = max(len(one.tiles) for one in tiling.passes) * 16 * layer.channels if add is not None else 0

    def build() -> Step:
        call = Call(lowering, layer)
        parameter = call.parameter("Tiling", "m7::Tiling", {"passes": len(tiling.passes), **tiling.room})
        tiles_name = call.constant(
            "Tiles",
            table,
            "of each pass, how many low, large, narrow and small tiles, then half of each one's row and column",
        )
        if in_bytes:
            values, text = quad_bytes(layer.weights), "four channels, group of four inputs, channel, tap"
        else:
            values, text = pairs(layer.weights, tiling.elements), "four channels, element, pair of inputs, channel"
        weights = call.constant("Weights", values, f"for Winograd F(4x4, 3x3): {text}")
        panel = call.panel("panel", panel_words)
        transformed = call.panel("weights", transformed_words) if in_bytes else "nullptr"
        read = flash_reads.on_itcm(weights) if _on_itcm(inputs) else weights
        arguments = [read, call.scalings(offset=128), tiles_name, panel, transformed]
        parameters = f"{call.conv(1, weights_in)}, {parameter}"
        if add is None:
            return call.of("winograd_4x4_int8", parameters, arguments)
        return _with_add(call, add, parameters, arguments, apart)

    constants = quads * 4 * inputs * (9 if in_bytes else 2 * elements) + layer.scalings.nbytes + table.nbytes
    cycles, instructions = _costs(layer, tiling, inputs, in_bytes=in_bytes)
    scratch = 4 * (panel_words + transformed_words) + apart
    if add is not None:
        elements_added = layer.outputs * layer.channels
        cycles, instructions = cycles + 8 * elements_added, instructions + 12 * elements_added
        constants += 2 * 1024
    name = f"winograd_{most}x{most}, {8 if in_bytes else 16} bit, {scratch} B"
    code = 15_000 if most == 4 else 8_000
    return Candidate(name, cycles, instructions, constants, scratch, build, code)


def _with_add(call: Call, add: Operator, parameters: str, arguments: list[str], apart: int) -> Step:
    """The step that adds what the convolution does not make; it may be overwritten, unless it is its input too."""
    own = call.operator.parts[0].output
    names = tables(call, add)
    first, second = terms(add)
    other = second if first is own else first
    term, other_term = names if first is own else reversed(names)
    graph, source = call.lowering.graph, call.operator.input
    return call.of(
        "winograd_4x4_add_int8",
        f"{parameters}, {int8(call, add, 'Add')}",
        [
            *arguments,
            call.lowering.buffer(other).name,
            term,
            other_term,
            call.scratch("apart", "int8", apart),
        ],
        header="winograd_4x4_int8",
        reads=(other, source),
        in_place=graph.root(other) is not graph.root(source),
    )
