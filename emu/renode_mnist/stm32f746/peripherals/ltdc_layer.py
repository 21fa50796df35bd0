"""A layer of the LCD controller: its window, its pixels, and how it lies upon what is below (RM0385 18.3.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from renode_mnist.stm32f746.peripheral import field

FIRST_LAYER, LAYER_BYTES, LAYERS = 0x84, 0x80, 2
CR, WHPCR, WVPCR, CKCR, PFCR, CACR, DCCR, BFCR, CFBAR, CFBLR, CFBLNR = (
    0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18, 0x1C, 0x28, 0x2C, 0x30,
)  # fmt: skip
_LEN, _COLKEN, _CLUTEN = 1 << 0, 1 << 1, 1 << 4
_BY_PIXEL = (6, 7)
"""BF1 and BF2: the pixel's alpha counts besides the constant one."""
_OPAQUE = 255


class _Format(NamedTuple):
    """Of a pixel: its bytes, and (lowest bit, bits) of alpha, red, green and blue; a palette's index has none."""

    size_bytes: int
    alpha: tuple[int, int]
    red: tuple[int, int] = (0, 0)
    green: tuple[int, int] = (0, 0)
    blue: tuple[int, int] = (0, 0)


_FORMATS = (
    _Format(4, (24, 8), (16, 8), (8, 8), (0, 8)),  # ARGB8888
    _Format(3, (0, 0), (16, 8), (8, 8), (0, 8)),  # RGB888
    _Format(2, (0, 0), (11, 5), (5, 6), (0, 5)),  # RGB565
    _Format(2, (15, 1), (10, 5), (5, 5), (0, 5)),  # ARGB1555
    _Format(2, (12, 4), (8, 4), (4, 4), (0, 4)),  # ARGB4444
    _Format(1, (0, 0)),  # L8
    _Format(1, (4, 4)),  # AL44
    _Format(2, (8, 8)),  # AL88
)
"""By PF."""
_INDEX_BITS = {5: 8, 6: 4, 7: 8}

Pixels = npt.NDArray[np.float64]


def _component(words: npt.NDArray[np.uint32], place: tuple[int, int], absent: int) -> Pixels:
    """0 to 255; fewer bits are repeated to the right, as the controller does."""
    low, bits = place
    if not bits:
        return np.full(words.shape, float(absent))
    value = words >> low & (1 << bits) - 1
    widened = value << 8 - bits
    filled = bits
    while filled < 8:
        widened |= widened >> filled
        filled *= 2
    return widened.astype(np.float64)


class Layer:
    """One of the two, as it is in effect.

    Args:
        registers: By their offset within the layer.
        table: Its colour look-up table, 0xRRGGBB.
    """

    def __init__(self, registers: Mapping[int, int], table: Sequence[int]) -> None:
        self._registers = registers
        self._table = table

    def _get(self, offset: int, reset: int = 0) -> int:
        return self._registers.get(offset, reset)

    def blend(self, picture: Pixels, back_porch: int, read: Callable[[int, int], bytes | None]) -> None:
        """Lays the layer upon ``picture`` (height x width x 3), in place.

        Args:
            picture: What is below it.
            back_porch: BPCR, from which windows are counted.
            read: Reads the memories.
        """
        if not self._get(CR) & _LEN:
            return
        left = field(self._get(WHPCR), 0, 12) - field(back_porch, 16, 12) - 1
        right = field(self._get(WHPCR), 16, 12) - field(back_porch, 16, 12)
        top = field(self._get(WVPCR), 0, 11) - field(back_porch, 0, 11) - 1
        bottom = field(self._get(WVPCR), 16, 11) - field(back_porch, 0, 11)
        height, width, _ = picture.shape
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            return
        colours, alpha = self._pixels(right - left, bottom - top, read)
        by_pixel = field(self._get(BFCR, 0x607), 8, 3) == _BY_PIXEL[0]
        constant = field(self._get(CACR, 255), 0, 8) / _OPAQUE
        upper = constant * alpha / _OPAQUE if by_pixel else np.full(alpha.shape, constant)
        below_by_pixel = field(self._get(BFCR, 0x607), 0, 3) == _BY_PIXEL[1]
        lower = 1 - (constant * alpha / _OPAQUE if below_by_pixel else np.full(alpha.shape, constant))
        window = picture[top:bottom, left:right]
        window[:] = upper[..., None] * colours + lower[..., None] * window

    def _pixels(self, width: int, height: int, read: Callable[[int, int], bytes | None]) -> tuple[Pixels, Pixels]:
        """(Height x width x 3 of colours, height x width of alpha); what memory does not hold has DCCR's colour."""
        number = field(self._get(PFCR), 0, 3)
        pixel = _FORMATS[number]
        pitch = field(self._get(CFBLR), 16, 13)
        default = self._get(DCCR)
        words = np.zeros((height, width), np.uint32)
        there = np.zeros((height, width), bool)
        lines = min(height, field(self._get(CFBLNR), 0, 11))
        columns = max(0, min(width, (field(self._get(CFBLR), 0, 13) - 3) // pixel.size_bytes))
        for row in range(lines):
            data = read(self._get(CFBAR) + row * pitch & 0xFFFF_FFFF, columns * pixel.size_bytes)
            if data is None:
                continue
            there[row, :columns] = True
            raw = np.frombuffer(data, np.uint8).reshape(columns, pixel.size_bytes).astype(np.uint32)
            for byte in range(pixel.size_bytes):
                words[row, :columns] |= raw[:, byte] << 8 * byte
        alpha = _component(words, pixel.alpha, _OPAQUE)
        if number in _INDEX_BITS:
            words = self._from_table(words, _INDEX_BITS[number])
            pixel = _FORMATS[1]
        colours = np.stack([_component(words, place, 0) for place in (pixel.red, pixel.green, pixel.blue)], axis=-1)
        if self._get(CR) & _COLKEN:
            key = self._get(CKCR)
            is_key = (colours == (field(key, 16, 8), field(key, 8, 8), field(key, 0, 8))).all(axis=-1)
            colours[is_key], alpha[is_key] = 0, 0
        colours[~there] = (field(default, 16, 8), field(default, 8, 8), field(default, 0, 8))
        alpha[~there] = field(default, 24, 8)
        return colours, alpha

    def _from_table(self, words: npt.NDArray[np.uint32], bits: int) -> npt.NDArray[np.uint32]:
        """Of an index its colour; without a table it is a grey."""
        index = words & (1 << bits) - 1
        if self._get(CR) & _CLUTEN:
            places = index * 17 if bits == 4 else index  # AL44 uses a place in 17 (RM0385 18.3.2)
            return np.take(np.array(self._table, np.uint32), places)
        grey = index * 17 if bits == 4 else index
        return (grey << 16 | grey << 8 | grey).astype(np.uint32)
