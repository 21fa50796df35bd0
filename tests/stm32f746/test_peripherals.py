"""Peripherals of the emulated chip: RM0385 in virtual time."""

from __future__ import annotations

import re

import pytest

import snippets
from renode_mnist.stm32f746.machine import Machine
from snippets import results
from usart_programs import USART, received_by

HSI_PS = 62_500  # one cycle at 16 MHz

BYTE_PS = 10 * 139 * HSI_PS  # 16 MHz / 139 is 115108 baud


# USART


def test_transmission_takes_its_time_and_tdr_is_free_after_the_first_move() -> None:
    machine = Machine(
        snippets.build(
            USART
            + """
function run
  usart_on 9
  movs r0, #0x55
  movs r1, #0xAA
  str r0, [r4, #TDR]
  ldr r2, [r4, #ISR]
  str r1, [r4, #TDR]
  ldr r3, [r4, #ISR]
  strd r2, r3, [r5]
1: ldr r2, [r4, #ISR]
  tst r2, #0x80
  beq 1b
2: ldr r3, [r4, #ISR]
  tst r3, #0x40
  beq 2b
  strd r2, r3, [r5, #8]
  bx lr
"""
        )
    )
    seen = received_by(machine)
    snippets.run(machine)
    assert [byte for byte, _ in seen] == [0x55, 0xAA]
    (_, first), (_, second) = seen
    assert second - first == pytest.approx(BYTE_PS, abs=10 * HSI_PS)
    after_first, after_second, when_free, at_end = (flags & 0xC0 for flags in results(machine, 4))
    assert (after_first, after_second, when_free, at_end) == (0x80, 0x00, 0x80, 0xC0)


ECHO = (
    USART
    + """
function run
  usart_on 0x2D
  poke 0xE000E104, 0x20
1: wfi
  b 1b
function usart1
  ldr r0, =USART1
  ldr r1, [r0, #RDR]
  adds r1, #1
  str r1, [r0, #TDR]
  bx lr
"""
)


def test_receive_interrupts_come_at_the_baud_rate_while_the_core_sleeps() -> None:
    machine = Machine(snippets.build(ECHO))
    seen = received_by(machine)
    machine.run_for(0.001)
    assert machine.asleep
    start = machine.clock.now_ps()
    machine.usarts["USART1"].feed(b"\x00\x10\x20")
    machine.run_for(0.001)
    assert [byte for byte, _ in seen] == [0x01, 0x11, 0x21]
    for index, (_, time_ps) in enumerate(seen):
        assert time_ps - start == pytest.approx((index + 2) * BYTE_PS, abs=30 * HSI_PS)
    assert machine.instructions() < 200


@pytest.mark.parametrize(
    ("third_is_late", "cr3", "expected_bytes", "expected_flags"),
    [(False, 0, [1, 3], 0x08), (True, 0, [1, 3], 0x08), (False, 0x1000, [2, 3], 0)],
)
def test_a_byte_that_comes_while_rdr_is_full_is_lost_with_ore(
    third_is_late: bool, cr3: int, expected_bytes: list[int], expected_flags: int
) -> None:
    machine = Machine(
        snippets.build(
            USART
            + f"""
function run
  poke RCC_APB2ENR, 0x10
  poke USART1 + 8, {cr3}
  usart_on 5
1: ldr r0, [r4, #ISR]
  tst r0, #0x20
  beq 1b
  mov r2, #1000
2: subs r2, #1
  bne 2b
  ldr r0, [r4, #ISR]
  ldr r1, [r4, #RDR]
  ldr r2, [r4, #ISR]
  stmia r5!, {{r0-r2}}
3: ldr r0, [r4, #ISR]
  tst r0, #0x20
  beq 3b
  ldr r1, [r4, #RDR]
  movs r0, #8
  str r0, [r4, #ICR]
  ldr r2, [r4, #ISR]
  stmia r5!, {{r1-r2}}
  bx lr
"""
        )
    )
    machine.run_for(0.0001)
    usart = machine.usarts["USART1"]
    usart.feed(b"\x01\x02")
    if third_is_late:
        machine.run_for(0.0005)
    usart.feed(b"\x03")
    snippets.run(machine)
    before, first, after, second, end = results(machine, 5)
    assert [first, second] == expected_bytes
    assert before & 0x28 == 0x20 | expected_flags
    assert after & 0x28 == expected_flags
    assert end & 0x28 == 0


def test_an_overrun_interrupts_and_its_flag_must_be_cleared() -> None:
    machine = Machine(
        snippets.build(
            USART
            + """
function run
  usart_on 0x25
1: ldr r0, [r4, #ISR]
  tst r0, #8
  beq 1b
  ldr r1, [r4, #RDR]
  poke 0xE000E104, 0x20
  dsb
  isb
  b 1b
function usart1
  poke USART1 + ICR, 8
  bkpt 0
"""
        )
    )
    machine.run_for(0.0001)
    machine.usarts["USART1"].feed(b"ab")
    snippets.run(machine)
    assert machine.usarts["USART1"].peek(0x1C) & 8 == 0


def test_bytes_before_the_receiver_is_on_are_lost() -> None:
    machine = Machine(
        snippets.build(USART + "function run\n ldr r2, =16000\n1: subs r2, #1\n bne 1b\n usart_on 5\n2: b 2b\n"),
        line_baud=115200,
    )
    machine.usarts["USART1"].feed(b"abc")
    machine.run_for(0.01)
    assert machine.usarts["USART1"].peek(0x1C) & 0x20 == 0


def test_a_wrong_baud_rate_garbles_both_ways_and_is_named() -> None:
    machine = Machine(snippets.build(ECHO), line_baud=57600)
    seen = received_by(machine)
    machine.run_for(0.001)
    machine.usarts["USART1"].feed(b"A")
    machine.run_for(0.01)
    assert seen
    assert seen[0][0] != ord("B")
    assert "USART1 runs at 115108 baud, the other end of its line at 57600" in machine.log.text()


def test_a_small_difference_of_baud_rates_is_tolerated() -> None:
    machine = Machine(snippets.build(ECHO), line_baud=112_000)
    seen = received_by(machine)
    machine.run_for(0.001)
    machine.usarts["USART1"].feed(b"A")
    machine.run_for(0.01)
    assert [byte for byte, _ in seen] == [ord("B")]


def test_a_byte_store_to_tdr_sends_that_byte() -> None:
    machine = Machine(
        snippets.build(USART + "function run\n usart_on 9\n movs r0, #0xC3\n strb r0, [r4, #TDR]\n1: b 1b\n")
    )
    seen = received_by(machine)
    machine.run_for(0.001)
    assert [byte for byte, _ in seen] == [0xC3]


# Sleep, SysTick, DWT


def test_wfi_skips_time_without_instructions() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0xE000E014, 15999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  movs r4, #10
1: wfi
  subs r4, #1
  bne 1b
  bx lr
function systick
  bx lr
""")
    )
    counts = snippets.run(machine)
    assert counts.instructions < 70
    assert machine.clock.now_ps() == pytest.approx(10 * 10**9, abs=40 * HSI_PS)


def test_systick_does_not_drift_and_counts_down() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0xE000E014, 999
  poke 0xE000E018, 0
  poke 0xE000E010, 5
  nop
  nop
  ldr r4, =0xE000E010
  ldr r5, =results
  ldr r0, [r4, #8]
  nop
  ldr r1, [r4, #8]
  strd r0, r1, [r5]
  ldr r0, [r4]
  ldr r2, =1000
1: subs r2, #1
  bne 1b
  ldr r1, [r4]
  ldr r2, [r4]
  stmia r5, {r0-r2}
  bx lr
""")
    )
    snippets.run(machine)
    first, second, third = results(machine, 3)
    assert (first, second, third) == (5, 0x1_0005, 5)


def test_systick_reads_differ_by_the_instructions_between() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0xE000E014, 999
  poke 0xE000E018, 0
  poke 0xE000E010, 5
  ldr r4, =0xE000E010
  ldr r5, =results
  ldr r0, [r4, #8]
  nop
  ldr r1, [r4, #8]
  strd r0, r1, [r5]
  bx lr
""")
    )
    snippets.run(machine)
    first, second = results(machine, 2)
    assert first - second == 2
    assert first == 999 - 2  # counted at the 3rd instruction after it was switched on, the first of which reloads


CYCCNT = """
  .macro trace_on
  poke 0xE000EDFC, 0x01000000
  poke 0xE0001FB0, 0xC5ACCE55
  poke 0xE0001004, 0
  poke 0xE0001000, 1
  ldr r4, =0xE0001004
  ldr r5, =results
  .endm
"""


@pytest.mark.parametrize("python_hook", [False, True])
def test_cyccnt_is_exact_within_a_block(python_hook: bool) -> None:
    code = (
        CYCCNT
        + """
function run
  trace_on
  ldr r0, [r4]
  ldr r1, [r4]
  nop
  nop.w
  ldr r2, [r4]
  mov r3, #100
1: subs r3, #1
  bne 1b
  ldr r3, [r4]
  stmia r5, {r0-r3}
  bx lr
"""
    )
    machine = Machine(snippets.build(code), python_hook=python_hook)
    snippets.run(machine)
    first, second, third, fourth = results(machine, 4)
    assert (second - first, third - second, fourth - third) == (1, 3, 2 + 200)
    assert first == 3


def test_cyccnt_read_in_an_it_block_does_not_disturb_what_follows() -> None:
    machine = Machine(
        snippets.build(
            CYCCNT
            + """
function run
  trace_on
  movs r0, #0
  movs r1, #0
  cmp r0, #1
  itete ne
  ldrne r2, [r4]
  moveq r1, #7
  ldrne r3, [r4]
  moveq r1, #8
  b 1f
1: movs r0, #1
  adds r0, #1
  stmia r5, {r0-r3}
  bx lr
"""
        )
    )
    snippets.run(machine)
    r0, r1, r2, r3 = results(machine, 4)
    assert (r0, r1, r3 - r2) == (2, 0, 2)


def test_cyccnt_needs_the_lock_opened_and_tracing_on() -> None:
    machine = Machine(
        snippets.build("""
function run
  ldr r4, =0xE0001000
  ldr r5, =results
  movs r0, #1
  str r0, [r4]
  nop
  ldr r0, [r4, #4]
  ldr r1, =0xFB4
  ldr r1, [r4, r1]
  poke 0xE0001FB0, 0xC5ACCE55
  movs r2, #1
  str r2, [r4]
  nop
  ldr r2, [r4, #4]
  poke 0xE000EDFC, 0x01000000
  nop
  ldr r3, [r4, #4]
  ldr r0, =0xFB4
  ldr r1, [r4, r0]
  stmia r5, {r0-r3}
  bx lr
""")
    )
    snippets.run(machine)
    _, unlocked, not_traced, counted = results(machine, 4)
    assert unlocked == 1
    assert not_traced == 0
    assert counted == 2


def test_cyccnt_stands_still_in_sleep() -> None:
    machine = Machine(
        snippets.build(
            CYCCNT
            + """
function run
  trace_on
  poke 0xE000E014, 159999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  wfi
  ldr r0, [r4]
  str r0, [r5]
  bx lr
function systick
  bx lr
"""
        )
    )
    snippets.run(machine)
    assert results(machine, 1)[0] < 30


def test_wfe_returns_for_a_sent_event_and_sleeps_without_one() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0xE000E014, 15999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  sev
  wfe
  ldr r5, =results
  ldr r0, =0xE000E018
  ldr r1, [r0]
  str r1, [r5]
  wfe
  ldr r1, [r0]
  str r1, [r5, #4]
  bx lr
function systick
  bx lr
""")
    )
    snippets.run(machine)
    at_once, after_sleep = results(machine, 2)
    assert at_once > 15_900
    assert after_sleep > 15_900
    assert machine.clock.now_ps() > 10**9


def test_sleep_on_exit_runs_handlers_only() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0xE000ED10, 2
  poke 0xE000E014, 15999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  ldr r5, =results
  wfi
  bkpt 0xEE
function systick
  ldr r0, [r5]
  adds r0, #1
  str r0, [r5]
  bx lr
""")
    )
    machine.run_for(0.0105)
    assert results(machine, 1) == [10]
    assert machine.asleep


def test_a_masked_interrupt_wakes_wfi_but_does_not_run() -> None:
    machine = Machine(
        snippets.build("""
function run
  cpsid i
  poke 0xE000E014, 15999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  wfi
  bx lr
""")
    )
    snippets.run(machine)
    assert machine.clock.now_ps() > 10**9


# Clocks


PLL_216 = """
  .macro wait address, mask
  ldr r0, =\\address
9: ldr r1, [r0]
  tst r1, #\\mask
  beq 9b
  .endm
  .macro pll_216 overdrive=0x30000, latency=7
  poke 0x40023840, 0x10000000
  poke 0x40007000, 0xC000 + \\overdrive
  poke 0x40023804, (8 | 216 << 6 | 9 << 24)
  poke 0x40023800, 0x01000083
  wait 0x40023800, 0x02000000
  poke 0x40023C00, \\latency
  poke 0x40023808, (2 | 5 << 10 | 4 << 13)
  wait 0x40023808, 8
  .endm
"""


def test_the_pll_makes_216_mhz_and_virtual_time_follows() -> None:
    machine = Machine(
        snippets.build(
            PLL_216
            + """
function run
  pll_216
  bkpt 0
  ldr r0, =7200000
1: subs r0, #1
  nop
  bne 1b
  bx lr
"""
        )
    )
    snippets.run(machine)
    assert machine.clock.hertz == 216_000_000
    assert (machine.rcc.pclk1_hertz, machine.rcc.pclk2_hertz) == (54_000_000, 108_000_000)
    assert machine.log.text() == ""
    assert machine.clock.now_ps() > 100 * 10**6  # the PLL needed its time to lock
    start = machine.clock.now_ps()
    machine.skip_bkpt()
    snippets.run(machine)
    assert machine.clock.now_ps() - start == pytest.approx(10**11, abs=10**5)


def test_switching_to_a_pll_that_is_not_ready_waits_for_it() -> None:
    code = "poke 0x40023800, 0x01000083\n poke 0x40023808, 2\n ldr r0, [r0]\n ldr r5, =results\n str r0, [r5]\n bx lr"
    machine = Machine(snippets.build("function run\n" + code))
    snippets.run(machine)
    assert results(machine, 1) == [2]
    assert machine.clock.hertz == 16_000_000


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("latency=4", "HCLK is 216 MHz with 4 flash wait states: silicon needs 7"),
        ("overdrive=0", "HCLK is 216 MHz without over-drive"),
    ],
)
def test_what_silicon_would_not_forgive_is_in_the_log(arguments: str, complaint: str) -> None:
    machine = Machine(snippets.build(PLL_216 + f"function run\n pll_216 {arguments}\n bx lr\n"))
    snippets.run(machine)
    assert complaint in machine.log.text()


# Bus


def test_an_unmodelled_register_is_named_once_with_the_function_and_keeps_what_is_written() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0x40006C00, 0x12345678
  poke 0x40006C04, 1
  ldr r0, =0x40006C00
  ldr r1, [r0]
  ldrb r2, [r0, #1]
  ldr r3, [r0, #8]
  ldr r5, =results
  stmia r5, {r1-r3}
  bx lr
""")
    )
    snippets.run(machine)
    assert results(machine, 3) == [0x12345678, 0x56, 0]
    named = [re.sub(r"\+0x[0-9a-f]+,", ",", line) for line in machine.log.lacking]
    lacking = "CEC is not modelled: CEC.{}, {} by run, keeps what is written and does nothing"
    assert named == [lacking.format(*each) for each in (("CR", "written"), ("CFGR", "written"), ("TXDR", "read"))]


def test_a_peripheral_without_clock_reads_0_and_is_named() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0x40020000, 0x1234
  ldr r0, [r0]
  ldr r5, =results
  str r0, [r5]
  bx lr
""")
    )
    snippets.run(machine)
    assert results(machine, 1) == [0]
    assert "GPIOA was written while the RCC gives it no clock" in machine.log.text()


def test_gpio_outputs_read_back_and_half_words_merge() -> None:
    machine = Machine(
        snippets.build("""
function run
  poke 0x40023830, 0x00100008
  ldr r4, =0x40020C00
  ldr r5, =results
  movs r0, #1
  str r0, [r4]
  mov r0, #0x00010001
  movs r1, #1
  str r1, [r4, #0x18]
  ldr r2, [r4, #0x10]
  mov r1, #0x10000
  str r1, [r4, #0x18]
  ldr r3, [r4, #0x10]
  mov r0, #0xABCD
  strh r0, [r4, #2]
  ldr r0, [r4]
  stmia r5, {r0, r2, r3}
  bx lr
""")
    )
    snippets.run(machine)
    assert results(machine, 3) == [0xABCD_0001, 1, 0]


def test_registers_that_identify_the_chip() -> None:
    machine = Machine(
        snippets.build("""
function run
  ldr r0, =0xE000ED00
  ldr r1, [r0]
  ldr r2, =0x1FF0F442
  ldrh r2, [r2]
  ldr r3, [r0, #0x240]
  ldr r5, =results
  stmia r5, {r1-r3}
  bx lr
""")
    )
    snippets.run(machine)
    assert results(machine, 3) == [0x410F_C271, 1024, 0x1011_0021]


# Reset


def test_sysresetreq_restarts_the_chip_but_keeps_its_memory() -> None:
    machine = Machine(
        snippets.build("""
function run
  ldr r5, =results
  ldr r0, [r5]
  adds r0, #1
  str r0, [r5]
  ldr r1, =0x40023874
  ldr r2, [r1]
  str r2, [r5, r0, lsl #2]
  ldr r3, =0x40000000
  ldr r4, [r3]
  str r4, [r5, #20]
  str r0, [r3]
  cmp r0, #3
  bne 1f
  bx lr
1: cpsid i
  svc #0
  b 1b
function hard_fault
  poke 0xE000ED0C, 0x05FA0004
  dsb
1: b 1b
""")
    )
    snippets.run(machine)
    rounds, first, second, third, _, kept = results(machine, 6)
    assert rounds == 3
    assert (first, second, third) == (0x0E00_0000, 0x1E00_0000, 0x1E00_0000)
    assert kept == 0
    assert machine.resets == 2
    assert machine.instructions() < 100


def test_a_reset_from_outside_runs_the_same_again() -> None:
    machine = Machine(snippets.build(ECHO))
    seen = received_by(machine)
    machine.run_for(0.001)
    first = machine.block_counts()
    machine.usarts["USART1"].feed(b"lost")
    machine.reset()
    machine.run_for(0.001)
    assert machine.block_counts() == first
    assert seen == []
