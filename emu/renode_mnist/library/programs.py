"""Programs that know nothing of this project: see docs/emulate.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from renode_mnist.library.arguments import takes
from renode_mnist.option import StrPath, argument, option
from renode_mnist.session.emulation import Emulation
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import (
    CLOCK_MODELS,
    EMULATED_TARGETS,
    ClockModel,
    ProgramOptions,
    TargetOptions,
)


@dataclass(frozen=True)
class _Program(ProgramOptions):
    elf: StrPath = field(metadata=argument("Any program for the STM32F746."))
    target: str = option("embedded", "Where it runs.", choices=EMULATED_TARGETS)
    clock_model: ClockModel = option("instructions", "What a cycle is.", choices=CLOCK_MODELS)


@takes(_Program)
def open_program(asked: _Program) -> Emulation:
    """Any program for the chip on an emulator; to be used as a context manager.

    Returns:
        An emulation: ``wait_for_line``, ``write_line``, ``run``, ``run_until_function``, ``function_cost``,
        ``count``, ``place``, ``stack``, and ``text`` with what the program has said.

    Raises:
        RenodeMnistError: The chip cannot run it, or there is no such emulator.
    """
    return open_emulation(Path(asked.elf), asked.target, TargetOptions(clock_model=asked.clock_model), asked)
