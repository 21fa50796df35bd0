"""A picture as the C++ header of the console's built-in digit.

Run as ``python -m renode_mnist.codegen.builtin_digit PICTURE --output builtin_digit.hpp``; CMake does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from renode_mnist.errors import ImageError, RenodeMnistError

_SIDE = 28
_PER_LINE = 28


def emit(pixels: npt.NDArray[np.uint8], name: str) -> str:
    """The header's text.

    Args:
        pixels: uint8, 28x28, white ink on black.
        name: Where the picture came from, for the comment.
    """
    rows = [", ".join(f"{pixel:3d}" for pixel in row) for row in pixels.reshape(-1, _PER_LINE)]
    return "\n".join(
        [
            f"// Written by renode_mnist.codegen.builtin_digit from {name}.",
            "#pragma once",
            "",
            "#include <cstdint>",
            "",
            "namespace builtin_digit {",
            "",
            "// White ink on black, row by row.",
            f"inline constexpr std::uint8_t kPixels[{_SIDE * _SIDE}] = {{",
            *(f"    {row}," for row in rows),
            "};",
            "",
            "}  // namespace builtin_digit",
            "",
        ]
    )


def load(picture: Path) -> npt.NDArray[np.uint8]:
    """The pixels of a picture that already is as the network wants it: uint8, 28x28.

    Raises:
        ImageError: It cannot be read, or is not 28x28.
    """
    try:
        with Image.open(picture) as image:
            size = image.size
            if size != (_SIDE, _SIDE):
                raise ImageError(
                    f"{picture} is {size[0]}x{size[1]}, not {_SIDE}x{_SIDE}",
                    "Take one of models/digits, or bring it to 28x28 with white ink on black first.",
                )
            return np.asarray(image.convert("L"), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise ImageError(f"{picture} cannot be read as a picture ({error})", "Give a PNG.") from error


@click.command()
@click.argument("picture", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(picture: Path, output: Path) -> None:
    """Writes the header for PICTURE."""
    try:
        text = emit(load(picture), picture.name)
    except RenodeMnistError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)


if __name__ == "__main__":
    main()
