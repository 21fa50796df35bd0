"""One inference on the embedded emulator, watched block by block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from renode_mnist.profile import lcov, profile
from renode_mnist.profile.call_tree import CallTree
from renode_mnist.profile.profile import Profile
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.sources import Sources
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.stm32f746.blockcounter import BlockCount
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.targets.base import CounterUnit
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.timing import BlockCosts, parameter_file

_START_PS = PICOSECONDS // 10
"""Within this the firmware has done what it does at its start, and sleeps: the check of its image takes 7 ms."""


@dataclass(frozen=True)
class Profiled:
    """What the inference took, and where.

    Attributes:
        record: Its result, with the layers' instructions.
        profile: From the request's first byte to the reply's last.
        coverage: lcov tracefile of all that ran since reset, start-up and the request; empty without line table.
        not_covered: Source files that are not on this machine, and so not in ``coverage``.
        sources: Where the source files are.
    """

    record: Record
    profile: Profile
    coverage: str
    not_covered: tuple[str, ...]
    sources: Sources


def watch(
    elf: Path,
    ask: Callable[[Session], Record],
    options: TargetOptions | None = None,
    unit: CounterUnit = CounterUnit.INSTRUCTIONS,
    *,
    know_first: bool = False,
) -> Profiled:
    """Profiles what one question takes; the counts are exact, and the same in every run.

    Args:
        elf: A firmware for the STM32F746.
        ask: What is profiled, from its first request's first byte to its last reply's last.
        options: The board that the image is for, and parameters of the modelled cycles.
        unit: What the record counts; the firmware has one counter, so that instructions take a run of their own.
        know_first: Whether the firmware is asked for what it is before, since the question needs it: tensors are cut
            into pieces of its size.

    Raises:
        ElfError: The chip cannot run it, or it cannot be read.
        FirmwareError: The firmware refuses the question.
        ParameterError: The file of parameters cannot be used.
    """
    info, sources = DebugInfo(elf), Sources(elf)
    options = options or TargetOptions()
    board = options.board
    parameters = parameter_file.load(options.parameters) if options.parameters is not None else None
    target = EmbeddedTarget(elf, board=board, clock_model="m7", parameters=parameters)
    with Session(target) as session:
        core = target.machine.core
        costs = BlockCosts(parameters.pipeline if parameters else None)
        tree = CallTree(core.memory.read_code, costs, waits=core.counts.waits)
        core.observe(tree)
        target.reset()  # so that the stack is known from its first frame
        machine = target.machine
        machine.run_until(machine.clock.now_ps() + _START_PS, lambda: machine.asleep)
        if know_first:
            _know(session)
        tree.clear_counts()
        record = ask(session)
        coverage, not_there = coverage_of(info, sources, tree, target.block_counts())
    if unit is CounterUnit.INSTRUCTIONS:
        with Session(EmbeddedTarget(elf, board=board)) as plain:
            record = ask(plain)
    made = replace(profile.make(tree, info), cycle_parameters=str(parameters or ""))
    return Profiled(record, made, coverage, not_there, sources)


def _know(session: Session) -> None:
    session.client.stats()
    session.client.layers()


def coverage_of(
    info: DebugInfo, sources: Sources, tree: CallTree, blocks: Sequence[BlockCount]
) -> tuple[str, tuple[str, ...]]:
    """Lcov's tracefile of what ran since reset, empty without line table, and the source files that are not here."""
    counts = _executions(blocks, tree)
    coverage = lcov.lcov(info, counts, lambda file: _place(sources, file)) if info.has_lines else ""
    return coverage, tuple(file for file in sorted(info.statements()) if sources.path(file) is None)


def _place(sources: Sources, file: str) -> str | None:
    place = sources.path(file)
    return None if place is None else str(place)


def _executions(blocks: Sequence[BlockCount], tree: CallTree) -> dict[int, int]:
    """How often each instruction ran since reset, by address."""
    counts: defaultdict[int, int] = defaultdict(int)
    for block in blocks:
        for operation in tree.costs.operations(tree.code((block.address, block.size_bytes))):
            counts[operation.address] += block.entered
    return counts
