"""What operators share whose window slides over an image: convolutions and pools."""

from __future__ import annotations

from renode_mnist.codegen.geometry import Padding, Window, slide
from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Shapes
from renode_mnist.codegen.operators.rules import EXPORT_AGAIN, refusal
from renode_mnist.errors import ModelError


def over_image(
    operator: Operator,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: Padding,
) -> Window:
    """The window of an operator; pairs are (height, width).

    Raises:
        ModelError: Its input or its output is no image.
    """
    source, output = operator.input, operator.output
    if len(source.shape) != 4 or len(output.shape) != 4:
        raise ModelError(f"{operator} needs four dimensions: {source} -> {output}", EXPORT_AGAIN)
    return slide(source.shape[1:3], kernel, stride, dilation, padding)


def image(operator: Operator, window: Window, channels: int) -> Shapes:
    """The shape of what the window makes."""
    return ((operator.input.shape[0], window.output_height, window.output_width, channels),)


def mismatch(operator: Operator, shapes: Shapes) -> ModelError:
    """Says whether size, batch or channels differ."""
    batch, height, width, _ = shapes[0]
    source, output = operator.input, operator.output
    if (height, width) != output.shape[1:3]:
        return ModelError(
            f"{operator} makes {height}x{width} out of {source}, but its output is {output}", EXPORT_AGAIN
        )
    if batch != output.shape[0]:
        return refusal(operator, f"a batch of {batch} becomes {output.shape[0]}", EXPORT_AGAIN)
    return refusal(operator, f"output {output}")
