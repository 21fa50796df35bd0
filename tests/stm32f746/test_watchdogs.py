"""Both watchdogs: RM0385 28, 29."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals import iwdg, wwdg
from renode_mnist.stm32f746.peripherals.iwdg import KR, RELOAD, START, UNLOCK
from renode_mnist.stm32f746.slot import ResetCause
from renode_mnist.stm32f746.wiring import POSITIONS
from timer_programs import HSI_PS, Bench, machine_of, seen

LSI_PS = PICOSECONDS // 32_000
LSI_START_PS = 40 * 10**6
CSR = 0x74


def _until_reset(bench: Bench, seconds: float = 40.0) -> int:
    """Picoseconds to the chip's next reset."""
    begun, resets = bench.now_ps, bench.machine.resets
    bench.machine.run_until(begun + round(seconds * PICOSECONDS), lambda: bench.machine.resets > resets)
    assert bench.machine.resets == resets + 1
    return bench.now_ps - begun


@pytest.mark.parametrize(("prescaler", "reload"), [(0, 9), (3, 99), (6, 0xFFF), (7, 0)])
def test_the_independent_one_resets_the_chip_after_its_time(prescaler: int, reload: int) -> None:
    bench = Bench()
    bench["IWDG", KR] = START
    bench["IWDG", KR] = UNLOCK
    bench["IWDG", iwdg.PR] = prescaler
    bench["IWDG", iwdg.RLR] = reload
    assert bench["IWDG", iwdg.SR] == 0b11
    bench.wait((LSI_START_PS + 6 * LSI_PS) // HSI_PS)
    assert bench["IWDG", iwdg.SR] == 0
    assert bench["RCC", CSR] & 3 == 2, "LSI runs, though nobody asked the RCC"
    bench["IWDG", KR] = RELOAD
    edges = (reload + 1) * (4 << min(prescaler, 6))
    assert _until_reset(bench) == pytest.approx(edges * LSI_PS, abs=LSI_PS)
    assert bench["RCC", CSR] & 0xFE00_0000 == 1 << 29 | 0x0E00_0000
    assert bench["RCC", CSR] & 3 == 0
    bench.machine.run_for(30.0)
    assert bench.machine.resets == 1, "a reset stops it"


def test_a_reload_in_time_keeps_it_away_and_one_before_the_window_does_not() -> None:
    bench = Bench()
    bench["IWDG", KR] = START
    bench["IWDG", KR] = UNLOCK
    bench["IWDG", iwdg.RLR] = 99
    bench["IWDG", iwdg.WINR] = 49
    for _ in range(5):
        bench.machine.run_until(bench.now_ps + 300 * LSI_PS)
        bench["IWDG", KR] = RELOAD
    assert bench.machine.resets == 0
    bench.machine.run_until(bench.now_ps + 100 * LSI_PS)
    bench["IWDG", KR] = RELOAD
    assert _until_reset(bench) <= HSI_PS
    assert bench.machine.reset_causes == {ResetCause.INDEPENDENT_WATCHDOG: 1}
    assert "before its window opened" in bench.machine.log.text()


def test_its_registers_are_locked_without_the_key() -> None:
    bench = Bench()
    bench["IWDG", iwdg.RLR] = 5
    bench["IWDG", KR] = UNLOCK
    bench["IWDG", iwdg.PR] = 3
    bench["IWDG", KR] = RELOAD
    bench["IWDG", iwdg.PR] = 4
    assert (bench["IWDG", iwdg.RLR], bench["IWDG", iwdg.PR], bench["IWDG", KR]) == (0xFFF, 3, 0)
    assert "IWDG.RLR was written without the key 0x5555 in KR" in bench.machine.log.text()


def test_the_window_one_tells_early_and_resets_at_its_end() -> None:
    bench = Bench()
    bench["WWDG", wwdg.CFR] = 1 << 9 | 2 << 7 | 0x7F
    bench["WWDG", wwdg.CR] = 0x80 | 0x50
    tick = 4 * 4096
    bench.wait(15 * tick)
    assert bench["WWDG", wwdg.CR] & 0x7F in (0x41, 0x40)
    bench.wait(tick)
    assert bench["WWDG", wwdg.SR] == 1
    assert bench.pending(POSITIONS["WWDG"])
    bench["WWDG", wwdg.SR] = 0
    bench.wait(10)
    assert not bench.pending(POSITIONS["WWDG"])
    assert bench["WWDG", wwdg.SR] == 0, "it is set as 0x40 is reached, not while that stands"
    bench["WWDG", wwdg.CR] = 0x80 | 0x42
    bench.wait(2 * tick)
    assert bench.pending(POSITIONS["WWDG"])
    assert _until_reset(bench) <= tick * HSI_PS
    assert bench.machine.reset_causes == {ResetCause.WINDOW_WATCHDOG: 1}
    assert bench["RCC", CSR] >> 30 & 1


def test_the_window_one_is_exact_from_an_edge_of_its_prescaler() -> None:
    bench = Bench()
    while bench["WWDG", wwdg.CR] == 0x7F:
        bench.wait(1)
    bench["WWDG", wwdg.CR] = 0x80 | 0x43
    assert _until_reset(bench) == 4 * 4096 * HSI_PS


@pytest.mark.parametrize(("value", "window"), [(0x3F, 0x7F), (0x7F, 0x60)])
def test_the_window_one_resets_at_once_for_a_wrong_refresh(value: int, window: int) -> None:
    bench = Bench()
    bench["WWDG", wwdg.CFR] = window
    bench["WWDG", wwdg.CR] = 0x80 | 0x7F
    bench["WWDG", wwdg.CR] = value
    assert _until_reset(bench) <= HSI_PS


PROGRAM = """
int main(void) {
  clocks_on();
  uint32_t cause = R(RCC, 0x74);
  R(RCC, 0x74) |= 1 << 24;
  seen[++seen[0]] = cause >> 24;
  seen[10] = R(RCC, 0x74) >> 24;
  if (seen[0] == 1) { /* as HAL_IWDG_Init does */
    R(0x40003000, 0) = 0xCCCC; R(0x40003000, 0) = 0x5555; R(0x40003000, 4) = 2; R(0x40003000, 8) = 99;
    while (R(0x40003000, 12)) continue;
    R(0x40003000, 0) = 0xAAAA;
    for (int i = 0; i < 3; i++) { R(0x40003000, 0) = 0xAAAA; pause_for(10000); }
  } else if (seen[0] == 2) {
    R(RCC, 0x40) |= 1 << 11;
    R(0x40002C00, 4) = 0x7F; R(0x40002C00, 0) = 0xFF;
  } else if (seen[0] == 3) {
    R(0xE000ED0C, 0) = 0x05FA0004;
  } else done();
  for (;;) continue;
}
"""


def test_a_program_finds_out_who_has_reset_it() -> None:
    machine = machine_of(PROGRAM)
    snippets.run(machine)
    assert seen(machine, 11) == [4, 0x0E, 0x24, 0x44, 0x14, 0, 0, 0, 0, 0, 0]
    assert machine.reset_causes == {
        ResetCause.INDEPENDENT_WATCHDOG: 1,
        ResetCause.WINDOW_WATCHDOG: 1,
        ResetCause.SOFTWARE: 1,
    }


def test_a_snapshot_keeps_what_they_count() -> None:
    machine = machine_of(PROGRAM)
    machine.run_for(0.02)

    def goes_on(each: Machine) -> list[object]:
        each.run_for(0.1)
        return [each.clock.now_ps(), each.instructions(), each.reset_causes, seen(each, 11), each.bus.state()]

    saved, twin = snapshot.save(machine), snapshot.copy(machine)
    went_on = goes_on(machine)
    assert machine.resets > 0
    assert goes_on(twin) == went_on
    snapshot.restore(machine, saved)
    assert goes_on(machine) == went_on
