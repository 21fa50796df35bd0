"""Code in RAM that changes, whoever changes it and in whichever mode: what is executed is what was written last."""

from __future__ import annotations

import pytest

import snippets
from renode_mnist.stm32f746.machine import Machine
from snippets import results

# `movs r0, #i; bx lr` at 0 and at 512 of a page of RAM, which both modes have known as data before any of it ran.
# Thread code writes the one when i is odd, a handler the other, while both have been executed before; then both are.
PROGRAM = """
  .bss
  .balign 1024
page:
  .space 1024
  .text
function run
  push {r4-r8, lr}
  ldr r4, =page
  ldr r5, =results
  ldr r6, =0x47702000 // i = 0
  movs r7, #0
  str r6, [r4]
  mov r7, #512
  svc #0
  movs r8, #0
1:
  adds r6, #1
  tst r6, #1
  ite ne
  movne r7, #0
  moveq r7, #512
  beq 2f
  str r6, [r4, r7]
  b 3f
2:
  svc #0
3:
  dsb
  isb
  adds r0, r4, #1
  blx r0
  str r0, [r5], #4
  add r0, r4, #513
  blx r0
  str r0, [r5], #4
  add r8, #1
  cmp r8, #8
  bne 1b
  pop {r4-r8, pc}
function svcall
  str r6, [r4, r7]
  dsb
  isb
  bx lr
"""


@pytest.mark.parametrize("python", [False, True])
def test_what_is_executed_is_what_was_written_last(python: bool) -> None:
    machine = Machine(snippets.build(PROGRAM), python_hook=python)
    snippets.run(machine)
    assert results(machine, 16) == [1, 0, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8]


COPIED_OVER = """
  .bss
  .balign 1024
page:
  .space 1024
  .text
function run
  push {r4-r7, lr}
  ldr r4, =page
  ldr r5, =results
  ldr r6, =0x47702001
  movs r7, #8
1:
  str r6, [r4]
  str r6, [r4, #4] // the second store to a page that was executed is the one that a table could hide
  str r6, [r4, #512]
  dsb
  isb
  add r0, r4, #513
  blx r0
  str r0, [r5], #4
  adds r0, r4, #5
  blx r0
  str r0, [r5], #4
  adds r6, #1
  subs r7, #1
  bne 1b
  pop {r4-r7, pc}
"""


@pytest.mark.parametrize("python", [False, True])
def test_an_overlay_is_copied_over_another(python: bool) -> None:
    machine = Machine(snippets.build(COPIED_OVER), python_hook=python)
    snippets.run(machine)
    assert results(machine, 16) == [value for value in range(1, 9) for _ in range(2)]


FRESH_PAGES = """
function run
  push {r4-r7, lr}
  ldr r4, =0x20010000
  ldr r5, =0x20010000 + 200 * 1024
  movs r6, #0
  movs r7, #0
1:
  cmp r4, r4
  itett eq // ends with the page's first access of all: what comes behind it is executed whatever the flags say
  addeq r6, #1
  addne r6, #100
  ldreq r0, [r4, #4]
  streq r4, [r4]
  cmp r4, r5 // not equal
  add r7, #1
  add r4, #1024
  cmp r4, r5
  bne 1b
  ldr r0, =results
  str r6, [r0]
  str r7, [r0, #4]
  pop {r4-r7, pc}
"""


@pytest.mark.parametrize("python", [False, True])
def test_the_first_access_to_a_page_within_an_it_block_leaves_the_block_its_end(python: bool) -> None:
    machine = Machine(snippets.build(FRESH_PAGES), python_hook=python)
    snippets.run(machine)
    assert results(machine, 2) == [200, 200]
