"""Programs that use all of the chip that runs in C: nested exceptions on two stacks, and random accesses."""

from __future__ import annotations

import random
import struct

import snippets
from renode_mnist.stm32f746.machine import Machine

NESTED = """
  .lcomm counts, 64
  .lcomm process_stack, 512
  .macro count place
  ldr r0, =counts
  ldr r1, [r0, #4 * \\place]
  adds r1, #1
  str r1, [r0, #4 * \\place]
  .endm
function run
  poke 0xE000ED20, 0x20F00000 // SysTick 0x20, PendSV 0xF0
  poke 0xE000E400, 0x00301040 // interrupts 0 to 2: 0x40, 0x10, 0x30
  poke 0xE000ED1C, 0x80000000 // SVCall 0x80
  poke 0xE000E100, 7
  ldr r0, =process_stack + 512
  msr psp, r0
  mov r0, #2
  msr control, r0
  isb
  poke 0xE000E014, 397
  poke 0xE000E018, 0
  poke 0xE000E010, 7
  vmov.f32 s0, #1.0
  vmov.f32 s20, #2.0
  mov r6, #4000
1:
  vadd.f32 s0, s0, s20
  tst r6, #15
  bne 2f
  poke 0xE000E200, 1
2:
  tst r6, #63
  bne 3f
  cpsid i
  poke 0xE000E200, 4
  nop
  cpsie i
3:
  tst r6, #127
  bne 4f
  mov r0, #0x30
  msr basepri, r0
  poke 0xE000E200, 6
  mov r0, #0
  msr basepri, r0
  svc 1
4:
  subs r6, #1
  bne 1b
5:
  wfi
  b 5b
function systick
  count 0
  poke 0xE000E200, 2
  poke 0xE000ED04, 0x10000000
  vadd.f32 s1, s1, s20
  bx lr
function irq0
  push {r4, lr}
  vmov.f32 s2, #3.0
  mov r4, #60
1: subs r4, #1
  bne 1b
  count 1
  pop {r4, pc}
function irq1
  count 2
  bx lr
function irq2
  count 3
  vmul.f32 s3, s0, s20
  bx lr
function pendsv
  count 4
  bx lr
function svcall
  count 5
  poke 0xE000E200, 2
  bx lr
"""


TRAFFIC = """
  .lcomm table, 0x4000
  .lcomm reads, 0x8000
  .lcomm handled, 64
  .macro handler name, place
function \\name
  ldr r0, =handled
  ldr r1, [r0, #4 * \\place]
  adds r1, #1
  str r1, [r0, #4 * \\place]
  vadd.f32 s1, s1, s2
  bx lr
  .endm
function run
  ldr r4, =table
  ldr r5, =reads
1:
  ldmia r4!, {r0, r1, r2}
  cmp r0, #11
  it hi
  movhi r0, #11
  tbb [pc, r0]
2:
  .byte (end - 2b) / 2, (load4 - 2b) / 2, (load2 - 2b) / 2, (load1 - 2b) / 2
  .byte (store4 - 2b) / 2, (store2 - 2b) / 2, (store1 - 2b) / 2, (delay - 2b) / 2
  .byte (basepri - 2b) / 2, (primask - 2b) / 2, (sleep - 2b) / 2, (end - 2b) / 2
load4:
  ldr r3, [r1]
  str r3, [r5], #4
  b 1b
load2:
  ldrh r3, [r1]
  str r3, [r5], #4
  b 1b
load1:
  ldrb r3, [r1]
  cmp r3, #0
  ite eq
  streq r3, [r5], #4
  strne r3, [r5], #4
  b 1b
store4:
  str r2, [r1]
  b 1b
store2:
  strh r2, [r1]
  b 1b
store1:
  strb r2, [r1]
  b 1b
delay:
  subs r2, #1
  bne delay
  b 1b
basepri:
  msr basepri, r2
  b 1b
primask:
  msr primask, r2
  b 1b
sleep:
  wfi
  b 1b
end:
  b end
  handler irq0, 0
  handler irq1, 1
  handler irq2, 2
  handler irq3, 3
  handler systick, 4
  handler pendsv, 5
function usart1
  ldr r0, =handled
  ldr r1, [r0, #24]
  adds r1, #1
  str r1, [r0, #24]
  ldr r0, =0x40011000
  ldr r1, [r0, #0x1C]
  ldr r1, [r0, #0x24]
  mvn r1, #0
  str r1, [r0, #0x20]
  ldr r1, [r0]
  bic r1, r1, #0xC0
  str r1, [r0]
  bx lr
"""
END, LOAD4, LOAD2, LOAD1, STORE4, STORE2, STORE1, DELAY, BASEPRI, PRIMASK, SLEEP = range(11)
USART1, SCS, RCC, GPIOA, DWT = 0x4001_1000, 0xE000_E000, 0x4002_3800, 0x4002_0000, 0xE000_1000


SYSTICK_ON = [(STORE4, SCS + 0x14, 900), (STORE4, SCS + 0x18, 0), (STORE4, SCS + 0x10, 7)]
TO_SLEEP = [(BASEPRI, 0, 0), *SYSTICK_ON, (SLEEP, 0, 0)]


def _rows(r: random.Random) -> list[tuple[int, int, int]]:
    return TO_SLEEP if r.random() < 0.02 else [_row(r)]


def _row(r: random.Random) -> tuple[int, int, int]:
    """One access, or what goes between accesses."""
    bits = r.getrandbits
    match r.randrange(13):
        case 0:
            return DELAY, 0, r.randrange(1, 400)
        case 1:
            return r.choice([(BASEPRI, 0, bits(8) if r.random() < 0.4 else 0), (PRIMASK, 0, r.random() < 0.3)])
        case 2:
            return r.choice([LOAD4, LOAD2, LOAD1]), USART1 + 4 * r.randrange(12), 0
        case 3:
            return STORE4, USART1, 0xD | bits(9) & 0x1F0 | (bits(1) << 15) | (bits(2) << 12 & 0x1000)
        case 4:
            return r.choice([STORE4, STORE2, STORE1]), USART1 + r.choice([0x28, 0x28, 0x20, 0x18, 0x10]), bits(32)
        case 5:
            return STORE4, USART1 + r.choice([4, 8, 0xC]), r.choice([r.randrange(16, 300), 0x1000, 0x2000, 1, 0])
        case 6:
            register, value = r.choice([(0x10, bits(3)), (0x14, r.randrange(60, 3000)), (0x18, 0)])
            return STORE4, SCS + register, value
        case 7:
            return LOAD4, SCS + r.choice([0x10, 0x14, 0x18, 0x1C, 0xD04, 0xD20, 0xD24, 0xD0C]), 0
        case 8:
            return STORE4, SCS + r.choice([0x100, 0x200, 0x200, 0x180, 0x280]), bits(4)
        case 9:
            return STORE4, SCS + r.choice([0x104, 0x104, 0x204, 0x284]), 0x20
        case 10:
            place = r.choice([(0xD20, bits(32)), (0x400, bits(32)), (0x424, bits(32)), (0xD04, bits(2) << 25)])
            return STORE4, SCS + place[0], place[1]
        case 11:
            registers = [RCC + 0x44, RCC, RCC + 8, GPIOA + 0x10, GPIOA + 0x14, DWT + 4]
            registers += [SCS + 0x100 + 0x80 * r.randrange(5) + 4 * r.randrange(2), SCS + 0x400 + 4 * r.randrange(12)]
            return LOAD4, r.choice(registers), 0
        case _:
            return r.choice(
                [
                    (STORE4, RCC + 0x44, 0x10 if r.random() < 0.9 else 0),
                    (STORE4, RCC + 8, r.choice([0, 0, 0x80, 0x90, 0xA000])),
                    (STORE4, GPIOA + 0x18, bits(32)),
                    (r.choice([STORE2, STORE1]), GPIOA + 2 * r.randrange(20), bits(32)),
                    (r.choice([LOAD2, LOAD1]), GPIOA + 2 * r.randrange(20), 0),
                    (STORE4, DWT + 4 * r.randrange(2), bits(8)),
                    (STORE4, SCS + 0xDFC, bits(1) << 24),
                    (STORE4, SCS + 0xD0C, 0x05FA_0000 | bits(3) << 8),
                    (STORE4, RCC + 0x24, 0x10 if r.random() < 0.1 else 0),
                    (DELAY, 0, 50),
                ]
            )


def _watching(r: random.Random) -> list[tuple[int, int, int]]:
    """Receiver timeout, character match, and bits that are not modelled."""
    control2 = (r.random() < 0.8) << 23 | r.randrange(4) << 24 | (r.random() < 0.1) << r.randrange(32)
    control1 = 0xD | 1 << 5 | (r.random() < 0.7) << 26 | (r.random() < 0.7) << 14 | (r.random() < 0.1) << 13
    return r.choice(
        [
            [(STORE4, USART1 + 0x14, r.choice([0, 1, 9, 10, 11, 25]))],
            [(STORE4, USART1 + 4, control2)],
            [(STORE4, USART1, control1)],
            [(STORE4, USART1 + 8, 1 << r.randrange(16))],
            [(STORE2, USART1 + 0x18, 1 << r.randrange(5))],
            [(LOAD4, USART1 + 0x1C, 0)],
            [(STORE4, USART1 + 0x20, 1 << 17 | 1 << 11)],
            [(DELAY, 0, r.randrange(1, 3000))],
            [(STORE4, USART1 + 0xC, r.randrange(16, 200))],
        ]
    )


def load_watching_traffic(machine: Machine, r: random.Random) -> None:
    """The same of accesses to what watches a USART's receiver, among others."""
    rows = [row for _ in range(600) for row in (_watching(r) if r.random() < 0.7 else _rows(r))]
    _load(machine, rows)


def load_traffic(machine: Machine, r: random.Random) -> None:
    """Gives a machine that runs `TRAFFIC` a thousand random accesses."""
    _load(machine, [row for _ in range(1000) for row in _rows(r)])


def _load(machine: Machine, traffic: list[tuple[int, int, int]]) -> None:
    begin = [(STORE4, RCC + 0x44, 0x10), (STORE4, USART1 + 0xC, 139), (STORE4, USART1, 0x2D)]
    begin += [(STORE4, SCS + 0x100, 0xF), (STORE4, SCS + 0x104, 0x20), (STORE4, DWT + 0xFB0, 0xC5AC_CE55)]
    begin += [(STORE4, RCC + 0x30, 1)]
    rows = [*begin, *traffic, (BASEPRI, 0, 0), (PRIMASK, 0, 0), (END, 0, 0)]
    table = b"".join(struct.pack("<3I", *row) for row in rows)
    machine.core.load(snippets.symbol(machine.image.path, "table"), table)
