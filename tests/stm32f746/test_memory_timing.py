"""Modelled waits for memory: caches, flash and SRAM, as a program has set them up."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.memory_timing import CycleSplit
from renode_mnist.timing import LiveCosts, MemoryParameters, PipelineCosts

COSTS = MemoryParameters()
FLASH_FIRST = COSTS.axi_cycles + 8
SRAM_FIRST = COSTS.axi_cycles + 2
SRAM_WHOLE = SRAM_FIRST + COSTS.sram_beats - 2

CACHES_ON = """
  poke 0xE000ED14, 0x00030200
  dsb
  isb
"""
SEVEN_WAIT_STATES = "poke 0x40023C00, 0x00000007\n"
WAIT_STATES_WITH_ART = "poke 0x40023C00, 0x00000307\n"

DTCM, SRAM, FLASH = 0x2000_8000, 0x2001_0000, 0x0808_0000


def passes(
    base: int, size_bytes: int, times: int, *, step: int = 32, do: str = "ldr", caches: str = CACHES_ON
) -> str:
    """A program that goes over memory, a word each ``step``, so many times; between two BKPTs."""
    return f"""
    function run
      push {{r4, lr}}
      {SEVEN_WAIT_STATES}{caches}
      bkpt #1
      movs r4, #{times}
    again:
      ldr r0, ={base:#x}
      ldr r1, ={base + size_bytes:#x}
      b test
    body:
      {do} r2, [r0]
      add r0, r0, #{step}
    test:
      cmp r0, r1
      blo body
      subs r4, #1
      bne again
      bkpt #2
      pop {{r4, pc}}
    """


def between(assembly: str, *options: str) -> CycleSplit:
    """What the part between the two BKPTs took."""
    machine = Machine(snippets.build(assembly, *options), clock_model=LiveCosts)
    splits = []
    for number in (1, 2):
        machine.run_until_breakpoint()
        assert snippets.bkpt_number(machine) == number
        splits.append(CycleSplit(*machine.core.counter.split()))
        machine.skip_bkpt()
    return splits[1].since(splits[0])


def test_what_fits_the_data_cache_is_missed_once() -> None:
    split = between(passes(SRAM, 2048, 5))
    assert split.loads == 5 * (64 + 2)  # and the two literals, which are in flash
    assert split.sram_load_misses == 64
    # A line is still coming in when the next is asked for, 6 beats long; a turn of the loop takes its time from that.
    assert 64 * SRAM_FIRST <= split.data_cycles - FLASH_FIRST <= 64 * SRAM_WHOLE


def test_what_does_not_fit_is_missed_again() -> None:
    split = between(passes(SRAM, 8192, 5))
    # Random replacement keeps some of 256 lines in a cache of 128; the oldest first would keep none.
    assert 5 * 256 * 0.6 < split.sram_load_misses < 5 * 256


def test_flash_waits_for_its_wait_states_and_the_bus() -> None:
    split = between(passes(FLASH, 32 * 16, 1))
    assert split.flash_load_misses in (16, 17)  # the literals' line may be there already
    assert split.data_cycles >= 16 * FLASH_FIRST


def test_tightly_coupled_memory_is_never_waited_for() -> None:
    split = between(passes(DTCM, 4096, 3))
    assert split.sram_load_misses == 0
    assert split.data_cycles <= FLASH_FIRST  # the literals


@pytest.mark.parametrize(
    ("do", "at", "waits"),
    [("ldr", 1, 64), ("ldr", 2, 64), ("ldrh", 1, 64), ("ldrh", 2, 0), ("ldrb", 3, 0), ("str", 1, 0)],
)
def test_an_unaligned_load_takes_longer_wherever_it_is(do: str, at: int, waits: int) -> None:
    split = between(passes(DTCM + at, 64 * 12, 1, step=12, do=do))
    assert 0 <= split.data_cycles - waits * COSTS.unaligned_cycles <= FLASH_FIRST  # the literals


def test_without_the_data_cache_each_load_goes_over_the_bus() -> None:
    split = between(passes(SRAM, 1024, 2, step=4, caches=""))
    assert split.sram_load_misses == 0
    assert split.data_cycles >= 2 * 256 * SRAM_FIRST


def test_stores_are_buffered_and_dirty_lines_are_written_back() -> None:
    split = between(passes(SRAM, 8192, 2, do="str"))
    assert split.sram_store_misses >= 256
    assert split.write_backs >= split.sram_store_misses - 128 > 0
    # A line in and a line out a store is more than the buffers can hide.
    assert 0 < split.data_cycles < split.sram_store_misses * (SRAM_WHOLE + COSTS.sram_beats)
    few = between(passes(SRAM, 64, 1, do="str"))
    assert few.data_cycles <= FLASH_FIRST


def test_a_region_of_the_mpu_decides_what_is_cached() -> None:
    uncached = """
      poke 0xE000ED98, 0
      poke 0xE000ED9C, 0x20010000
      poke 0xE000EDA0, 0x0308001F
      poke 0xE000ED94, 0x00000005
      dsb
      isb
    """  # normal, not cacheable (TEX 1), 64 KiB, full access
    split = between(passes(SRAM, 1024, 2, step=4, caches=CACHES_ON + uncached))
    assert split.sram_load_misses == 0
    assert split.data_cycles >= 2 * 256 * SRAM_FIRST


def test_what_maintenance_empties_is_missed_anew() -> None:
    """DCISW by set and way, as CMSIS' SCB_InvalidateDCache does it."""
    twice = passes(SRAM, 1024, 2)
    emptied = twice.replace("subs r4, #1", "poke 0xE000EF60, 0\n dsb\n subs r4, #1")
    assert between(twice).sram_load_misses == 32
    assert between(emptied).sram_load_misses == 64


def test_what_was_written_through_and_is_not_there_is_missed() -> None:
    through = """
      poke 0xE000ED98, 0
      poke 0xE000ED9C, 0x20010000
      poke 0xE000EDA0, 0x0302001F
      poke 0xE000ED94, 0x00000005
      dsb
      isb
    """  # normal, written through, not allocated (TEX 0, C 1, B 0), 64 KiB, full access
    stores_first = passes(SRAM, 1024, 1, caches=CACHES_ON + through).replace(
        "ldr r2, [r0]", "str r2, [r0]\n ldr r2, [r0]"
    )
    split = between(stores_first)
    assert (split.sram_store_misses, split.sram_load_misses, split.write_backs) == (32, 32, 0)


CODE = """
function run
  push {{r4, lr}}
  {settings}
  b literals_end
  .ltorg
literals_end:
  bkpt #1
  movs r4, #{times}
again:
  .rept {instructions}
  nop.w
  .endr
  subs r4, #1
  bne.w again
  bkpt #2
  pop {{r4, pc}}
"""


def code(instructions: int, times: int, settings: str) -> CycleSplit:
    return between(CODE.format(instructions=instructions, times=times, settings=settings))


def test_code_that_fits_the_instruction_cache_is_fetched_once() -> None:
    settings = SEVEN_WAIT_STATES + CACHES_ON
    once, often = code(400, 1, settings), code(400, 50, settings)
    assert 48 <= once.fetch_misses <= 54  # 1,600 bytes
    assert often.fetch_misses == once.fetch_misses
    assert often.fetch_cycles == once.fetch_cycles >= 48 * FLASH_FIRST


def test_code_that_does_not_fit_is_fetched_again_and_without_cache_always() -> None:
    large = code(2000, 10, SEVEN_WAIT_STATES + CACHES_ON)
    assert large.fetch_misses > 10 * 250 * 0.5
    uncached = code(400, 50, SEVEN_WAIT_STATES)
    assert uncached.fetch_misses >= 50 * 50
    assert uncached.cycles > 4 * code(400, 50, SEVEN_WAIT_STATES + CACHES_ON).cycles


def test_wait_states_are_those_that_the_program_has_chosen() -> None:
    fast, slow = (code(2000, 4, f"poke 0x40023C00, {states}\n{CACHES_ON}") for states in (0, 7))
    assert slow.fetch_cycles - fast.fetch_cycles >= 7 * min(slow.fetch_misses, fast.fetch_misses)


def test_the_parts_add_up() -> None:
    split = between(passes(SRAM, 8192, 3))
    assert sum(split.parts.values()) == split.cycles
    assert split.issue_cycles > 0


def test_without_memory_the_pipeline_is_left() -> None:
    elf = snippets.build(passes(SRAM, 4096, 3))
    machines = [Machine(elf, clock_model=model) for model in (LiveCosts, PipelineCosts)]
    for machine in machines:
        machine.run_until_breakpoint()
        machine.skip_bkpt()
        machine.run_until_breakpoint()
    split = CycleSplit(*machines[0].core.counter.split())
    assert machines[1].core.counter.cycles == split.cycles - split.fetch_cycles - split.data_cycles


def test_the_counter_in_python_refuses_to_model_memory() -> None:
    with pytest.raises(EnvironmentProblem, match="hook in C"):
        Machine(snippets.build("function run\n bx lr"), clock_model=LiveCosts, python_hook=True)
