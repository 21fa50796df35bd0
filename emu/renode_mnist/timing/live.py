"""Costs for an emulator that adds up cycles while it runs."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.timing.blocks import Block, BlockCosts
from renode_mnist.timing.parameters import PipelineParameters

ReadCode = Callable[[int, int], bytes]
"""``(address, size_bytes)`` to that much of the emulator's memory."""


class LiveCosts:
    """What an emulator asks the first time that one block follows another.

    Args:
        read: The code at an address, as it is when the question is asked.
        parameters: The core's figures.
    """

    def __init__(self, read: ReadCode, parameters: PipelineParameters | None = None) -> None:
        self._read = read
        self._costs = BlockCosts(parameters)

    def __call__(self, previous_address: int, previous_bytes: int, address: int, size_bytes: int) -> tuple[int, int]:
        """Cycles that a block takes behind another, and cycles more if the way there was mispredicted.

        The second depends on the block before alone, and is 0 where that can only be left in one way.

        Args:
            previous_address: Of the block before.
            previous_bytes: Its size; 0 if there was none (a reset, an exception).
            address: Of the block.
            size_bytes: Its size.
        """
        block = Block(address, self._read(address, size_bytes))
        if not previous_bytes:
            return self._costs.block_cycles(block), 0
        previous = Block(previous_address, self._read(previous_address, previous_bytes))
        return self._costs.edge_cycles(previous, block), self._costs.misprediction_cycles(previous)
