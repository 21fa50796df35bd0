"""The models in C do what those in Python do, to the picosecond and the instruction."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

import c_programs
import counter_loops
import dma_programs
import snippets
import timer_programs
from chip_programs import DWT, GPIOA, NESTED, RCC, TRAFFIC, USART1, load_traffic
from lockstep import Lockstep
from renode_mnist.stm32f746.core import ClockModel
from renode_mnist.stm32f746.gpio import Gpio
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.timing import LiveCosts


@pytest.mark.parametrize("model", [None, LiveCosts])
def test_nested_exceptions_with_fp_frames_and_two_stacks(model: ClockModel | None) -> None:
    both = Lockstep(snippets.build(NESTED), clock_model=model)
    steps = random.Random(1)
    both.run([steps.randrange(1, 400_000_000) for _ in range(60)])
    counts = snippets.words(both.in_c, snippets.symbol(both.in_c.image.path, "counts"), 6)
    assert all(count > 10 for count in counts), counts


@pytest.mark.parametrize("line_baud", [None, 115_200])
@pytest.mark.parametrize("seed", range(6))
def test_random_traffic_to_registers(seed: int, line_baud: int | None) -> None:
    elf = snippets.build(TRAFFIC)
    both = Lockstep(elf, line_baud=line_baud)
    for machine in both.machines:
        load_traffic(machine, random.Random(seed))
    r = random.Random(seed)
    for _ in range(12):
        both.feed(r.randbytes(r.randrange(5)))
        both.run([r.randrange(1, 400_000_000) for _ in range(5)])
    handled = snippets.words(both.in_c, snippets.symbol(elf, "handled"), 7)
    assert sum(handled) > 50, handled


@pytest.mark.parametrize("line_baud", [None, 115_200])
@pytest.mark.parametrize("seed", range(6))
def test_random_traffic_to_dma_controllers(seed: int, line_baud: int | None) -> None:
    elf = snippets.build(dma_programs.PROGRAM)
    both = Lockstep(elf, line_baud=line_baud)
    for machine in both.machines:
        dma_programs.load_traffic(machine, random.Random(seed))
    r = random.Random(seed)
    for _ in range(12):
        both.feed(r.randbytes(r.randrange(9)))
        both.run([r.randrange(1, 400_000_000) for _ in range(5)])
    handled = snippets.words(both.in_c, snippets.symbol(elf, "handled"), 11)
    assert sum(handled[7:]) > 5, handled


def _waiting(body: str, setup: str = "") -> str:
    return f"""
  .lcomm word, 8
function run
  poke {RCC + 0x30:#x}, 1
  poke {RCC + 0x44:#x}, 0x10
  poke 0xE000EDFC, 0x01000000
  poke {DWT + 0xFB0:#x}, 0xC5ACCE55
  poke {DWT:#x}, 1
  poke 0xE000E014, 15999
  poke 0xE000E018, 0
{setup}
  ldr r4, ={GPIOA:#x}
  ldr r5, ={DWT:#x}
  ldr r6, =0xE000E000
  ldr r7, ={USART1:#x}
  ldr r0, =word
1:
{body}
  b 1b
function systick
  ldr r2, =word
  ldr r3, [r2]
  adds r3, #1
  str r3, [r2]
  bx lr
function usart1
  ldr r2, ={USART1:#x}
  ldr r3, [r2, #0x24]
  ldr r2, =word
  str r3, [r2, #4]
  bx lr
"""


TICKS = "  poke 0xE000E010, 7"
COUNTS = "  poke 0xE000E010, 5"
LISTENS = f"  poke {USART1 + 0xC:#x}, 139\n  poke {USART1:#x}, 0x2D\n  poke 0xE000E104, 0x20\n"
LOOPS = {
    "for ever": ("", ""),
    "GPIO": ("  ldr r1, [r4, #0x10]\n", ""),
    "GPIO with ticks": ("  ldr r1, [r4, #0x10]\n  ldr r2, [r0]\n  push {r1, r2}\n  pop {r1, r2}\n", TICKS),
    "memory with ticks": ("  ldr r1, [r0]\n", TICKS),
    "a function that waits": ("  mov r1, #40\n2:\n  ldr r2, [r7, #0x1C]\n  subs r1, #1\n  bne 2b\n", TICKS),
    "USART with interrupts": ("  ldr r1, [r7, #0x1C]\n  ldr r2, [r0, #4]\n", LISTENS),
    "masked": ("  ldr r1, [r4, #0x10]\n", TICKS + "\n  cpsid i\n"),
    # What changes by itself, or by reading or writing it:
    "cycle counter": ("  ldr r1, [r5, #4]\n", TICKS),
    "SysTick's value": ("  ldr r1, [r6, #0x18]\n", COUNTS),
    "SysTick's flag": ("  ldr r1, [r6, #0x10]\n  tst r1, #0x10000\n  it ne\n  addne r2, #1\n", COUNTS),
    "a counter in memory": ("  ldr r1, [r0, #4]\n  adds r1, #1\n  str r1, [r0, #4]\n  mov r1, #0\n", TICKS),
    "a flip in memory": ("  ldr r1, [r0, #4]\n  eor r1, r1, #1\n  str r1, [r0, #4]\n  mov r1, #0\n", TICKS),
    "a pin that toggles": ("  ldr r1, [r4, #0x14]\n  eor r1, r1, #1\n  str r1, [r4, #0x14]\n  mov r1, #0\n", ""),
    "a float": ("  vadd.f32 s3, s3, s4\n", "  vmov.f32 s4, #1.0\n"),
    "received bytes": ("  ldr r1, [r7, #0x24]\n", LISTENS.replace("0x2D", "0xD")),
}


@pytest.mark.parametrize("model", [None, LiveCosts], ids=["instructions", "m7"])
@pytest.mark.parametrize("name", LOOPS)
def test_loops_that_wait_and_loops_that_only_seem_to(name: str, model: ClockModel | None) -> None:
    both = Lockstep(snippets.build(_waiting(*LOOPS[name])), clock_model=model)
    steps = random.Random(2)
    both.run([steps.randrange(1, 700_000_000) for _ in range(4)])
    both.feed(b"ab")
    both.run([steps.randrange(1, 700_000_000) for _ in range(4)])


@pytest.mark.parametrize("model", [None, LiveCosts], ids=["instructions", "m7"])
@pytest.mark.parametrize("seed", range(4))
def test_loops_that_wait_for_a_counter(seed: int, model: ClockModel | None) -> None:
    r = random.Random(seed)
    both = Lockstep(snippets.build(counter_loops.program(r)), clock_model=model)
    both.run([r.randrange(1, 9_000_000_000) for _ in range(8)])


DELAY = """
  ldr r3, [r5, #4]
  subs r3, r3, r1
  cmp r3, r8
  bcc 1b
  mov r1, r3
"""
COUNTERS = {
    "CYCCNT": (DELAY, "  mov r1, #0\n  ldr r8, =2000000000\n", 0xE000_1004),
    "CYCCNT with ticks": (DELAY, "  mov r1, #0\n  ldr r8, =2000000000\n" + TICKS, 0xE000_1004),
    "SysTick's value": ("  ldr r1, [r6, #0x18]\n  cmp r1, #0\n  bne 1b\n  bhi 1b\n", COUNTS, None),
    "SysTick's value, above": ("  ldr r1, [r6, #0x18]\n  cmp r1, #10\n  bhi 1b\n", COUNTS, 0xE000_E018),
}


@pytest.mark.parametrize("model", [None, LiveCosts], ids=["instructions", "m7"])
@pytest.mark.parametrize("name", COUNTERS)
def test_what_waits_for_a_counter_is_skipped_where_its_end_is_known(name: str, model: ClockModel | None) -> None:
    body, setup, register = COUNTERS[name]
    machine = Machine(snippets.build(_waiting(body, setup)), clock_model=model)
    machine.run_for(0.0205)
    assert machine.parts.chip is not None
    found = machine.parts.chip.loop()
    assert (found and found.register) == register
    assert machine.loop is None, "it waits for nothing that does not come"


SKIPPED = ["for ever", "GPIO", "memory with ticks", "USART with interrupts", "masked"]


@pytest.mark.parametrize(
    ("name", "model"),
    [
        *((name, None) for name in SKIPPED),
        *((name, LiveCosts) for name in SKIPPED),
        ("GPIO with ticks", None),  # whose stack the core waits for: with modelled cycles it is not skipped
    ],
)
def test_what_waits_is_skipped(name: str, model: ClockModel | None) -> None:
    machine = Machine(snippets.build(_waiting(*LOOPS[name])), clock_model=model)
    assert machine.loop is None
    machine.run_for(0.0205)
    loop = machine.loop
    assert loop is not None
    assert loop.endless == (name in ("for ever", "GPIO", "USART with interrupts"))
    polls = {"GPIO": GPIOA + 0x10, "masked": GPIOA + 0x10, "USART with interrupts": USART1 + 0x1C}
    assert name == "GPIO with ticks" or loop.register == polls.get(name)


@pytest.mark.parametrize("model", [None, LiveCosts], ids=["instructions", "m7"])
def test_loops_that_wait_for_timers(model: ClockModel | None) -> None:
    both = Lockstep(c_programs.build(timer_programs.TIMERS + timer_programs.WAITS), clock_model=model)
    steps = random.Random(3)
    both.run([steps.randrange(1, 4_000_000_000) for _ in range(12)])
    assert timer_programs.seen(both.in_c, 61)[60] > 6


@pytest.mark.parametrize("seed", range(3))
def test_pins_that_the_world_outside_drives_and_locks(seed: int) -> None:
    both = Lockstep(snippets.build("function run\n poke 0x40023830, 0x1FF\n1: wfi\n b 1b\n"))
    r = random.Random(seed)
    told: dict[int, list[int]] = {}
    for machine in both.machines:
        machine.run_for(1e-5)
        port = machine.gpios["A"]
        port.watch(0x0F0F)
        pads, seen = port.changed, told.setdefault(id(machine), [])

        def changed(pads: Callable[[], None] = pads, seen: list[int] = seen, port: Gpio = port) -> None:
            seen.append(port.levels)
            pads()

        port.changed = changed
    for _ in range(400):
        pin, level = r.randrange(16), r.choice([True, False, None])
        register = r.choice([0x00, 0x00, 0x04, 0x0C, 0x14, 0x18, 0x18, 0x20, 0x24, 0x1C])
        value = r.getrandbits(32)
        writes = [(register, value)]
        if r.random() < 0.02:
            writes = [(0x1C, 0x1_0021), (0x1C, 0x21), (0x1C, 0x1_0021 if r.random() < 0.5 else 0x21)]
        for machine in both.machines:
            machine.gpios["A"].drive(pin, level)
            for offset, word in writes:
                machine.bus.write(GPIOA + offset, 4, word)
        registers = [
            [machine.bus.read(GPIOA + offset, 4) for offset in range(0, 0x28, 4)] for machine in both.machines
        ]
        assert registers[0] == registers[1]
    assert told[id(both.in_c)] == told[id(both.in_python)]
    assert len(told[id(both.in_c)]) > 500
