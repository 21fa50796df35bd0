"""What follows from shapes alone: windows, multiply-accumulates, parameters."""

from __future__ import annotations

import math
from dataclasses import dataclass

from renode_mnist.codegen.graph import ConvOptions, Operator, Padding, PoolOptions
from renode_mnist.errors import ModelError


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


def window(operator: Operator) -> Window:
    """The window of a convolution or a pool.

    Raises:
        ModelError: The operator has none, or its tensors do not fit its options.
    """
    options, source, output = operator.options, operator.input, operator.output
    if isinstance(options, ConvOptions):
        filter_tensor = operator.optional_input(1)
        if filter_tensor is None or len(filter_tensor.shape) != 4:
            raise ModelError(f"{operator} has no filter of four dimensions", "Export the model again")
        kernel, dilation = filter_tensor.shape[1:3], options.dilation
    elif isinstance(options, PoolOptions):
        kernel, dilation = options.filter, (1, 1)
    else:
        raise ModelError(f"{operator} has no window", "Report this: the generator asked for one")
    if len(source.shape) != 4 or len(output.shape) != 4:
        raise ModelError(f"{operator} needs four dimensions: {source} -> {output}", "Export the model again")
    height, pad_top = _slide(source.shape[1], kernel[0], options.stride[0], dilation[0], options.padding)
    width, pad_left = _slide(source.shape[2], kernel[1], options.stride[1], dilation[1], options.padding)
    if (height, width) != output.shape[1:3] or height < 1 or width < 1:
        raise ModelError(
            f"{operator} makes {height}x{width} out of {source}, but its output is {output}",
            "Export the model again",
        )
    return Window(
        input_height=source.shape[1],
        input_width=source.shape[2],
        output_height=height,
        output_width=width,
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=options.stride[0],
        stride_width=options.stride[1],
        dilation_height=dilation[0],
        dilation_width=dilation[1],
        pad_top=pad_top,
        pad_left=pad_left,
    )


def macs(operator: Operator) -> int:
    """Multiply-accumulates that the model asks for.

    Taps on padding count, and so do outputs that a later pool throws away: the figure belongs to the model,
    not to an engine that is clever about it. Operators without weights have none.
    """
    weights = operator.optional_input(1)
    if weights is None or not weights.is_constant:
        return 0
    match operator.op:
        case "CONV_2D":
            return operator.output.element_count * math.prod(weights.shape[1:])
        case "DEPTHWISE_CONV_2D":
            return operator.output.element_count * math.prod(weights.shape[1:3])
        case "FULLY_CONNECTED":
            return operator.output.element_count * weights.shape[-1]
        case _:
            return 0


def parameters(operator: Operator) -> int:
    """Trained numbers: elements of weights and bias."""
    if operator.op not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    return sum(tensor.element_count for tensor in operator.inputs[1:] if tensor is not None)
