"""One classification on the embedded emulator, watched block by block."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from renode_mnist.profile import lcov, profile
from renode_mnist.profile.call_tree import CallTree
from renode_mnist.profile.profile import Profile
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.sources import Sources
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.timing.memory import DataAccess, InstructionFetch


@dataclass(frozen=True)
class Profiled:
    """What the classification took, and where.

    Attributes:
        record: Its result, with the layers' instructions.
        profile: From the request's first byte to the reply's last.
        coverage: lcov tracefile of all that ran since reset, start-up and the request; empty without line table.
        not_covered: Source files that are not on this machine, and so not in ``coverage``.
        sources: Where the source files are.
        fetch: What reading the code from flash adds; None where it was not asked for.
        data: What loads through the data cache add; None where it was not asked for.
    """

    record: Record
    profile: Profile
    coverage: str
    not_covered: tuple[str, ...]
    sources: Sources
    fetch: InstructionFetch | None
    data: DataAccess | None


class _FetchWatch:
    """Sends the code that runs through the instruction cache; a `BlockObserver`."""

    def __init__(self, fetch: InstructionFetch) -> None:
        self._fetch = fetch

    def block(self, address: int, size_bytes: int, /) -> None:
        self._fetch.block(address, size_bytes)

    def cut_short(self, size_bytes: int, /) -> None:
        """What was fetched for nothing was fetched all the same."""

    def break_flow(self, how: FlowBreak, /) -> None:
        """The cache does not care who asks."""


def classify(
    elf: Path,
    pixels: npt.NDArray[np.uint8],
    picture: str = "",
    options: TargetOptions | None = None,
    *,
    with_fetch: bool = False,
    with_data: bool = False,
) -> Profiled:
    """Profiles one classification; the counts are exact, and the same in every run.

    Args:
        elf: A firmware for the STM32F746.
        pixels: uint8, 28x28, white ink on black.
        picture: What to call it in the record.
        options: The board that the image is for.
        with_fetch: Simulates the instruction cache too.
        with_data: Simulates the data cache too, which takes ten times as long.

    Raises:
        ElfError: The chip cannot run it, or it cannot be read.
        FirmwareError: The firmware refuses the picture.
    """
    info, sources = DebugInfo(elf), Sources(elf)
    target = EmbeddedTarget(elf, board=(options or TargetOptions()).board)
    with Session(target) as session:
        tree = CallTree(target.machine.core.memory.read_code)
        target.machine.core.observe(tree)
        target.reset()  # so that the stack is known from its first frame
        fetch = None
        if with_fetch:
            fetch = InstructionFetch(session.firmware.freq_hz)
            target.machine.core.observe(_FetchWatch(fetch))
        data = None
        if with_data:
            data = DataAccess(session.firmware.freq_hz)
            target.machine.core.observe_data(partial(_watch_data, data))
        tree.clear_counts()
        record = session.classify(pixels, picture)
        counts = _executions(target, tree)
    coverage = lcov.lcov(info, counts, lambda file: _place(sources, file)) if info.has_lines else ""
    not_there = tuple(file for file in sorted(info.statements()) if sources.path(file) is None)
    return Profiled(record, profile.make(tree, info), coverage, not_there, sources, fetch, data)


def _place(sources: Sources, file: str) -> str | None:
    place = sources.path(file)
    return None if place is None else str(place)


def _watch_data(data: DataAccess, address: int, size_bytes: int, is_store: bool) -> None:
    data.access(address, size_bytes, is_store=is_store)


def _executions(target: EmbeddedTarget, tree: CallTree) -> dict[int, int]:
    """How often each instruction ran since reset, by address."""
    counts: defaultdict[int, int] = defaultdict(int)
    for block in target.block_counts():
        for operation in tree.costs.operations(tree.code((block.address, block.size_bytes))):
            counts[operation.address] += block.entered
    return counts
