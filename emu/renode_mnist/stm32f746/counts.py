"""Counts as they are this moment, exact also within a bus access, and as rows.

A block is counted as a whole when it begins. Who asks in the middle of one, as a peripheral's register does, is told
what was executed up to there.
"""

from __future__ import annotations

from renode_mnist.stm32f746.address_space import AddressSpace
from renode_mnist.stm32f746.blockcounter import BlockCount, BlockCounter, EdgeCount, count_thumb
from renode_mnist.stm32f746.memory_timing import CycleSplit


class Counts:
    """What one core has executed.

    Args:
        counter: Counts whole blocks.
        memory: Holds their code.

    Attributes:
        access: The one under way.
    """

    def __init__(self, counter: BlockCounter, memory: AddressSpace) -> None:
        self._counter = counter
        self._memory = memory
        self.access = memory.bus_access
        self._positions: dict[tuple[int, int], tuple[int, int]] = {}

    def forget_code(self) -> None:
        """To be called when code was put into a memory from outside."""
        self._positions.clear()

    def position_in_block(self, pc: int) -> tuple[int, int]:
        """(Instructions of the block under way before ``pc``, bytes to the end of the one at ``pc``)."""
        address, size, _, _ = self._counter.current()
        known = self._positions.get((address, pc))
        if known:
            return known
        code = self._memory.peek(address, size) or b""
        before = count_thumb(code[: pc - address])
        offset = pc - address
        end = offset + (4 if offset + 1 < size and code[offset + 1] >= 0xE8 else 2)
        self._positions[address, pc] = (before, end)
        return before, end

    def _not_yet_executed(self) -> tuple[int, int]:
        """(Instructions, cycles) already counted that lie at or behind the access under way."""
        if not self.access.active:
            return 0, 0
        _, _, instructions, cycles = self._counter.current()
        before, _ = self.position_in_block(self.access.pc)
        return instructions - before, cycles - cycles * before // instructions

    def instructions_now(self) -> int:
        """Instructions executed since the counts were cleared, exact also within a bus access."""
        return self._counter.instructions - self._not_yet_executed()[0]

    def cycles_now(self) -> int:
        """Cycles by the clock model since power-on, within a bus access in proportion to the block."""
        return self._counter.cycles - self._not_yet_executed()[1]

    def split_now(self) -> CycleSplit:
        """What `cycles_now` were spent on; within a bus access what is still to come is taken off what was issued."""
        split = CycleSplit(*self._counter.split())
        instructions, cycles = self._not_yet_executed()
        return split._replace(cycles=split.cycles - cycles, instructions=split.instructions - instructions)

    def waits(self) -> tuple[int, int]:
        """Cycles waited for code and for data, to the end of the block under way."""
        split = self._counter.split()
        return split[3], split[4]

    def block_counts(self) -> list[BlockCount]:
        """How often each block ran since the counts were cleared, by address."""
        entered: dict[tuple[int, int, int], int] = {}
        for _, _, address, size, instructions, _, times, *_ in self._counter.edges():
            key = (address, size, instructions)
            entered[key] = entered.get(key, 0) + times
        return sorted(BlockCount(*block, times) for block, times in entered.items())

    def instructions_by_block(self) -> dict[int, int]:
        """`instructions_now` by address of the block that they are in."""
        executed: dict[int, int] = {}
        for block in self.block_counts():
            executed[block.address] = executed.get(block.address, 0) + block.instructions * block.entered
        if ahead := self._not_yet_executed()[0]:
            executed[self._counter.current()[0]] -= ahead
        return executed

    def edge_counts(self) -> list[EdgeCount]:
        """How often each block followed each other since the counts were cleared, by address."""
        rows = [EdgeCount(*row) for row in self._counter.edges()]
        return sorted(
            rows, key=lambda row: (row.address, row.size_bytes, row.from_address or -1, row.from_size_bytes)
        )
