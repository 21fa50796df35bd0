"""What the core executed, block by block, so that a fault can be put at any instruction of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import unicorn

from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.machine import Machine

_IT = 0xBF00


@dataclass(frozen=True)
class Moment:
    """An instruction of a run.

    Attributes:
        block: Address of the straight piece of code that it is in.
        size_bytes: Of that.
        offset: How many instructions of it come before.
        time_ps: At which a run that is ended there ends before that block, in time since the run began.
    """

    block: int
    size_bytes: int
    offset: int
    time_ps: int


@dataclass
class Trace:
    """Blocks in the order in which they ran.

    Attributes:
        instructions: In all.
    """

    instructions: int = 0
    _firsts: list[int] = field(default_factory=list)
    _blocks: list[tuple[int, int, int]] = field(default_factory=list)

    def moment(self, instruction: int) -> Moment:
        """The instruction of that number, from 0 on."""
        index = bisect_right(self._firsts, instruction) - 1
        address, size, time_ps = self._blocks[index]
        return Moment(address, size, instruction - self._firsts[index], time_ps)

    def add(self, address: int, size_bytes: int, instructions: int, time_ps: int) -> None:
        """One block more."""
        self._firsts.append(self.instructions)
        self._blocks.append((address, size_bytes, time_ps))
        self.instructions += instructions


@contextmanager
def traced(machine: Machine) -> Iterator[Trace]:
    """While open, notes what ``machine`` runs; counts and times stay what they are."""
    engine, counter, clock = machine.core.engine, machine.core.counter, machine.clock
    found, begun_ps = Trace(), clock.now_ps()

    def on_block(_engine: unicorn.Uc, _address: int, _size: int, _user_data: object) -> None:
        if counter.stopped:
            return  # the run ends before this block
        address, size, instructions, cycles = counter.current()
        # The counter has the block already: its time is that of its end. Rounded so that the core, which runs to the
        # first cycle not before a time, ends at this block's first.
        time_ps = clock.now_ps() + -cycles * PICOSECONDS // clock.hertz
        found.add(address, size, instructions, time_ps - begun_ps)

    hook = engine.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
    machine.core.code_changed()  # what is translated already would not call it
    try:
        yield found
    finally:
        engine.hook_del(hook)
        machine.core.code_changed()


def instruction_address(code: bytes, block: int, offset: int) -> int:
    """Address of an instruction of a block; within an IT block, where Unicorn has no hooks, that of the IT.

    Args:
        code: Of the block.
        block: Its address.
        offset: How many instructions come before.
    """
    at = skipped = 0
    last = block
    for _ in range(offset + 1):
        if at >= len(code):
            break
        half_word = int.from_bytes(code[at : at + 2], "little")
        if skipped:
            skipped -= 1
        else:
            last = block + at
            if half_word & 0xFF00 == _IT and half_word & 0xF:  # (DDI 0403E A7.7.38)
                skipped = 4 - ((half_word & -half_word).bit_length() - 1)
        at += 4 if half_word >= 0xE800 else 2
    return last
