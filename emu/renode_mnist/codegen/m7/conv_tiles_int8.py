"""conv_tiles_int8: a pair of channels goes over all tiles of a panel; weights in words, or in bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.m7 import flash_reads, half_words
from renode_mnist.codegen.m7.half_words import TapPairs, in_fours
from renode_mnist.codegen.m7.layer_int8 import Call, Layer
from renode_mnist.codegen.program import Step

_PANELS = tuple(kilobytes * 1024 for kilobytes in (2, 4, 8, 16, 32))
"""RAM to widen the input into: a candidate each, unless a single output or row of them needs more."""

POOLS = (1, 2, 4)
"""Pixels of a pool that can be fused: those of a tile."""

_UNROLLED = 32
"""Pairs of taps that are unrolled at most: 1.5 to 1.8 kB of code, of the 4 kB that the instruction cache holds."""
_REACH = 4095
"""Bytes that a load or store reaches from its base."""

_TILES = 240
"""Of a block at most: their list stands on the stack."""

_DTCM = 48 * 1024
"""Activations and scratch that are taken to fit DTCM."""
_CACHED = 3 * 1024
"""Bytes of the output that are taken to stay in the data cache."""


@dataclass(frozen=True)
class _Runs:
    """What ``m7::Tiles`` says of runs, and which taps they are.

    Attributes:
        taps: Of each run the pairs of taps, -1 for none.
        turns: Of the loop over a run; 0 where all runs are unrolled.
        pairs: Unrolled: of a turn, else of a run.
    """

    taps: list[TapPairs]
    turns: int
    pairs: int

    @property
    def run_words(self) -> int:
        return len(self.taps[0])

    @property
    def words(self) -> int:
        return len(self.taps) * self.run_words


def _in_twos(taps: Sequence[int]) -> TapPairs:
    padded = (*taps, -1)
    return [(padded[i], padded[i + 1]) for i in range(0, len(taps), 2)]


def _looped(taps: list[TapPairs], *, unrolls: bool) -> _Runs:
    """Runs of equal length, made longer where that divides them into turns; a turn has an even number of pairs."""
    length = len(taps[0])
    if unrolls and len(taps) * length <= _UNROLLED:
        return _Runs(taps, 0, length)

    def lengthened(turns: int) -> int:
        return ceil(length / turns / 2) * 2

    # A loop of two turns is predicted wrong at each of its ends.
    choices = [turns for turns in range(1, length + 1) if lengthened(turns) <= _UNROLLED and turns != 2]
    turns = min(choices[:6], key=lambda n: 8 * (n * lengthened(n) - length) + 3 * n)
    pairs = lengthened(turns)
    more = [(-1, -1)] * (turns * pairs - length)
    return _Runs([run + more for run in taps], turns, pairs)


@dataclass(frozen=True)
class _Way:
    """How a layer is gone about: ``m7::Tiles``, ``m7::ConvTiles``."""

    runs: _Runs
    pixels: int
    weights: str
    panel: str
    vertical: bool
    segment_step: int
    pixel_step: tuple[int, ...]
    output_step: tuple[int, ...]
    pitch: int
    second_copy: int
    block: int
    panel_words: int
    run_words: int
    scratch_words: int

    @property
    def reaches(self) -> bool:
        """Whether all loads and stores do."""
        first = (len(self.runs.taps) - 1) * self.segment_step if self.runs.turns == 0 else 0
        last = first + 4 * self.runs.pairs + max(self.pixel_step)
        return last <= _REACH and max(self.output_step) + 1 <= _REACH


def _spread(units: int, most: int, multiple: int) -> int:
    """The size of blocks, all of one size, the last one perhaps over its neighbour's end."""
    most = max(1, most)
    blocks = ceil(units / most)
    size = ceil(units / blocks)
    rounded = ceil(size / multiple) * multiple
    return min(rounded if rounded <= most else size, units)


def _pixels(layer: Layer, pixels: int, weights: str, budget: int) -> Iterator[_Way]:
    """A panel of gathered pixels."""
    pool = layer.pool[0] * layer.pool[1]
    outputs = pixels // pool
    for count in range(1, 65):
        if count == 1:
            taps = [in_fours(range(layer.depth))]
        else:
            length = ceil(layer.depth / count / 4) * 4
            padded = [*range(layer.depth), *[-1] * (count * length - layer.depth)]
            taps = [in_fours(padded[i : i + length]) for i in range(0, count * length, length)]
            taps = [run + [(-1, -1)] * (length // 2 - len(run)) for run in taps]
        runs = _looped(taps, unrolls=count == 1)
        pixel_bytes = 4 * runs.run_words
        block = _spread(layer.outputs, min(budget // (runs.words * 4 * pool), _TILES * outputs), outputs)
        # A block of fewer outputs than a tile's: the last one again.
        numbers = [min(i // pool, block - 1) * pool + i % pool for i in range(pixels)]
        way = _Way(
            runs=runs,
            pixels=pixels,
            weights=weights,
            panel="kPixels",
            vertical=False,
            segment_step=block * pool * pixel_bytes,
            pixel_step=tuple(number * pixel_bytes for number in numbers),
            output_step=tuple(min(i, block - 1) * layer.channels for i in range(outputs)),
            pitch=0,
            second_copy=0,
            block=block,
            panel_words=block * pool * runs.words,
            run_words=len(taps[0]),
            scratch_words=(block * pool * runs.words + (runs.run_words + 2 if count > 1 else 2)
                           + (2 * layer.groups if count > 1 else 0)),
        )  # fmt: skip
        if way.reaches:
            yield way
            return


def _rows(layer: Layer, pixels: int, weights: str, vertical: bool, budget: int) -> Iterator[_Way]:
    """A panel of widened rows."""
    window, (pool_height, pool_width) = layer.window, layer.pool
    inputs = layer.weights.shape[3]
    if window.dilation_width != 1 or window.kernel_height * window.kernel_width == 1:
        return
    height, width = window.output_height // pool_height, window.output_width // pool_width
    outputs = pixels // (pool_height * pool_width)
    fours = inputs % 4 == 0
    two_rows = window.stride_width * inputs % 2 == 1
    if two_rows and (
        vertical or pixels != 4 or width < outputs or (width - outputs) * pool_width % 2 or outputs * pool_width % 2
    ):
        return
    if vertical and (pool_height, pool_width) != (1, 1):
        return
    length = window.kernel_width * inputs
    order = in_fours if fours else _in_twos
    taps = [order(range(i * length, (i + 1) * length)) for i in range(window.kernel_height)]
    columns = (window.output_width - 1) * window.stride_width + window.kernel_width
    row_bytes = ceil(columns * inputs / 2) * 4 + (4 if two_rows else 0)
    for unrolls in (True, False):
        runs = _looped(taps, unrolls=unrolls)
        pitch = max(row_bytes, 4 * runs.run_words)
        copies = 2 if two_rows else 1

        def rows(block: int, copies: int = copies) -> int:
            seen = (block * pool_height - 1) * window.stride_height
            return copies * (seen + (window.kernel_height - 1) * window.dilation_height + 1)

        def tiles(block: int) -> int:
            long, short = (block, width) if vertical else (width, block)
            return ceil(long / outputs) * short

        fitting = (n for n in range(1, height + 1) if rows(n) * pitch <= budget and tiles(n) <= _TILES)
        most = max(fitting, default=1)
        block = _spread(height, most, outputs if vertical else 1)
        across = window.stride_width * inputs * 2
        down = window.stride_height * pitch
        along = block if vertical else width
        second = rows(block) // 2 * pitch if two_rows else 0
        steps, places = [], []
        for i in range(pixels):
            output, pixel = divmod(i, pool_height * pool_width)
            output = min(output, along - 1)
            y, x = divmod(pixel, pool_width)
            x += 0 if vertical else output * pool_width
            y += output * pool_height if vertical else 0
            steps.append(y * down + x * across + (second + 2 if two_rows and x % 2 else 0))
            places.append(output * layer.channels * (width if vertical else 1))
        way = _Way(
            runs=runs,
            pixels=pixels,
            weights=weights,
            panel="kRows" if fours else "kTwoRows" if two_rows else "kEvenRows",
            vertical=vertical,
            segment_step=window.dilation_height * pitch,
            pixel_step=tuple(steps),
            output_step=tuple(places[:: pool_height * pool_width]),
            pitch=pitch,
            second_copy=second,
            block=block,
            panel_words=rows(block) * pitch // 4,
            run_words=len(taps[0]),
            scratch_words=rows(block) * pitch // 4 + 2 + runs.run_words - len(taps[0]),
        )
        if way.reaches:
            yield way
            return


def _ways(layer: Layer, budget: int) -> Iterator[_Way]:
    pool = layer.pool[0] * layer.pool[1]
    for pixels, weights in ((3, "kBytes"), (4, "kBytes"), (4, "kWords")):
        if pixels % pool or (weights == "kBytes" and not _fits_bytes(layer)):
            continue
        yield from _pixels(layer, pixels, weights, budget)
        yield from _rows(layer, pixels, weights, False, budget)
        yield from _rows(layer, pixels, weights, True, budget)


def _channel_pairs(layer: Layer) -> npt.NDArray[np.int64]:
    """Both channels of each pair: the last pair of an odd number, in each group, repeats one."""
    channels = layer.channels // layer.channel_groups
    first = np.minimum(2 * np.arange(ceil(channels / 2)), max(channels - 2, 0))
    pairs = np.stack([first, np.minimum(first + 1, channels - 1)], axis=1)
    return np.concatenate([pairs + group * channels for group in range(layer.channel_groups)])


def _pair_count(layer: Layer) -> int:
    return layer.channel_groups * ceil(layer.channels // layer.channel_groups / 2)


def _fits_bytes(layer: Layer) -> bool:
    return layer.sums_below < 1 << 23 and half_words.fit(_halves(layer))


def _halves(layer: Layer) -> npt.NDArray[np.int64]:
    return half_words.half_words(layer, _channel_pairs(layer))


def _stored(layer: Layer, way: _Way) -> npt.NDArray[np.uint32]:
    """Weights as ``channel_pair`` reads them."""
    order = [pair for run in way.runs.taps for pair in run]
    if way.weights == "kBytes":
        return half_words.words(_halves(layer), order).reshape(-1)
    doubled = np.pad(2 * layer.weights.reshape(layer.channels, -1).astype(np.int16), ((0, 0), (0, 1)))
    words = doubled[_channel_pairs(layer)][:, :, np.array(order)].transpose(0, 2, 1, 3)
    return np.ascontiguousarray(words, "<i2").view("<u4").reshape(-1)


def _gathering(layer: Layer) -> float:
    """Cycles of a pixel's taps into a panel."""
    window, inputs = layer.window, layer.weights.shape[3]
    row = int(window.kernel_width * inputs)
    if row == layer.depth and inputs % 4 == 0 and layer.channel_groups == 1:
        return 0.8 * row if (window.stride_height, window.stride_width) == (1, 1) else 15 + 0.9 * row
    ends = 9 * window.kernel_width if window.padded or layer.channel_groups > 1 else 12
    return 20 + window.kernel_height * (ends + 1.1 * row)


def _pair_bytes(way: _Way) -> int:
    """Weights of a pair of channels, which each tile reads."""
    return way.runs.words * (4 if way.weights == "kBytes" else 8)


def _on_itcm(way: _Way) -> bool:
    """Whether they are read over the ITCM bus: where all tiles but the first find them in the ART accelerator."""
    return _pair_bytes(way) <= flash_reads.ART_BYTES


def _cycles(layer: Layer, way: _Way) -> float:
    """Within 7 % of what was measured on 25 layers of the compared networks."""
    pool = layer.pool[0] * layer.pool[1]
    pairs = _pair_count(layer)
    tile_outputs = way.pixels // pool
    height, width = (n // of for n, of in zip(_outputs(layer), layer.pool, strict=True))
    if way.panel == "kPixels":
        blocks, tiles = ceil(layer.outputs / way.block), ceil(way.block / tile_outputs)
        packing = blocks * way.block * pool * _gathering(layer)
    else:
        blocks = ceil(height / way.block)
        long, short = (way.block, width) if way.vertical else (width, way.block)
        tiles = ceil(long / tile_outputs) * short
        packing = blocks * way.panel_words * (1.5 if way.panel == "kRows" else 4)
    runs, turns = len(way.runs.taps), way.runs.turns
    loops = 8 + 2 * runs * turns + (8 * runs if runs > 1 < turns else 0) if turns else 0
    ends = _ENDS[way.pixels, pool] + (2 if way.weights == "kBytes" else 0)
    ends += {"kAtZeroPoint": 0, "kNone": 2, "kGeneral": 12}[layer.clamp] * tile_outputs
    tile = 2 * way.pixels * way.runs.words + loops + ends
    pair_bytes = _pair_bytes(way)
    reads = flash_reads.over_itcm if _on_itcm(way) else flash_reads.cycles
    calls = tiles * tile + 60 + reads(pair_bytes, tiles)
    return layer.channel_groups * packing + blocks * (pairs * calls + 8 * tiles + 10 * _missed_lines(layer, way))


_ENDS = {(3, 1): 30, (4, 1): 31, (4, 2): 28, (4, 4): 27}
"""Cycles of a tile beside its products, by its pixels and those of a pool."""


def _outputs(layer: Layer) -> tuple[int, int]:
    return layer.window.output_height, layer.window.output_width


def _missed_lines(layer: Layer, way: _Way) -> float:
    """Of a block's output where activations do not all fit DTCM: each pair of channels is written all over it."""
    window = layer.window
    inputs = window.input_height * window.input_width * layer.weights.shape[3]
    if inputs + layer.outputs * layer.channels + 4 * way.scratch_words < _DTCM:
        return 0
    width = 1 if way.panel == "kPixels" else window.output_width // layer.pool[1]
    count = way.block * width * layer.channels
    lines = min(count / 32, way.block * width)
    return lines * (1 if count < _CACHED else ceil(layer.channels / 2))


def least_cycles(layer: Layer) -> float:
    """Of the fastest way."""
    return min(_cycles(layer, way) for way in _every_way(layer))


def _every_way(layer: Layer) -> list[_Way]:
    ways = [way for budget in _PANELS for way in _ways(layer, budget)]
    # Where several pixels are too far apart.
    return ways or list(_pixels(layer, 4, "kWords", 0))


def candidates(lowering: Lowering, layer: Layer) -> Iterator[Candidate]:
    """For each kind of weights those ways than which none is faster with as little scratch memory."""
    for kind, bits in (("kBytes", 8), ("kWords", 16)):
        ways = [way for budget in _PANELS for way in _ways(layer, budget) if way.weights == kind]
        if kind == "kWords" and not ways:
            ways = list(_pixels(layer, 4, kind, 0))  # several pixels are too far apart
        best = float("inf")
        for way in sorted(ways, key=lambda way: (way.scratch_words, _cycles(layer, way))):
            cycles = _cycles(layer, way)
            if cycles < best:
                best = cycles
                yield _candidate(lowering, layer, way, f"tiles_int8, {bits} bit, {4 * way.scratch_words} B", cycles)


def _candidate(lowering: Lowering, layer: Layer, way: _Way, name: str, cycles: float) -> Candidate:
    flash = _flash_bytes(layer, way)
    instructions = 1.75 * cycles
    return Candidate(name, cycles, instructions, flash, 4 * way.scratch_words, lambda: _build(lowering, layer, way))


def _flash_bytes(layer: Layer, way: _Way) -> int:
    pairs = _pair_count(layer)
    return pairs * (_pair_bytes(way) + 32)


def _build(lowering: Lowering, layer: Layer, way: _Way) -> Step:
    call = Call(lowering, layer)
    pool = layer.pool[0] * layer.pool[1]
    tiles = call.shared_parameter(
        "Tiles",
        "m7::Tiles",
        {
            "pixels": way.pixels,
            "weights": f"m7::TileWeights::{way.weights}",
            "segments": len(way.runs.taps),
            "segment_step": way.segment_step,
            "turns": way.runs.turns,
            "pairs": way.runs.pairs,
            "pixel_step": (*way.pixel_step, 0)[:4],
            "pool": pool,
            "output_step": (*way.output_step, 0, 0, 0)[:4],
            "second_channel": min(1, layer.channels // layer.channel_groups - 1),
            "clamp": f"m7::Clamp::{layer.clamp}",
            "least": layer.least,
            "greatest": layer.greatest,
        },
    )
    conv = call.shared_parameter(
        "Blocks",
        "m7::ConvTiles",
        {
            "output_channels": layer.channels,
            "groups": layer.channel_groups,
            "input_zero_point": layer.input_zero_point,
            "pool_height": layer.pool[0],
            "pool_width": layer.pool[1],
            "panel": f"m7::Panel::{way.panel}",
            "block": way.block,
            "vertical": way.vertical,
            "pitch": way.pitch,
            "second_copy": way.second_copy,
            "panel_words": way.panel_words,
            "run_words": way.run_words,
        },
    )
    text = "halves a + 256 b" if way.weights == "kBytes" else "doubled, of both channels"
    weights = call.constant("Weights", _stored(layer, way), f"pair of channels, pair of taps: {text}")
    scalings = call.constant(
        "Scalings",
        layer.scalings[_channel_pairs(layer)].reshape(-1, 4),
        "twice the bias, multiplier, offset, shift of each channel",
    )
    panel = call.panel("panel", way.scratch_words)
    read = flash_reads.on_itcm(weights) if _on_itcm(way) else weights
    return call.of("conv_tiles_int8", f"{conv}, {tiles}", [read, scalings, panel])
