"""BATCH_TO_SPACE_ND: images side by side in one, pixel by pixel, behind a dilated convolution."""

from __future__ import annotations

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Kind, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import LIKE_INPUT, Again, Declared, Flow, Refused, Sample, Values
from renode_mnist.codegen.operators.space_to_batch_nd import blocks, borders, image, like
from renode_mnist.codegen.program import Step


def _shapes(operator: Operator) -> Shapes:
    batches, height, width, depth = image(operator.input.shape)
    above, below, left, right = borders(operator, "crops")
    rows, columns = blocks(operator)
    require(operator, batches % (rows * columns) == 0, f"blocks {rows}x{columns} of {operator.input}")
    size = height * rows - above - below, width * columns - left - right
    require(operator, min(size) > 0, f"crops {[above, below, left, right]} of {operator.input}")
    return (like(operator.input.shape, (batches // rows // columns, *size, depth)),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    """Row y of the output is row (y + above) / rows of the images number (y + above) % rows, and so are columns."""
    _, height, width, depth = image(operator.input.shape)
    above, _, left, _ = borders(operator, "crops")
    rows, columns = blocks(operator)
    batches, output_height, output_width, _ = image(operator.output.shape)
    whole = height * width * depth
    return moving.picked(
        Call(lowering, operator),
        [
            [batch * whole for batch in range(batches)],
            [
                (y % rows) * columns * batches * whole + y // rows * width * depth
                for y in range(above, above + output_height)
            ],
            [(x % columns) * batches * whole + x // columns * depth for x in range(left, left + output_width)],
        ],
        depth,
    )


def _samples() -> Declared:
    even = Sample("blocks of 2", (Flow((8, 2, 3, 3)), Values((2, 2)), Values(((0, 0), (0, 0)))), outputs=LIKE_INPUT)
    return (
        even,
        even.row("cropped", inputs=(Flow((6, 4, 2, 2)), Values((2, 3)), Values(((1, 2), (2, 0))))),
        even.row("a sequence", inputs=(Flow((8, 2, 3)), Values((4,)), Values(((0, 1),)))),
        Refused("blocks that are no constant", "not constant integers",
                even.row("", inputs=(Flow((4, 4, 4, 1)), Again(), Values(((0, 0), (0, 0)))))),
        Refused("a batch that is no multiple of the blocks", "blocks 2x2 of",
                even.row("", inputs=(Flow((3, 5, 4, 2)), Values((2, 2)), Values(((0, 0), (0, 0)))))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "BATCH_TO_SPACE_ND",
    kinds=(Kind.FLOAT32, Kind.INT8),
    shapes=_shapes,
    lower=_lower,
    samples=_samples,
)
