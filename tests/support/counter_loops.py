"""Random loops that wait for CYCCNT or SysTick's value, in the forms that compilers and hands write."""

from __future__ import annotations

import random

_HEAD = """
  .lcomm kept, 64
function run
  poke 0xE000EDFC, 0x01000000
  poke 0xE0001FB0, 0xC5ACCE55
  poke 0xE0001000, 1
  poke 0xE000E014, {reload}
  poke 0xE000E018, 0
  poke 0xE000E010, {control}
  ldr r5, =0xE0001000
  ldr r6, =0xE000E000
  ldr r7, =kept
"""
_TAIL = """
9:
  b 9b
function systick
  ldr r2, =kept
  ldr r3, [r2]
  adds r3, #1
  str r3, [r2]
  bx lr
function now
  ldr r3, [r5, #4]
  bx lr
"""


def _elapsed(r: random.Random, cycles: int) -> str:
    """As long as CYCCNT less its start is below a number, or the like."""
    load = r.choice(["ldr r3, [r5, #4]", "ldr.w r3, [r5, #4]", "bl now", "mov r2, r5\n  ldr r3, [r2, #4]"])
    less = r.choice(["subs r3, r3, r1", "sub.w r3, r3, r1", "subs.w r3, r3, r1", "rsb r3, r1, r3"])
    compare, branch = r.choice(
        [
            ("cmp r3, r4", ["bcc 1b", "bls 1b", "blt 1b", "ble 1b", "bmi 1b", "bcc.w 1b"]),
            ("cmp r4, r3", ["bhi 1b", "bcs 1b", "bgt 1b", "bge 1b", "bpl 1b", "bhi.w 1b"]),
            ("subs r2, r3, r4", ["bcc 1b", "blt 1b", "bmi 1b"]),
            ("cmp r3, r4", ["bcs 2f\n  b 1b\n2:", "bhi 2f\n  b.w 1b\n2:", "bge 2f\n  nop\n  b 1b\n2:"]),
            (f"cmp.w r3, #{r.choice([256, 4080, 0x2000, 0x1FE0])}", ["bcc 1b", "bls 1b", "blo 1b"]),
        ]
    )
    return f"  ldr r4, ={cycles}\n  ldr r1, [r5, #4]\n1:\n  {load}\n  {less}\n  {compare}\n  {r.choice(branch)}\n"


def _deadline(r: random.Random, cycles: int) -> str:
    """Until CYCCNT has come to a moment, which the loop finds in a register or in memory."""
    moment = f"  ldr r1, [r5, #4]\n  ldr r2, ={cycles}\n  adds r1, r1, r2\n  str r1, [r7, #8]\n"
    end = r.choice(["mov r4, r1", "ldr r4, [r7, #8]"])
    order, branch = r.choice([("r3, r4", "bmi"), ("r4, r3", "bpl"), ("r3, r4", "blt"), ("r4, r3", "bgt")])
    how = r.choice([f"subs r2, {order}", f"cmp {order}"])
    return f"{moment}1:\n  ldr r3, [r5, #4]\n  {end}\n  {how}\n  {branch} 1b\n"


def _other(r: random.Random, cycles: int) -> str:
    """Loops that are not of those forms, and must run in full."""
    return r.choice(
        [
            f"  ldr r4, ={cycles // 8}\n1:\n  ldr r3, [r5, #4]\n  subs r4, #1\n  bne 1b\n",
            "  ldr r1, [r5, #4]\n  mov r4, #0\n1:\n  ldr r3, [r5, #4]\n  sub r3, r3, r1\n  add r4, r4, r3\n"
            "  cmp r4, #0x100000\n  bcc 1b\n",
            "1:\n  ldr r3, [r5, #4]\n  tst r3, #0x1000\n  bne 1b\n",
            f"  ldr r4, ={cycles}\n  ldr r1, [r5, #4]\n1:\n  ldr r3, [r5, #4]\n  str r3, [r7, #12]\n"
            "  subs r3, r3, r1\n  cmp r3, r4\n  bcc 1b\n",
            f"  ldr r4, ={cycles}\n  ldr r1, [r5, #4]\n1:\n  ldr r2, [r5, #4]\n  ldr r3, [r5, #4]\n"
            "  subs r3, r3, r1\n  cmp r3, r4\n  bcc 1b\n",
        ]
    )


def _systick(r: random.Random, reload: int) -> str:
    """As long as SysTick's value is above or below one."""
    value = r.randrange(reload // 8, reload)
    condition = r.choice(["bhi", "bcc", "bcs", "bls", "bgt", "blt"])
    return f"  ldr r4, ={value}\n1:\n  ldr r3, [r6, #0x18]\n  cmp r3, r4\n  {condition} 1b\n"


def program(r: random.Random) -> str:
    """Some in a row, then one that is endless; with SysTick off, on, or on with its interrupt."""
    reload = r.randrange(3000, 60_000)
    control = r.choice([0, 5, 7, 1, 3])
    kinds = [_elapsed, _elapsed, _deadline, _other]
    loops = [r.choice(kinds)(r, r.randrange(200, 40_000)) for _ in range(8)]
    if control:
        loops += [_systick(r, reload) for _ in range(3)]
    r.shuffle(loops)
    return _HEAD.format(reload=reload, control=control) + "".join(loops) + _TAIL
