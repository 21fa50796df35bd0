"""The instruction cache of the STM32F746: 4 KiB, two ways, lines of 32 bytes, in front of flash with wait states."""

from __future__ import annotations

import pytest

from renode_mnist.timing.memory import DATA_CACHE, Cache, InstructionFetch

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
