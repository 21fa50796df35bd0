"""What memory costs, by a program's settings; what caches keep is tried in stm32f746/test_memory_timing.py."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from renode_mnist.timing import MemoryParameters


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
