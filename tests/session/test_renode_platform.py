"""What the Renode platform has of the chip, each tried with a small image in the manner of vendors' examples."""

from __future__ import annotations

import tempfile
import zlib
from collections.abc import Iterator

import pytest

import c_programs
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import locate
from renode_mnist.session.emulation import Emulation
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import EMULATED_TARGETS

BLOCK = 30
"""Instructions: the most that CYCCNT steps by in these programs."""

COMMON = """
#define R REGISTER
typedef void (*handler)(void);
static handler table[114] __attribute__((aligned(512)));
static void own_table(void) {
  for (int i = 0; i < 114; i++) table[i] = ((handler*)0x08000000)[i < 16 ? i : 15];
  R(0xE000ED08) = (uint32_t)table;
}
static void say(const char* name, uint32_t value) { print(name); put(' '); print_hex(value); }
static void counter_on(void) { R(0xE000EDFC) |= 1 << 24; R(0xE0001000) |= 1; }
#define CYCCNT R(0xE0001004)
"""


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    try:
        locate.find()
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("renode")))
        yield


def program(source: str, target: str = "renode") -> Emulation:
    return open_emulation(c_programs.build(COMMON + source), target)


def said(emulation: Emulation, *names: str) -> list[int]:
    """What ``say`` has said, in this order."""
    return [int(emulation.wait_for_line(f"{name} [0-9a-f]{{8}}").split()[-1], 16) for name in names]


CLOCKS = """
static volatile int ticks;
void systick(void) { ticks++; }
static uint32_t ten_ticks(uint32_t hertz, uint32_t control) {
  R(0xE000E010) = 0;
  R(0xE000E018) = 0; /* before the reload value, as FreeRTOS has it */
  R(0xE000E014) = hertz / 1000 - 1;
  R(0xE000E010) = control;
  say("reload", R(0xE000E014));
  for (ticks = 0; ticks < 1;) continue;
  uint32_t before = CYCCNT;
  while (ticks < 11) continue;
  return CYCCNT - before;
}
static void baud(uint32_t hertz) {
  while (!(R(USART1 + 0x1C) & 0x40)) continue;
  R(USART1) &= ~1u; R(USART1 + 0xC) = hertz / 115200;
  R(USART1) |= 1;
}
int main(void) {
  usart1_on();
  counter_on();
  say("hsi", ten_ticks(16000000, 7));
  say("eighth", ten_ticks(2000000, 3));
  say("csr", R(0xE000E010) & 7);
  R(RCC + 0x40) |= 1 << 28;
  R(RCC) |= 1 << 16;
  while (!(R(RCC) & 1 << 17)) continue;
  R(RCC + 4) = 25 | 432 << 6 | 1 << 22 | 9 << 24;
  R(RCC) |= 1 << 24;
  while (!(R(RCC) & 1 << 25)) continue;
  R(0x40023C00) = 7;
  R(RCC + 8) = 2 | 5 << 10 | 4 << 13;
  while ((R(RCC + 8) & 0xC) != 8) continue;
  baud(108000000);
  say("pll", ten_ticks(216000000, 7));
  R(RCC + 8) = 0;
  while (R(RCC + 8) & 0xC) continue;
  baud(16000000);
  say("back", ten_ticks(16000000, 7));
}
"""


@pytest.mark.parametrize("target", EMULATED_TARGETS)
def test_time_follows_the_clock_that_the_program_sets(target: str) -> None:
    with program(CLOCKS, target) as emulation:
        reload, hsi, eighth, csr, pll, back = said(emulation, "reload", "hsi", "eighth", "csr", "pll", "back")
        seconds = emulation.target.now()
    assert reload == 15_999
    assert hsi == pytest.approx(160_000, abs=BLOCK)
    assert eighth == pytest.approx(160_000, abs=BLOCK)
    assert csr == 3
    assert pll == pytest.approx(2_160_000, abs=BLOCK)
    assert back == pytest.approx(160_000, abs=BLOCK)
    assert 0.044 < seconds < 0.060


TIMERS = """
#define TIM2 0x40000000u
#define TIM3 0x40000400u
#define TIM6 0x40001000u
static volatile int ticks, compares;
static void tim6(void) { R(TIM6 + 0x10) = ~1u; ticks++; }
static void tim2(void) { R(TIM2 + 0x10) = ~2u; R(TIM2 + 0x34) += 1000; compares++; }
int main(void) {
  usart1_on();
  own_table();
  table[16 + 54] = tim6;
  table[16 + 28] = tim2;
  counter_on();
  R(RCC + 0x40) |= 0x13;
  /* The order of a vendor's time base: all of it, an update, its flag off, then interrupt and counter on. */
  R(TIM6 + 0x2C) = 999;
  R(TIM6 + 0x28) = 15;
  R(TIM6 + 0x14) = 1;
  say("update", R(TIM6 + 0x10));
  R(TIM6 + 0x10) = 0;
  R(0xE000E104) = 1 << (54 - 32);
  R(TIM6 + 0x0C) = 1;
  R(TIM6) = 1;
  for (ticks = 0; ticks < 1;) continue;
  uint32_t before = CYCCNT;
  while (ticks < 6) continue;
  say("ticks", CYCCNT - before);
  R(TIM6) = 0;
  /* A flag that nobody enabled an interrupt for, with the reload value's preload. */
  R(TIM3) = 0x80;
  R(TIM3 + 0x2C) = 499;
  R(TIM3 + 0x28) = 15;
  R(TIM3 + 0x14) = 1;
  R(TIM3 + 0x10) = 0;
  before = CYCCNT;
  R(TIM3) |= 1;
  while (!(R(TIM3 + 0x10) & 1)) continue;
  say("polled", CYCCNT - before);
  R(TIM3) = 0;
  /* One pulse. */
  R(TIM3 + 0x10) = 0;
  R(TIM3 + 0x24) = 0;
  R(TIM3) = 9;
  pause_for(2000);
  say("pulse", R(TIM3) << 8 | (R(TIM3 + 0x10) & 1));
  /* Down. */
  R(TIM3 + 0x24) = 100;
  R(TIM3) = 0x10;
  R(TIM3 + 0x28) = 0;
  R(TIM3 + 0x14) = 1;
  say("down", R(TIM3 + 0x24));
  /* A free counter of 32 bits and its compare interrupts. */
  R(TIM2 + 0x2C) = 0xFFFFFFFF;
  R(TIM2 + 0x28) = 15;
  R(TIM2 + 0x14) = 1;
  R(TIM2 + 0x10) = 0;
  R(TIM2 + 0x34) = 1000;
  R(0xE000E100) = 1 << 28;
  R(TIM2 + 0x0C) = 2;
  R(TIM2) = 1;
  for (compares = 0; compares < 3;) continue;
  say("compared", R(TIM2 + 0x24));
  R(TIM2 + 0x0C) = 0;
  uint32_t from = R(TIM2 + 0x24);
  before = CYCCNT;
  pause_for(5000);
  uint32_t to = R(TIM2 + 0x24);
  say("counted", (CYCCNT - before) / 16 - (to - from) + 8);
  R(TIM2 + 8) = 1;
}
"""


def test_timers_tick_compare_and_are_polled() -> None:
    with program(TIMERS) as emulation:
        update, ticks, polled, pulse = said(emulation, "update", "ticks", "polled", "pulse")
        down, compared, counted = said(emulation, "down", "compared", "counted")
        emulation.run(0.001)
        remarks = emulation.remarks()
    assert update == 1
    assert ticks == pytest.approx(5 * 16 * 1000, abs=BLOCK)
    assert polled == pytest.approx(16 * 500, abs=BLOCK)
    assert pulse == 0x801  # CEN off, OPM as it was, UIF
    assert down == 499
    assert 3000 <= compared < 3020
    assert 6 <= counted <= 10
    assert any("TIM2 counts its internal clock alone" in line for line in remarks)


UNITS = """
static volatile int hits;
static void exti0(void) { R(0x40013C14) = 1; hits++; }
static void button(void) { R(0x40013C14) = 1 << 11; hits += 0x10; }
int main(void) {
  usart1_on();
  own_table();
  hits = 0;
  table[16 + 6] = exti0;
  table[16 + 40] = button;
  R(RCC + 0x30) |= 1 << 12 | 1 << 8;
  R(RCC + 0x34) |= 1 << 6;
  R(RCC + 0x44) |= 1 << 14;
  R(0x40023008) = 1 | 1 << 5 | 1 << 7;
  for (const char* c = "123456789"; *c; c++) *(volatile uint8_t*)0x40023000 = (uint8_t)*c;
  say("crc", ~R(0x40023000));
  R(0x40023014) = 0x1021;
  R(0x40023008) = 1 | 1 << 3;
  for (const char* c = "123456789"; *c; c++) *(volatile uint8_t*)0x40023000 = (uint8_t)*c;
  say("ccitt", R(0x40023000));
  R(0x50060800) = 4;
  while (!(R(0x50060804) & 1)) continue;
  uint32_t first = R(0x50060808);
  say("random", first != R(0x50060808) && first);
  R(0x40013C00) = 1 | 1 << 11;
  R(0xE000E100) = 1 << 6;
  R(0xE000E104) = 1 << 8;
  R(0x40013C10) = 1;
  __asm volatile("dsb; isb");
  say("software", hits);
  R(0x40013810) = 8 << 12;
  R(0x40013C08) = 1 << 11;
  print("press\\n");
  while (hits < 0x11) __asm volatile("wfi");
  say("button", R(0x40022010) >> 11 & 1);
}
"""


def test_crc_random_numbers_and_external_interrupts() -> None:
    with program(UNITS) as emulation:
        assert said(emulation, "crc", "ccitt", "random", "software") == [zlib.crc32(b"123456789"), 0x29B1, 1, 1]
        emulation.wait_for_line("press")
        emulation.target.monitor("sysbus.gpioPortI OnGPIO 11 true")  # type: ignore[attr-defined]
        assert said(emulation, "button") == [1]


WATCHDOGS = """
static volatile uint32_t* const boots = (uint32_t*)0x20040000;
int main(void) {
  usart1_on();
  uint32_t cause = R(RCC + 0x74) >> 24;
  R(RCC + 0x74) |= 1 << 24;
  say("cause", cause | (R(RCC + 0x74) >> 24) << 8);
  R(RCC + 0x40) |= 1 << 11;
  if (cause == 0x0E) {
    R(0x40003000) = 0xCCCC;
    R(0x40003000) = 0x5555;
    R(0x40003004) = 0;
    R(0x40003008) = 99; /* 100 * 4 / 32 kHz = 12.5 ms */
    R(0x40003000) = 0xAAAA;
    for (int i = 0; i < 5; i++) { pause_for(10000); R(0x40003000) = 0xAAAA; }
    say("fed", 5);
    for (;;) continue;
  }
  if (cause == 0x24) {
    R(0x40002C04) = 0x7F;
    R(0x40002C00) = 0xC0 | 0x10; /* 17 * 4096 / 16 MHz = 4.4 ms */
    for (;;) continue;
  }
  if (cause == 0x44) for (R(0xE000ED0C) = 0x05FA0004;;) continue;
  say("end", cause);
}
"""


def test_watchdogs_and_the_software_reset_the_chip_and_the_cause_is_told() -> None:
    with program(WATCHDOGS) as emulation:
        first, fed, independent = said(emulation, "cause", "fed", "cause")
        assert (first, fed, independent) == (0x0E, 5, 0x24)
        starts = emulation.target.now()
        window, software, end = said(emulation, "cause", "cause", "end")
        assert (window, software, end) == (0x44, 0x14, 0x14)
        assert emulation.target.now() - starts < 0.02


CORE = """
static volatile uint32_t outer, inner, after;
static void low(void) {
  outer = R(0xE000ED04);
  R(0xE000E200) = 1 << 7;
  __asm volatile("dsb; isb");
  after = R(0xE000ED04);
}
static void high(void) { inner = R(0xE000ED04); }
int main(void) {
  usart1_on();
  own_table();
  table[16 + 6] = low;
  table[16 + 7] = high;
  *(volatile uint8_t*)0xE000E406 = 0x80;
  *(volatile uint8_t*)0xE000E407 = 0x40;
  R(0xE000E100) = 3 << 6;
  R(0xE000E200) = 1 << 6;
  __asm volatile("dsb; isb");
  say("outer", outer);
  say("inner", inner);
  say("after", after);
  say("mvfr", R(0xE000EF40));
  say("ctr", R(0xE000ED7C));
  R(0xE000ED84) = 1;
  say("icache", R(0xE000ED80));
  R(0xE000ED84) = 0;
  say("dcache", R(0xE000ED80));
  say("pfr0", R(0xE000ED40));
  for (uint32_t set = 0; set < 128; set++) R(0xE000EF60) = set << 5;
  R(0xE000EF50) = 0;
  say("end", 1);
}
"""
NAMES = ("outer", "inner", "after", "mvfr", "ctr", "icache", "dcache", "pfr0", "end")


def test_the_cores_registers_read_as_on_the_embedded_target() -> None:
    found = {}
    for target in EMULATED_TARGETS:
        with program(CORE, target) as emulation:
            found[target] = said(emulation, *NAMES)
            assert (emulation.target.lacking(), emulation.remarks()) == ((), ())
    assert found["renode"] == found["embedded"]
    assert found["renode"][:3] == [0x816, 0x17, 0x816]  # RETTOBASE, cleared while one has preempted another
