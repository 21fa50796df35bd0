"""A picture as an image tensor: height, width, channels and range brought to the model's by a rule that is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from renode_mnist.errors import DataError
from renode_mnist.model.interface import TensorSpec

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_CHANNELS = {1: "grey (ITU-R 601)", 3: "RGB", 4: "RGBA"}
_LEAST_SIDE = 8
"""Of an image whose channels have no axis; 100x6 is rather six sensors over time."""
_USUAL_RANGES = ((0.0, 1.0), (-1.0, 1.0), (0.0, 255.0))


@dataclass(frozen=True)
class Range:
    """What black and white stand for, a pair a channel or one for all.

    Attributes:
        low: Real numbers of black.
        high: Of white.
        why: Who says so.
    """

    low: tuple[float, ...]
    high: tuple[float, ...]
    why: str

    @classmethod
    def normalised(cls, mean: Sequence[float], deviation: Sequence[float], why: str) -> Range:
        """As (pixel - mean) / deviation, pixels from 0 to 255."""
        pairs = list(zip(mean, deviation, strict=True))
        return cls(tuple((0 - m) / d for m, d in pairs), tuple((255 - m) / d for m, d in pairs), why)

    def __str__(self) -> str:
        shown = ", ".join(f"{low:.4g} to {high:.4g}" for low, high in zip(self.low, self.high, strict=True))
        return f"black to white {shown} ({self.why})"


def usual_range(spec: TensorSpec) -> Range:
    """Of 0..1, -1..1 and 0..255 the one that a quantised tensor's own range is nearest to; 0..1 for others."""
    if not spec.is_quantised:
        return Range((0.0,), (1.0,), "the usual range; --pixel-range names another")
    least, most = ((limit - spec.zero_point) * spec.scale for limit in spec.limits)
    low, high = min(
        _USUAL_RANGES, key=lambda pair: (abs(pair[0] - least) + abs(pair[1] - most)) / (pair[1] - pair[0])
    )
    return Range((low,), (high,), f"of the usual ranges the nearest to the tensor's {least:.4g} to {most:.4g}")


def to_reals(image: Image.Image, spec: TensorSpec, pixels: Range, name: str) -> tuple[npt.NDArray[Any], str]:
    """The picture as the tensor's real numbers, of the tensor's shape, and what was done to it in one line.

    It is scaled to the tensor's height and width by Pillow's bilinear filter, without keeping its aspect.

    Raises:
        DataError: The tensor is no image.
    """
    height, width, channels = image_shape(spec, name)
    if len(pixels.low) not in (1, channels):
        raise DataError(f"{len(pixels.low)} ranges are given for {channels} channels", "Give one, or one a channel.")
    mode = _MODES[channels]
    brought = _flat(image, mode).resize((width, height), Image.Resampling.BILINEAR)
    shares = np.asarray(brought, np.float64).reshape(height, width, channels) / 255
    low, high = np.array(pixels.low), np.array(pixels.high)
    done = f"{image.width}x{image.height} {image.mode}"
    if image.size != (width, height):
        aspect = "" if image.width * height == image.height * width else ", aspect not kept"
        done += f" scaled to {width}x{height} (bilinear{aspect})"
    return (low + shares * (high - low)).reshape(spec.shape), f"{done}, {_CHANNELS[channels]}, {pixels}"


def is_image(spec: TensorSpec) -> bool:
    """Whether a picture can be brought into a tensor's form."""
    try:
        image_shape(spec, "")
    except DataError:
        return False
    return True


def image_shape(spec: TensorSpec, name: str) -> tuple[int, int, int]:
    """Height, width and channels of a tensor that takes a picture, which is called ``name``.

    Raises:
        DataError: It takes none.
    """
    shape = spec.shape[1:] if len(spec.shape) > 2 and spec.shape[0] == 1 else spec.shape
    if len(shape) == 2 and min(shape) >= _LEAST_SIDE:
        shape = (*shape, 1)
    if len(shape) != 3 or shape[2] not in _MODES:
        raise DataError(
            f"{name} is a picture, and the input {spec} is no image of 1, 3 or 4 channels",
            "Give its numbers as .npy, .npz, .csv or .json.",
        )
    return shape[0], shape[1], shape[2]


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Eight bits a channel; what is transparent lies on black where the tensor has no alpha."""
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, np.float64)
        image = Image.fromarray((values / (257 if values.max(initial=0) > 255 else 1)).clip(0, 255).astype(np.uint8))
    if mode != "RGBA" and image.has_transparency_data:
        layers = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, (0, 0, 0, 255)), layers).convert("RGB")
    return image.convert(mode)
