"""One classification on the embedded emulator, watched block by block."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from renode_mnist.opening import TargetOptions
from renode_mnist.report import lcov, profile
from renode_mnist.report.call_tree import CallTree
from renode_mnist.report.debug_info import DebugInfo
from renode_mnist.report.profile import Profile
from renode_mnist.report.record import Record
from renode_mnist.report.sources import Sources
from renode_mnist.session import Session
from renode_mnist.targets.embedded import EmbeddedTarget


@dataclass(frozen=True)
class Profiled:
    """What the classification took, and where.

    Attributes:
        record: Its result, with the layers' instructions.
        profile: From the request's first byte to the reply's last.
        coverage: lcov tracefile of all that ran since reset, start-up and the request; empty without line table.
        sources: Where the source files are.
    """

    record: Record
    profile: Profile
    coverage: str
    sources: Sources


def classify(
    elf: Path, pixels: npt.NDArray[np.uint8], picture: str = "", options: TargetOptions | None = None
) -> Profiled:
    """Profiles one classification; the counts are exact, and the same in every run.

    Args:
        elf: A firmware for the STM32F746.
        pixels: uint8, 28x28, white ink on black.
        picture: What to call it in the record.
        options: The board that the image is for.

    Raises:
        ElfError: The chip cannot run it, or it cannot be read.
        FirmwareError: The firmware refuses the picture.
    """
    info, sources = DebugInfo(elf), Sources(elf)
    target = EmbeddedTarget(elf, board=(options or TargetOptions()).board)
    with Session(target) as session:
        tree = CallTree(target.machine.core.read_code)
        target.machine.core.observe(tree)
        target.reset()  # so that the stack is known from its first frame
        tree.clear_counts()
        record = session.classify(pixels, picture)
        counts = _executions(target, tree)
    coverage = lcov.lcov(info, counts, sources.where) if info.has_lines else ""
    return Profiled(record, profile.make(tree, info), coverage, sources)


def _executions(target: EmbeddedTarget, tree: CallTree) -> dict[int, int]:
    """How often each instruction ran since reset, by address."""
    counts: defaultdict[int, int] = defaultdict(int)
    for block in target.block_counts():
        for operation in tree.costs.operations(tree.code((block.address, block.size_bytes))):
            counts[operation.address] += block.entered
    return counts
