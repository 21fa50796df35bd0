"""A window that slides over an image: arithmetic on sizes, without a model around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Padding(Enum):
    """How a window meets the border of its input."""

    SAME = "SAME"
    VALID = "VALID"


@dataclass(frozen=True)
class Window:
    """A kernel that slides over an image; all in elements.

    Output (y, x), tap (i, j) reads input (y * stride + i * dilation - pad); outside of the image is padding.
    """

    input_height: int
    input_width: int
    output_height: int
    output_width: int
    kernel_height: int
    kernel_width: int
    stride_height: int
    stride_width: int
    dilation_height: int
    dilation_width: int
    pad_top: int
    pad_left: int

    @property
    def pad_bottom(self) -> int:
        """Rows of padding below that the last output row reads; 0 where it ends inside."""
        return max(0, _reach(self.output_height, self.stride_height, self.kernel_height, self.dilation_height)
                   - self.pad_top - self.input_height)  # fmt: skip

    @property
    def pad_right(self) -> int:
        """Columns of padding to the right that the last output column reads."""
        return max(0, _reach(self.output_width, self.stride_width, self.kernel_width, self.dilation_width)
                   - self.pad_left - self.input_width)  # fmt: skip

    @property
    def padded(self) -> bool:
        """Whether any tap reads padding."""
        return bool(self.pad_top or self.pad_left or self.pad_bottom or self.pad_right)

    def live(self, height: int, width: int) -> Window:
        """The window without the last rows and columns, which nobody reads."""
        return replace(self, output_height=height, output_width=width)


def _reach(outputs: int, stride: int, kernel: int, dilation: int) -> int:
    """Length of input, padding included, that so many outputs see."""
    return (outputs - 1) * stride + (kernel - 1) * dilation + 1


def _slide(size: int, kernel: int, stride: int, dilation: int, padding: Padding) -> tuple[int, int]:
    """Output size and padding before, as TensorFlow Lite computes them (lite/kernels/padding.h)."""
    effective = (kernel - 1) * dilation + 1
    if padding is Padding.SAME:
        output = -(-size // stride)
        return output, max(0, (output - 1) * stride + effective - size) // 2
    return -(-(size - effective + 1) // stride), 0


def slide(
    image: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
) -> Window:
    """The window of a kernel over an image; pairs are (height, width). Its output may come out smaller than 1."""
    height, pad_top = _slide(image[0], kernel[0], stride[0], dilation[0], padding)
    width, pad_left = _slide(image[1], kernel[1], stride[1], dilation[1], padding)
    return Window(
        input_height=image[0],
        input_width=image[1],
        output_height=height,
        output_width=width,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=stride[0],
        stride_width=stride[1],
        dilation_height=dilation[0],
        dilation_width=dilation[1],
        pad_top=pad_top,
        pad_left=pad_left,
    )
