"""Brings a picture of a digit to the form the network was trained on.

MNIST was made so (LeCun, Cortes, Burges): the digit's bounding box scaled to a longest side of 20 pixels with
its aspect kept and its edges smoothed, white on black, its centre of mass put at pixel (14, 14) of a 28x28
field. All its 70,000 pictures obey this, so one that already does is left untouched.
"""

from __future__ import annotations

import io
import os
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps, ImageStat, UnidentifiedImageError

from renode_mnist import outside
from renode_mnist.errors import ImageError

SIDE = 28
DIGIT_SIDE = 20

#: Refused from the header alone, before a pixel is unpacked. Of a long thin one no area tells the cost.
PIXEL_LIMIT = 50_000_000
SIDE_LIMIT = 20_000
BYTES_LIMIT = 250_000_000

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")

#: The digit is sought in a copy of about this many pixels a side, and scaled to 20 from about 200.
_SEARCH_SIDE = 320
_SCALING_SIDE = 10 * DIGIT_SIDE

#: A digit has 8 touching pixels in the search copy that differ from the background by 12 grey levels, by 5
#: standard deviations of its noise, and by 0.6 of the whole contrast. The last finds noise that white or black
#: clips, whose deviation can't be told: its peaks stand alone.
_INK_PIXELS = 8
_CONTRAST = 12.0
_CONTRAST_SIGMAS = 5.0
_CORE = 0.6

#: Share of the contrast from which a pixel belongs to the digit.
_INK = 0.35

#: A part smaller than this share of the largest is dust; the bar of a 5 is a tenth of it and more.
_DUST = 0.05

#: A background counts as even if most of the picture's rim is within so many grey levels of one value.
_EVEN = 6.0

#: Strokes whose peaks fall below this when scaled down are under half a pixel wide: MNIST's are two to three.
_FAINT = 0.5

Plane = NDArray[np.float64]
Mask = NDArray[np.bool_]
_Value = TypeVar("_Value", np.bool_, np.int64)
Box = tuple[int, int, int, int]
Picture = str | os.PathLike[str] | Image.Image | NDArray[Any]
"""A file, a picture that Pillow holds, or an array."""


@dataclass(frozen=True)
class Digit:
    """A picture as the network sees it, and what was done to it.

    Attributes:
        pixels: (28, 28) uint8, white on black.
        source_size: (width, height) of the picture.
        unchanged: Whether it already was as MNIST's are; then nothing below was done.
        inverted: Whether the digit was darker than its background.
        flattened: Whether uneven light was taken out.
        box: (left, top, right, bottom) of the digit in the picture, the last two exclusive.
    """

    pixels: NDArray[np.uint8]
    source_size: tuple[int, int]
    unchanged: bool
    inverted: bool
    flattened: bool
    box: Box

    def describe(self) -> str:
        """What was done, in one line."""
        size = f"{self.source_size[0]}x{self.source_size[1]}"
        if self.unchanged:
            return f"{size}, already as MNIST's"
        left, top, right, bottom = self.box
        steps = [f"{size}, digit at ({left}, {top}), {right - left}x{bottom - top}"]
        steps += ["inverted"] if self.inverted else []
        steps += ["uneven light removed"] if self.flattened else []
        return ", ".join(steps)


def read(path: Path) -> Digit:
    """Reads a picture file of any size, mode and polarity.

    Raises:
        ImageError: No picture, a damaged, a huge or a blank one.
    """
    try:
        raw = outside.content(path, BYTES_LIMIT)
    except OSError as error:
        raise ImageError(f"{path} can't be read ({error.strerror})", "Check the file's name.") from None
    return from_bytes(raw, str(path))


def from_bytes(raw: bytes, origin: str = "the picture") -> Digit:
    """As ``read``, for a picture file in memory.

    Args:
        raw: The file's bytes.
        origin: Its name for error messages.
    """
    return from_image(open_picture(raw, origin), origin)


def open_picture(raw: bytes, origin: str) -> Image.Image:
    """Decodes a picture file, whatever it shows.

    Raises:
        ImageError: No picture, a damaged or a huge one.
    """
    if not raw:
        raise ImageError(f"{origin} is empty", "Give a picture.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # Only formats with a decoder of Pillow's own; the rest may start other programs.
            picture = Image.open(io.BytesIO(raw), formats=FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError, ValueError, SyntaxError, OSError) as error:
        if isinstance(error, Image.DecompressionBombError):
            raise _too_large(origin) from None
        raise ImageError(f"{origin} is no picture", f"Give one of {', '.join(FORMATS)}.") from None
    if picture.width * picture.height > PIXEL_LIMIT or max(picture.size) > SIDE_LIMIT:
        raise _too_large(origin)
    try:
        picture.load()
    except Exception as error:
        # For damaged files its decoders raise OSError, SyntaxError, ValueError, IndexError, struct.error.
        raise ImageError(f"{origin} is damaged ({error})", "Save or download it again.") from None
    return picture


def upright(picture: Image.Image) -> Image.Image:
    """As its camera was held; as it is where what it says of that is damaged, which shows nothing worse than that."""
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # a reader of TIFF within PNG, JPEG or WebP: see outside.reading
        return picture


def from_image(picture: Image.Image, origin: str = "the picture") -> Digit:
    """As ``read``, for a picture that Pillow holds."""
    grey = _grey(upright(picture))
    exact = np.asarray(grey)
    for pixels, inverted in ((exact, False), (255 - exact, True)):
        if is_mnist_form(pixels):
            return Digit(pixels, grey.size, not inverted, inverted, False, _bounds(pixels > 0))

    factor = max(1, max(grey.size) // _SEARCH_SIDE)
    small = _plane(grey.reduce(factor))
    light = _Light.behind(small)
    ink = small - light.level(*_centres(small.shape))
    contrast = _contrast(ink)
    enough = abs(contrast) >= max(_CONTRAST, _CONTRAST_SIGMAS * light.noise)
    if not enough or _areas(_components(ink / contrast > _CORE)).max() < _INK_PIXELS:
        raise ImageError(f"{origin} is blank", "Give a picture with one digit that stands out from its background.")
    left, top, right, bottom = (edge * factor for edge in _bounds(_without_dust(ink / contrast > _INK)))
    box = left, top, min(right, grey.width), min(bottom, grey.height)
    pixels = _centred(_scaled(_strength(grey, box, light, contrast)))
    return Digit(pixels, grey.size, False, contrast < 0, light.uneven, box)


def to_pixels(picture: Picture) -> NDArray[np.uint8]:
    """Any picture as the network wants it: (28, 28) uint8, white ink on black.

    Args:
        picture: An array of (28, 28) uint8 is taken as it is. Any other array, grey (height, width) or colour
            (height, width, 3 or 4), and with further axes of length 1, holds whole numbers in [0, 255] or
            floating-point ones in [0, 1]; it is brought to MNIST's form like a file or a Pillow image.

    Raises:
        ImageError: It is no picture, a damaged, a huge or a blank one.
    """
    if isinstance(picture, np.ndarray):
        if picture.shape == (SIDE, SIDE) and picture.dtype == np.uint8:
            return picture
        return from_image(_from_array(picture), "the array").pixels
    if isinstance(picture, Image.Image):
        return from_image(picture).pixels
    if isinstance(picture, str | os.PathLike):
        return read(Path(picture)).pixels
    raise ImageError(
        f"a {type(picture).__name__} is no picture", "Give a file's path, a Pillow image or a NumPy array."
    )


def name_of(picture: Picture) -> str:
    """What to call a picture in a record: its file's name, else nothing."""
    return Path(picture).name if isinstance(picture, str | os.PathLike) else ""


def _from_array(array: NDArray[Any]) -> Image.Image:
    values = array.squeeze()
    colour = values.ndim == 3 and values.shape[2] in (3, 4)
    if not (colour or values.ndim == 2) or values.size == 0 or values.dtype.kind not in "buif":
        raise ImageError(
            f"an array of shape {array.shape} and type {array.dtype} is no picture",
            "Give numbers of (height, width), or (height, width, 3) for colour.",
        )
    if values.size > PIXEL_LIMIT * (values.shape[2] if colour else 1) or max(values.shape[:2]) > SIDE_LIMIT:
        raise _too_large("the array")
    limit = 255 if values.dtype.kind in "ui" else 1
    if not (values.min() >= 0 and values.max() <= limit):  # a NaN is neither
        raise ImageError(
            f"the array's values go from {values.min()} to {values.max()}",
            "Whole numbers must be in [0, 255], floating-point ones in [0, 1].",
        )
    return Image.fromarray((values if limit == 255 else np.rint(values * 255.0)).astype(np.uint8))


def is_mnist_form(pixels: NDArray[np.uint8]) -> bool:
    """Whether a picture obeys the rules of MNIST, each within half a pixel (one for the 19 of a few)."""
    if pixels.shape != (SIDE, SIDE) or not pixels.any():
        return False
    left, top, right, bottom = _bounds(pixels > 0)
    middle = np.abs(np.array(_centre_of_mass(pixels)) - SIDE // 2).max()
    return max(right - left, bottom - top) in (DIGIT_SIDE - 1, DIGIT_SIDE) and bool(middle <= 0.501)


def _grey(picture: Image.Image) -> Image.Image:
    """8-bit grey of any mode; what is transparent takes the colour that the rest stands out from."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        values = np.asarray(picture, np.float32)
        return Image.fromarray((values / (257 if values.max() > 255 else 1)).clip(0, 255).astype(np.uint8))
    if not picture.has_transparency_data:
        return picture.convert("RGB").convert("L")
    layers = picture.convert("RGBA")
    grey, alpha = layers.convert("RGB").convert("L"), layers.getchannel("A")
    dark = not alpha.getbbox() or ImageStat.Stat(grey, alpha).mean[0] < 128
    return Image.composite(grey, Image.new("L", picture.size, 255 if dark else 0), alpha)


_TERMS = 6
"""Of the surface; fewer pixels don't determine it."""


@dataclass(frozen=True)
class _Light:
    """The background's grey level: a quadratic surface over the picture, which follows a lamp or a vignette.

    Attributes:
        coefficients: Of 1, x, y, x^2, x y, y^2, with x and y in [-1, 1] over the picture.
        noise: Standard deviation of the background around the surface, in grey levels.
        uneven: Whether the surface is more than a constant.
    """

    coefficients: Plane
    noise: float
    uneven: bool

    @classmethod
    def behind(cls, plane: Plane) -> _Light:
        """The light on the rim of the picture, then of all pixels that look like background by it."""
        rim = np.ones(plane.shape, np.bool_)
        margin = max(1, min(plane.shape) // 20)
        rim[margin:-margin, margin:-margin] = False
        middle = float(np.median(plane[rim]))
        if np.mean(np.abs(plane[rim] - middle) <= _EVEN) > 0.5:
            constant = cls(np.array([middle, 0, 0, 0, 0, 0]), 0.0, False)
            return constant._with_noise(plane, rim)
        light = cls._fitted(plane, rim)
        for _ in range(4):
            ink = plane - light.level(*_centres(plane.shape))
            background = np.abs(ink) < max(_CONTRAST, _INK * abs(_contrast(ink)))
            if np.count_nonzero(background) < _TERMS:
                break
            light = cls._fitted(plane, background)
        return light

    @classmethod
    def _fitted(cls, plane: Plane, where: Mask) -> _Light:
        """Least squares over ``where``, three times, each without what was off by two deviations before."""
        terms = _terms(*_centres(plane.shape))
        kept = where
        for _ in range(3):
            coefficients = np.linalg.lstsq(terms[kept], plane[kept], rcond=None)[0].astype(np.float64)
            light = cls(coefficients, 0.0, True)._with_noise(plane, kept)
            off = np.abs(plane - light.level(*_centres(plane.shape)))
            near = where & (off <= max(2 * light.noise, 1.0))
            if np.count_nonzero(near) < _TERMS:  # black and white in equal parts: the surface lies between them
                break
            kept = near
        return light

    def _with_noise(self, plane: Plane, where: Mask) -> _Light:
        off = np.abs(plane - self.level(*_centres(plane.shape)))[where]
        # The median absolute deviation of a normal distribution is 0.6745 sigma; some ink doesn't move it.
        return replace(self, noise=float(np.median(off)) / 0.6745)

    def level(self, x: Plane, y: Plane) -> Plane:
        """Grey levels at ``x``, ``y`` in [-1, 1]."""
        levels: Plane = _terms(x, y) @ self.coefficients
        return levels


def _terms(x: Plane, y: Plane) -> Plane:
    return np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)


def _centres(shape: tuple[int, ...], box: tuple[float, float, float, float] = (0, 0, 1, 1)) -> tuple[Plane, Plane]:
    """X and y in [-1, 1] of each pixel of a picture of ``shape`` that fills ``box`` (shares of the whole)."""
    left, top, right, bottom = box
    x = left + (np.arange(shape[1]) + 0.5) / shape[1] * (right - left)
    y = top + (np.arange(shape[0]) + 0.5) / shape[0] * (bottom - top)
    across, down = np.meshgrid(2 * x - 1, 2 * y - 1)
    return across, down


def _contrast(ink: Plane) -> float:
    """What most stands out from the background, in grey levels; negative where the digit is darker."""
    count = min(_INK_PIXELS, ink.size)
    ordered = np.sort(ink, axis=None)
    lighter, darker = float(ordered[-count]), float(ordered[count - 1])
    return lighter if lighter >= -darker else darker


def _without_dust(ink: Mask) -> Mask:
    """The digit without specks; parts closer than two pixels count as one, so that a pencil's gaps don't."""
    labels = _components(_spread(ink))
    labels[~ink] = 0
    areas = _areas(labels)
    large: Mask = areas >= _DUST * areas.max()
    return ink & large[labels]


def _components(mask: Mask) -> NDArray[np.int64]:
    """A number for each set of touching pixels (eight neighbours), 0 outside.

    Each pixel starts with a number of its own and takes the largest around it, then the one that the pixel of
    that number has by now: a long stroke needs a handful of rounds in place of one a pixel.
    """
    numbers = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        grown = np.where(mask, _spread(numbers), 0)
        grown = np.concatenate([[0], grown.ravel()])[grown]
        if np.array_equal(grown, numbers):
            return numbers
        numbers = grown


def _areas(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pixels of each label; of 0, the outside, none."""
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return areas


def _spread(values: NDArray[_Value]) -> NDArray[_Value]:
    """The largest value in each 3x3 neighbourhood."""
    for _ in range(2):  # along rows, then along columns, back where it was
        values = values.T
        wide = values.copy()
        np.maximum(wide[1:], values[:-1], out=wide[1:])
        np.maximum(wide[:-1], values[1:], out=wide[:-1])
        values = wide
    return values


def _strength(grey: Image.Image, box: Box, light: _Light, contrast: float) -> Image.Image:
    """The digit cut out, 0 where the background is and 255 where the ink is full."""
    cut = grey.crop(box)
    cut = cut.reduce(max(1, max(cut.size) // _SCALING_SIDE))
    width, height = grey.size
    shares = box[0] / width, box[1] / height, box[2] / width, box[3] / height
    plane = _plane(cut)
    strength = (plane - light.level(*_centres(plane.shape, shares))) / contrast
    floor = min(3 * light.noise / abs(contrast), _INK)
    return Image.fromarray((((strength - floor) / (1 - floor)).clip(0, 1) * 255).round().astype(np.uint8))


def _scaled(strength: Image.Image) -> NDArray[np.uint8]:
    """A longest side of 20 pixels, aspect kept, strokes at full brightness."""
    longest = max(strength.size)
    width, height = (max(1, round(side * DIGIT_SIDE / longest)) for side in strength.size)
    scaled = strength.resize((width, height), Image.Resampling.BICUBIC)
    pen = longest // DIGIT_SIDE | 1
    if _peak(scaled) < _FAINT * 255 and pen > 1:  # Pillow 12.3 divides by zero, and dies of it, in MaxFilter(1)
        scaled = strength.filter(ImageFilter.MaxFilter(pen)).resize((width, height), Image.Resampling.BICUBIC)
    return (np.asarray(scaled, np.float32) * (255 / _peak(scaled))).clip(0, 255).round().astype(np.uint8)


def _peak(scaled: Image.Image) -> float:
    """The brightness that a stroke's middle reaches: more than a few pixels, less than a short stroke."""
    ordered = np.sort(np.asarray(scaled), axis=None)
    return max(1.0, float(ordered[-min(_INK_PIXELS, len(ordered))]))


def _centred(digit: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The 28x28 field with the digit's centre of mass at (14, 14), as near as its edges allow."""
    corner = [
        int(np.clip(round(SIDE // 2 - middle), 0, SIDE - side))
        for middle, side in zip(_centre_of_mass(digit), digit.shape, strict=True)
    ]
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[corner[0] : corner[0] + digit.shape[0], corner[1] : corner[1] + digit.shape[1]] = digit
    return field


def _centre_of_mass(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Row and column."""
    mass = pixels.astype(np.float64)
    total = mass.sum()
    rows, columns = (np.arange(side) for side in pixels.shape)
    return float(mass.sum(axis=1) @ rows / total), float(mass.sum(axis=0) @ columns / total)


def _bounds(mask: Mask) -> Box:
    """Left, top, right, bottom of what is set; the last two exclusive."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _plane(grey: Image.Image) -> Plane:
    return np.asarray(grey, np.float64)


def _too_large(origin: str) -> ImageError:
    return ImageError(
        f"{origin} has more than {PIXEL_LIMIT:,} pixels, or {SIDE_LIMIT:,} along a side",
        "Scale it down or cut the digit out.",
    )
