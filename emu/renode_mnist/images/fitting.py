"""What an image may take of flash and RAM, and what that leaves to the plan of its network.

A plan is made before there is code, so the code's size is a guess. Where the linker finds an image too large by some
bytes, the plan is made anew with so much less, which `build` does and keeps (`Excess`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from renode_mnist.errors import ModelError
from renode_mnist.stm32f746.memory_map import FLASH, RAM_BYTES

if TYPE_CHECKING:
    from renode_mnist.codegen import Aim
    from renode_mnist.codegen.planning import Plan

LEAST_CODE_BYTES = 14_000
LEAST_RAM_BYTES = 11_000
"""No image takes less beside the model's constants, arena and state: a dense layer alone makes 16 kB of code, and
8,448 B are the stack and its guard, 2,900 B buffers of the wire and the rest (GCC 12.2, -O2)."""

_REST_OF_CODE_BYTES = 20_000
"""What an image of engine ``m7`` has beside its constants and its kernels, which candidates tell."""

_KEPT_IN = "excess.json"


@dataclass(frozen=True)
class Limits:
    """What an image may take, in bytes: code and constants, and all RAM with the stack and its guard."""

    flash_bytes: int = FLASH.size_bytes
    ram_bytes: int = RAM_BYTES

    @classmethod
    def of(cls, max_flash: int | None, max_ram: int | None) -> Self:
        """Those asked for; never more than the chip has."""
        return cls(min(max_flash or FLASH.size_bytes, FLASH.size_bytes), min(max_ram or RAM_BYTES, RAM_BYTES))

    def excess(self, flash_bytes: int, ram_bytes: int) -> Excess:
        """How much an image of this size is beyond them."""
        return Excess(max(0, flash_bytes - self.flash_bytes), max(0, ram_bytes - self.ram_bytes))

    def hold(self, flash_bytes: int, ram_bytes: int) -> None:
        """Lets an image of this size pass.

        Raises:
            TooLarge: It takes more.
        """
        excess = self.excess(flash_bytes, ram_bytes)
        if excess != Excess():
            raise TooLarge(
                f"the smallest image found takes {flash_bytes:,} B of flash and {ram_bytes:,} B of RAM, all of its "
                f"stack included, where {self.flash_bytes:,} B and {self.ram_bytes:,} B are allowed",
                "Allow more, or take another objective, another engine or a smaller model.",
                excess,
            )


@dataclass(frozen=True)
class Excess:
    """What images took beyond the limits with the plans made so far, in bytes."""

    flash_bytes: int = 0
    ram_bytes: int = 0

    def __add__(self, other: Excess) -> Excess:
        return Excess(self.flash_bytes + other.flash_bytes, self.ram_bytes + other.ram_bytes)

    @classmethod
    def kept(cls, folder: Path) -> Self:
        """That of a folder in which an image is built; none where nothing was found."""
        with suppress(OSError, ValueError, TypeError):
            return cls(**json.loads((folder / _KEPT_IN).read_text()))
        return cls()

    def keep(self, folder: Path) -> None:
        """Writes it where `kept` finds it."""
        if self == Excess():
            (folder / _KEPT_IN).unlink(missing_ok=True)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / _KEPT_IN).write_text(json.dumps(asdict(self)))


class TooLarge(ModelError):
    """An image is larger than it may be."""

    def __init__(self, problem: str, remedy: str, excess: Excess) -> None:
        super().__init__(problem, remedy)
        self.excess = excess

    @classmethod
    def of_the_chip(cls, memory: str, excess_bytes: int) -> Self:
        """As the linker says it: ``FLASH`` or ``RAM``, and the bytes that are too many."""
        return cls(
            f"the image does not fit the chip: {excess_bytes:,} bytes too many for {memory}",
            "Take a smaller model or another engine; `renode-mnist inspect MODEL` shows what needs the room.",
            Excess(**{f"{memory.lower()}_bytes": excess_bytes}),
        )


def grown(excess: Excess, found: Excess, aim_of: Callable[[Excess], Aim], plan_of: Callable[[Aim], Plan]) -> Excess:
    """What the next plan has to do with less, after an image that was too large.

    Args:
        excess: That its plan was made with.
        found: How much the image was beyond the limits.
        aim_of: What a plan is made for.
        plan_of: The plan.
    """
    more = excess + found
    before, after = plan_of(aim_of(excess)), plan_of(aim_of(more))
    if (before.arena_bytes, before.weights_bytes) != (after.arena_bytes, after.weights_bytes):
        return more
    # The plan was well below what it was allowed, so that a little less changes nothing: from what it took, then.
    aim = aim_of(more)
    assert aim.flash_bytes is not None
    assert aim.arena_bytes is not None
    return more + Excess(
        max(0, aim.flash_bytes - before.weights_bytes) if found.flash_bytes else 0,
        max(0, aim.arena_bytes - before.arena_bytes + found.ram_bytes) if found.ram_bytes else 0,
    )


def aim(objective: str, limits: Limits, excess: Excess) -> Aim:
    """What the planner is to keep to, so that the image keeps to the limits.

    Args:
        objective: Value of a ``codegen.Objective``.
        limits: Of the image.
        excess: Of the plans made so far.
    """
    from renode_mnist import codegen

    return codegen.Aim(
        codegen.Objective(objective),
        # At least 1: 0 is CMake's word for no limit.
        max(1, limits.flash_bytes - _REST_OF_CODE_BYTES - excess.flash_bytes),
        max(1, limits.ram_bytes - LEAST_RAM_BYTES - excess.ram_bytes),
    )
