"""Programs of which one part of the emulator takes all the time: for tests/stm32f746/emulator_speed.py."""

from __future__ import annotations

AT_216_MHZ = """
  poke 0x40023C00, 7
  poke 0x40023804, 0x02003608
  poke 0x40023800, 0x01000083
1:
  ldr r1, [r0]
  tst r1, #0x02000000
  beq 1b
  poke 0x40023808, 2
"""
"""From HSI by the PLL (16 MHz / 8 * 216 / 2), with the wait states that it needs."""


def exceptions(count: int) -> str:
    """Pends an interrupt ``count`` times, to be handled at once."""
    return f"""
function run
  poke 0xE000E100, 1
  ldr r0, =0xE000E200
  mov r1, #1
  ldr r2, ={count}
1:
  str r1, [r0]
  subs r2, #1
  bne 1b
  bx lr
function irq0
  bx lr
"""


POLLING = f"""
  .lcomm ticks, 4
function run
{AT_216_MHZ}
  poke 0x40023830, 1
  poke 0xE000E014, 215999
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  ldr r0, =0x40020010
1:
  ldr r1, [r0]
  tst r1, #1
  beq 1b
  bx lr
function systick
  ldr r2, =ticks
  ldr r3, [r2]
  adds r3, #1
  str r3, [r2]
  bx lr
"""
"""Waits for a pin that never rises, with 1000 ticks a second."""


def _loop(body: str, rounds: int) -> str:
    return f"""
  .lcomm data, 1024
function run
  ldr r0, =data
  ldr r1, ={rounds}
1:
{body}
  subs r1, #1
  bne 1b
  bx lr
"""


def plain_loops(times: int = 1) -> dict[str, str]:
    """Loops without peripherals, by name; ``times`` as long as they are for the embedded emulator."""
    return {
        "float": _loop(
            "".join(
                f"  vldr s{2 * i}, [r0, #{8 * i}]\n  vldr s{2 * i + 1}, [r0, #{8 * i + 4}]\n"
                f"  vfma.f32 s{16 + i}, s{2 * i}, s{2 * i + 1}\n"
                for i in range(8)
            ),
            times * 600_000,
        ),
        "int8": _loop(
            "".join(
                f"  ldr r2, [r0, #{8 * i}]\n  ldr r3, [r0, #{8 * i + 4}]\n  sxtb16 r4, r2\n  sxtb16 r5, r3\n"
                "  smlad r6, r4, r5, r6\n"
                for i in range(8)
            ),
            times * 600_000,
        ),
        "branches": _loop(
            "  tst r1, #3\n  beq 2f\n  adds r2, #1\n2:\n  tst r1, #4\n  beq 3f\n  adds r3, #1\n3:", times * 3_000_000
        ),
    }


PLAIN_LOOPS = plain_loops()
"""Loops without interrupts or peripherals."""
