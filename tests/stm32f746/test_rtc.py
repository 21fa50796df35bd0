"""The real-time clock, its alarms and what is kept over resets: RM0385 30, 4.1.3."""

from __future__ import annotations

import datetime
from itertools import pairwise

import pytest

import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.rtc import (
    ALRMAR,
    ALRMASSR,
    BKP0R,
    CR,
    DR,
    ISR,
    PRER,
    SHIFTR,
    SSR,
    TR,
    WPR,
    WUTR,
)
from renode_mnist.stm32f746.peripherals.rtc_calendar import (
    Alarm,
    Moment,
    bcd,
    date_register,
    moment_of,
    time_register,
)
from renode_mnist.stm32f746.wiring import POSITIONS
from timer_programs import Bench, machine_of, seen

LSE_EDGE_PS = PICOSECONDS // 32_768
INIT, INITF, RSF, ALRAF, WUTF = 1 << 7, 1 << 6, 1 << 5, 1 << 8, 1 << 10
MASKED = 0x8080_8080


def _seconds(bench: Bench, seconds: float) -> None:
    bench.machine.run_until(bench.now_ps + round(seconds * PICOSECONDS))


def _running(time: int, date: int, *, asynchronous: int = 127, synchronous: int = 255, control: int = 0) -> Bench:
    """A chip whose RTC runs on LSE from that moment on."""
    bench = Bench()
    bench["PWR", 0] |= 1 << 8
    bench["RCC", 0x70] = 1
    _seconds(bench, 0.6)
    bench["RCC", 0x70] = 1 | 1 << 8 | 1 << 15
    for key in (0xCA, 0x53):
        bench["RTC", WPR] = key
    bench["RTC", ISR] = 0xFFFF_FFFF
    assert bench["RTC", ISR] & INITF == 0
    bench.machine.run_until(bench.now_ps + 3 * LSE_EDGE_PS)
    assert bench["RTC", ISR] & INITF
    bench["RTC", CR] = control
    bench["RTC", PRER] = synchronous
    bench["RTC", PRER] |= asynchronous << 16
    bench["RTC", TR] = time
    bench["RTC", DR] = date
    bench["RTC", ISR] = ~INIT & 0xFFFF_FFFF
    return bench


def _now(bench: Bench) -> tuple[int, int]:
    return bench["RTC", TR], bench["RTC", DR]


def test_it_goes_through_midnight_and_the_end_of_a_year() -> None:
    bench = _running(0x23_5958, 0x24_DF31 & ~0xE000 | 2 << 13 | 0x1231)
    _seconds(bench, 1.001)
    assert _now(bench) == (0x23_5959, 0x24_0000 | 2 << 13 | 0x1231)
    _seconds(bench, 1)
    assert _now(bench) == (0, 0x25_0000 | 3 << 13 | 0x0101)
    assert bench["RTC", ISR] & 1 << 4


def test_dates_are_those_of_the_calendar() -> None:
    for date in (datetime.date(2024, 2, 29), datetime.date(2099, 12, 31), datetime.date(2001, 3, 1)):
        register = bcd(date.year - 2000) << 16 | 4 << 13 | bcd(date.month) << 8 | bcd(date.day)
        moment = moment_of(0x12_3456, register, twelve_hours=False)
        assert (time_register(moment, twelve_hours=False), date_register(moment)) == (0x12_3456, register)
        after = date + datetime.timedelta(1)
        expected = bcd(after.year % 100) << 16 | 5 << 13 | bcd(after.month) << 8 | bcd(after.day)
        assert date_register(moment.later(86_400)) == expected
        assert moment.later(86_400).later(-86_400) == moment
    assert date_register(moment_of(0, 0x23_2230, twelve_hours=False)) == 0x23_2228


@pytest.mark.parametrize(
    ("hour", "register"), [(0, 0x12_0000), (1, 0x01_0000), (12, 0x52_0000), (13, 0x41_0000), (23, 0x51_0000)]
)
def test_hours_from_1_to_12(hour: int, register: int) -> None:
    moment = Moment(hour * 3600, 1)
    assert time_register(moment, twelve_hours=True) == register
    assert moment_of(register, 0x2101, twelve_hours=True) == moment


def test_sub_seconds_count_down_and_reading_them_keeps_what_belongs_to_them() -> None:
    bench = _running(0x10_0000, 0x2101)
    _seconds(bench, 0.5005)
    assert bench["RTC", SSR] == 127
    _seconds(bench, 1.0)
    assert _now(bench) == (0x10_0000, 0x2101), "as it was when SSR was read, until DR is"
    assert bench["RTC", TR] == 0x10_0001
    bench["RTC", CR] = 1 << 5
    _seconds(bench, 1.0)
    assert bench["RTC", TR] == 0x10_0002


def test_shadow_registers_are_synchronised_two_edges_behind() -> None:
    bench = _running(0, 0x2101)
    assert bench["RTC", ISR] & RSF == 0
    bench.machine.run_until(bench.now_ps + 3 * LSE_EDGE_PS)
    assert bench["RTC", ISR] & RSF
    bench["RTC", ISR] = ~RSF & ~INIT & 0xFFFF_FFFF
    assert bench["RTC", ISR] & RSF == 0
    bench.machine.run_until(bench.now_ps + 3 * LSE_EDGE_PS)
    assert bench["RTC", ISR] & RSF


def test_summer_time_and_shifts() -> None:
    bench = _running(0x10_0000, 0x2101)
    bench["RTC", CR] = 1 << 16
    assert bench["RTC", TR] == 0x11_0000
    bench["RTC", DR]
    bench["RTC", CR] = 1 << 17
    assert bench["RTC", TR] == 0x10_0000
    bench["RTC", DR]
    bench["RTC", SHIFTR] = 1 << 31 | 64  # forward by 3/4 s
    _seconds(bench, 0.251)
    assert bench["RTC", TR] == 0x10_0001


def test_writes_need_keys_the_initialisation_and_the_power_controllers_leave() -> None:
    bench = _running(0x10_0000, 0x2101)
    bench["RTC", TR] = 0x20_0000
    assert bench["RTC", TR] == 0x10_0000
    bench["RTC", WPR] = 0
    bench["RTC", WUTR] = 5
    assert bench["RTC", WUTR] == 0xFFFF
    assert "without the keys 0xCA, 0x53" in bench.machine.log.text()
    bench["PWR", 0] = 0xC000
    bench["RTC", BKP0R] = 5
    assert bench["RTC", BKP0R] == 0
    assert "the RTC was written while PWR_CR1.DBP protects it" in bench.machine.log.text()


# Alarms


def test_an_alarm_comes_at_its_second_through_exti() -> None:
    bench = _running(0x10_0000, 0x2101)
    bench["EXTI", 0x00] = 1 << 17
    bench["EXTI", 0x08] = 1 << 17
    assert bench["RTC", ISR] & 1
    bench["RTC", ALRMAR] = 0x8010_0005
    bench["RTC", CR] = 1 << 8 | 1 << 12
    assert bench["RTC", ISR] & 1 == 0
    _seconds(bench, 4.999)
    assert bench["RTC", ISR] & ALRAF == 0
    _seconds(bench, 0.002)
    assert bench["RTC", ISR] & ALRAF
    assert bench.pending(POSITIONS["RTC_Alarm"])
    bench["RTC", ISR] = ~(ALRAF | INIT) & 0xFFFF_FFFF
    bench["EXTI", 0x14] = 1 << 17
    assert not bench.pending(POSITIONS["RTC_Alarm"])
    _seconds(bench, 86_399.9)
    assert bench["RTC", ISR] & ALRAF == 0
    _seconds(bench, 0.2)
    assert bench["RTC", ISR] & ALRAF


@pytest.mark.parametrize(
    ("compared", "begin", "seconds"),
    [
        (MASKED, (0x10_0000, 0x2101), 0),
        (MASKED & ~0x80 | 0x30, (0x10_0000, 0x2101), 30),
        (MASKED & ~0x80 | 0x30, (0x10_0031, 0x2101), 59),
        (0x8009_5959, (0x10_0000, 0x2101), 86_399),
        (0x2900_0000, (0, 0x25_0301), (31 - 3 + 0) * 86_400),
        (0x31_12_00_00, (0, 0x25_0401), (30 + 30) * 86_400 + 12 * 3600),
        (0x4300_0000, (0, 0x25_2101), 2 * 86_400),
        (0x8025_0000, (0, 0x2101), None),
    ],
)
def test_when_alarms_come(compared: int, begin: tuple[int, int], seconds: int | None) -> None:
    moment = moment_of(*begin, twelve_hours=False)
    assert Alarm(compared, 0, False).next_second(moment) == seconds


def test_an_alarm_within_the_second() -> None:
    bench = _running(0x10_0000, 0x2101)
    bench["RTC", ALRMAR] = MASKED
    bench["RTC", ALRMASSR] = 5 << 24 | 7  # each 32 ticks, where SSR ends in 7
    bench["RTC", CR] = 1 << 8
    times = []
    for _ in range(3):
        assert bench["RTC", ISR] & ALRAF == 0
        while not bench["RTC", ISR] & ALRAF:
            _seconds(bench, 1 / 256)
        times.append(bench["RTC", SSR])
        bench["RTC", DR]
        bench["RTC", ISR] = ~(ALRAF | INIT) & 0xFFFF_FFFF
    assert times[0] & 31 in (6, 7)
    assert [first - second for first, second in pairwise(times)] == [32, 32]


@pytest.mark.parametrize(
    ("chosen", "value", "edges"),
    [(0, 9, 160), (3, 19, 40), (4, 1, 65_536), (6, 0, 32_768 * 65_537)],
)
def test_the_wakeup_timer_comes_again_and_again(chosen: int, value: int, edges: int) -> None:
    bench = _running(0, 0x2101)
    bench["EXTI", 0x00] = 1 << 22
    bench["EXTI", 0x08] = 1 << 22
    assert bench["RTC", ISR] & 4
    bench["RTC", WUTR] = value
    bench["RTC", CR] = chosen | 1 << 10 | 1 << 14
    begun = bench.now_ps
    for round_ in (1, 2):
        bench.machine.run_until(begun + round_ * edges * PICOSECONDS // 32_768 - 2 * LSE_EDGE_PS)
        assert bench["RTC", ISR] & WUTF == 0
        bench.machine.run_until(begun + round_ * edges * PICOSECONDS // 32_768 + LSE_EDGE_PS)
        assert bench["RTC", ISR] & WUTF
        assert bench.pending(POSITIONS["RTC_WKUP"])
        bench["RTC", ISR] = ~(WUTF | INIT) & 0xFFFF_FFFF
        bench["EXTI", 0x14] = 1 << 22


# What is kept


def test_calendar_backup_registers_and_backup_sram_outlive_resets() -> None:
    bench = _running(0x10_0000, 0x2101)
    for number in range(32):
        bench["RTC", BKP0R + 4 * number] = 0x1000_0000 + number
    bench["BKPSRAM", 0xFFC] = 0xCAFE_F00D
    bench["RTC", CR] = 1 << 8
    bench["RTC", ALRMAR] = MASKED & ~0x80 | 0x05
    bench.machine.reset()
    _seconds(bench, 5.001)
    assert bench.machine.rcc.is_clocked("BKPSRAM") is False
    bench["RCC", 0x30] |= 1 << 18
    bench["RCC", 0x40] |= 1 << 28
    assert bench["RTC", TR] == 0x10_0005
    assert bench["RTC", ISR] & (ALRAF | RSF) == ALRAF | RSF
    assert [bench["RTC", BKP0R + 4 * number] for number in (0, 31)] == [0x1000_0000, 0x1000_001F]
    assert bench["BKPSRAM", 0xFFC] == 0xCAFE_F00D
    bench["BKPSRAM", 0] = 1
    assert bench["BKPSRAM", 0] == 0
    assert "the backup SRAM was written while PWR_CR1.DBP protects it" in bench.machine.log.text()
    bench["PWR", 0] |= 1 << 8
    bench["RCC", 0x70] = 1 << 16
    assert [bench["RTC", offset] for offset in (BKP0R, DR, CR, PRER)] == [0, 0x2101, 0, 0x7F_00FF]
    assert bench["BKPSRAM", 0xFFC] == 0xCAFE_F00D


PROGRAM = """
#define RTC 0x40002800u
static void alarm(void) { R(RTC, 12) = ~0x180u; R(0x40013C00, 20) = 1 << 17; seen[++seen[0]] = R(RTC, 0); R(RTC, 4); }
int main(void) {
  clocks_on();
  R(RCC, 0x40) |= 1 << 28; R(RCC, 0x44) |= 1 << 14;
  R(PWR, 0) |= 1 << 8;
  R(RCC, 0x74) |= 1;
  while (!(R(RCC, 0x74) & 2)) continue;
  R(RCC, 0x70) = 2 << 8 | 1 << 15;
  R(RTC, 36) = 0xCA; R(RTC, 36) = 0x53;
  R(RTC, 12) = 0xFFFFFFFF;
  while (!(R(RTC, 12) & 0x40)) continue;
  R(RTC, 16) = 249; R(RTC, 16) |= 127 << 16;
  R(RTC, 0) = 0x235955; R(RTC, 4) = 0x24E228 & ~0xE000 | 3 << 13;
  R(RTC, 12) = ~0x80u;
  while (!(R(RTC, 12) & 0x20)) continue;
  R(RTC, 28) = 0x80808080; R(RTC, 8) |= 0x1100;
  R(0x40013C00, 0) = 1 << 17; R(0x40013C00, 8) = 1 << 17;
  on_interrupt(41, alarm);
  while (seen[0] < 8) sleep();
  seen[20] = R(RTC, 4);
  done();
}
"""


def test_a_program_sets_it_up_on_lsi_and_sleeps_between_alarms() -> None:
    machine = machine_of(PROGRAM)
    snippets.run(machine, 20.0)
    assert seen(machine, 9)[1:] == [0x235956, 0x235957, 0x235958, 0x235959, 0, 1, 2, 3]
    assert seen(machine, 21)[20] == 0x24_0000 | 4 << 13 | 0x0229
    assert machine.clock.now_ps() == pytest.approx(8 * PICOSECONDS, rel=1e-3)
    assert machine.log.text() == ""


def test_waiting_for_the_next_second_is_skipped_to_it() -> None:
    machine = machine_of(
        PROGRAM.replace(
            "while (seen[0] < 8) sleep();",
            """R(RTC, 8) = 0;
  for (int i = 0; i < 3; i++) {
    uint32_t second = R(RTC, 0);
    R(RTC, 4);
    for (;;) { uint32_t now = R(RTC, 0); R(RTC, 4); if (now != second) break; }
    seen[1 + i] = R(RTC, 40); R(RTC, 4);
  }""",
        )
    )
    rtc = machine.bus.model("RTC")
    assert rtc is not None
    read, asked = rtc.read, []

    def counted(offset: int) -> int:
        asked.append(offset)
        return read(offset)

    rtc.read = counted  # type: ignore[method-assign]
    snippets.run(machine, 20.0)
    assert seen(machine, 4)[1:] == [249, 249, 249]
    assert machine.instructions() > 10_000_000
    assert len(asked) < 2000


def test_a_snapshot_goes_on_with_its_alarms() -> None:
    machine = machine_of(PROGRAM)
    machine.run_for(2.5)

    def goes_on(each: Machine) -> list[object]:
        each.run_for(3.0)
        return [each.clock.now_ps(), each.instructions(), seen(each, 21), each.bus.state(), each.wires.state()]

    saved, twin = snapshot.save(machine), snapshot.copy(machine)
    went_on = goes_on(machine)
    assert seen(machine, 1) == [5]
    assert goes_on(twin) == went_on
    snapshot.restore(machine, saved)
    assert goes_on(machine) == went_on
