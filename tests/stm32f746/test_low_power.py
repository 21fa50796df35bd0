"""Stop and standby: RM0385 4.3."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.program.stack_room import StackRoom
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.slot import ResetCause
from renode_mnist.stm32f746.whereabouts import whereabouts
from timer_programs import machine_of, seen

STOP = """
static volatile uint32_t woken;
static void button(void) { R(0x40013C00, 20) = 1; woken++; }
static void tim6(void) { R(TIM6, SR) = 0; seen[20]++; }
int main(void) {
  clocks_on();
  R(RCC, 0x40) |= 1 << 28; R(RCC, 0x44) |= 1 << 14;
  R(RCC, 4) = 8 | 216 << 6 | 9 << 24; R(RCC, 0) = 0x01010083;
  while (!(R(RCC, 0) & 1 << 25)) continue;
  R(0x40023C00, 0) = 7;
  R(RCC, 8) = 2 | 5 << 10 | 4 << 13;
  while ((R(RCC, 8) & 12) != 8) continue;
  R(0x40013C00, 0) = 1; R(0x40013C00, 4) = 1; R(0x40013C00, 8) = 1;
  R(TIM2, PSC) = 107; R(TIM2, EGR) = 1; R(TIM2, CR1) = 1;
  R(TIM6, PSC) = 107; R(TIM6, ARR) = 999; R(TIM6, EGR) = 1; R(TIM6, SR) = 0; R(TIM6, DIER) = 1; R(TIM6, CR1) = 1;
  on_interrupt(6, button);
  on_interrupt(54, tim6);
  R(0xE000E014, 0) = 0xFFFFFF; R(0xE000E018, 0) = 0; R(0xE000E010, 0) = 5;
  R(PWR, 0) = 0xC000;
  R(0xE000ED10, 0) = 4;
  seen[0] = R(TIM2, CNT); seen[1] = R(0xE000E018, 0);
  %s
  seen[2] = R(TIM2, CNT); seen[3] = R(0xE000E018, 0);
  R(0xE000ED10, 0) = 0;
  seen[4] = woken; seen[5] = R(RCC, 0); seen[6] = R(RCC, 8) & 15; seen[7] = seen[20];
  done();
}
"""


@pytest.mark.parametrize(("how", "woken"), [("sleep();", 1), ('__asm volatile("wfe" ::: "memory");', 1)])
@pytest.mark.parametrize("python_models", [False, True])
def test_in_stop_clocks_stand_still_until_exti_and_hsi_runs_behind_it(
    how: str, woken: int, python_models: bool
) -> None:
    path = machine_of(STOP % how).image.path
    machine = Machine(path, python_models=python_models)
    machine.run_for(0.005)
    assert machine.sleeps_for_ever
    assert "sleeps (stop mode)" in whereabouts(machine)
    machine.gpios["A"].drive_at(10**12, 0, True)
    snippets.run(machine, 2.0)
    before, tick, after, tick_after, handled, oscillators, switch, ticks = seen(machine, 8)
    assert 0 <= after - before <= 2
    assert 0 < tick - tick_after < 100
    assert (handled, oscillators & 0x0F0F_0003, switch, ticks) == (woken, 3, 0, 0)
    assert machine.clock.hertz == 16_000_000
    assert machine.clock.now_ps() == pytest.approx(10**12, abs=10**7)


STANDBY = """
#define RTC 0x40002800u
int main(void) {
  R(RCC, 0x40) |= 1 << 28;
  R(PWR, 0) |= 1 << 8;
  uint32_t round = R(RTC, 0x50) + 1;
  R(RTC, 0x50) = round;
  R(RTC, 0x50 + 4 * round) = (R(PWR, 4) & 3) << 16 | (R(PWR, 12) & 0x3F) << 8 | R(RCC, 0x74) >> 24;
  R(RTC, 0x70 + 4 * round) = seen[0];
  seen[0] = 7;
  if (round == 1) { /* WKUP6: PI11, rising */
    R(PWR, 12) = 1 << 13;
  } else if (round == 2) { /* the RTC's wakeup timer on LSI, in 2 s */
    R(PWR, 8) = 0x3F; R(PWR, 0) |= 1 << 3; R(PWR, 12) = 0; R(PWR, 4) |= 1 << 8;
    R(RCC, 0x74) |= 1 | 1 << 24;
    while (!(R(RCC, 0x74) & 2)) continue;
    R(RCC, 0x70) = 2 << 8 | 1 << 15;
    R(RTC, 36) = 0xCA; R(RTC, 36) = 0x53;
    R(RTC, 20) = 3999; R(RTC, 8) = 1 << 14 | 1 << 10;
  } else done();
  R(PWR, 0) |= 2;
  R(0xE000ED10, 0) = 4;
  sleep();
}
"""


def _kept(machine: Machine) -> list[int]:
    rtc = machine.bus.model("RTC")
    assert rtc is not None
    return [rtc.read(0x54), rtc.read(0x58), rtc.read(0x5C), rtc.read(0x74), rtc.read(0x78)]


@pytest.mark.parametrize("python_models", [False, True])
def test_standby_ends_with_a_reset_by_a_pin_or_the_rtc(python_models: bool) -> None:
    machine = Machine(machine_of(STANDBY).image.path, python_models=python_models)
    machine.run_for(0.001)
    assert machine.sleeps_for_ever
    assert "sleeps (standby)" in whereabouts(machine)
    machine.gpios["I"].drive_at(10**12, 11, True)
    machine.gpios["I"].drive_at(10**12 + 10**9, 11, False)
    snippets.run(machine, 5.0)
    first, second, third, kept_first, kept_second = _kept(machine)
    assert (first, kept_first) == (0x0E, 0)
    assert second == 2 << 16 | 0x20 << 8 | 0x0E
    assert third >> 16 & 2 == 2
    assert kept_second == 0x3CA5_C35A, "nothing of what was in RAM"
    assert machine.reset_causes == {ResetCause.STANDBY: 2}
    assert machine.clock.now_ps() == pytest.approx(10**12 + 2 * 10**12, rel=1e-3)


def test_ram_behind_standby_looks_as_before_the_start_to_who_looks_for_a_stacks_depth() -> None:
    machine = machine_of(STANDBY)
    machine.run_for(0.001)
    room = StackRoom(0x2000_1000, 0x2000_2000, shared=False)
    assert machine.core.memory.peek(room.low, room.high - room.low) == room.paint()


def test_a_snapshot_in_standby_or_stop_goes_on() -> None:
    for source, port in ((STANDBY, "I"), (STOP % "sleep();", "A")):
        machine = machine_of(source)
        machine.run_for(0.005)
        machine.gpios["I"].drive_at(10**12, 11, True)
        machine.gpios["A"].drive_at(10**12, 0, True)
        assert machine.asleep, port

        def goes_on(each: Machine) -> list[object]:
            each.stop_at_bkpt = True
            each.run_for(4.0)
            return [each.clock.now_ps(), each.instructions(), each.bus.state(), each.reset_causes, each.log.text()]

        saved, twin = snapshot.save(machine), snapshot.copy(machine)
        went_on = goes_on(machine)
        assert goes_on(twin) == went_on
        snapshot.restore(machine, saved)
        assert goes_on(machine) == went_on
