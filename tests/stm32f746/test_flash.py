"""Programming and erasing the flash as the manual has it, and option bytes."""

from __future__ import annotations

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import flash, snapshot
from renode_mnist.stm32f746.machine import Machine

HEAD = """
#include "interrupts.h"
#define FLASH 0x40023C00u
#define SR REGISTER(FLASH + 0x0C)
#define CR REGISTER(FLASH + 0x10)
#define X32 (2 << 8)
#define PG 1
#define SER(sector) (2 | (sector) << 3)
#define START (1 << 16)
static volatile uint32_t seen[8], count;
static void unlock(void) { REGISTER(FLASH + 4) = 0x45670123; REGISTER(FLASH + 4) = 0xCDEF89AB; }
static void wait_for_it(void) { while (SR & 1 << 16) continue; }
"""
ERSERR, PGPERR, PGAERR, WRPERR = 0x80, 0x40, 0x20, 0x10


def machine_of(source: str, *, in_python: bool = False) -> Machine:
    return Machine(c_programs.build(HEAD + source), python_models=in_python)


def words(machine: Machine, count: int = 8) -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, "seen"), count)


def word(machine: Machine, address: int) -> int:
    return int.from_bytes(machine.read_memory(address, 4) or b"", "little")


PROGRAMS = """
int main(void) {
  unlock();
  CR = PG | X32;
  REGISTER(0x08080000) = 0x12345678;
  seen[0] = SR;
  wait_for_it();
  seen[1] = SR;
  REGISTER(0x08080000) = 0xFFFF0000;
  wait_for_it();
  seen[2] = REGISTER(0x08080000);
  CR = PG;
  *(volatile uint8_t*)0x08080005 = 0x5A;
  wait_for_it();
  CR = PG | 1 << 8;
  *(volatile uint16_t*)0x08080008 = 0xBEEF;
  wait_for_it();
  seen[3] = REGISTER(0x08080004);
  seen[4] = REGISTER(0x08080008);
  seen[5] = SR;
  CR = PG | 3 << 8;
  REGISTER(0x08080010) = 0x11223344;
  REGISTER(0x08080014) = 0x55667788;
  wait_for_it();
  CR = 1u << 31;
  seen[6] = CR;
  seen[7] = REGISTER(0x08080014);
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_programming_clears_bits_by_words_half_words_and_bytes(in_python: bool) -> None:
    machine = machine_of(PROGRAMS, in_python=in_python)
    machine.run_for(0.01)
    assert words(machine) == [1 << 16, 0, 0x12340000, 0xFFFF5AFF, 0xFFFFBEEF, 0, 1 << 31, 0x55667788]
    assert machine.log.text() == ""


def test_a_word_takes_16_microseconds() -> None:
    machine = machine_of(
        "int main(void) { unlock(); CR = PG | X32; REGISTER(0x08080000) = 0; wait_for_it(); count = 1; }"
    )
    machine.run_for(16e-6)
    assert word(machine, 0x4002_3C0C) == 1 << 16
    machine.run_for(20e-6)
    assert word(machine, 0x4002_3C0C) == 0


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("sector", "width", "begin", "size", "milliseconds"),
    [(1, 2, 0x0800_8000, 0x8000, 250), (4, 1, 0x0802_0000, 0x20000, 700), (7, 0, 0x080C_0000, 0x40000, 2000)],
)
def test_a_sector_is_erased_in_its_time(
    sector: int, width: int, begin: int, size: int, milliseconds: int, in_python: bool
) -> None:
    source = f"int main(void) {{ unlock(); CR = SER({sector}) | {width} << 8; CR |= START; }}"
    machine = machine_of(source, in_python=in_python)
    for address in (begin - 4, begin, begin + size - 4, (begin + size) & 0x080F_FFFF):
        machine.core.memory.poke(address, b"data") if address > 0x0800_4000 else None
    machine.run_for(milliseconds / 1000)
    assert word(machine, 0x4002_3C0C) == 1 << 16
    assert word(machine, 0x4002_3C10) & 1 << 16
    machine.run_for(0.0001)
    assert word(machine, 0x4002_3C0C) == 0
    assert word(machine, 0x4002_3C10) & 1 << 16 == 0
    assert (machine.read_memory(begin, size) or b"") == b"\xff" * size
    assert machine.read_memory(begin - 4, 4) == b"data"


def test_sectors_are_where_the_manual_has_them() -> None:
    assert [flash.place_of(sector) for sector in (0, 3, 4, 5, 7)] == [
        (0x0800_0000, 0x8000),
        (0x0801_8000, 0x8000),
        (0x0802_0000, 0x20000),
        (0x0804_0000, 0x40000),
        (0x080C_0000, 0x40000),
    ]
    assert [flash.sector_of(address) for address in (0x0800_7FFF, 0x0800_8000, 0x0803_FFFF, 0x080F_FFFF)] == [
        0,
        1,
        4,
        7,
    ]


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("control", "store", "flag"),
    [
        ("X32", "REGISTER(0x08080000) = 0", ERSERR),
        ("PG", "REGISTER(0x08080000) = 0", PGPERR),
        ("PG | 1 << 8", "*(volatile uint8_t*)0x08080000 = 0", PGPERR),
        ("PG | X32", "*(volatile uint16_t*)0x08080000 = 0", PGPERR),
        ("PG | X32", '__asm volatile("str %0, [%1]" :: "r"(0), "r"(0x08080002))', PGAERR | PGPERR),
        ("SER(12) | X32 | START", "", ERSERR),
        ("X32 | START", "", ERSERR),
    ],
)
def test_a_store_that_cr_does_not_fit_sets_its_flag_and_nothing_else(
    control: str, store: str, flag: int, in_python: bool
) -> None:
    machine = machine_of(
        f"int main(void) {{ unlock(); CR = {control}; {store}; seen[0] = SR; SR = 0xF3; seen[1] = SR; pause_for(3);"
        "seen[2] = REGISTER(0x08080000); }",
        in_python=in_python,
    )
    machine.run_for(0.001)
    assert words(machine, 3) == [flag, 0, 0xFFFF_FFFF]
    assert ("a store to the flash at 0x0808000" in machine.log.text()) == bool(store)
    assert ("sector 12 is not erased: the chip has sectors 0 to 7" in machine.log.text()) == ("12" in control)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("KEYR = 0x1234;", "0x00001234 is a wrong key for FLASH.KEYR: FLASH.CR is locked until a reset"),
        ("KEYR = 0x45670123; KEYR = 5;", "0x00000005 is a wrong key for FLASH.KEYR"),
        (
            "REGISTER(0x40023C08) = 7;",
            "0x00000007 is a wrong key for FLASH.OPTKEYR: FLASH.OPTCR is locked until",
        ),
    ],
)
def test_a_wrong_key_is_named(keys: str, said: str) -> None:
    keys = keys.replace("KEYR =", "REGISTER(0x40023C04) =")
    machine = machine_of(f"int main(void) {{ {keys} }}")
    machine.run_for(0.001)
    assert said in machine.log.text()
    right = machine_of("int main(void) { unlock(); }")
    right.run_for(0.001)
    assert "wrong key" not in right.log.text()


@pytest.mark.parametrize("in_python", [False, True])
def test_the_interrupt_tells_ends_and_errors(in_python: bool) -> None:
    machine = machine_of(
        """
static void told(void) { seen[count++] = SR; SR = 0xF3; }
int main(void) {
  on_interrupt(4, told);
  unlock();
  CR = PG | X32 | 1 << 24 | 1 << 25;
  REGISTER(0x08080000) = 7;
  while (!count) continue;
  CR = X32 | 1 << 24 | 1 << 25;
  REGISTER(0x08080004) = 7;
}
""",
        in_python=in_python,
    )
    machine.run_for(0.001)
    assert words(machine, 2) == [1, ERSERR | 2]
    assert snippets.words(machine, snippets.symbol(machine.image.path, "count"), 1) == [2]


RUNS_WHAT_IT_PROGRAMS = """
typedef uint32_t (*Function)(void);
static void told(void) { SR = 1; count++; }
static void put_in(uint32_t value) { /* movs r0, #value; bx lr */
  uint32_t before = count;
  CR = SER(7) | X32 | 1 << 24;
  CR |= START;
  while (count == before) __asm volatile("wfi");
  CR = PG | X32;
  REGISTER(0x080C0000) = 0x47702000 | value;
  wait_for_it();
}
int main(void) {
  on_interrupt(4, told);
  unlock();
  for (int i = 0; i < 3; i++) {
    put_in(10 + i);
    seen[i] = ((Function)0x080C0001)();
    seen[i] += ((Function)0x080C0001)();
  }
  CR = PG | X32;
  REGISTER(0x080C0000) = 0x47702008;
  wait_for_it();
  seen[3] = ((Function)0x080C0001)();
}
"""


@pytest.mark.parametrize("in_python", [False, True])
def test_code_that_was_run_is_seen_to_change(in_python: bool) -> None:
    machine = machine_of(RUNS_WHAT_IT_PROGRAMS, in_python=in_python)
    machine.run_for(4)
    assert words(machine, 4) == [20, 22, 24, 8]


@pytest.mark.parametrize("in_python", [False, True])
def test_a_locked_flash_faults(in_python: bool) -> None:
    machine = machine_of(
        """
void hard_fault(void) { seen[0] = REGISTER(0xE000ED38); for (;;) continue; }
int main(void) { unlock(); CR = 1u << 31; REGISTER(0x08080000) = 0; seen[0] = 1; }
""",
        in_python=in_python,
    )
    machine.run_for(0.001)
    assert words(machine, 1) == [0x0808_0000]


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(("locks", "found"), [("", 0x1234), ("CR = 1u << 31;", 0xFFFF_FFFF)])
def test_it_is_the_same_beside_a_border_of_the_mpu(locks: str, found: int, in_python: bool) -> None:
    machine = machine_of(
        f"""
void hard_fault(void) {{ for (;;) continue; }}
int main(void) {{
  REGISTER(0xE000ED9C) = 0x08080040 | 1 << 4; /* 32 bytes without access */
  REGISTER(0xE000EDA0) = 4 << 1 | 1;
  REGISTER(0xE000ED94) = 5;
  __asm volatile("dsb; isb");
  unlock();
  CR = PG | X32;
  seen[0] = REGISTER(0x08080020);
  {locks}
  REGISTER(0x08080000) = 0x1234;
}}
""",
        in_python=in_python,
    )
    machine.run_for(0.001)
    assert word(machine, 0x0808_0000) == found
    assert words(machine, 1) == [0xFFFF_FFFF], "a load beside the border is allowed"


def test_only_its_own_bus_programs_it() -> None:
    machine = machine_of(
        """
void hard_fault(void) { seen[0] = REGISTER(0xE000ED38); for (;;) continue; }
int main(void) { unlock(); CR = PG | X32; REGISTER(0x00280000) = 0; seen[0] = 1; }
"""
    )
    machine.run_for(0.001)
    assert words(machine, 1) == [0x0028_0000]


def test_option_bytes_protect_sectors_and_stay() -> None:
    machine = machine_of(
        """
int main(void) {
  REGISTER(FLASH + 8) = 0x08192A3B;
  REGISTER(FLASH + 8) = 0x4C5D6E7F;
  seen[0] = REGISTER(FLASH + 0x14);
  REGISTER(FLASH + 0x14) &= ~(1 << 22);
  REGISTER(FLASH + 0x14) |= 2;
  wait_for_it();
  seen[1] = REGISTER(FLASH + 0x14);
  unlock();
  CR = PG | X32;
  REGISTER(0x08080000) = 0;
  seen[2] = SR;
  SR = 0xF3;
  CR = SER(6) | X32;
  CR |= START;
  seen[3] = SR;
  seen[4] = REGISTER(0x1FFF0008);
}
"""
    )
    machine.run_for(0.001)
    assert words(machine, 5) == [0xC0FF_AAFC, 0xC0BF_AAFC, WRPERR, WRPERR, 0xFFFF_C0BF]
    machine.reset()
    assert word(machine, 0x4002_3C14) == 0xC0BF_AAFD


def test_a_reset_keeps_what_was_programmed_and_locks() -> None:
    machine = machine_of("int main(void) { unlock(); CR = PG | X32; REGISTER(0x08080000) = 5; for (;;) continue; }")
    machine.run_for(0.001)
    machine.reset()
    assert word(machine, 0x4002_3C10) == 1 << 31
    assert word(machine, 0x0808_0000) == 5


def test_a_snapshot_in_the_middle_of_an_erasure_goes_on() -> None:
    machine = machine_of(RUNS_WHAT_IT_PROGRAMS)
    machine.run_for(0.5)
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(3.5)
        assert words(each, 4) == [20, 22, 24, 8]
