"""Timers, to the edge of their clock: RM0385 22 to 26."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import snippets
from counted_timer import CountedTimer
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.pads import Pin
from renode_mnist.stm32f746.peripherals.timer_features import (
    ARR,
    BDTR,
    CCER,
    CCMR1,
    CCMR2,
    CCR1,
    CCR2,
    CNT,
    CR1,
    CR2,
    DIER,
    EGR,
    PSC,
    RCR,
    SMCR,
    SR,
)
from renode_mnist.stm32f746.wiring import POSITIONS
from timer_programs import HSI_PS, Bench, machine_of, seen

CEN, UIF, CC1IF = 1, 1, 2
PWM1, PWM2, TOGGLE = 6 << 4, 7 << 4, 3 << 4
PRELOADS = 1 << 3


def _counts(bench: Bench, timer: str, cycles: int) -> list[int]:
    """CNT now and behind each of some cycles."""
    found = [bench[timer, CNT]]
    for _ in range(cycles):
        bench.wait(1)
        found.append(bench[timer, CNT])
    return found


# Counting


@pytest.mark.parametrize("python_models", [False, True])
def test_it_counts_up_to_the_reload_value_and_sets_its_flag_as_it_starts_again(python_models: bool) -> None:
    bench = Bench(python_models=python_models)
    bench["TIM6", ARR] = 3
    bench["TIM6", CR1] = CEN
    assert _counts(bench, "TIM6", 9) == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    bench["TIM6", SR] = 0
    bench.wait(2)
    assert bench["TIM6", SR] == 0
    bench.wait(1)
    assert bench["TIM6", SR] == UIF


def test_it_counts_down_and_both_ways() -> None:
    bench = Bench()
    bench["TIM3", ARR] = 3
    bench["TIM3", CR1] = CEN | 1 << 4
    assert _counts(bench, "TIM3", 5) == [0, 3, 2, 1, 0, 3]
    bench["TIM4", ARR] = 3
    bench["TIM4", CR1] = CEN | 1 << 5
    assert _counts(bench, "TIM4", 9) == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]
    assert bench["TIM4", CR1] >> 4 & 1 == 1  # at the top it has turned
    bench.wait(3)
    assert bench["TIM4", CR1] >> 4 & 1 == 0


def test_the_prescaler_is_taken_over_at_the_update_and_the_reload_value_as_arpe_says() -> None:
    bench = Bench()
    bench["TIM6", ARR] = 1
    bench["TIM6", CR1] = CEN
    bench["TIM6", PSC] = 1
    assert _counts(bench, "TIM6", 6) == [0, 1, 0, 0, 1, 1, 0]
    bench["TIM7", PSC] = 9
    bench["TIM7", EGR] = 1
    bench["TIM7", ARR] = 1
    bench["TIM7", CR1] = CEN | 1 << 7
    bench["TIM7", ARR] = 4
    bench.wait(19)
    assert bench["TIM7", CNT] == 1
    bench.wait(1 + 40)
    assert bench["TIM7", CNT] == 4, "the new reload value"
    bench["TIM7", CR1] = CEN
    bench["TIM7", ARR] = 6
    bench.wait(20)
    assert bench["TIM7", CNT] == 6, "at once without ARPE"


def test_a_counter_beyond_a_lowered_reload_value_goes_through_the_end_of_its_range() -> None:
    bench = Bench()
    bench["TIM6", ARR] = 0xFFFF
    bench["TIM6", CNT] = 0xFFF0
    bench["TIM6", CR1] = CEN
    bench["TIM6", ARR] = 9
    bench.wait(15)
    assert bench["TIM6", CNT] == 0xFFFF
    bench.wait(1)
    assert (bench["TIM6", CNT], bench["TIM6", SR]) == (0, 0)
    bench.wait(10)
    assert (bench["TIM6", CNT], bench["TIM6", SR]) == (0, UIF)


def test_a_reload_value_of_0_blocks_the_counter() -> None:
    bench = Bench()
    bench["TIM6", ARR] = 0
    bench["TIM6", CR1] = CEN
    assert _counts(bench, "TIM6", 3) == [0, 0, 0, 0]
    assert bench["TIM6", SR] == 0
    assert bench.machine.sleeps_for_ever


def test_two_of_them_have_32_bits() -> None:
    bench = Bench()
    for timer, top in (("TIM2", 0xFFFF_FFFF), ("TIM5", 0xFFFF_FFFF), ("TIM3", 0xFFFF), ("TIM1", 0xFFFF)):
        bench[timer, CNT] = 0xFFFF_FFFE
        bench[timer, CR1] = CEN
        assert bench[timer, ARR] == top
        assert _counts(bench, timer, 2) == [top - 1, top, 0]


def test_software_updates_without_flag_where_urs_says_so_and_not_at_all_with_udis() -> None:
    bench = Bench()
    for control, flag, count in ((0, UIF, 0), (1 << 2, 0, 0), (1 << 1, 0, 0)):
        bench["TIM6", CR1] = control
        bench["TIM6", CNT] = 5
        bench["TIM6", EGR] = 1
        assert (bench["TIM6", SR], bench["TIM6", CNT]) == (flag, count)
        bench["TIM6", SR] = 0
    bench["TIM6", ARR] = 1
    bench["TIM6", CR1] = CEN | 1 << 1
    bench.wait(10)
    assert bench["TIM6", SR] == 0


def test_one_pulse_ends_with_the_update() -> None:
    bench = Bench()
    bench["TIM3", ARR] = 9
    bench["TIM3", CR1] = CEN | 1 << 3
    bench.wait(9)
    assert bench["TIM3", CR1] & CEN
    bench.wait(1)
    assert (bench["TIM3", CR1] & CEN, bench["TIM3", CNT], bench["TIM3", SR] & UIF) == (0, 0, UIF)
    assert bench.machine.sleeps_for_ever


def test_uif_stands_in_cnt_where_that_is_asked_for() -> None:
    bench = Bench()
    bench["TIM6", ARR] = 9
    bench["TIM6", CR1] = CEN | 1 << 11
    bench.wait(9)
    assert bench["TIM6", CNT] == 9
    bench.wait(1)
    assert bench["TIM6", CNT] == 1 << 31


def test_each_update_takes_as_many_overflows_as_the_repetition_counter_says() -> None:
    bench = Bench()
    bench["TIM1", ARR] = 4
    bench["TIM1", RCR] = 2
    bench["TIM1", EGR] = 1
    bench["TIM1", SR] = 0
    bench["TIM1", CR1] = CEN
    times = []
    for cycle in range(1, 46):
        bench.wait(1)
        if bench["TIM1", SR] & UIF:
            times.append(cycle)
            bench["TIM1", SR] = 0
    assert times == [15, 30, 45]
    bench.wait(7)
    bench["TIM1", SR] = 0
    bench.wait(3 * 15)  # whose updates nobody looks at
    bench["TIM1", SR] = 0
    bench.wait(7)
    assert bench["TIM1", SR] & UIF == 0
    bench.wait(1)
    assert bench["TIM1", SR] & UIF


def test_another_clock_goes_on_from_the_count() -> None:
    bench = Bench()
    bench["TIM6", ARR] = 999
    bench["TIM6", CR1] = CEN
    bench.wait(100)
    bench["RCC", 0x08] = 0b101 << 10  # APB1 at HCLK / 4: timers at HCLK / 2
    bench.wait(200)
    assert bench["TIM6", CNT] == 200
    bench["RCC", 0x40] = 0
    bench.wait(500)
    bench["RCC", 0x40] = 1 << 4
    assert bench["TIM6", CNT] == 200
    bench.wait(1597)
    assert (bench["TIM6", CNT], bench["TIM6", SR]) == (998, 0)
    bench.wait(3)
    assert (bench["TIM6", CNT], bench["TIM6", SR]) == (0, UIF)


def test_a_reset_by_the_rcc_stops_it() -> None:
    bench = Bench()
    bench["TIM6", DIER] = 1
    bench["TIM6", EGR] = 1
    bench["TIM6", CR1] = CEN
    assert bench.pending(POSITIONS["TIM6_DAC"])
    bench["RCC", 0x20] = 1 << 4
    assert [bench["TIM6", offset] for offset in (CR1, SR, DIER, ARR)] == [0, 0, 0, 0xFFFF]
    assert not bench.pending(POSITIONS["TIM6_DAC"])
    assert bench.machine.sleeps_for_ever


# Compare


def test_the_flag_of_a_channel_is_set_at_its_value_and_stays() -> None:
    bench = Bench()
    bench["TIM2", ARR] = 99
    bench["TIM2", CCR1] = 30
    bench["TIM2", CR1] = CEN
    bench.wait(29)
    assert bench["TIM2", SR] & CC1IF == 0
    bench.wait(1)
    assert bench["TIM2", SR] & CC1IF
    bench.wait(500)
    bench["TIM2", SR] = ~CC1IF
    assert bench["TIM2", CNT] == 30
    bench.wait(99)
    assert bench["TIM2", SR] & CC1IF == 0
    bench.wait(1)
    assert bench["TIM2", SR] & CC1IF


@pytest.mark.parametrize(("alignment", "up", "down"), [(1, False, True), (2, True, False), (3, True, True)])
def test_both_ways_the_flag_is_set_in_the_direction_that_cms_says(alignment: int, up: bool, down: bool) -> None:
    bench = Bench()
    bench["TIM3", ARR] = 10
    bench["TIM3", CCR1] = 4
    bench["TIM3", CR1] = CEN | alignment << 5
    for at, expected in ((4, up), (16, down)):
        bench.wait(at - 1 if at == 4 else 16 - 4 - 1)
        bench["TIM3", SR] = 0
        bench.wait(1)
        assert bool(bench["TIM3", SR] & CC1IF) == expected


def _levels(bench: Bench, timer: str, signal: str, cycles: int) -> str:
    model = bench.machine.bus.model(timer)
    found = ""
    for _ in range(cycles):
        level = model.output(signal)  # type: ignore[union-attr]
        found += "-" if level is None else "01"[level]
        bench.wait(1)
    return found


@pytest.mark.parametrize(
    ("mode", "control", "enable", "expected"),
    [
        (PWM1, 0, 1, "1110000011100000"),
        (PWM2, 0, 1, "0001111100011111"),
        (PWM1, 0, 3, "0001111100011111"),
        (PWM1, 1 << 4, 1, "1000011110000111"),
        (TOGGLE, 0, 1, "0001111111100000"),
        (1 << 4, 0, 1, "0001111111111111"),
        (4 << 4, 0, 1, "0000000000000000"),
        (5 << 4, 0, 1, "1111111111111111"),
        (PWM1, 0, 0, "----------------"),
    ],
)
def test_the_output_of_a_channel(mode: int, control: int, enable: int, expected: str) -> None:
    bench = Bench()
    bench["TIM3", ARR] = 7
    bench["TIM3", CCR1] = 3
    bench["TIM3", CCMR1] = mode
    bench["TIM3", CCER] = enable
    bench["TIM3", CR1] = CEN | control
    assert _levels(bench, "TIM3", "CH1", 16) == expected


def test_a_toggled_output_is_right_also_where_nobody_looked() -> None:
    bench = Bench()
    bench["TIM3", ARR] = 7
    bench["TIM3", CCR1] = 3
    bench["TIM3", CCMR1] = TOGGLE
    bench["TIM3", CCER] = 1
    bench["TIM3", CR1] = CEN
    bench.wait(8 * 1001 + 3)
    assert _levels(bench, "TIM3", "CH1", 9) == "000000001"


def test_a_centred_pulse_lies_round_the_underflow() -> None:
    bench = Bench()
    bench["TIM3", ARR] = 4
    bench["TIM3", CCR1] = 2
    bench["TIM3", CCMR1] = PWM1
    bench["TIM3", CCER] = 1
    bench["TIM3", CR1] = CEN | 1 << 5
    assert _levels(bench, "TIM3", "CH1", 16) == "1100001111000011"


def test_a_compare_value_is_taken_over_at_the_update_where_it_is_preloaded() -> None:
    bench = Bench()
    bench["TIM3", ARR] = 7
    bench["TIM3", CCMR1] = PWM1 | PRELOADS
    bench["TIM3", CCER] = 1
    bench["TIM3", CCR1] = 2
    bench["TIM3", EGR] = 1
    bench["TIM3", CR1] = CEN
    bench["TIM3", CCR1] = 6
    assert _levels(bench, "TIM3", "CH1", 16) == "1100000011111100"


def test_an_advanced_timer_drives_its_pins_while_moe_is_set_and_their_complements() -> None:
    bench = Bench()
    bench["TIM1", ARR] = 7
    bench["TIM1", CCR1] = 3
    bench["TIM1", CCMR1] = PWM1
    bench["TIM1", CCER] = 0b101
    bench["TIM1", CR1] = CEN
    assert _levels(bench, "TIM1", "CH1", 8) == "--------"
    bench["TIM1", BDTR] = 1 << 15
    assert _levels(bench, "TIM1", "CH1", 8) == "11100000"
    assert _levels(bench, "TIM1", "CH1N", 8) == "00011111"
    bench["TIM1", BDTR] = 1 << 15 | 1 << 12 | 1 << 13  # break input, high
    bench["GPIOA", 0x00] = 2 << 12
    bench["GPIOA", 0x20] = 1 << 24
    bench.machine.gpios["A"].drive(6, True)
    assert _levels(bench, "TIM1", "CH1", 4) == "----"
    assert bench["TIM1", SR] & 1 << 7


def test_a_pin_has_the_level_of_the_timer_that_it_is_switched_to() -> None:
    bench = Bench()
    bench["TIM3", CCMR1] = 5 << 4
    bench["TIM3", CCER] = 1
    pads, pin = bench.machine.pads, Pin("B", 4)
    bench["GPIOB", 0x0C] = 0
    assert not pads.is_high(pin)
    bench["GPIOB", 0x00] = 2 << 8
    bench["GPIOB", 0x20] = 2 << 16
    assert pads.is_high(pin)
    bench["TIM3", CCER] = 3
    assert not pads.is_high(pin)


# Capture and slave modes


def _tim3_ch1_on_pb4(bench: Bench) -> Callable[[int | None], None]:
    bench["GPIOB", 0x00] = 2 << 8 | 2 << 10
    bench["GPIOB", 0x0C] = 0
    bench["GPIOB", 0x20] = 2 << 16 | 2 << 20
    return lambda level: bench.machine.gpios["B"].drive(4, None if level is None else bool(level))


def test_a_capture_keeps_the_count_at_each_edge_and_tells_what_was_lost() -> None:
    bench = Bench()
    drive = _tim3_ch1_on_pb4(bench)
    bench["TIM3", CCMR1] = 1
    bench["TIM3", CCER] = 1
    bench["TIM3", CR1] = CEN
    bench.wait(100)
    drive(1)
    assert bench["TIM3", SR] & (CC1IF | CC1IF << 8) == CC1IF
    bench.wait(10)
    assert bench["TIM3", CCR1] == 100
    assert bench["TIM3", SR] & CC1IF == 0, "reading it clears the flag"
    drive(0)
    assert bench["TIM3", SR] & CC1IF == 0, "a falling edge"
    drive(1)
    bench.wait(5)
    drive(0)
    drive(1)
    assert bench["TIM3", CCR1] == 115
    assert bench["TIM3", SR] & CC1IF << 8


def test_a_capture_may_take_falling_edges_both_or_some_of_them() -> None:
    bench = Bench()
    drive = _tim3_ch1_on_pb4(bench)
    bench["TIM3", CCMR1] = 1 | 1 << 2  # each second one
    bench["TIM3", CCER] = 0b1011
    bench["TIM3", CR1] = CEN
    found = []
    for level in (1, 0, 1, 0, 1, 0):
        bench.wait(10)
        drive(level)
        if bench["TIM3", SR] & CC1IF:
            found.append((level, bench["TIM3", CCR1]))
    assert found == [(0, 20), (0, 40), (0, 60)]
    bench["TIM3", CCMR1] = 1
    bench["TIM3", CCER] = 0b11
    drive(1)
    assert bench["TIM3", SR] & CC1IF == 0
    drive(0)
    assert bench["TIM3", SR] & CC1IF


def test_a_drive_at_a_moment_is_captured_at_that_moment() -> None:
    bench = Bench()
    _tim3_ch1_on_pb4(bench)
    bench["TIM3", CCMR1] = 1 | 2 << 8  # both channels take TI1: PWM input
    bench["TIM3", CCER] = 1 | 3 << 4
    bench["TIM3", SMCR] = 5 << 4 | 4  # reset at TI1FP1
    bench["TIM3", CR1] = CEN
    begin = bench.now_ps
    for cycle in range(100, 1000, 100):
        bench.machine.gpios["B"].drive_at(begin + cycle * HSI_PS, 4, True)
        bench.machine.gpios["B"].drive_at(begin + (cycle + 30) * HSI_PS, 4, False)
    bench.wait(990)
    assert (bench["TIM3", CCR1], bench["TIM3", CCR2]) == (100, 30)


def test_an_encoder_counts_both_ways() -> None:
    bench = Bench()
    drive = _tim3_ch1_on_pb4(bench)
    other = bench.machine.gpios["B"]
    bench["TIM3", CCMR1] = 1 | 1 << 8
    bench["TIM3", SMCR] = 3
    bench["TIM3", CR1] = CEN
    forward = [(1, 0), (1, 1), (0, 1), (0, 0)]
    found = []
    for first, second in [*forward, *forward, *reversed(forward[:3]), (0, 0), *reversed(forward[:3])]:
        drive(first)
        other.drive(5, bool(second))
        found.append(bench["TIM3", CNT])
    assert found == [1, 2, 3, 4, 5, 6, 7, 8, 7, 6, 5, 4, 3, 2, 1]
    assert bench["TIM3", CR1] & 1 << 4
    drive(0), other.drive(5, False)
    drive(0), other.drive(5, True)
    assert bench["TIM3", CNT] == 0xFFFF
    assert bench["TIM3", SR] & UIF


def test_one_timer_clocks_gates_starts_and_resets_another() -> None:
    bench = Bench()
    bench["TIM2", ARR] = 9
    bench["TIM2", CR2] = 2 << 4  # TRGO at each update
    bench["TIM3", SMCR] = 1 << 4 | 7  # ITR1: TIM2
    bench["TIM3", CR1] = CEN
    bench["TIM2", CR1] = CEN
    bench.wait(47)
    assert bench["TIM3", CNT] == 4
    bench["TIM4", ARR] = 99
    bench["TIM4", SMCR] = 1 << 4 | 4  # reset
    bench["TIM4", CR1] = CEN
    bench.wait(3 + 5)
    assert (bench["TIM4", CNT], bench["TIM4", SR] >> 6 & 1) == (5, 1)
    bench["TIM1", SMCR] = 1 << 4 | 6  # start
    bench.wait(1)
    assert bench["TIM1", CR1] & CEN == 0
    bench.wait(6)
    assert bench["TIM1", CNT] == 2
    bench["TIM2", CR1] = 0
    bench["TIM2", CR2] = 1 << 4  # TRGO while it counts
    bench["TIM4", SMCR] = 1 << 4 | 5  # gate
    bench["TIM4", CNT] = 0
    bench.wait(10)
    assert bench["TIM4", CNT] == 0
    bench["TIM2", CR1] = CEN
    bench.wait(10)
    bench["TIM2", CR1] = 0
    bench.wait(10)
    assert bench["TIM4", CNT] == 10


def test_an_external_trigger_clocks_it_by_its_prescaler() -> None:
    bench = Bench()
    bench["GPIOD", 0x00] = 2 << 4
    bench["GPIOD", 0x20] = 2 << 8
    bench["TIM3", SMCR] = 1 << 14 | 1 << 12  # ECE, by 2
    bench["TIM3", ARR] = 2
    bench["TIM3", CR1] = CEN
    found = []
    for _ in range(7):
        bench.machine.gpios["D"].drive(2, True)
        bench.machine.gpios["D"].drive(2, False)
        bench.wait(50)
        found.append(bench["TIM3", CNT])
    assert found == [0, 1, 1, 2, 2, 0, 0]
    assert bench["TIM3", SR] & UIF


# Interrupts, DMA


def test_two_timers_share_an_interrupt() -> None:
    bench = Bench()
    position = POSITIONS["TIM1_UP_TIM10"]
    for timer in ("TIM1", "TIM10"):
        bench[timer, DIER] = 1
        bench[timer, EGR] = 1
    assert bench.pending(position)
    bench["TIM1", SR] = 0
    assert bench.pending(position)
    bench["TIM10", SR] = 0
    assert not bench.pending(position)


def test_an_advanced_timer_has_four_interrupts() -> None:
    bench = Bench()
    bench["TIM1", DIER] = 0xFF
    names = ("TIM1_UP_TIM10", "TIM1_CC", "TIM1_TRG_COM_TIM11", "TIM1_BRK_TIM9")
    for event, name in zip((1 << 0, 1 << 1, 1 << 6, 1 << 7), names, strict=True):
        bench["TIM1", SR] = 0
        bench["TIM1", EGR] = event
        assert [bench.pending(POSITIONS[each]) for each in names] == [each == name for each in names]


def test_hal_tick_of_tim6_wakes_a_core_that_sleeps() -> None:
    machine = machine_of("""
static volatile uint32_t ticks;
static void tim6(void) { if (R(TIM6, SR) & R(TIM6, DIER) & 1) { R(TIM6, SR) = ~1u; ticks++; } }
int main(void) {
  clocks_on();
  R(TIM6, PSC) = 15; R(TIM6, ARR) = 999; R(TIM6, EGR) = 1; R(TIM6, SR) = 0;
  R(TIM6, DIER) = 1; R(TIM6, CR1) = 1;
  on_interrupt(54, tim6);
  uint32_t from = ticks;
  while (ticks - from < 25) sleep();
  seen[0] = ticks;
  from = ticks;
  while (ticks - from < 100) continue;
  seen[1] = ticks;
  done();
}""")
    snippets.run(machine)
    assert seen(machine, 2) == [25, 125]
    assert machine.clock.now_ps() == pytest.approx(125 * 10**9, rel=1e-3)
    assert machine.log.text() == ""


def test_a_free_running_tick_with_alarms_by_compare() -> None:
    machine = machine_of("""
static volatile uint32_t next, count;
static void tim2(void) {
  uint32_t flags = R(TIM2, SR) & R(TIM2, DIER);
  R(TIM2, SR) = ~flags;
  if (flags & 2) { seen[count++] = R(TIM2, CNT) - next; next += 500; R(TIM2, CCR1) = next; }
}
int main(void) {
  clocks_on();
  R(TIM2, PSC) = 1599; R(TIM2, ARR) = 0xFFFFFFFF; R(TIM2, EGR) = 1; R(TIM2, SR) = 0; R(TIM2, CNT) = 0xFFFFFE00;
  R(TIM2, CR1) = 1;
  on_interrupt(28, tim2);
  next = R(TIM2, CNT) + 100; R(TIM2, CCR1) = next; R(TIM2, SR) = 0; R(TIM2, DIER) = 2;
  while (count < 10) sleep();
  done();
}""")
    snippets.run(machine)
    assert seen(machine, 10) == [0] * 10
    assert machine.clock.now_ps() == pytest.approx((100 + 9 * 500) * 10**8, rel=1e-4)


def _reads_of(machine: Machine, timer: str) -> list[int]:
    """Offsets that are read from now on, one after the other."""
    model = machine.bus.model(timer)
    assert model is not None
    read, asked = model.read, []

    def counted(offset: int) -> int:
        asked.append(offset)
        return read(offset)

    model.read = counted  # type: ignore[method-assign]
    return asked


def test_polling_one_flag_is_skipped_and_exact() -> None:
    machine = machine_of("""
int main(void) {
  clocks_on();
  R(TIM6, PSC) = 15; R(TIM6, ARR) = 999; R(TIM6, EGR) = 1; R(TIM6, SR) = 0; R(TIM6, CR1) = 1;
  for (int i = 0; i < 500; i++) { while (!(R(TIM6, SR) & 1)) continue; R(TIM6, SR) = ~1u; }
  seen[0] = R(TIM6, CNT);
  done();
}""")
    asked = _reads_of(machine, "TIM6")
    snippets.run(machine)
    assert seen(machine, 1) == [0]
    assert machine.clock.now_ps() == pytest.approx(500 * 10**9, rel=1e-4)
    assert machine.instructions() > 4_000_000
    assert len(asked) < 500 * 200


def test_polling_the_counter_is_skipped_to_just_before_its_end() -> None:
    machine = machine_of("""
int main(void) {
  clocks_on();
  R(TIM2, PSC) = 15; R(TIM2, EGR) = 1; R(TIM2, CR1) = 1;
  while (R(TIM2, CNT) < 500000) continue;
  seen[0] = R(TIM2, CNT);
  done();
}""")
    asked = _reads_of(machine, "TIM2")
    snippets.run(machine)
    assert seen(machine, 1) == [500_000]
    assert machine.clock.now_ps() == pytest.approx(500_000 * 10**6, rel=1e-4)
    assert machine.instructions() > 4_000_000
    assert len(asked) < 2000


def test_a_counter_that_stands_is_an_endless_wait() -> None:
    machine = machine_of("int main(void) { clocks_on(); while (R(TIM2, CNT) < 5) continue; }")
    machine.run_for(0.05)
    assert machine.loop is not None
    assert machine.loop.endless


def test_dma_feeds_compare_values_and_a_burst_of_registers() -> None:
    machine = machine_of("""
static const uint16_t values[6] = {10, 20, 30, 40, 50, 60};
static const uint32_t bursts[6] = {111, 1, 2, 222, 3, 4};
static void stream(uint32_t base, uint32_t number, uint32_t channel, uint32_t size, uint32_t to, const void* from) {
  uint32_t at = base + 0x10 + 0x18 * number;
  R(at, 4) = 6; R(at, 8) = to; R(at, 12) = (uint32_t)from;
  R(at, 0) = channel << 25 | size << 13 | size << 11 | 1 << 10 | 1 << 6 | 1;
}
int main(void) {
  clocks_on();
  R(TIM3, ARR) = 99;
  stream(0x40026000, 4, 5, 1, TIM3 + CCR1, values); /* DMA1 stream 4 channel 5: TIM3_CH1 */
  R(TIM3, CCR1) = 5; R(TIM3, DIER) = 1 << 9; R(TIM3, CR1) = 1;
  for (int i = 0; i < 6; i++) { while (R(TIM3, CCR1) != values[i]) continue; seen[i] = R(TIM3, CNT); }
  R(TIM1, ARR) = 1000; R(TIM1, DCR) = 2 << 8 | 11; /* from ARR on: ARR, RCR, CCR1 */
  stream(0x40026400, 5, 6, 2, TIM1 + DMAR, bursts); /* DMA2 stream 5 channel 6: TIM1_UP */
  R(TIM1, DIER) = 1 << 8; R(TIM1, CR1) = 1;
  R(TIM1, EGR) = 1;
  seen[6] = R(TIM1, ARR); seen[7] = R(TIM1, RCR); seen[8] = R(TIM1, CCR1);
  R(TIM1, EGR) = 1;
  seen[9] = R(TIM1, ARR); seen[10] = R(TIM1, RCR); seen[11] = R(TIM1, CCR1);
  done();
}""")
    snippets.run(machine)
    found = seen(machine, 12)
    assert found[6:] == [111, 1, 2, 222, 3, 4]
    for at, value in zip(found[:6], (5, 10, 20, 30, 40, 50), strict=True):
        assert value <= at < value + 9


@pytest.mark.parametrize("cycles", [3, 12, 45])
def test_a_snapshot_amid_its_period_goes_on_as_it_would_have(cycles: int) -> None:
    machine = machine_of("""
static volatile uint32_t count;
static void tim2(void) { R(TIM2, SR) = 0; seen[count++ % 32] = R(TIM3, CNT); }
int main(void) {
  clocks_on();
  R(TIM3, ARR) = 700; R(TIM3, CR1) = 1 | 1 << 5; R(TIM3, CR2) = 2 << 4;
  R(TIM2, ARR) = 3; R(TIM2, SMCR) = 2 << 4 | 7; R(TIM2, DIER) = 1; R(TIM2, CR1) = 1; /* ITR2: TIM3 */
  on_interrupt(28, tim2);
  for (;;) { sleep(); R(TIM3, CCR1) = count; }
}""")
    machine.run_for(1e-3)
    machine.run_until(machine.clock.now_ps() + cycles * 1_234_567)
    saved = snapshot.save(machine)
    twin = snapshot.copy(machine)

    def goes_on(each: Machine) -> list[object]:
        each.run_for(3e-3)
        return [seen(each, 32), each.clock.now_ps(), each.instructions(), each.bus.state(), each.wires.state()]

    went_on = goes_on(machine)
    assert goes_on(twin) == went_on
    snapshot.restore(machine, saved)
    assert goes_on(machine) == went_on
    assert seen(machine, 16)[-1] != 0


def test_a_mode_that_is_not_modelled_is_named() -> None:
    bench = Bench()
    bench["TIM3", CCMR2] = 1 << 16
    assert bench.machine.log.lacking == ("TIM3.CCMR2.OC3M is 8, a mode that is not modelled",)


# Held to one that counts


@pytest.mark.parametrize("seed", range(40))
def test_it_is_one_that_counts_edge_by_edge(seed: int) -> None:
    r = random.Random(seed)
    bench, counted = Bench(), CountedTimer()
    offsets = {"CR1": CR1, "SR": SR, "EGR": EGR, "CNT": CNT, "PSC": PSC, "ARR": ARR, "RCR": RCR, "CCR1": CCR1}
    shape = r.choice([0, 1 << 4, 1 << 5, 2 << 5, 3 << 5])

    def write(register: str, value: int) -> None:
        bench["TIM1", offsets[register]] = value
        counted.write(register, value)

    write("ARR", r.randrange(1, 12))
    write("EGR", 1)
    write("CR1", 1 | shape | r.choice([0, 1 << 7]))
    for _ in range(150):
        for _ in range(r.choice([0, 1, 1, 2, 3, 7, 30, 90])):
            counted.edge()
            bench.wait(1)
        if r.random() < 0.5:
            found = [bench["TIM1", offset] for offset in (CNT, SR, CR1)]
            assert found[0] == counted.count
            assert (found[1] & 3, found[2] & 1) == (counted.flags, counted.control & 1)
        match r.randrange(10):
            case 0 if (reload := r.randrange(1, 12)) != counted.count:  # else what it does before a tick is anybody's
                write("ARR", reload)
            case 1:
                write("PSC", r.randrange(4))
            case 2:
                write("RCR", r.choice([0, 0, 1, 2]))
            case 3:
                write("CCR1", r.randrange(14))
            case 4 | 5:
                write("SR", r.choice([0, 0xFFFE, 0xFFFD]))
            case 6 if r.random() < 0.3:
                write("EGR", 1)
            case 7 if not shape & 0x60:
                write("CNT", r.randrange(counted.used["ARR"] + 1))
            case 8:
                write(
                    "CR1",
                    r.choice([1, 1, 1, 0]) | shape | r.choice([0, 0, 1 << 1, 1 << 2, 1 << 3]) | r.choice([0, 1 << 7]),
                )
