"""SPACE_TO_DEPTH and DEPTH_TO_SPACE: blocks of pixels as channels of one, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.operators import moving
from renode_mnist.codegen.operators.call import Call
from renode_mnist.codegen.operators.definition import Definition, Kind, OptionsTable, Shapes
from renode_mnist.codegen.operators.rules import require
from renode_mnist.codegen.operators.samples import LIKE_INPUT, Declared, Flow, Output, Refused, Sample
from renode_mnist.codegen.program import Step


@dataclass(frozen=True)
class BlockOptions:
    """Of a block: its height, which is its width."""

    size: int


def _read(table: Any) -> BlockOptions:
    return BlockOptions(table.BlockSize())


def _inputs(operator: Operator) -> None:
    moving.inputs(operator)
    size = operator.options_as(BlockOptions).size
    require(operator, len(operator.input.shape) == 4, f"{operator.input} is no image of four dimensions")
    require(operator, size > 0, f"blocks of {size}")
    _, height, width, depth = operator.input.shape
    parts = (height, width) if operator.op == "SPACE_TO_DEPTH" else (depth,)
    each = size if operator.op == "SPACE_TO_DEPTH" else size * size
    require(operator, all(n % each == 0 for n in parts), f"blocks of {size} of {operator.input}")


def _shapes(operator: Operator) -> Shapes:
    batches, height, width, depth = operator.input.shape
    size = operator.options_as(BlockOptions).size
    if operator.op == "SPACE_TO_DEPTH":
        return ((batches, height // size, width // size, depth * size * size),)
    return ((batches, height * size, width * size, depth // size // size),)


def _lower(lowering: Lowering, operator: Operator) -> Step:
    batches, height, width, depth = operator.input.shape
    size = operator.options_as(BlockOptions).size
    row, column, image = width * depth, depth, height * width * depth
    if operator.op == "SPACE_TO_DEPTH":
        shape = [batches, height // size, width // size, size, size, depth]
        advances = [image, size * row, size * column, row, column, 1]
    else:
        channels = depth // size // size
        shape = [batches, height, size, width, size, channels]
        advances = [image, row, size * channels, column, channels, 1]
    return moving.taken(Call(lowering, operator), [(0, shape, advances)])


def _samples() -> Declared:
    space = Sample("blocks of 2", (Flow((2, 4, 6, 3)),), {"blockSize": 2}, LIKE_INPUT, only=("SPACE_TO_DEPTH",))
    depth = space.row("blocks of 2", inputs=(Flow((2, 3, 4, 12)),), only=("DEPTH_TO_SPACE",))
    return (
        space,
        space.row("blocks of 3", inputs=(Flow((1, 3, 6, 2)),), blockSize=3),
        space.row("blocks of 1", blockSize=1),
        Refused("an image that is no multiple of the blocks", "blocks of 4 of",
                space.row("", blockSize=4, outputs=(Output(shape=(2, 1, 1, 48)),))),
        depth,
        depth.row("blocks of 3", inputs=(Flow((1, 2, 2, 9)),), blockSize=3),
        Refused("channels that are no multiple of the blocks", "blocks of 5 of",
                depth.row("", blockSize=5, outputs=(Output(shape=(2, 15, 20, 1)),))),
    )  # fmt: skip


def _definition(op: str, table: str) -> Definition:
    return moving.definition(
        op,
        kinds=(Kind.FLOAT32, Kind.INT8),
        inputs=_inputs,
        shapes=_shapes,
        lower=_lower,
        options=OptionsTable(table, _read),
        samples=lambda: tuple(
            entry for entry in _samples() if op in (entry.sample if isinstance(entry, Refused) else entry).only
        ),
    )


DEFINITION = _definition("SPACE_TO_DEPTH", "SpaceToDepthOptions")
DEPTH_TO_SPACE = _definition("DEPTH_TO_SPACE", "DepthToSpaceOptions")
