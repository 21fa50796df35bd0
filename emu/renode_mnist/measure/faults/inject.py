"""Puts faults into a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import unicorn
from unicorn import arm_const as arm

from renode_mnist.measure.faults.fault import Fault, Place
from renode_mnist.measure.faults.registers import APSR, BY_NAME, PC
from renode_mnist.measure.faults.trace import Moment, instruction_address
from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.machine import Machine

_FLAGS = (arm.UC_ARM_REG_XPSR_NZCVQG, arm.UC_ARM_REG_APSR_NZCV)
"""Both, as snapshots write them: N, Z, C and V are cached by the second."""


def flip_memory(machine: Machine, fault: Fault) -> None:
    """One bit of RAM, or of constants that nothing executes."""
    byte = machine.core.memory.peek(fault.address, 1)
    assert byte is not None
    machine.core.memory.poke(fault.address, bytes([byte[0] ^ 1 << fault.bit]))


def flip_code(machine: Machine, fault: Fault) -> None:
    """One bit of flash that may be executed."""
    flip_memory(machine, fault)
    machine.core.code_changed()


def flip_register(machine: Machine, fault: Fault) -> None:
    """One bit of a register, between two instructions."""
    register = BY_NAME[fault.part]
    core = machine.core
    if register is PC:
        core.write(arm.UC_ARM_REG_PC, core.pc ^ 1 << fault.bit | 1)
    elif register is APSR:
        core.register_set(*_FLAGS).write([core.read(register.number) ^ 1 << fault.bit] * 2)
    else:
        core.write(register.number, core.read(register.number) ^ 1 << fault.bit)


def power_on_reset(machine: Machine, salt: int) -> None:
    """The supply was gone: RAM holds anything, and the reset flags say so."""
    noise = np.random.default_rng(salt)
    for memory in (memory_map.DTCM, memory_map.SRAM1, memory_map.SRAM2, memory_map.ITCM):
        machine.core.memory.poke(memory.base, noise.bytes(memory.size_bytes))
    machine.core.code_changed()
    machine.rcc.supply_lost = True
    machine.reset()


@contextmanager
def within_block(machine: Machine, moment: Moment) -> Iterator[Callable[[Callable[[], None]], None]]:
    """Lets something happen before an instruction in the middle of a block.

    Yields:
        To be called, with what is to happen, while the machine stands before the block. At once where the block that
        follows is another (an exception was taken first) or the instruction is its first.
    """
    engine = machine.core.engine
    hooks: list[int] = []

    def arm_it(happens: Callable[[], None]) -> None:
        block = moment.block & ~1
        code = machine.core.memory.peek(block, moment.size_bytes) or b""
        place = instruction_address(code, block, moment.offset)
        if machine.core.pc & ~1 != block or place == block:
            happens()
            return
        waiting = [happens]

        def on_instruction(_engine: unicorn.Uc, _address: int, _size: int, _user_data: object) -> None:
            if waiting:
                waiting.pop()()

        hooks.append(engine.hook_add(unicorn.UC_HOOK_CODE, on_instruction, begin=place, end=place))
        engine.ctl_remove_cache(block, block + moment.size_bytes)

    try:
        yield arm_it
    finally:
        for hook in hooks:
            engine.hook_del(hook)
            engine.ctl_remove_cache(moment.block & ~1, (moment.block & ~1) + moment.size_bytes)


def needs_between_blocks(fault: Fault) -> bool:
    """Whether it cannot be put between two instructions of a block: a jump, or a reset."""
    return fault.place is Place.RESET or fault.part == PC.name
