"""Opens the target that a flag names: the one place that knows all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from renode_mnist.build import Board
from renode_mnist.errors import TargetError
from renode_mnist.targets.base import Target

TARGETS = ("embedded",)
ClockModel = Literal["instructions", "m7"]


@dataclass(frozen=True)
class TargetOptions:
    """What a target may want to know beyond the ELF; each takes what concerns it.

    Attributes:
        board: For which the image was built: says which UARTs carry the two lines.
        clock_model: What the cycle counter of the embedded emulator returns.
    """

    board: Board = "disco-f746ng"
    clock_model: ClockModel = "instructions"


def open_target(name: str, elf: Path, options: TargetOptions | None = None) -> Target:
    """A target, to be used as a context manager.

    Args:
        name: One of ``TARGETS``.
        elf: The firmware.
        options: See ``TargetOptions``.

    Raises:
        TargetError: There is no target of that name, or it lacks something.
        ElfError: The target cannot run this ELF.
    """
    options = options or TargetOptions()
    # Each target is imported when it is asked for: they need packages that not every installation has.
    if name == "embedded":
        from renode_mnist.targets.embedded import EmbeddedTarget

        return EmbeddedTarget(elf, board=options.board, clock_model=options.clock_model)
    raise TargetError(f"there is no target '{name}'", f"Choose one of: {', '.join(TARGETS)}.")
