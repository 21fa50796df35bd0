"""Which candidate each layer gets: beside all combinations, and beside what limits allow."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from random_networks import Network, networks
from renode_mnist import codegen
from renode_mnist.codegen import engine, selection
from renode_mnist.codegen.candidate import Candidate
from renode_mnist.codegen.lowering import Lowering
from renode_mnist.codegen.objective import Aim, Objective
from renode_mnist.codegen.program import Step
from renode_mnist.codegen.reader import parse


def candidate(cycles: int, flash: int, scratch: int) -> Candidate:
    def build() -> Step:
        raise AssertionError("nobody builds it")

    return Candidate(f"{cycles} {flash} {scratch}", cycles, 2 * cycles, flash, scratch, build, code_bytes=0)


COUNTS = st.integers(1, 9).map(lambda n: 1000 * n)
LAYERS = st.lists(
    st.lists(st.builds(candidate, COUNTS, COUNTS, COUNTS), min_size=1, max_size=4), min_size=1, max_size=4
)


def total(choice: selection.Choice) -> float:
    return sum(way.cycles for way in choice)


@given(LAYERS, st.integers(0, 40).map(lambda n: 1000 * n))
def test_a_choice_is_within_the_limit_where_one_is_and_the_best_of_those(
    layers: list[list[Candidate]], limit: int
) -> None:
    found = selection.select(layers, Aim(flash_bytes=limit))
    all_choices = list(product(*layers))
    least = min(map(selection.flash_bytes, all_choices))
    taken = selection.flash_bytes(found)
    assert taken <= limit if least <= limit else taken == least
    if least > limit:
        return

    def cost(choice: selection.Choice) -> float:  # a thousand bytes are worth 100 cycles by default
        return total(choice) + 0.1 * selection.flash_bytes(choice)

    assert cost(found) == pytest.approx(
        min(cost(each) for each in all_choices if selection.flash_bytes(each) <= limit)
    )


def test_more_choices_than_are_kept_still_come_near_the_best() -> None:
    rng = random.Random(3)
    layers = [[candidate(rng.randrange(900, 9000), rng.randrange(10, 9000), 0) for _ in range(6)] for _ in range(60)]
    least = sum(min(way.image_bytes for way in ways) for ways in layers)
    free = selection.flash_bytes(selection.select(layers, Aim()))
    for part in (0, 0.01, 0.2, 0.5, 0.9):
        limit = round(least + part * (free - least))
        found = selection.select(layers, Aim(flash_bytes=limit))
        assert selection.flash_bytes(found) <= limit
        # A bound from below: the relaxed problem, by the best price (Everett, 1963).
        prices = [0.1 * 1.1**step for step in range(120)]
        bound = max(
            sum(min(way.cycles + price * way.image_bytes for way in ways) for ways in layers) - (price - 0.1) * limit
            for price in prices
        )
        assert total(found) + 0.1 * selection.flash_bytes(found) <= 1.02 * bound


@given(LAYERS, st.integers(0, 9).map(lambda n: 1000 * n))
def test_scratch_memory_is_within_a_cap_or_the_least_that_there_is(layers: list[list[Candidate]], cap: int) -> None:
    found = selection.select(layers, Aim(), [cap] * len(layers))
    for way, ways in zip(found, layers, strict=True):
        assert way.scratch_bytes <= max(cap, min(other.scratch_bytes for other in ways))
        assert all(
            other.cycles + 0.1 * other.flash_bytes >= way.cycles + 0.1 * way.flash_bytes
            for other in ways
            if other.scratch_bytes <= cap
        )


def test_instructions_and_flash_are_what_their_objectives_make_small() -> None:
    fast, few, small = candidate(1000, 5000, 0), candidate(3000, 5000, 0), candidate(9000, 1000, 0)
    few = Candidate("few", few.cycles, 100, few.flash_bytes, 0, few.build, code_bytes=0)
    ways = [[fast, few, small]]
    assert selection.select(ways, Aim(Objective.TIME)) == (fast,)
    assert selection.select(ways, Aim(Objective.INSTRUCTIONS)) == (few,)
    assert selection.select(ways, Aim(Objective.FLASH)) == (small,)


def test_what_limits_cost_is_told() -> None:
    fast, small = candidate(1000, 5000, 0), candidate(3000, 1000, 0)
    aim = Aim(flash_bytes=2000)
    choice = selection.select([[fast, small]], aim)
    assert choice == (small,)
    assert selection.given_up((fast,), choice, aim, selection.bound((fast,), aim, [0])) == (
        "for 2,000 B of flash for constants and kernels 1 of 1 steps take another kernel than the fastest: "
        "2,000 cycles more by estimate",
    )
    assert selection.faster([fast, small], small, Objective.TIME) == (
        "1000 5000 0: 67 % less time by estimate for 4,000 B more flash"
    )
    assert selection.faster([fast, small], fast, Objective.TIME) == ""


@pytest.mark.parametrize("kind", ["INT8", "FLOAT32"])
def test_candidates_say_what_their_steps_take(kind: str) -> None:
    @settings(deadline=None)
    @given(networks(kind))
    def check(network: Network) -> None:
        graph = codegen.prepared(parse(network.content, "m.tflite"))
        m7 = codegen.backend("m7")
        rewritten, _ = engine.made(graph, m7, Aim(), ())
        lowering = Lowering(rewritten, Objective.TIME)
        for operator in rewritten.operators:
            kernel = m7.kernel(operator)
            if kernel is None:
                continue
            ways = list(kernel.ways(lowering, operator))
            assert len({way.kernel for way in ways}) == len(ways)
            for way in ways:
                step = way.build()
                assert way.flash_bytes == sum(constant.byte_count for constant in step.constants)
                assert way.scratch_bytes == sum(buffer.byte_count for buffer in step.scratch)

    check()
