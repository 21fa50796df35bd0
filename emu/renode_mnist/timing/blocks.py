"""What it costs to go from one basic block to the next.

The cost of the edge from A to B is T(A; B) - T(A): the cycles that B adds when it follows A, so that what
overlaps at the seam is counted once. Each pair of blocks is timed once,
however often a program takes the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from renode_mnist.timing.decode import Decoder
from renode_mnist.timing.operation import Operation
from renode_mnist.timing.parameters import PipelineParameters
from renode_mnist.timing.pipeline import Pipeline

ReadMemory = Callable[[int, int], bytes]
"""``(address, size_bytes)`` to that many bytes of code."""


class Block(NamedTuple):
    """Instructions that are entered at the first and left after the last.

    Attributes:
        address: Of the first instruction, without the Thumb bit.
        size_bytes: Up to the end of the last one.
    """

    address: int
    size_bytes: int

    @property
    def end(self) -> int:
        """Address behind the last instruction."""
        return self.address + self.size_bytes


class BlockCosts:
    """Cycles of blocks and edges, remembered.

    Args:
        read: Where the code is, an ELF's (``CodeImage.read``) or an emulator's memory. It is read once per
            block: after code has been overwritten, ``forget``.
        parameters: The core's figures; Arm's Cortex-M7 as measured by default.
    """

    def __init__(self, read: ReadMemory, parameters: PipelineParameters | None = None) -> None:
        self._read = read
        self._parameters = parameters or PipelineParameters()
        self._decoder = Decoder(self._parameters)
        self._operations: dict[Block, tuple[Operation, ...]] = {}
        self._after: dict[Block, Pipeline] = {}
        self._edges: dict[tuple[Block, Block], int] = {}

    def operations(self, block: Block) -> tuple[Operation, ...]:
        """The block's instructions as the model sees them."""
        known = self._operations.get(block)
        if known is None:
            known = self._decoder.operations(self._read(block.address, block.size_bytes), block.address)
            self._operations[block] = known
        return known

    def instructions(self, block: Block) -> int:
        """How many instructions the block has."""
        return len(self.operations(block))

    def block_cycles(self, block: Block) -> int:
        """T(B): the block on an idle pipeline, the cost of the first block of a run."""
        return self._pipeline_after(block).cycles

    def edge_cycles(self, previous: Block, block: Block) -> int:
        """T(A; B) - T(A): what ``block`` adds behind ``previous``; never negative."""
        edge = (previous, block)
        known = self._edges.get(edge)
        if known is None:
            pipeline = self._pipeline_after(previous).copy()
            before = pipeline.cycles
            if block.address != previous.end:
                pipeline.redirect()
            pipeline.run(self.operations(block))
            known = self._edges[edge] = pipeline.cycles - before
        return known

    def __call__(self, previous_address: int, previous_bytes: int, address: int, size_bytes: int) -> int:
        """``edge_cycles`` of plain integers, for an emulator's hook; ``previous_bytes`` 0: there was none."""
        block = Block(address, size_bytes)
        if not previous_bytes:
            return self.block_cycles(block)
        return self.edge_cycles(Block(previous_address, previous_bytes), block)

    def forget(self) -> None:
        """Drops all that is remembered, after code in memory has changed."""
        self._operations.clear()
        self._after.clear()
        self._edges.clear()

    def _pipeline_after(self, block: Block) -> Pipeline:
        known = self._after.get(block)
        if known is None:
            known = Pipeline(self._parameters)
            known.run(self.operations(block))
            self._after[block] = known
        return known


def cycles_from_edges(costs: BlockCosts, edges: Mapping[tuple[Block | None, Block], int]) -> int:
    """Modelled cycles of a whole run.

    Args:
        costs: The blocks' costs.
        edges: How often each edge was taken; the first block of a run comes from ``None``.
    """
    return sum(
        count * (costs.block_cycles(block) if previous is None else costs.edge_cycles(previous, block))
        for (previous, block), count in edges.items()
    )


def cycles_from_blocks(costs: BlockCosts, blocks: Mapping[Block, int]) -> int:
    """Modelled cycles where only block counts are known: each block as if it followed itself.

    T(B; B) - T(B) sees what overlaps in a loop of one block, and guesses for the rest; ``cycles_from_edges``
    is the better estimate.
    """
    return sum(count * costs.edge_cycles(block, block) for block, count in blocks.items())
