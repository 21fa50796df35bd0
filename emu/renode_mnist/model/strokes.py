"""Digits drawn by code: lines of points, as a pen would leave them."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw

from renode_mnist.errors import ImageError

Stroke = Sequence[tuple[float, float]]
"""Points (x, y) in [0, 1] from the left and from the top, joined by straight lines."""

PICTURE_SIDE = 280

#: In shares of the picture's side: what MNIST's digits have, two to three of 28 pixels.
WIDTH = 0.09


def draw_digit(strokes: Sequence[Stroke], width: float = WIDTH) -> Image.Image:
    """White strokes with round ends on a black picture of 280x280.

    Args:
        strokes: A stroke of one point is a dot.
        width: Of the pen, in shares of the picture's side.

    Raises:
        ImageError: There is no stroke, or a point is outside the picture.
    """
    if not any(strokes):
        raise ImageError("no stroke was drawn", "Give at least one point (x, y) in [0, 1].")
    picture = Image.new("L", (PICTURE_SIDE, PICTURE_SIDE))
    pen = ImageDraw.Draw(picture)
    radius = width * PICTURE_SIDE / 2
    for stroke in strokes:
        for x, y in stroke:
            if not (0 <= x <= 1 and 0 <= y <= 1):
                raise ImageError(f"the point ({x}, {y}) is outside the picture", "Keep x and y in [0, 1].")
        points = [(x * PICTURE_SIDE, y * PICTURE_SIDE) for x, y in stroke]
        pen.line(points, fill=255, width=round(2 * radius))
        for x, y in points:  # round ends and joints
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return picture
