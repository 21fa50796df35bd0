"""What the operators share that bring images to another height and width."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.definition import Shapes
from renode_mnist.codegen.operators.rules import require, same_quantisation
from renode_mnist.codegen.operators.samples import Again, Flow, Output, Refused, Sample, Values


@dataclass(frozen=True)
class ResizeOptions:
    """Where pixels of the output lie in the input.

    Attributes:
        align_corners: Corner pixels on corner pixels, else corners on corners.
        half_pixel_centers: A pixel is where its middle is, else where its corner is.
    """

    align_corners: bool
    half_pixel_centers: bool


def read(table: Any) -> ResizeOptions:
    """Of both options tables."""
    return ResizeOptions(bool(table.AlignCorners()), bool(table.HalfPixelCenters()))


def inputs(operator: Operator) -> None:
    """An image, and the size that it is to have."""
    moving.inputs(operator)
    require(operator, len(operator.input.shape) == 4, f"{operator.input} is no image of four dimensions")
    size = moving.integers(operator, 1, "sizes")
    require(operator, len(size) == 2 and min(size) > 0, f"size {size}")


def shapes(operator: Operator) -> Shapes:
    """The size that the second input says."""
    height, width = moving.integers(operator, 1, "sizes")
    return ((operator.input.shape[0], height, width, operator.input.shape[3]),)


def rule(operator: Operator) -> None:
    """Numbers keep their scale."""
    same_quantisation(operator)


def rows(like: Sample) -> tuple[Sample | Refused, ...]:
    """What both are tried on; ``like`` makes an image twice as large."""
    image = like.inputs[0]
    return (
        like,
        like.row("to 7x11", inputs=(image, Values((7, 11)))),
        like.row("to 7x11, centres of pixels", inputs=(image, Values((7, 11))), halfPixelCenters=True),
        like.row("to 7x11, corners aligned", inputs=(image, Values((7, 11))), alignCorners=True),
        like.row("smaller", inputs=(Flow((1, 9, 8, 2)), Values((4, 3)))),
        like.row("smaller, centres of pixels", inputs=(Flow((1, 9, 8, 2)), Values((4, 3))), halfPixelCenters=True),
        like.row("to one pixel", inputs=(image, Values((1, 1))), alignCorners=True),
        like.row("twice, centres of pixels", halfPixelCenters=True),
        Refused("a size that is no constant", "not constant integers", like.row("", inputs=(image, Again()))),
        Refused("an image that is not of four dimensions", "is no image of four dimensions",
                like.row("", inputs=(Flow((4, 5, 3)), Values((2, 2))))),
        Refused("an output of another size", "does not fit", like.row("", outputs=(Output(shape=(1, 4, 5, 3)),))),
    )  # fmt: skip
