"""What memory costs, by a program's settings; what caches keep is tried in stm32f746/test_memory_timing.py."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from renode_mnist.timing import MemoryParameters, memory


class Settings(NamedTuple):
    wait_states: int


@pytest.mark.parametrize(("wait_states", "flash"), [(0, 1), (7, 8), (9, 10)])
def test_a_line_of_flash_costs_its_wait_states_the_access_and_the_bus(wait_states: int, flash: int) -> None:
    parameters = MemoryParameters(axi_cycles=5)
    costs = parameters.costs(Settings(wait_states))
    _, over_axi, over_itcm, _ = costs.first
    assert (over_axi, over_itcm, costs.flash_access) == (5 + flash, flash, flash)


def test_tightly_coupled_memory_costs_nothing() -> None:
    costs = MemoryParameters().costs(Settings(7))
    assert (costs.first[0], costs.rest[0]) == (0, 0)


def test_what_a_line_costs_behind_its_first_word_and_what_does_not_depend_on_the_flash() -> None:
    costs = MemoryParameters().costs(Settings(7))
    assert costs.first == (0, 13, 8, 7), "SRAM: the bus's 5 cycles and 2 of its own"
    assert costs.rest == (0, 3, 0, 6), "beats of 64 bits from flash over AXI, of 32 bits from SRAM"
    assert (costs.fetch_beat, costs.unaligned) == (5, 3)
    own = MemoryParameters(axi_cycles=9, flash_beats=6, sram_beats=11, unaligned_cycles=4).costs(Settings(7))
    assert own == ((0, 17, 8, 11), (0, 5, 0, 9), 8, 9, 4)


def test_wait_states_of_its_own_stand_for_the_programs() -> None:
    assert MemoryParameters(wait_states=0).costs(Settings(7)) == MemoryParameters().costs(Settings(0))


_WANTED = {1: 0, 16: 0, 30: 0, 60: 1, 61: 2, 216: 7, 288: 9, 300: 9, 400: 9}
"""Wait states by megahertz."""


@pytest.mark.parametrize(
    ("hertz", "wanted"), [(30_000_001, 1), *((mega * 1_000_000, states) for mega, states in _WANTED.items())]
)
def test_the_flash_wants_a_wait_state_for_each_30_mhz_begun(hertz: int, wanted: int) -> None:
    """RM0385, table 5, and beyond it as many as FLASH_ACR is given at 288 MHz."""
    assert memory.wait_states(hertz) == wanted
