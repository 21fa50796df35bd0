"""The caches of the STM32F746: 4 KiB each in lines of 32 bytes, in front of flash with wait states."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.timing.memory import DATA_CACHE, SRAM, Cache, DataAccess, InstructionFetch

FLASH = 0x0800_0000


def test_a_loop_that_fits_misses_once_a_line() -> None:
    cache = Cache()
    for _ in range(10):
        for at in range(0, 4096, 32):
            cache.access(FLASH + at, 32)
    assert (cache.misses, cache.hits) == (128, 9 * 128)


def test_three_lines_of_one_set_do_not_fit_into_two_ways() -> None:
    two_ways, four_ways = Cache(), Cache(DATA_CACHE)
    for _ in range(5):
        for line in (0, 2048, 4096):
            two_ways.access(line, 4)
            four_ways.access(line, 4)
    assert two_ways.misses == 15
    assert four_ways.misses == 3


def test_a_block_across_a_border_needs_both_lines() -> None:
    assert Cache().access(FLASH + 30, 4) == 2


@pytest.mark.parametrize(("hertz", "cycles"), [(30_000_000, 1), (216_000_000, 8), (288_000_000, 10)])
def test_a_miss_waits_for_the_flash(hertz: int, cycles: int) -> None:
    fetch = InstructionFetch(hertz)
    assert fetch.block(FLASH, 8) == cycles
    assert fetch.block(FLASH + 8, 8) == 0
    assert fetch.cycles == cycles


def test_code_in_tightly_coupled_memory_does_not_wait() -> None:
    assert InstructionFetch(216_000_000).block(0x0000_0000, 64) == 0


def test_code_on_the_itcm_bus_goes_through_the_art_accelerator() -> None:
    fetch = InstructionFetch(216_000_000)
    assert [fetch.block(0x0020_0000 + at, 32) for at in range(0, 64 * 32, 32)] == [8] * 64
    assert fetch.block(0x0020_0000, 32) == 0
    assert fetch.block(0x0020_0000 + 64 * 32, 32) == 8  # the 65th line
    assert fetch.misses == 65


def test_a_load_from_flash_waits_and_tightly_coupled_memory_does_not() -> None:
    data = DataAccess(216_000_000)
    for address in (FLASH, FLASH + 28, 0x2000_0000, 0x2001_0000, 0x4000_0000):
        data.access(address, 4, is_store=False)
    assert (data.flash_misses, data.sram_misses, data.store_misses) == (1, 1, 0)
    assert data.cycles == 8 + 1


def test_a_store_brings_its_line_and_waits_for_nothing() -> None:
    data = DataAccess(216_000_000)
    data.access(0x2001_0000, 4, is_store=True)
    data.access(0x2001_0004, 4, is_store=False)
    assert (data.store_misses, data.sram_misses, data.cycles) == (1, 0, 0)


def test_weights_larger_than_the_cache_miss_in_every_pass() -> None:
    data = DataAccess(216_000_000)
    for _ in range(3):
        for at in range(0, 8192, 4):
            data.access(FLASH + at, 4, is_store=False)
    assert data.flash_misses == 3 * 256


LOADS_IN_IT_BLOCKS = """
function run
  ldr r0, =0x20011000
  movs r1, #0
  movs r2, #3
1: str r2, [r0], #4
  cmp r2, #2
  ittee ne
  ldrne r3, [r0, #-4]
  addne r1, r3
  ldreq r3, [r0, #-8]
  addeq r1, r1, #100
  subs r2, #1
  bne 1b
  ldmdb r0, {r4, r5, r6}
  strb r1, [r0]
  bx lr
"""
"""Three rounds; 3 and 1 are loaded back and added, in the round of 2 its neighbour is loaded and 100 added."""


def test_data_addresses_are_seen_and_change_nothing() -> None:
    plain, watched = (Machine(snippets.build(LOADS_IN_IT_BLOCKS)) for _ in range(2))
    seen: list[tuple[int, int, bool]] = []
    watched.core.observe_data(lambda address, size, is_store: seen.append((address, size, is_store)))
    counts = snippets.run(plain)
    assert snippets.run(watched) == counts
    base = 0x2001_1000
    assert [access for access in seen if access[0] in SRAM] == [
        (base, 4, True),
        (base, 4, False),
        (base + 4, 4, True),
        (base, 4, False),
        (base + 8, 4, True),
        (base + 8, 4, False),
        *((base + at, 4, False) for at in (0, 4, 8)),
        (base + 12, 1, True),
    ]
    for machine in (plain, watched):
        assert machine.core.memory.peek(base + 12, 1) == bytes([3 + 100 + 1])
