"""Exceptions as DDI 0403E B1.5 has them: order, frames, masks, faults and their registers."""

from __future__ import annotations

import pytest
from unicorn import arm_const as arm

import snippets
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.machine import Machine
from snippets import results

# Shared by the snippets: `note N` appends a word to `trace`, `irq_setup` clears priorities and enables IRQ 0 to 3.
PRELUDE = """
  .lcomm trace, 256
  .macro note value
  ldr r0, =trace
  ldr r1, [r0]
  adds r1, #1
  str r1, [r0]
  movs r2, #\\value
  str r2, [r0, r1, lsl #2]
  .endm
  .set ISER, 0xE000E100
  .set ISPR, 0xE000E200
  .set IPR, 0xE000E400
  .set ICSR, 0xE000ED04
  .set SHPR3, 0xE000ED20
  .set SHCSR, 0xE000ED24
  .set CFSR, 0xE000ED28
"""


def finished(code: str, **arguments: bool) -> tuple[Machine, list[int]]:
    """The machine at the end of ``run``, and what its handlers noted."""
    elf = snippets.build(PRELUDE + code)
    machine = Machine(elf, **arguments)
    snippets.run(machine)
    count, *noted = snippets.words(machine, snippets.symbol(elf, "trace"), 60)
    return machine, noted[:count]


def test_the_more_urgent_of_two_pending_interrupts_comes_first() -> None:
    _, noted = finished("""
function run
  cpsid i
  poke IPR, 0x00001020
  poke ISER, 3
  poke ISPR, 3
  note 1
  cpsie i
  note 4
  bx lr
function irq0
  note 3
  bx lr
function irq1
  note 2
  bx lr
""")
    assert noted == [1, 2, 3, 4]


def test_equal_priorities_come_by_number_and_do_not_preempt() -> None:
    _, noted = finished("""
function run
  poke IPR, 0x20202020
  poke ISER, 7
  poke ISPR, 4
  dsb
  isb
  note 4
  bx lr
function irq0
  note 2
  bx lr
function irq1
  note 3
  bx lr
function irq2
  poke ISPR, 3
  dsb
  isb
  note 1
  bx lr
""")
    assert noted == [1, 2, 3, 4]


def test_a_more_urgent_interrupt_preempts() -> None:
    _, noted = finished("""
function run
  poke IPR, 0x00001020
  poke ISER, 3
  poke ISPR, 1
  dsb
  isb
  note 4
  bx lr
function irq0
  push {lr}
  note 1
  poke ISPR, 2
  dsb
  isb
  note 3
  pop {pc}
function irq1
  note 2
  bx lr
""")
    assert noted == [1, 2, 3, 4]


def test_the_subpriority_orders_but_does_not_preempt() -> None:
    _, noted = finished("""
function run
  poke 0xE000ED0C, 0x05FA0600
  poke IPR, 0x00102030
  poke ISER, 7
  poke ISPR, 1
  dsb
  isb
  note 4
  bx lr
function irq0
  note 1
  poke ISPR, 6
  dsb
  isb
  nop
  bx lr
function irq1
  note 3
  bx lr
function irq2
  note 2
  bx lr
""")
    assert noted == [1, 2, 3, 4]


def test_basepri_holds_back_what_is_not_more_urgent() -> None:
    _, noted = finished("""
function run
  poke IPR, 0x00002040
  poke ISER, 3
  movs r0, #0x40
  msr basepri, r0
  poke ISPR, 1
  dsb
  isb
  note 1
  poke ISPR, 2
  dsb
  isb
  note 3
  movs r0, #0
  msr basepri, r0
  note 5
  bx lr
function irq0
  note 4
  bx lr
function irq1
  note 2
  bx lr
""")
    assert noted == [1, 2, 3, 4, 5]


def test_faultmask_holds_back_all_interrupts_and_ends_with_cpsie() -> None:
    _, noted = finished("""
function run
  poke ISER, 1
  cpsid f
  poke ISPR, 1
  dsb
  isb
  note 1
  cpsie f
  note 3
  bx lr
function irq0
  note 2
  bx lr
""")
    assert noted == [1, 2, 3]


def test_a_disabled_interrupt_stays_pending() -> None:
    _, noted = finished("""
function run
  poke ISPR, 1
  dsb
  isb
  note 1
  poke ISER, 1
  dsb
  isb
  note 3
  bx lr
function irq0
  note 2
  bx lr
""")
    assert noted == [1, 2, 3]


def test_pendsv_waits_for_interrupts_and_runs_before_thread_code() -> None:
    _, noted = finished("""
function run
  poke SHPR3, 0x00F00000
  poke ISER, 1
  poke ISPR, 1
  dsb
  isb
  note 4
  bx lr
function irq0
  note 1
  poke ICSR, 0x10000000
  dsb
  isb
  note 2
  bx lr
function pendsv
  note 3
  bx lr
""")
    assert noted == [1, 2, 3, 4]


def test_svc_returns_behind_itself_with_the_handlers_result() -> None:
    machine, _ = finished("""
function run
  movs r0, #20
  svc #7
  ldr r1, =results
  str r0, [r1]
  bx lr
function svcall
  ldr r0, [sp]
  ldr r1, [sp, #24]
  ldrb r1, [r1, #-2]
  adds r0, r1
  str r0, [sp]
  bx lr
""")
    assert results(machine, 1) == [27]


@pytest.mark.parametrize("aligned", [0, 4])
def test_the_frame_is_aligned_to_8_and_all_registers_come_back(aligned: int) -> None:
    machine, _ = finished(f"""
function run
  push {{r4-r11, lr}}
  sub sp, #{4 + aligned}
  ldr r5, =results
  str sp, [r5]
  movs r0, #10
  movs r1, #11
  movs r2, #12
  movs r3, #13
  mov r12, #112
  mov lr, #114
  mov r6, #0
  subs r6, #1
  svc #0
  mrs r7, apsr
  stmia r5!, {{r0-r3}}
  str r12, [r5]
  str lr, [r5, #4]
  str r7, [r5, #8]
  str sp, [r5, #12]
  add sp, #{4 + aligned}
  pop {{r4-r11, pc}}
function svcall
  ldr r0, =results
  str sp, [r0, #32]
  movs r0, #0
  movs r1, #0
  movs r2, #0
  movs r3, #0
  mov r12, #0
  cmp r0, r0
  bx lr
""")
    r0, r1, r2, r3, r12, lr, apsr, sp_after, sp_in_handler = results(machine, 9)
    assert (r0, r1, r2, r3, r12, lr) == (10, 11, 12, 13, 112, 114)
    assert apsr >> 28 == 0b1000
    assert sp_in_handler % 8 == 0
    assert sp_after - sp_in_handler == 0x20 + sp_after % 8


def test_fp_registers_survive_a_handler_that_uses_them() -> None:
    machine, _ = finished("""
function run
  push {lr}
  vpush {s16-s31}
  ldr r5, =results
  vmov.f32 s0, #1.5
  vmov.f32 s15, #2.5
  vmov.f32 s16, #3.5
  mov r0, #0x00C00000
  vmsr fpscr, r0
  mrs r0, control
  str r0, [r5]
  svc #0
  vstr s0, [r5, #4]
  vstr s15, [r5, #8]
  vstr s16, [r5, #12]
  vmrs r0, fpscr
  str r0, [r5, #16]
  mrs r0, control
  str r0, [r5, #20]
  vpop {s16-s31}
  pop {pc}
function svcall
  ldr r1, =results
  str lr, [r1, #24]
  mrs r0, control
  str r0, [r1, #28]
  movs r0, #0
  vmsr fpscr, r0
  vmov.f32 s0, #-1.0
  vmov.f32 s15, s0
  bx lr
""")
    control, s0, s15, s16, fpscr, control_after, exc_return, control_in_handler = results(machine, 8)
    assert (control & 4, control_in_handler & 4, control_after & 4) == (4, 0, 4)
    assert exc_return == 0xFFFF_FFE9
    assert (s0, s15, s16) == (0x3FC00000, 0x40200000, 0x40600000)
    assert fpscr == 0x00C00000


def test_without_fp_state_the_frame_is_short() -> None:
    machine, _ = finished("""
function run
  svc #0
  bx lr
function svcall
  ldr r1, =results
  str lr, [r1]
  str sp, [r1, #4]
  bx lr
""")
    assert results(machine, 2) == [0xFFFF_FFF9, 0x2005_0000 - 0x20]


def test_thread_code_on_the_process_stack() -> None:
    machine, _ = finished("""
function run
  ldr r0, =0x20008000
  msr psp, r0
  movs r0, #2
  msr control, r0
  isb
  svc #0
  ldr r1, =results
  str sp, [r1, #12]
  movs r0, #0
  msr control, r0
  isb
  bx lr
function svcall
  ldr r1, =results
  str lr, [r1]
  mrs r0, psp
  str r0, [r1, #4]
  str sp, [r1, #8]
  bx lr
""")
    assert results(machine, 4) == [0xFFFF_FFFD, 0x2000_8000 - 0x20, 0x2005_0000, 0x2000_8000]


def test_a_context_switch_in_pendsv_to_an_unprivileged_thread() -> None:
    machine, noted = finished("""
function run
  ldr r0, =0x20008000 - 0x20
  movs r1, #0
  str r1, [r0]
  ldr r1, =other
  str r1, [r0, #24]
  mov r1, #0x01000000
  str r1, [r0, #28]
  msr psp, r0
  push {lr}
  svc #0
  note 9
  pop {pc}
function svcall
  tst lr, #4
  bne 1f
  movs r0, #1
  msr control, r0
  mvn lr, #2
  bx lr
1:
  movs r0, #0
  msr control, r0
  mvn lr, #6
  bx lr
function other
  note 1
  ldr r1, =results
  mrs r0, control
  str r0, [r1]
  str sp, [r1, #4]
  svc #1
  bkpt 0xEE
""")
    assert noted == [1, 9]
    assert results(machine, 2) == [3, 0x2000_8000]


def test_an_interrupt_within_an_it_block_resumes_it() -> None:
    machine, noted = finished("""
function run
  poke ISER, 1
  ldr r3, =ISPR
  movs r4, #1
  movs r5, #0
  movs r6, #0
  cmp r4, #1
  itete eq
  streq r4, [r3]
  addne r5, #1
  addeq r6, #1
  addne r5, #1
  ldr r1, =results
  strd r5, r6, [r1]
  bx lr
function irq0
  note 1
  movs r0, #1
  bx lr
""")
    assert noted == [1]
    assert results(machine, 2) == [0, 1]


FAULT = """
function run
{setup}
  {fault}
  bkpt 0xEE
function {handler}
  mrs r0, msp
  ldr r1, =results
  ldr r2, [r0, #24]
  str r2, [r1]
  ldr r3, =0xE000ED28
  ldr r2, [r3]
  str r2, [r1, #4]
  ldr r2, [r3, #4]
  str r2, [r1, #8]
  ldr r2, [r3, #12]
  str r2, [r1, #12]
  ldr r2, [r3, #16]
  str r2, [r1, #16]
  mrs r2, ipsr
  str r2, [r1, #20]
  bkpt 0
"""

ENABLE = "  poke SHCSR, 0x00070000\n  ldr r4, =0x30000000"
PLAIN = "  ldr r4, =0x30000000"


@pytest.mark.parametrize("enabled", [False, True])
@pytest.mark.parametrize(
    ("fault", "handler", "number", "cfsr", "with_address"),
    [
        ("1: ldr r0, [r4]", "bus_fault", 5, 0x8200, True),
        ("nop\n1: str r0, [r4, #4]", "bus_fault", 5, 0x8200, True),
        ("1: ldrb r0, [r4], #1", "bus_fault", 5, 0x8200, True),
        ("1: udf #1", "usage_fault", 6, 0x1_0000, False),
        ("wfe\n1: udf #1", "usage_fault", 6, 0x1_0000, False),
        ("cmp r4, r4\nitt eq\naddeq r0, #1\n1: ldreq r0, [r4]", "bus_fault", 5, 0x8200, True),
        ("cmp r4, r4\nittt eq\naddeq r0, #1\n1: streq r0, [r4, #4]\naddeq r0, #1", "bus_fault", 5, 0x8200, True),
    ],
)
def test_faults_name_the_instruction_and_escalate(
    fault: str, handler: str, number: int, cfsr: int, with_address: bool, enabled: bool
) -> None:
    if not enabled:
        handler, number = "hard_fault", 3
    code = FAULT.format(
        setup=ENABLE if enabled else PLAIN, fault="sev\n" + fault.replace("1:", "faulting:"), handler=handler
    )
    machine, _ = finished(code)
    pc, status, hard_status, _, bfar, ipsr = results(machine, 6)
    assert pc == snippets.symbol(machine.image.path, "faulting")
    assert status == cfsr
    assert hard_status == (0 if enabled else 1 << 30)
    assert ipsr == number
    if with_address:
        assert bfar == (0x3000_0004 if "#4]" in fault else 0x3000_0000)


def test_a_branch_to_an_even_address_is_invstate_at_its_target() -> None:
    machine, _ = finished(
        FAULT.format(setup=ENABLE, fault="ldr r0, =target\n bic r0, #1\n bx r0", handler="usage_fault")
        + "function target\n nop\n"
    )
    pc, status, *_ = results(machine, 2)
    assert pc == snippets.symbol(machine.image.path, "target")
    assert status == 1 << 17


def test_a_branch_to_nowhere_is_a_bus_fault_at_its_target() -> None:
    machine, _ = finished(FAULT.format(setup=ENABLE, fault="add r4, #1\n bx r4", handler="bus_fault"))
    pc, status, *_ = results(machine, 2)
    assert pc == 0x3000_0000
    assert status == 1 << 8


@pytest.mark.parametrize(
    ("address", "faults"),
    [
        (0x0000_3FFC, False),
        (0x0000_4000, True),
        (0x0020_0000, False),
        (0x080F_FFFC, False),
        (0x0810_0000, True),
        (0x1FFF_FFFC, True),
        (0x2000_0000, False),
        (0x2004_FFFC, False),
        (0x2005_0000, True),
        (0x4000_3400, True),
        (0xC000_0000, True),
        (0xE004_2000, False),
    ],
)
def test_memories_end_where_they_do_on_the_chip(address: int, faults: bool) -> None:
    code = f"function run\n ldr r0, ={address}\n ldr r0, [r0]\n bx lr\nfunction hard_fault\n bkpt 1\n"
    machine = Machine(snippets.build(code))
    machine.run_until_breakpoint()
    assert snippets.bkpt_number(machine) == (1 if faults else 0)


def test_flash_is_not_writable() -> None:
    code = FAULT.format(setup="  ldr r4, =0x08000000", fault="faulting: str r0, [r4, #8]", handler="hard_fault")
    machine, _ = finished(code)
    _, status, _, _, bfar, _ = results(machine, 6)
    assert (status, bfar) == (0x8200, 0x0800_0008)


def test_the_handler_can_repair_and_repeat() -> None:
    machine, _ = finished("""
function run
  ldr r4, =0x30000000
  nop
  ldr r0, [r4]
  ldr r1, =results
  str r0, [r1]
  bx lr
function hard_fault
  ldr r4, =repaired
  bx lr
  .align 2
repaired: .word 0x1234
""")
    assert results(machine, 1) == [0x1234]


@pytest.mark.parametrize("access", ["str", "strb", "strd"])
@pytest.mark.parametrize("in_python", [False, True], ids=["in C", "in Python"])
def test_a_refused_store_within_an_it_block_has_done_nothing_behind_it(in_python: bool, access: str) -> None:
    register = "r5, r7" if access == "strd" else "r5"
    machine, _ = finished(
        f"""
function run
  push {{r4, r5, r6, lr}}
  ldr r4, =0x30000000
  movs r5, #7
  movs r6, #0
  cmp r6, #1
  itttt ls
  addls r6, #1
storing: {access}ls {register}, [r4]
  addls r6, #1
  ldrls r1, =results
  ldr r2, [sp]
  adds r6, #1
  str r6, [r1, #8]
  strb r5, [r1, #12]
  pop {{r4, r5, r6, pc}}
function hard_fault
  ldr r1, =results
  str r6, [r1]
  ldr r0, [sp, #28]
  str r0, [r1, #4]
  ldr r0, [sp, #24]
  str r0, [r1, #16]
  add r4, r1, #24
  bx lr
""",
        python_models=in_python,
    )
    at_fault, xpsr, at_end, byte, pc, _, stored = results(machine, 7)
    assert at_fault == 1, "what follows the store in the IT block has not run"
    assert xpsr & 0x0600_FC00, "and the IT block is to go on"
    assert pc == snippets.symbol(machine.image.path, "storing")
    assert (at_end, byte) == (3, 7)
    assert stored == 7


def test_a_fault_in_hard_fault_locks_the_core_up() -> None:
    machine = Machine(snippets.build("function run\n udf #0\nfunction hard_fault\n udf #1\n"))
    with pytest.raises(TargetError, match=r"locked up at 0x.*undefined instruction"):
        machine.run_for(0.001)
    assert "HARD_FAULT at" in machine.log.text()


def test_svc_at_too_low_a_priority_escalates() -> None:
    machine = Machine(snippets.build("function run\n cpsid i\n svc #0\nfunction hard_fault\n bkpt 1\n"))
    machine.run_until_breakpoint()
    assert snippets.bkpt_number(machine) == 1
    assert machine.core.read(arm.UC_ARM_REG_IPSR) & 0x1FF == 3


def test_an_exc_return_that_does_not_fit_is_invpc() -> None:
    code = """
function run
  svc #0
  bkpt 0xEE
function svcall
  mvn lr, #14
  bx lr
function hard_fault
  ldr r1, =results
  ldr r0, =CFSR
  ldr r0, [r0]
  str r0, [r1]
  bkpt 0
"""
    machine, _ = finished(code)
    assert results(machine, 1) == [1 << 18]


GUARD = """
  .set MPU, 0xE000ED90
function run
  push {lr}
  poke SHCSR, 0x00070000
  poke MPU + 0x8, 0
  poke MPU + 0xC, BASE
  poke MPU + 0x10, ATTRIBUTES
  poke MPU + 0x4, 5
  dsb
  isb
  ldr r4, =BASE
  ldr r5, =results
  ldr r0, [r4, #-4]
  str r0, [r4, #-4]
  ldr r0, [r4, #SIZE]
faulting:
  ACCESS
  bkpt 0xEE
function mem_manage
  mrs r0, msp
  ldr r2, [r0, #24]
  str r2, [r5]
  ldr r3, =CFSR
  ldr r2, [r3]
  str r2, [r5, #4]
  ldr r2, [r3, #12]
  str r2, [r5, #8]
  poke MPU + 0x4, 0
  ldr r0, [r4]
  bkpt 0
"""


REGIONS = [(5, 0x2001_0420), (8, 0x2001_0400), (10, 0x2001_0400)]


def guarded(size_bits: int, base: int, access: str, *edits: tuple[str, str], rights: int = 0) -> Machine:
    code = PRELUDE + GUARD.replace("ACCESS", access)
    for old, new in edits:
        assert old in code
        code = code.replace(old, new)
    attributes = rights | (size_bits - 1) << 1 | 1
    for name, value in (("ATTRIBUTES", attributes), ("BASE", base), ("SIZE", 1 << size_bits)):
        code = code.replace(name, hex(value))
    machine = Machine(snippets.build(code))
    snippets.run(machine)
    return machine


@pytest.mark.parametrize("access", ["ldr r0, [r4]", "str r0, [r4, #SIZE - 4]"])
@pytest.mark.parametrize(("size_bits", "base"), REGIONS)
def test_a_no_access_region_guards_any_size(size_bits: int, base: int, access: str) -> None:
    machine = guarded(size_bits, base, access)
    pc, status, address = results(machine, 3)
    assert pc == snippets.symbol(machine.image.path, "faulting")
    assert status == 0x82
    assert address == (base if access.startswith("ldr") else base + (1 << size_bits) - 4)


@pytest.mark.parametrize(("size_bits", "base"), REGIONS)
def test_a_stack_that_runs_into_a_guard_does_not_write_to_it(size_bits: int, base: int) -> None:
    onto_guard = ("faulting:", "  ldr sp, =BASE + SIZE\nfaulting:")
    no_frame = ("mrs r0, msp", "ldr r0, =trace")  # for want of one: the frame would have gone onto the guard too
    machine = guarded(size_bits, base, "push {r4-r5}", onto_guard, no_frame)
    _, status, address = results(machine, 3)
    assert status == 0x92  # MSTKERR besides
    assert base <= address < base + (1 << size_bits)
    size_words = (1 << size_bits) // 4
    assert snippets.words(machine, base, size_words) == [0] * size_words


def test_a_read_only_region_allows_loads() -> None:
    load_first = ("faulting:", "  ldr r0, [r4, #4]\nfaulting:")
    machine = guarded(5, 0x2001_0420, "str r0, [r4]", load_first, rights=0x0500_0000)
    assert results(machine, 2) == [snippets.symbol(machine.image.path, "faulting"), 0x82]


def test_an_execute_never_region_cannot_be_run() -> None:
    machine = guarded(10, 0x2001_0400, "adds r4, #1\n bx r4", ("  ldr r0, [r4]\n", "  nop\n"), rights=0x1300_0000)
    assert results(machine, 2) == [0x2001_0400, 1]


def test_hard_fault_may_use_the_guard() -> None:
    machine = guarded(
        5,
        0x2001_0420,
        "ldr r0, [r4]",
        ("poke SHCSR, 0x00070000", "nop"),
        ("function mem_manage", "function hard_fault"),
        ("poke MPU + 0x4, 0", "str r4, [r4]"),
    )
    assert snippets.words(machine, 0x2001_0420, 1) == [0x2001_0420]
