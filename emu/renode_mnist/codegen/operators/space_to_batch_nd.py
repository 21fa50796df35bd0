"""SPACE_TO_BATCH_ND: every n-th pixel an image of its own, as converters write it before a dilated convolution."""

from __future__ import annotations

from dataclasses import replace

from renode_mnist.codegen import quantise
from renode_mnist.codegen.graph import ElementType, Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving, pad
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Kind, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import (
    LIKE_INPUT,
    Again,
    Declared,
    Flow,
    Refused,
    Sample,
    Undefined,
    Values,
)
from renode_mnist.codegen.program import Step


def blocks(operator: Operator) -> list[int]:
    """Height and width of a block; of a sequence its length and 1."""
    rank = len(operator.input.shape)
    require(operator, rank in (3, 4), f"{operator.input} is neither an image nor a sequence")
    sizes = moving.integers(operator, 1, "blocks")
    require(operator, len(sizes) == rank - 2 and min(sizes) > 0, f"blocks {sizes} of {operator.input}")
    return [*sizes, 1][:2]


def borders(operator: Operator, what: str) -> list[int]:
    """Above, below, left and right."""
    pairs = moving.integers(operator, 2, what)
    require(operator, len(pairs) == 2 * (len(operator.input.shape) - 2) and min(pairs) >= 0, f"{what} {pairs}")
    return [*pairs, 0, 0][:4]


def image(shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """A sequence as an image of one column."""
    return shape[0], shape[1], shape[2] if len(shape) == 4 else 1, shape[-1]


def like(shape: tuple[int, ...], made: tuple[int, int, int, int]) -> tuple[int, ...]:
    """An image as a sequence, where the other is one."""
    return made if len(shape) == 4 else (made[0], made[1], made[3])


def _shapes(operator: Operator) -> Shapes:
    batches, height, width, depth = image(operator.input.shape)
    above, below, left, right = borders(operator, "paddings")
    rows, columns = blocks(operator)
    height, width = height + above + below, width + left + right
    require(operator, not (height % rows or width % columns), f"blocks {rows}x{columns} of {height}x{width}")
    return (like(operator.input.shape, (batches * rows * columns, height // rows, width // columns, depth)),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    batches, height, width, depth = image(operator.input.shape)
    above, below, left, right = borders(operator, "paddings")
    rows, columns = blocks(operator)
    call = Call(lowering, operator)
    source, padded = call.source(), (batches, height + above + below, width + left + right, depth)
    before = ""
    if any((above, below, left, right)):
        # Padded into scratch memory first.
        dtype = operator.input.type.dtype
        assert dtype is not None
        count = padded[0] * padded[1] * padded[2] * padded[3]
        scratch = call.scratch("padded", dtype.name, count)
        paddings = ((0, 0), (above, below), (left, right), (0, 0))
        shape = pad.header(call, "Pad", (batches, height, width, depth), paddings)
        zero = quantise.quantisation(operator.output).zero_point if operator.output.type is ElementType.INT8 else 0
        fill = f"std::int8_t{{{zero}}}" if operator.output.type is ElementType.INT8 else "0.0F"
        before, source = f"reference::pad({shape}, {fill}, {source}, {scratch});\n  ", scratch
    row, whole = padded[2] * depth, padded[1] * padded[2] * depth
    shape_of = [rows, columns, batches, padded[1] // rows, padded[2] // columns, depth]
    step = moving.taken(call, [(0, shape_of, [row, depth, whole, rows * row, columns * depth, 1])], source)
    return replace(step, call=before + step.call, headers=(*step.headers, "engine/reference/pad.hpp"))


def _samples() -> Declared:
    even = Sample("blocks of 2", (Flow((2, 4, 6, 3)), Values((2, 2)), Values(((0, 0), (0, 0)))), outputs=LIKE_INPUT)
    unset = Undefined("*", "TensorFlow Lite Micro pads with a number that it never sets", "tflite-micro")
    padded = even.row("padded", inputs=(Flow((1, 5, 4, 2)), Values((2, 3)), Values(((1, 2), (2, 0)))),
                      exempt=(unset,), refused_by={"tflm": "pads with a number that it never sets"})  # fmt: skip
    return (
        even,
        even.row("a sequence", inputs=(Flow((2, 8, 3)), Values((4,)), Values(((0, 0),)))),
        padded,
        padded.row("a sequence, padded", inputs=(Flow((2, 7, 3)), Values((4,)), Values(((0, 1),)))),
        Refused("blocks that are no constant", "not constant integers",
                even.row("", inputs=(Flow((1, 4, 4, 1)), Again(), Values(((0, 0), (0, 0)))))),
        Refused("an image that is no multiple of the blocks", "blocks 2x2 of 5x4",
                even.row("", inputs=(Flow((1, 5, 4, 2)), Values((2, 2)), Values(((0, 0), (0, 0)))))),
    )  # fmt: skip


DEFINITION = moving.definition(
    "SPACE_TO_BATCH_ND",
    kinds=(Kind.FLOAT32, Kind.INT8),
    shapes=_shapes,
    lower=_lower,
    samples=_samples,
)
