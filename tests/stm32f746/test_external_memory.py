"""Memories outside the chip: there while their controller shows them, else a fault."""

from __future__ import annotations

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.core import ClockModel
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.timing import LiveCosts

HEAD = """
#include "interrupts.h"
#define FMC 0xA0000000u
static volatile uint32_t seen[8], count;
static volatile uint32_t fault_address;
void hard_fault(void) { fault_address = REGISTER(0xE000ED38); for (;;) continue; }
static void command(uint32_t mode) {
  REGISTER(FMC + 0x150) = 1 << 4 | mode;
  while (REGISTER(FMC + 0x158) & 1 << 5) continue;
}
static void sdram_on(void) { /* 4 banks of 4096 rows and 256 columns of 16 bits: 8 MiB */
  REGISTER(RCC + 0x38) |= 1;
  REGISTER(FMC + 0x140) = 2 << 10 | 1 << 6 | 1 << 4 | 1 << 2;
  command(1);
  command(2);
  command(3 | 7 << 5);
  command(4 | 0x231 << 9);
  REGISTER(FMC + 0x154) = 0x603 << 1;
}
"""


def machine_of(source: str, *, in_python: bool = False, model: ClockModel | None = None) -> Machine:
    machine = Machine(c_programs.build(HEAD + source), python_models=in_python, clock_model=model)
    machine.run_for(0.01)
    return machine


def words(machine: Machine, count: int = 8, name: str = "seen") -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, name), count)


USES = """
int main(void) {
  sdram_on();
  REGISTER(0xC0000000) = 0x11223344;
  REGISTER(0xC07FFFFC) = 0x55667788;
  *(volatile uint8_t*)0xC0000001 = 0xAA;
  *(volatile uint16_t*)0xC07FFFFE = 0xBBCC;
  seen[0] = REGISTER(0xC0000000);
  seen[1] = REGISTER(0xC07FFFFC);
  seen[2] = *(volatile uint16_t*)0xC0000002;
  seen[3] = *(volatile uint8_t*)0xC0000001;
  uint32_t from[4] = {1, 2, 3, 4};
  volatile uint32_t* to = (volatile uint32_t*)0xC0001000;
  __asm volatile("ldmia %1, {r2-r5}\\n stmia %0, {r2-r5}" :: "r"(to), "r"(from) : "r2", "r3", "r4", "r5", "memory");
  seen[4] = to[3];
  REGISTER(0xC0800000) = 1;
}
"""


@pytest.mark.parametrize("model", [None, LiveCosts], ids=["instructions", "m7"])
@pytest.mark.parametrize("in_python", [False, True])
def test_sdram_is_memory_as_large_as_it_is_set_up(in_python: bool, model: ClockModel | None) -> None:
    machine = machine_of(USES, in_python=in_python, model=model)
    assert words(machine, 5) == [0x1122AA44, 0xBBCC7788, 0x1122, 0xAA, 4]
    assert words(machine, 1, "fault_address") == [0xC080_0000], "it ends behind 8 MiB"
    assert machine.log.lacking == ()


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize(
    ("before", "access", "address"),
    [
        ("", "seen[0] = REGISTER(0xC0000000)", 0xC000_0000),
        ("sdram_on();", "seen[0] = REGISTER(0xD0000000)", 0xD000_0000),
        ("sdram_on(); REGISTER(FMC + 0x140) |= 1 << 9;", "REGISTER(0xC0000010) = 1", 0xC000_0010),
        ("sdram_on(); REGISTER(RCC + 0x18) = 1;", "seen[0] = REGISTER(0xC0000000)", 0xC000_0000),
    ],
)
def test_what_is_not_there_or_protected_faults(before: str, access: str, address: int, in_python: bool) -> None:
    machine = machine_of(f"int main(void) {{ {before} {access}; seen[1] = 1; }}", in_python=in_python)
    assert words(machine, 1, "fault_address") == [address]
    assert words(machine, 2)[1] == 0


@pytest.mark.parametrize("in_python", [False, True])
def test_dma_reaches_it_once_it_is_there(in_python: bool) -> None:
    machine = machine_of(
        """
static const uint32_t from[] = {7, 8, 9};
static void copy(void) {
  REGISTER(0x40026408) = 0x3F;
  REGISTER(0x40026418) = (uint32_t)from;
  REGISTER(0x4002641C) = 0xC0000100;
  REGISTER(0x40026414) = 3;
  REGISTER(0x40026410) = 2 << 6 | 3 << 9 | 2 << 11 | 2 << 13 | 1;
  seen[count++] = REGISTER(0x40026400);
}
int main(void) {
  REGISTER(RCC + 0x30) |= 1 << 22;
  copy();
  sdram_on();
  copy();
  seen[2] = REGISTER(0xC0000108);
}
""",
        in_python=in_python,
    )
    assert words(machine, 3) == [1 << 3, 1 << 5 | 1 << 4, 9]


def test_a_snapshot_keeps_what_it_holds() -> None:
    machine = machine_of(USES)
    twin = snapshot.copy(machine)
    machine.bus.write(0xC000_0000, 4, 0)
    assert (machine.bus.read(0xC000_0000, 4), twin.bus.read(0xC000_0000, 4)) == (0, 0x1122AA44)


def test_a_loop_that_counts_in_it_is_no_loop_that_waits() -> None:
    machine = machine_of("int main(void) { sdram_on(); for (;;) REGISTER(0xC0000000)++; }")
    first = machine.bus.read(0xC000_0000, 4)
    machine.run_for(0.001)
    assert machine.bus.read(0xC000_0000, 4) > first + 1000
    assert machine.loop is None
