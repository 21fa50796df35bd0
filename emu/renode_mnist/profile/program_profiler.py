"""A program that knows nothing of this project on the embedded emulator, watched block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from renode_mnist.errors import TargetError
from renode_mnist.profile import profile
from renode_mnist.profile.call_tree import CallTree
from renode_mnist.profile.profile import Profile
from renode_mnist.profile.profiler import coverage_of
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.program.sources import Sources
from renode_mnist.session.emulation import Over
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.targets.embedded_elf import EmbeddedElf
from renode_mnist.timing import BlockCosts, parameter_file


@dataclass(frozen=True)
class ProfiledProgram:
    """What a program took from reset on, and where.

    Attributes:
        profile: Of all that ran.
        over: Why the run ended.
        seconds: Of virtual time that it took.
        coverage: lcov tracefile of all that ran; empty without line table.
        not_covered: Source files that are not on this machine, and so not in ``coverage``.
        sources: Where the source files are.
    """

    profile: Profile
    over: Over
    seconds: float
    coverage: str
    not_covered: tuple[str, ...]
    sources: Sources


def run(
    elf: Path, *, until: str, seconds: float | None, wall_seconds: float, options: TargetOptions | None = None
) -> ProfiledProgram:
    """Profiles a run from reset; counts are exact, and the same in every run that the wall's clock does not end.

    Args:
        elf: Any program for the STM32F746.
        until: Ends when the program has said this; empty: nothing is waited for.
        seconds: Ends after this virtual time.
        wall_seconds: Ends after this time of this machine's clock: whoever watches each block is slow.
        options: Clock model, by which time goes, and file of figures for modelled cycles. Without the model
            cycles are those of the pipeline alone, which no memory keeps waiting: not to be shown.

    Raises:
        ElfError: The chip cannot run it, or it cannot be read.
        ParameterError: The file of parameters cannot be used.
        TargetError: It resets the chip, so that what ran before is not counted.
    """
    options = options or TargetOptions()
    emulation = open_emulation(elf, options=options)
    figures = parameter_file.load(options.parameters) if options.parameters is not None else None
    info, sources = DebugInfo(elf), Sources(elf)
    with emulation:
        target = emulation.target
        assert isinstance(target, EmbeddedElf)
        core = target.machine.core
        tree = CallTree(core.memory.read_code, BlockCosts(figures.pipeline if figures else None), core.counts.waits)
        core.observe(tree)
        waits = emulation.text.wait_for(until.encode(), "") if until else lambda: False
        over = emulation.run(seconds, waits, wall_seconds=wall_seconds)
        if target.machine.resets:
            raise TargetError(
                f"{elf.name} resets the chip, so that what ran before is not counted",
                "End the run before it does: --for, --until.",
            )
        coverage, not_covered = coverage_of(info, sources, tree, target.machine.block_counts())
        made = replace(profile.make(tree, info), cycle_parameters=str(figures or ""))
        return ProfiledProgram(made, over, target.now(), coverage, not_covered, sources)
