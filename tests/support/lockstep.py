"""Two machines that run one program, with the models in C and in Python, and have to agree in everything."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unicorn import arm_const as arm

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.machine import Machine

_REGISTERS = (
    *(arm.UC_ARM_REG_R0 + index for index in range(13)),
    *(arm.UC_ARM_REG_S0 + index for index in range(32)),
    arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_MSP,
    arm.UC_ARM_REG_PSP, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI,
    arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_FPSCR,
)  # fmt: skip


class Lockstep:
    """One machine with the models in C, one with those in Python.

    Args:
        elf: The program of both.
        arguments: Of both `Machine`.
    """

    def __init__(self, elf: Path, **arguments: Any) -> None:
        self.in_c = Machine(elf, **arguments)
        self.in_python = Machine(elf, python_models=True, **arguments)
        assert self.in_c.models_in_c
        assert not self.in_python.models_in_c
        self.sent: dict[int, list[tuple[int, int]]] = {}
        for machine in self.machines:
            self._listen(machine)

    def _listen(self, machine: Machine) -> None:
        sent = self.sent[id(machine)] = []
        machine.usarts["USART1"].transmitted = lambda byte: sent.append((byte, machine.clock.now_ps()))

    @property
    def machines(self) -> tuple[Machine, Machine]:
        """Both."""
        return self.in_c, self.in_python

    def feed(self, data: bytes) -> None:
        """Sends both ``data`` over USART1."""
        for machine in self.machines:
            machine.usarts["USART1"].feed(data)

    def run(self, steps_ps: Sequence[int]) -> None:
        """Runs both, step by step, and compares what is cheap to compare after each and all at the end."""
        for step_ps in steps_ps:
            for machine in self.machines:
                machine.run_until(machine.clock.now_ps() + step_ps)
            self.compare(look_quickly)
        self.compare(look_at_all)

    def compare(self, look: Any) -> None:
        """Both look the same."""
        in_c, in_python = (look(machine) for machine in self.machines)
        assert in_c == in_python
        assert self.sent[id(self.in_c)] == self.sent[id(self.in_python)]


def look_quickly(machine: Machine) -> dict[str, object]:
    """What is cheap to look at."""
    nvic = machine.nvic
    return {
        "registers": machine.core.register_set(*_REGISTERS).read(),
        "now_ps": machine.clock.now_ps(),
        "next_ps": machine.scheduler.next_ps(),
        "instructions": machine.instructions(),
        "cycles": machine.core.counts.cycles_now(),
        "asleep": machine.asleep,
        "exceptions": [sorted(numbers) for numbers in (nvic.enabled, nvic.pending, nvic.active, nvic.lines)],
        "log": machine.log.text(),
    }


def look_at_all(machine: Machine) -> dict[str, object]:
    """What takes a millisecond."""
    memories = [memory for memory in memory_map.MEMORIES if memory.writable]
    clocked = machine.rcc.is_clocked("GPIOA")  # else looking at its registers is noted in the log
    digest = hashlib.sha256(b"".join(machine.core.memory.peek(m.base, m.size_bytes) or b"" for m in memories))
    return {
        "memory": digest.hexdigest(),
        "edges": machine.edge_counts(),
        "split": machine.core.counts.split_now(),
        "usart": [machine.usarts["USART1"].peek(offset) for offset in range(0, 0x2C, 4)],
        "dma": [dma.read(offset) for dma in machine.dmas.values() for offset in range(0, 0xD0, 4)],
        "pins": [machine.read_memory(0x40020000 + offset, 4) for offset in range(0, 0x28 if clocked else 0, 4)],
        "count": machine.read_memory(0xE000_1004, 4),
        "scs": [machine.read_memory(0xE000E000 + offset, 4) for offset in (0x14, 0x18, 0xD04, 0xD08, 0xF38)],
    }
