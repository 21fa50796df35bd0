"""The addresses that a block will touch, computed before it runs, are those that it touches."""

from __future__ import annotations

from pathlib import Path

import pytest
from unicorn import arm_const as arm

import snippets
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.stm32f746 import _blockhook
from renode_mnist.stm32f746.blockcounter import CORE_REGISTERS
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.timing import LiveCosts

MODES = """
function run
  push {r4-r7, lr}
  ldr r0, =0x20010000
  movs r1, #8
  ldr r2, [r0]
  ldr r2, [r0, #4]
  ldr r2, [r0, r1]
  ldr r2, [r0, r1, lsl #2]
  ldr r2, [r0, #4]!
  ldr r2, [r0], #8
  ldrb r3, [r0, #-1]
  ldrsh r3, [r0, #2]
  ldrd r4, r5, [r0, #16]
  strd r4, r5, [r0], #8
  strb r1, [r0, r1]
  strh r1, [r0, #6]!
  ldm r0!, {r2-r5}
  stm r0, {r2-r5}
  stmdb r0!, {r2, r3}
  ldmdb r0, {r2, r3}
  vldr s0, [r0, #8]
  vstr s0, [r0, #12]
  vldr d1, [r0]
  vldmia r0!, {s0-s3}
  vstmdb r0!, {d0-d1}
  vpush {s4-s7}
  vpop {s4-s7}
  pop {r4-r7, pc}
"""

COMPUTED = """
function run
  push {r4-r7, lr}
  ldr r0, =0x20010000
  mov r1, #20
  add r2, r0, r1, lsl #1
  ldr r3, [r2]
  sub r2, r2, #8
  rsb r4, r1, #64
  ldr r3, [r0, r4]
  mul r4, r1, r1
  ldr r3, [r0, r4]
  mla r4, r1, r1, r0
  ldr r3, [r4]
  movw r5, #0x1234
  movt r5, #0x2001
  ldr r3, [r5]
  ubfx r4, r5, #4, #5
  ldrb r3, [r0, r4]
  lsls r4, r1, #3
  ldrb r3, [r0, r4]
  lsr r4, r5, r1
  and r4, r4, #252
  ldr r3, [r0, r4]
  mvn r4, #3
  ldr r3, [r2, r4]
  uxtb r4, r5
  ldrb r3, [r0, r4]
  sxth r4, r5
  bic r4, r4, #0x1000
  ldrb r3, [r0, r4]
  orr r4, r0, #64
  eor r4, r4, #4
  ldr r3, [r4]
  movs r4, #100
  movs r6, #7
  udiv r4, r4, r6
  ldrb r3, [r0, r4]
  adr r4, literal
  ldr r3, [r4]
  pop {r4-r7, pc}
  .align 2
literal: .word 1
"""

THROUGH_MEMORY = """
function run
  push {r4-r7, lr}
  ldr r0, =0x20010000
  add r1, r0, #64
  str r1, [r0]
  ldr r2, [r0]
  ldr r3, [r2, #4]
  push {r1}
  ldr r2, [sp]
  ldr r3, [r2, #8]
  pop {r4}
  ldr r3, [r4, #12]
  movs r5, #200
  strb r5, [r0, #5]
  ldrsb r6, [r0, #5]
  ldr r3, [r2, r6]
  stmia r0, {r1, r2}
  ldr r7, [r0, #4]
  ldrb r3, [r7]
  ldmia r0, {r6, r7}
  ldr r3, [r6]
  ldr r3, [r7, #-4]
  pop {r4-r7, pc}
"""

CONDITIONAL = """
function run
  push {r4-r7, lr}
  ldr r0, =0x20010000
  movs r4, #0
again:
  cmp r4, #3
  ite lt
  ldrlt r1, [r0, #4]
  ldrge r1, [r0, #8]
  itt hi
  addhi r0, r0, #4
  strhi r1, [r0]
  tst r4, #1
  it eq
  ldrbeq r1, [r0, #1]
  subs r2, r4, #5
  itt mi
  ldrmi r3, [r0, #12]
  ldrmi r3, [r0, #16]
  cmn r4, #0x80000000
  it vs
  ldrvs r3, [r0, #20]
  adds r4, #1
  cmp r4, #8
  bne again
  cmp r4, #1
  tbb [pc, r5]
table: .byte 1, 1
  pop {r4-r7, pc}
"""


class Watch:
    """Compares, block by block; an observer of blocks and of data."""

    def __init__(self, machine: Machine) -> None:
        self._core = machine.core
        self._costs = LiveCosts(machine.core.memory.read_code)
        self._memories = machine.core.memory.places()
        self._steps: dict[tuple[int, int], bytes] = {}
        self._expected: list[tuple[int, int, bool]] | None = None
        self._seen: list[tuple[int, int, bool]] = []
        self._block = (0, 0)
        self.accesses = self.unresolved = 0
        self.wrong: list[str] = []
        machine.core.observe(self)
        machine.core.observe_data(lambda *access: self._seen.append(access))

    def block(self, address: int, size_bytes: int, /) -> None:
        self.finish()
        self._block = (address, size_bytes)
        if self._block not in self._steps:
            self._steps[self._block] = self._costs.accesses(address, size_bytes)
        registers = tuple(self._core.read(register) for register in CORE_REGISTERS)
        flags = self._core.read(arm.UC_ARM_REG_APSR)
        self._expected, unresolved = _blockhook.touched(self._steps[self._block], registers, flags, self._memories)
        self.unresolved += unresolved

    def finish(self) -> None:
        """Judges the block before."""
        if self._expected is not None:
            self.accesses += len(self._seen)
            if _bytes(self._expected) != _bytes(self._seen):
                self.wrong.append(f"block {self._block[0]:#x}: {self._expected}, not {self._seen}")
        self._expected = None
        self._seen = []

    def cut_short(self, size_bytes: int, /) -> None:
        self._expected = None

    def break_flow(self, how: FlowBreak, /) -> None:
        self.finish()


def _bytes(accesses: list[tuple[int, int, bool]]) -> list[tuple[int, bool]]:
    """Unicorn tells an LDM word by word, and an LDRD in two."""
    return sorted((address + at, stores) for address, size, stores in accesses for at in range(size))


@pytest.mark.parametrize(
    "assembly", [MODES, COMPUTED, THROUGH_MEMORY, CONDITIONAL], ids=["modes", "computed", "memory", "it"]
)
def test_every_address_is_computed(assembly: str) -> None:
    machine = Machine(snippets.build(assembly.replace("tbb [pc, r5]", "movs r5, #0\n tbb [pc, r5]")))
    watch = Watch(machine)
    snippets.run(machine)
    watch.finish()
    assert watch.accesses > 20
    assert not watch.wrong, watch.wrong[0]
    assert watch.unresolved == 0


def test_what_cannot_be_known_is_counted_and_not_guessed() -> None:
    code = "function run\n ldr r0, =0x20010000\n vmov s0, r0\n vmov r1, s0\n ldr r2, [r1]\n ldr r3, [r0]\n bx lr"
    machine = Machine(snippets.build(code))
    watch = Watch(machine)
    snippets.run(machine)
    assert watch.unresolved == 1
    (wrong,) = watch.wrong or [""]
    assert wrong.count("0x20010000") == 0  # it is the one that is missing
    assert watch.accesses >= 3


def test_a_register_of_a_peripheral_is_not_read_for_its_value() -> None:
    """Reading one can have effects: who loads an address from there is not followed."""
    code = "function run\n ldr r0, =0xE000ED00\n ldr r1, [r0]\n and r1, r1, #0\n ldr r2, [r1]\n bx lr"
    machine = Machine(snippets.build(code))
    watch = Watch(machine)
    snippets.run(machine)
    assert watch.unresolved == 1


def compared(elf: Path, virtual_seconds: float) -> Watch:
    machine = Machine(elf)
    watch = Watch(machine)
    machine.run_for(virtual_seconds)
    watch.finish()
    return watch


def test_those_of_a_firmware_that_starts() -> None:
    watch = compared(build(BuildConfig(resolve_model("int8"), engine="m7")).elf, 0.004)
    assert watch.accesses > 10_000
    assert not watch.wrong, watch.wrong[0]
    assert watch.unresolved == 0
