"""Costs for an emulator that adds up cycles while it runs."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.timing.blocks import Block, BlockCosts
from renode_mnist.timing.memory import Costs, MemoryParameters, Settings
from renode_mnist.timing.parameters import PipelineParameters

ReadCode = Callable[[int, int], bytes]
"""``(address, size_bytes)`` to that much of the emulator's memory."""


class LiveCosts:
    """What an emulator asks the first time that it comes to a block, and that one block follows another.

    Args:
        read: The code at an address, as it is when the question is asked.
        parameters: The core's figures.
        memory: The memories' figures.
    """

    def __init__(
        self,
        read: ReadCode,
        parameters: PipelineParameters | None = None,
        memory: MemoryParameters | None = None,
    ) -> None:
        self._read = read
        self._costs = BlockCosts(parameters)
        self._memory = memory or MemoryParameters()

    def __call__(
        self, previous_address: int, previous_bytes: int, address: int, size_bytes: int
    ) -> tuple[int, int, int]:
        """Cycles that a block takes behind another, without memory's.

        Args:
            previous_address: Of the block before.
            previous_bytes: Its size; 0 if there was none (a reset, an exception).
            address: Of the block.
            size_bytes: Its size.

        Returns:
            The cycles; how many more if the way there was mispredicted, which depends on the block before alone and
            is 0 where that can only be left in one way; and how many of the first are waits for operands.
        """
        block = Block(address, self._read(address, size_bytes))
        if not previous_bytes:
            return self._costs.block_cycles(block), 0, self._costs.dependency_cycles(None, block)
        previous = Block(previous_address, self._read(previous_address, previous_bytes))
        return (
            self._costs.edge_cycles(previous, block),
            self._costs.misprediction_cycles(previous),
            self._costs.dependency_cycles(previous, block),
        )

    def accesses(self, address: int, size_bytes: int) -> bytes:
        """The steps that compute which memory a block touches; see ``timing.accesses``."""
        return self._costs.accesses(Block(address, self._read(address, size_bytes))).packed()

    def memory_costs(self, settings: Settings) -> Costs:
        """What memory costs a program with its settings."""
        return self._memory.costs(settings)


class PipelineCosts:
    """``LiveCosts`` to which memory costs nothing: code and data in tightly coupled memory.

    Args:
        read: The code at an address, as it is when the question is asked.
        parameters: The core's figures.
    """

    def __init__(self, read: ReadCode, parameters: PipelineParameters | None = None) -> None:
        self._costs = LiveCosts(read, parameters)

    def __call__(
        self, previous_address: int, previous_bytes: int, address: int, size_bytes: int
    ) -> tuple[int, int, int]:
        """See ``LiveCosts``."""
        return self._costs(previous_address, previous_bytes, address, size_bytes)
