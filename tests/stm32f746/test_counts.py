"""Instruction counts are exact, and the same whoever counts and however the run is sliced."""

from __future__ import annotations

import pytest
from unicorn import arm_const as arm

import snippets
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.blockcounter import Timing
from renode_mnist.stm32f746.core import ReadCode
from renode_mnist.stm32f746.machine import Machine

START = 7  # instructions of vectors.S from start to run, BL included
RETURN = 1  # BX LR

HOOKS = [pytest.param(False, id="c-hook"), pytest.param(True, id="python-hook")]


def count(assembly: str, python_hook: bool = False) -> int:
    machine = Machine(snippets.build(assembly), python_hook=python_hook)
    return snippets.run(machine).instructions - START - RETURN


def test_the_c_hook_was_built() -> None:
    from renode_mnist.stm32f746 import _blockhook  # noqa: F401


@pytest.mark.parametrize("python_hook", HOOKS)
def test_straight_code_of_both_widths(python_hook: bool) -> None:
    assert count("function run\n movs r0, #1\n movw r1, #0x1234\n add.w r2, r0, r1\n nop\n bx lr", python_hook) == 4


@pytest.mark.parametrize("python_hook", HOOKS)
def test_a_loop_counts_each_round(python_hook: bool) -> None:
    assert count("function run\n mov r0, #1000\n1: subs r0, #1\n nop.w\n bne 1b\n bx lr", python_hook) == 1 + 3000


@pytest.mark.parametrize("python_hook", HOOKS)
@pytest.mark.parametrize("value", [0, 1])
def test_instructions_that_an_it_block_skips_count(value: int, python_hook: bool) -> None:
    code = f"function run\n movs r0, #{value}\n cmp r0, #0\n ittee eq\n moveq r1, #1\n addeq r1, #1\n movne r1, #2\n"
    assert count(code + "addne r1, #3\n bx lr", python_hook) == 7


@pytest.mark.parametrize("python_hook", HOOKS)
def test_a_branch_out_of_an_it_block(python_hook: bool) -> None:
    code = "function run\n mov r0, #10\n1: subs r0, #1\n itt ne\n addne r1, #1\n bne 1b\n bx lr"
    assert count(code, python_hook) == 1 + 10 * 4


def test_a_literal_pool_within_a_function_is_no_instruction() -> None:
    assert count("function run\n ldr r0, 2f\n b 1f\n .align 2\n2: .word 0xF000F800\n1: bx lr") == 2


def test_code_over_a_page_border() -> None:
    assert count("function run\n .rept 3000\n add.w r0, r0, #1\n .endr\n bx lr") == 3000


INTERRUPTED = """
  .lcomm rounds, 4
function run
  ldr r0, =0xE000E010
  mov r1, #996
  str r1, [r0, #4]
  movs r1, #0
  str r1, [r0, #8]
  movs r1, #7
  str r1, [r0]
  ldr r2, =rounds
  mov r0, #20000
1:
  subs r0, #1
  nop
  bne 1b
  bx lr
function systick
  ldr r2, =rounds
  ldr r3, [r2]
  adds r3, #1
  str r3, [r2]
  bx lr
"""


@pytest.mark.parametrize("python_hook", HOOKS)
def test_interrupts_do_not_disturb_the_count(python_hook: bool) -> None:
    elf = snippets.build(INTERRUPTED)
    machine = Machine(elf, python_hook=python_hook)
    counts = snippets.run(machine)
    (rounds,) = snippets.words(machine, snippets.symbol(elf, "rounds"), 1)
    assert rounds == 60
    assert counts.instructions - START - RETURN == 9 + 3 * 20000 + 5 * rounds


def test_interrupts_land_at_the_same_place_however_the_run_is_sliced() -> None:
    elf = snippets.build(INTERRUPTED)
    whole, sliced = Machine(elf), Machine(elf)
    snippets.run(whole)
    sliced.set_breakpoints(snippets.symbol(elf, "systick"))
    stops = 0
    while snippets.words(sliced, sliced.core.pc, 1)[0] & 0xFFFF != 0xBE00:
        sliced.run_for(1e-6)
        sliced.run_until_breakpoint()
        stops += 1
    assert stops > 20
    assert sliced.block_counts() == whole.block_counts()
    assert sliced.edge_counts() == whole.edge_counts()
    assert sliced.clock.now_ps() == whole.clock.now_ps()


def test_both_hooks_agree_on_blocks_and_edges() -> None:
    elf = snippets.build(INTERRUPTED)
    machines = [Machine(elf, python_hook=python_hook) for python_hook in (False, True)]
    for machine in machines:
        snippets.run(machine)
    by_c, by_python = machines
    assert by_c.block_counts() == by_python.block_counts()
    assert by_c.edge_counts() == by_python.edge_counts()


def test_blocks_and_edges_add_up() -> None:
    machine = Machine(snippets.build(INTERRUPTED))
    snippets.run(machine)
    blocks, edges = machine.block_counts(), machine.edge_counts()
    assert sum(block.instructions * block.entered for block in blocks) == machine.instructions()
    assert sum(edge.entered for edge in edges) == sum(block.entered for block in blocks)
    loops = [edge for edge in edges if edge.from_address == edge.address]
    assert sum(edge.entered for edge in loops) > 19000


@pytest.mark.parametrize("python_hook", HOOKS)
def test_a_fault_takes_back_what_follows_it_in_its_block(python_hook: bool) -> None:
    code = """
function run
  ldr r0, =0x30000000
  nop
  ldr r1, [r0]
  nop
  nop.w
  bx lr
function hard_fault
  bkpt 1
"""
    machine = Machine(snippets.build(code), python_hook=python_hook)
    counts = machine.run_until_breakpoint()
    assert snippets.bkpt_number(machine) == 1
    assert counts.instructions == START + 3
    assert sum(block.instructions * block.entered for block in machine.block_counts()) == START + 3 + 1


def by_size(previous_address: int, previous_bytes: int, address: int, size_bytes: int) -> tuple[int, int]:
    """Numbers that tell edges apart; a block that can loop may be mispredicted."""
    cycles = 2 * size_bytes + (1 if previous_bytes == 0 else 0) + (3 if previous_address == address else 0)
    return cycles, previous_bytes


@pytest.mark.parametrize("python_hook", HOOKS)
def test_a_clock_model_charges_each_edge(python_hook: bool) -> None:
    machine = Machine(snippets.build(INTERRUPTED), clock_model=lambda _read: by_size, python_hook=python_hook)
    snippets.run(machine)
    edges = machine.edge_counts()
    for edge in edges:
        before = edge.from_address or 0, edge.from_size_bytes
        assert edge.cycles == by_size(*before, edge.address, edge.size_bytes)[0]
        assert edge.misprediction_cycles in (0, edge.from_size_bytes)
    assert any(edge.mispredicted for edge in edges)
    assert machine.core.counts.cycles_now() == sum(
        edge.cycles * edge.entered + edge.misprediction_cycles * edge.mispredicted for edge in edges
    )


def test_both_hooks_charge_the_same() -> None:
    elf = snippets.build(INTERRUPTED)
    by_c, by_python = (Machine(elf, clock_model=lambda _read: by_size, python_hook=hook) for hook in (False, True))
    for machine in (by_c, by_python):
        snippets.run(machine)
    assert by_c.edge_counts() == by_python.edge_counts()
    assert by_c.clock.now_ps() == by_python.clock.now_ps()


@pytest.mark.parametrize("python_hook", HOOKS)
def test_a_clock_model_can_read_the_code_it_is_asked_about(python_hook: bool) -> None:
    seen = {}

    def model(read: ReadCode) -> Timing:
        def timing(_before: int, _size_before: int, address: int, size_bytes: int) -> tuple[int, int]:
            seen[address] = read(address, size_bytes)
            return 1, 0

        return timing

    elf = snippets.build("function run\n movs r0, #5\n bx lr")
    snippets.run(Machine(elf, clock_model=model, python_hook=python_hook))
    assert seen[snippets.symbol(elf, "run")] == b"\x05\x20\x70\x47"


@pytest.mark.parametrize("python_hook", HOOKS)
def test_an_error_in_the_clock_model_surfaces(python_hook: bool) -> None:
    def timing(*_edge: int) -> tuple[int, int]:
        raise LookupError("no such block")

    machine = Machine(
        snippets.build("function run\n bx lr"), clock_model=lambda _read: timing, python_hook=python_hook
    )
    with pytest.raises(LookupError, match="no such block"):
        machine.run_for(0.001)


@pytest.mark.parametrize("python_hook", HOOKS)
def test_breakpoints_at_functions(python_hook: bool) -> None:
    code = """
function run
  push {lr}
  mov r4, #3
1: bl work
  subs r4, #1
  bne 1b
  pop {pc}
function work
  nop
  bx lr
"""
    elf = snippets.build(code)
    machine = Machine(elf, python_hook=python_hook)
    machine.set_breakpoints(snippets.symbol(elf, "work"))
    assert machine.run_until_breakpoint().instructions == START + 3
    for round_ in (3, 2):
        assert machine.core.pc == snippets.symbol(elf, "work")
        assert machine.core.read(arm.UC_ARM_REG_R4) == round_
        assert machine.run_until_breakpoint().instructions == 2 + 2 + 1
    machine.set_breakpoints()
    snippets.run(machine)


def test_a_breakpoint_that_is_not_reached() -> None:
    machine = Machine(snippets.build("function run\n b run"))
    with pytest.raises(TargetError, match=r"No breakpoint in 0\.001 s"):
        machine.run_until_breakpoint(0.001)
