"""The low-power timer: RM0385 27."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.stm32f746.peripherals.lptim import ARR, CFGR, CMP, CNT, CR, ICR, IER, ISR
from renode_mnist.stm32f746.wiring import POSITIONS
from timer_programs import Bench, machine_of, seen

CMPM, ARRM, CMPOK, ARROK = 1 << 0, 1 << 1, 1 << 3, 1 << 4


def _started(how: int, *, prescaler: int = 0, compared: int = 3, reload: int = 9) -> Bench:
    bench = Bench()
    bench["LPTIM1", CFGR] = prescaler << 9
    bench["LPTIM1", CR] = 1
    bench["LPTIM1", CMP] = compared
    bench["LPTIM1", ARR] = reload
    assert bench["LPTIM1", ISR] == 0
    bench.wait(3)
    assert bench["LPTIM1", ISR] == CMPOK | ARROK
    bench["LPTIM1", ICR] = CMPOK | ARROK
    bench["LPTIM1", CR] = 1 | how
    return bench


def test_it_counts_up_to_its_reload_value_over_and_over() -> None:
    bench = _started(4, prescaler=1)
    found = []
    for _ in range(12):
        found.append(bench["LPTIM1", CNT])
        bench.wait(2)
    assert found == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert bench["LPTIM1", ISR] == CMPM | ARRM


def test_once_it_stops_at_its_reload_value() -> None:
    bench = _started(2)
    bench.wait(8)
    assert (bench["LPTIM1", CNT], bench["LPTIM1", ISR]) == (8, CMPM)
    bench.wait(1)
    assert (bench["LPTIM1", CNT], bench["LPTIM1", ISR]) == (0, CMPM | ARRM)
    assert bench.machine.sleeps_for_ever


def test_its_flags_interrupt_until_they_are_cleared() -> None:
    bench = _started(4)
    bench["LPTIM1", IER] = CMPM
    bench.wait(3)
    assert bench.pending(POSITIONS["LPTIM1"])
    bench["LPTIM1", ICR] = CMPM
    assert not bench.pending(POSITIONS["LPTIM1"])
    bench.wait(9)
    assert not bench.pending(POSITIONS["LPTIM1"])
    bench.wait(1)
    assert bench.pending(POSITIONS["LPTIM1"])


def test_registers_that_are_written_at_the_wrong_time_are_named() -> None:
    bench = Bench()
    bench["LPTIM1", ARR] = 5
    assert bench["LPTIM1", ARR] == 1
    bench["LPTIM1", CR] = 1
    bench["LPTIM1", CFGR] = 1 << 9
    assert bench["LPTIM1", CFGR] == 0
    text = bench.machine.log.text()
    assert "LPTIM1.ARR was written while the timer is off" in text
    assert "LPTIM1.CFGR was written while the timer is enabled" in text
    bench["LPTIM1", CR] = 0
    bench["LPTIM1", CFGR] = 1 << 24
    assert bench.machine.log.lacking == ("LPTIM1.CFGR.ENC is not modelled",)


def test_it_stands_while_its_oscillator_is_off() -> None:
    bench = _started(4, reload=0xFFFF)
    bench["RCC", 0x90] = 1 << 24
    bench.wait(160_000)
    assert bench["LPTIM1", CNT] == 0
    bench["RCC", 0x74] = 1
    bench.wait(160_000 + 640)  # its start-up time
    assert bench["LPTIM1", CNT] == 320


def test_on_lsi_it_wakes_the_chip_from_stop() -> None:
    machine = machine_of("""
static void lptim(void) { R(0x40002404, 0) = 3; R(0x40013C00, 20) = 1 << 23; seen[0]++; }
int main(void) {
  clocks_on();
  R(RCC, 0x40) |= 1 << 28 | 1 << 9; R(RCC, 0x44) |= 1 << 14; R(RCC, 0x74) |= 1; R(RCC, 0x90) = 1 << 24;
  while (!(R(RCC, 0x74) & 2)) continue;
  R(0x40002400, 8) = 2; R(0x40002400, 16) = 1; R(0x40002400, 24) = 31999;
  while (!(R(0x40002400, 0) & 16)) continue;
  R(0x40013C00, 0) = 1 << 23; R(0x40013C00, 8) = 1 << 23;
  on_interrupt(93, lptim);
  R(0x40002400, 16) = 5;
  R(0xE000ED10, 0) = 4;
  while (seen[0] < 3) sleep();
  done();
}""")
    snippets.run(machine, 5.0)
    assert seen(machine, 1) == [3]
    assert machine.clock.now_ps() == pytest.approx(3 * 10**12, rel=1e-3)
