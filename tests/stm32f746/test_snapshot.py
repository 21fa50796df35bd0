"""A run from a snapshot is the run that it was taken from."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import dma_programs
import snippets
from chip_programs import NESTED, TRAFFIC, load_traffic
from lockstep import look_at_all, look_quickly
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.core import ClockModel
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.timing import LiveCosts

Look = dict[str, object]


def _go_on(machine: Machine, seed: int, feed: bool) -> list[Look]:
    """Runs on in pieces; what was seen on the way and at the end."""
    r = random.Random(seed)
    seen = []
    for _ in range(6):
        if feed:
            machine.usarts["USART1"].feed(r.randbytes(3))
        machine.run_until(machine.clock.now_ps() + r.randrange(1, 300_000_000))
        seen.append(look_quickly(machine))
    return [*seen, look_at_all(machine)]


def _from_snapshots(machine: Machine, times: int, feed: bool = False) -> None:
    r = random.Random(7)
    for seed in range(times):
        machine.run_until(machine.clock.now_ps() + r.randrange(1, 150_000_000))
        saved = snapshot.save(machine)
        before = look_quickly(machine), look_at_all(machine)
        twin = snapshot.copy(machine)
        assert (look_quickly(twin), look_at_all(twin)) == before
        went_on = _go_on(machine, seed, feed)
        assert _go_on(twin, seed, feed) == went_on
        snapshot.restore(machine, saved)
        assert (look_quickly(machine), look_at_all(machine)) == before
        assert _go_on(machine, seed, feed) == went_on


@pytest.mark.parametrize("model", [None, LiveCosts])
def test_nested_exceptions_go_on_as_they_would_have(model: ClockModel | None) -> None:
    _from_snapshots(Machine(snippets.build(NESTED), clock_model=model), 12)


@pytest.mark.parametrize("seed", range(3))
def test_peripherals_go_on_as_they_would_have(seed: int) -> None:
    machine = Machine(snippets.build(TRAFFIC), line_baud=115_200)
    load_traffic(machine, random.Random(seed))
    _from_snapshots(machine, 6, feed=True)


@pytest.mark.parametrize("seed", range(3))
def test_transfers_go_on_as_they_would_have(seed: int) -> None:
    machine = Machine(snippets.build(dma_programs.PROGRAM))
    dma_programs.load_traffic(machine, random.Random(seed))
    _from_snapshots(machine, 6, feed=True)


def test_an_oscillator_that_starts_becomes_ready_in_the_copy_too() -> None:
    code = "function run\n poke 0x40023800, 0x00010083\n1: ldr r1, [r0]\n tst r1, #0x20000\n beq 1b\n bx lr\n"
    machine = Machine(snippets.build(code))
    machine.run_for(0.001)
    twin = snapshot.copy(machine)
    taken = snippets.run(machine)
    assert taken.instructions > 10_000
    assert snippets.run(twin) == taken


def test_what_a_program_has_changed_in_its_code_comes_back() -> None:
    code = """
function run
  ldr r4, =0x20001000
  ldr r0, =0x47702000 | 5 // movs r0, #5; bx lr
  str r0, [r4]
  orr r5, r4, #1
1:
  blx r5
  wfi
  b 1b
"""
    machine = Machine(snippets.build(code))
    machine.run_for(0.001)
    five = snapshot.save(machine)
    machine.core.load(0x2000_1000, b"\x06\x20")
    snapshot.restore(machine, five)
    assert machine.core.memory.peek(0x2000_1000, 2) == b"\x05\x20"


def _of_another_program(machine: Machine) -> None:
    snapshot.restore(machine, snapshot.save(Machine(snippets.build("function run\n nop\n bx lr"))))


def _of_another_clock_model(machine: Machine) -> None:
    snapshot.restore(machine, snapshot.save(Machine(machine.image, clock_model=LiveCosts)))


def _with_an_event_of_somebody(machine: Machine) -> None:
    machine.scheduler.after(1000, lambda: None)
    snapshot.save(machine)


def _in_python(machine: Machine) -> None:
    snapshot.save(Machine(machine.image, python_models=True))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (_of_another_program, "another program or clock model"),
        (_of_another_clock_model, "another program or clock model"),
        (_with_an_event_of_somebody, "not the chip's"),
        (_in_python, "C compiler"),
    ],
)
def test_what_cannot_be_saved_or_restored(what: Callable[[Machine], None], said: str) -> None:
    with pytest.raises(TargetError, match=said):
        what(Machine(snippets.build("function run\n b run")))
