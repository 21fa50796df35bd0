"""What it costs to go from one basic block to the next.

The cost of the edge from A to B is T(A; B) - T(A): the cycles that B adds when it follows A, so that what
overlaps at the seam is counted once. Each pair of blocks is timed once, however often a program takes the edge.
What the end of A costs when it was mispredicted comes on top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from renode_mnist.timing.accesses import Accesses, translate
from renode_mnist.timing.decode import Decoder
from renode_mnist.timing.operation import FLAGS, Branch, Operation, Port
from renode_mnist.timing.parameters import PipelineParameters
from renode_mnist.timing.pipeline import Pipeline


class Block(NamedTuple):
    """Instructions that are entered at the first and left after the last.

    Attributes:
        address: Of the first instruction, without the Thumb bit.
        code: Their bytes.
    """

    address: int
    code: bytes

    @property
    def end(self) -> int:
        """Address behind the last instruction."""
        return self.address + len(self.code)


class BlockCosts:
    """Cycles of blocks and edges, remembered.

    Args:
        parameters: The core's figures; Arm's Cortex-M7 as measured by default.
    """

    def __init__(self, parameters: PipelineParameters | None = None) -> None:
        self._parameters = parameters or PipelineParameters()
        self._decoder = Decoder(self._parameters)
        self._operations: dict[Block, tuple[Operation, ...]] = {}
        self._after: dict[Block, Pipeline] = {}
        self._edges: dict[tuple[Block, Block], int] = {}
        self._issue_after: dict[Block, Pipeline] = {}
        self._mispredictions: dict[Block, int] = {}

    def operations(self, block: Block) -> tuple[Operation, ...]:
        """The block's instructions as the model sees them."""
        known = self._operations.get(block)
        if known is None:
            known = self._operations[block] = self._decoder.operations(block.code, block.address)
        return known

    def instructions(self, block: Block) -> int:
        """How many instructions the block has."""
        return len(self.operations(block))

    def block_cycles(self, block: Block) -> int:
        """T(B): the block on an idle pipeline, the cost of the first block of a run."""
        return self._pipeline_after(block).cycles

    def edge_cycles(self, previous: Block, block: Block) -> int:
        """T(A; B) - T(A): what ``block`` adds behind ``previous``, the way predicted; never negative."""
        edge = (previous, block)
        known = self._edges.get(edge)
        if known is None:
            pipeline = self._pipeline_after(previous).copy()
            before = pipeline.cycles
            self._lead(pipeline, previous, block)
            pipeline.run(self.operations(block))
            known = self._edges[edge] = pipeline.cycles - before
        return known

    def dependency_cycles(self, previous: Block | None, block: Block) -> int:
        """How many of an edge's cycles, or of a first block's, are waits for operands.

        The rest is what issue alone takes: the same instructions, each operand there when it is wanted.
        """
        if previous is None:
            return self.block_cycles(block) - self._issued(block).cycles
        pipeline = self._issued(previous).copy()
        before = pipeline.cycles
        self._lead(pipeline, previous, block)
        pipeline.run(self.operations(block))
        return max(0, self.edge_cycles(previous, block) - (pipeline.cycles - before))

    def accesses(self, block: Block) -> Accesses:
        """The memory that the block touches."""
        return translate(self._decoder, block.code, block.address)

    def instruction_cycles(self, previous: Block | None, block: Block) -> tuple[tuple[int, int], ...]:
        """The cycles of an edge, or of a first block, shared among the instructions that add them.

        The younger of a pair adds none; one that waits adds its wait.

        Returns:
            For each instruction its cycles, and by how many these are more than issue alone takes: what operands make
            it wait. Less than none where it pairs only because of a wait.
        """
        with_waits = self._shares(self._pipeline_after, Pipeline(self._parameters), previous, block)
        issue = self._shares(self._issued, Pipeline(self._parameters, waits=False), previous, block)
        return tuple((cycles, cycles - alone) for cycles, alone in zip(with_waits, issue, strict=True))

    def _shares(
        self, after: Callable[[Block], Pipeline], idle: Pipeline, previous: Block | None, block: Block
    ) -> list[int]:
        pipeline = idle
        if previous is not None:
            pipeline = after(previous).copy()
            self._lead(pipeline, previous, block)
        shares = []
        for operation in self.operations(block):
            before = pipeline.cycles
            pipeline.issue(operation)
            shares.append(pipeline.cycles - before)
        return shares

    def ways_out(self, block: Block) -> tuple[int, ...]:
        """Addresses to which the block can lead, as far as its code tells."""
        last = self.operations(block)[-1]
        if last.branch is Branch.NONE:
            return (block.end,)
        if last.branch is Branch.CONDITIONAL and last.target is not None:
            return (block.end, last.target)
        return (last.target,) if last.target is not None else ()

    def misprediction_cycles(self, block: Block) -> int:
        """What it costs when the way out of ``block`` was predicted wrong; 0 if there is only one."""
        known = self._mispredictions.get(block)
        if known is None:
            known = self._mispredictions[block] = self._time_misprediction(block)
        return known

    def _lead(self, pipeline: Pipeline, previous: Block, block: Block) -> None:
        """Where the way is not straight on, the next block shares the branch's cycle only if the branch allows it."""
        if block.address != previous.end and not self._takes_one_along(previous):
            pipeline.redirect()

    def _takes_one_along(self, block: Block) -> bool:
        operations = self.operations(block)
        if not operations or operations[-1].branch not in (Branch.DIRECT, Branch.CONDITIONAL):
            return False
        narrow = sum(operation.size_bytes == 2 for operation in operations)
        return narrow >= self._parameters.narrow_instructions_for_pairing_across

    def _pipeline_after(self, block: Block) -> Pipeline:
        known = self._after.get(block)
        if known is None:
            known = Pipeline(self._parameters)
            known.run(self.operations(block))
            self._after[block] = known
        return known

    def _issued(self, block: Block) -> Pipeline:
        known = self._issue_after.get(block)
        if known is None:
            known = self._issue_after[block] = Pipeline(self._parameters, waits=False)
            known.run(self.operations(block))
        return known

    def _time_misprediction(self, block: Block) -> int:
        operations = self.operations(block)
        if not operations or operations[-1].branch not in (Branch.CONDITIONAL, Branch.INDIRECT):
            return 0
        late = self._parameters.misprediction_cycles
        if operations[-1].branch is Branch.INDIRECT:
            return late
        pipeline = Pipeline(self._parameters)
        flags_cycle = cycle = 0
        flags_set_here = False
        for operation in operations:
            cycle, _ = pipeline.issue(operation)
            if any(register == FLAGS for register, *_ in operation.writes):
                flags_cycle, flags_set_here = cycle, True
        is_early = not flags_set_here or cycle - flags_cycle >= self._parameters.early_flags_cycles
        has_flags = (FLAGS, Port.PREDICTED) in operations[-1].reads  # CBZ compares itself, late
        return self._parameters.early_flags_misprediction_cycles if has_flags and is_early else late


def cycles_from_edges(costs: BlockCosts, edges: Mapping[tuple[Block | None, Block], int]) -> int:
    """Modelled cycles of a whole run, from its counts.

    Counts do not tell in which order a branch went its ways: a conditional one is taken to be mispredicted as
    often as it went the rarer way, as a two-bit counter nearly does, and an indirect one (a return to one of
    several callers) to be predicted. An emulator that predicts as it runs knows better.

    Args:
        costs: The blocks' costs.
        edges: How often each edge was taken; the first block of a run comes from ``None``.
    """
    total = 0
    ways: defaultdict[Block, list[int]] = defaultdict(list)
    for (previous, block), count in edges.items():
        if previous is None:
            total += count * costs.block_cycles(block)
        else:
            total += count * costs.edge_cycles(previous, block)
            ways[previous].append(count)
    for block, counts in ways.items():
        if len(counts) > 1 and costs.operations(block)[-1].branch is Branch.CONDITIONAL:
            total += (sum(counts) - max(counts)) * costs.misprediction_cycles(block)
    return total


def cycles_from_blocks(costs: BlockCosts, blocks: Mapping[Block, int]) -> int:
    """Modelled cycles where only block counts are known; `cycles_from_edges` is the better estimate.

    The edges are guessed: a block's count is shared among the blocks to which its last instruction can lead, in
    proportion to their own counts. What enters a block from elsewhere (calls through pointers, returns) finds an
    idle pipeline.
    """
    at = {}
    for block in sorted(blocks, key=lambda block: blocks[block]):
        at[block.address] = block  # of two that start at one address, the more frequent
    edges: defaultdict[tuple[Block | None, Block], int] = defaultdict(int)
    entered: defaultdict[Block, int] = defaultdict(int)
    for block, count in blocks.items():
        ways = [at[address] for address in costs.ways_out(block) if address in at]
        weight = sum(blocks[way] for way in ways)
        for way in ways:
            share = round(count * blocks[way] / weight)
            edges[block, way] += share
            entered[way] += share
    for block, count in blocks.items():
        edges[None, block] += max(0, count - entered[block])
    return cycles_from_edges(costs, edges)
