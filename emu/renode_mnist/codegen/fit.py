"""Whether a plan can fit a chip, told before a compiler runs: the bytes wanted and had, and what wants most."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from renode_mnist.codegen.planning import Plan

_NAMED = 3
"""How many of the largest users a shortage names."""


@dataclass(frozen=True)
class Room:
    """What an image has, and what it takes of that whatever the model.

    Attributes:
        flash_bytes: Of the chip.
        ram_bytes: Likewise.
        least_code_bytes: No image is smaller, the model's constants left out.
        least_ram_bytes: No image takes less beside arena and state: stack, buffers, the rest.
    """

    flash_bytes: int
    ram_bytes: int
    least_code_bytes: int
    least_ram_bytes: int


@dataclass(frozen=True)
class Shortage:
    """A memory that is too small.

    Attributes:
        memory: ``flash`` or ``RAM``.
        wanted_bytes: At least so many; the compiler may make it more.
        had_bytes: What there is.
        largest: What takes most of it, with its bytes, the largest first.
    """

    memory: str
    wanted_bytes: int
    had_bytes: int
    largest: tuple[tuple[str, int], ...]

    def __str__(self) -> str:
        users = ", ".join(f"{what} {count:,} B" for what, count in self.largest)
        return (
            f"it wants at least {self.wanted_bytes:,} B of {self.memory}, of which there are {self.had_bytes:,} B, "
            f"and the compiler's code may make it more; most of it: {users}"
        )


def shortages(plan: Plan, room: Room) -> tuple[Shortage, ...]:
    """The memories that no image of this plan can do with; empty where it may fit."""
    flash = plan.weights_bytes + room.least_code_bytes
    ram = plan.arena_bytes + plan.state_bytes + room.least_ram_bytes
    found = []
    if flash > room.flash_bytes:
        found.append(Shortage("flash", flash, room.flash_bytes, _largest(_constants(plan))))
    if ram > room.ram_bytes:
        found.append(Shortage("RAM", ram, room.ram_bytes, _largest(_buffers(plan))))
    return tuple(found)


def _constants(plan: Plan) -> Iterable[tuple[str, int]]:
    """Those of each step."""
    for number, step in enumerate(plan.steps):
        yield f"step {number} ({step.op})", sum(constant.byte_count for constant in step.constants)


def _buffers(plan: Plan) -> Iterable[tuple[str, int]]:
    """Those alive in the step that wants most, and what lives all the time."""
    peak = max(range(len(plan.steps)), key=plan.live_bytes)
    for placement in plan.placements:
        if placement.first <= peak <= placement.last:
            yield f"{placement.buffer.name} in step {peak}", placement.buffer.byte_count
    for state in plan.program.state:
        yield f"state {state.name}", state.byte_count


def _largest(users: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(users, key=lambda user: -user[1])[:_NAMED])
