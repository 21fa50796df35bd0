"""The random number generator: numbers of a seed, at their time, and its errors."""

from __future__ import annotations

import random

import pytest

import c_programs
import snippets
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.rng import Rng
from renode_mnist.stm32f746.surroundings import Surroundings

HEAD = """
#include "interrupts.h"
#define RNG 0x50060800u
static volatile uint32_t seen[8], count;
static void pll48_on(void) { /* HSI / 16 * 192 / 4 = 48 MHz, for the RNG alone */
  REGISTER(RCC + 4) = 16 | 192 << 6 | 4 << 24;
  REGISTER(RCC) |= 1 << 24;
  while (!(REGISTER(RCC) & 1 << 25)) continue;
  REGISTER(RCC + 0x34) |= 1 << 6;
}
"""
POLLS = """
int main(void) {
  pll48_on();
  REGISTER(RNG) = 4;
  for (int i = 0; i < 8; i++) {
    while (!(REGISTER(RNG + 4) & 1)) continue;
    seen[i] = REGISTER(RNG + 8);
  }
}
"""
INTERRUPTS = """
static void ready(void) { seen[count++ & 7] = REGISTER(RNG + 8); }
int main(void) { pll48_on(); on_interrupt(80, ready); REGISTER(RNG) = 4 | 8; }
"""


def machine_of(source: str, seed: int = 0, *, in_python: bool = False) -> Machine:
    return Machine(c_programs.build(HEAD + source), python_models=in_python, surroundings=Surroundings(seed=seed))


def seen(machine: Machine, name: str = "seen", count: int = 8) -> list[int]:
    return snippets.words(machine, snippets.symbol(machine.image.path, name), count)


def numbers(seed: int) -> list[int]:
    source = random.Random(seed)
    return [source.getrandbits(32) for _ in range(8)]


@pytest.mark.parametrize("in_python", [False, True])
@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_gives_the_same_numbers(seed: int, in_python: bool) -> None:
    machine = machine_of(POLLS, seed, in_python=in_python)
    machine.run_for(0.001)
    assert seen(machine) == numbers(seed)
    assert machine.log.text() == ""


def test_one_comes_each_40_periods_of_its_clock() -> None:
    machine = machine_of(INTERRUPTS)
    machine.run_for(0.001)
    [before] = seen(machine, "count", 1)
    machine.run_for(0.001)
    [after] = seen(machine, "count", 1)
    taken = after - before  # 1 ms / (40 / 48 MHz) is 1200, less what the handler takes to fetch each
    assert 0.25 * 1200 < taken < 1200
    machine = machine_of("int main(void) { pll48_on(); REGISTER(RNG) = 4; }")
    machine.run_until(machine.clock.now_ps() + 10**9)
    rng = machine.bus.model("RNG")
    assert isinstance(rng, Rng)
    assert machine.bus.read(0x5006_0808, 4) == numbers(0)[0]
    machine.run_until(machine.clock.now_ps() + 833_000)
    assert machine.bus.read(0x5006_0804, 4) == 0
    machine.run_until(machine.clock.now_ps() + 1_000)
    assert machine.bus.read(0x5006_0804, 4) == 1


def test_without_pll48clk_it_is_a_clock_error_and_nothing_comes() -> None:
    machine = machine_of("int main(void) { REGISTER(RCC + 0x34) |= 1 << 6; REGISTER(RNG) = 4; }")
    machine.run_for(0.001)
    assert machine.bus.read(0x5006_0804, 4) == 0x22  # CEIS, CECS
    machine.bus.write(0x5006_0804, 4, 0)
    assert machine.bus.read(0x5006_0804, 4) == 0x02


def test_a_seed_error_is_an_interrupt_and_ends_with_rngen() -> None:
    machine = machine_of(
        """
static void error(void) {
  uint32_t status = REGISTER(RNG + 4);
  if (status & 1) { seen[0] = REGISTER(RNG + 8); return; }
  seen[1] = status;
  REGISTER(RNG + 4) = 0;
  REGISTER(RNG) = 0;
  seen[2] = REGISTER(RNG + 4);
  count++;
  REGISTER(RNG) = 4 | 8;
}
int main(void) { pll48_on(); on_interrupt(80, error); REGISTER(RNG) = 4 | 8; }
"""
    )
    machine.run_for(0.001)
    rng = machine.bus.model("RNG")
    assert isinstance(rng, Rng)
    rng.seed_error()
    machine.run_for(0.0005)
    assert seen(machine)[1:3] == [0x44, 0]
    assert seen(machine, "count", 1) == [1]
    before = seen(machine)[0]
    machine.run_for(0.0005)
    assert seen(machine)[0] != before


def test_a_snapshot_goes_on_with_the_same_numbers() -> None:
    machine = machine_of(INTERRUPTS, 3)
    machine.run_for(0.0005)
    twin = snapshot.copy(machine)
    for each in (machine, twin):
        each.run_for(0.0005)
    assert seen(machine) == seen(twin)
    assert seen(machine, "count", 1) == seen(twin, "count", 1)
