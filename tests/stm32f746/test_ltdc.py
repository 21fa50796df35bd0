"""The LCD controller: pictures of its layers, when what was written takes effect, and its interrupts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import c_programs
import snippets
from renode_mnist import open_program
from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import snapshot
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.stm32f746.peripherals.ltdc import Ltdc

HEAD = """
#include "interrupts.h"
#define LTDC 0x40016800u
#define L1 (LTDC + 0x84)
#define L2 (LTDC + 0x104)
static volatile uint32_t count, flags;
static volatile uint32_t pixels[64] __attribute__((aligned(64)));
static void on(void) { /* 1 MHz of pixels: HSI / 16 * 192 / 4 / 16 = 3 MHz; 8 x 4 of them shown, 20 x 10 in all */
  REGISTER(RCC + 0x88) = 192 << 6 | 4 << 28;
  REGISTER(RCC + 0x8C) = 3 << 16;
  REGISTER(RCC) |= 1 << 28;
  while (!(REGISTER(RCC) & 1 << 29)) continue;
  REGISTER(RCC + 0x44) |= 1 << 26;
  REGISTER(LTDC + 0x08) = 1 << 16 | 1;
  REGISTER(LTDC + 0x0C) = 4 << 16 | 3;
  REGISTER(LTDC + 0x10) = 12 << 16 | 7;
  REGISTER(LTDC + 0x14) = 19 << 16 | 9;
  REGISTER(LTDC + 0x2C) = 0x102030;
  REGISTER(LTDC + 0x18) |= 1;
}
/* The window from (left, top) of so many pixels, of a format with so many bytes. */
static void layer(uint32_t base, int left, int top, int width, int height, int format, int bytes) {
  REGISTER(base + 0x04) = (left + width + 4) << 16 | (left + 5);
  REGISTER(base + 0x08) = (top + height + 3) << 16 | (top + 4);
  REGISTER(base + 0x10) = format;
  REGISTER(base + 0x14) = 255;
  REGISTER(base + 0x1C) = 0x607;
  REGISTER(base + 0x28) = (uint32_t)pixels;
  REGISTER(base + 0x2C) = (width * bytes) << 16 | (width * bytes + 3);
  REGISTER(base + 0x30) = height;
  REGISTER(base) = 1;
}
"""
LINE_PS = 20 * 10**12 // 3_000_000
FRAME_PS = 10 * (20 * 10**12 // 3_000_000)
BACKGROUND = [0x10, 0x20, 0x30]


def machine_of(source: str, *, in_python: bool = False) -> Machine:
    machine = Machine(c_programs.build(HEAD + source), python_models=in_python)
    machine.run_for(0.001)
    return machine


def picture(machine: Machine) -> Any:
    ltdc = machine.bus.model("LTDC")
    assert isinstance(ltdc, Ltdc)
    return ltdc.picture(machine.core.memory.peek)


@pytest.mark.parametrize(
    ("format_", "bytes_", "words", "colours"),
    [
        (0, 4, [0xFF112233, 0x80FFFFFF], [[0x11, 0x22, 0x33], [0x88, 0x90, 0x98]]),
        (1, 3, [0x66112233, 0x4455], [[0x11, 0x22, 0x33], [0x44, 0x55, 0x66]]),
        (2, 2, [0x07E0F800], [[0xFF, 0, 0], [0, 0xFF, 0]]),
        (3, 2, [0x7FFF801F], [[0, 0, 0xFF], BACKGROUND]),
        (4, 2, [0x0FFFF48C], [[0x44, 0x88, 0xCC], BACKGROUND]),
        (5, 1, [0x80FF], [[0xFF] * 3, [0x80] * 3]),
    ],
)
def test_each_format_of_a_pixel(format_: int, bytes_: int, words: list[int], colours: list[list[int]]) -> None:
    stores = "".join(f"pixels[{at}] = {word:#x}; " for at, word in enumerate(words))
    source = (
        f"int main(void) {{ on(); {stores} layer(L1, 2, 1, 2, 1, {format_}, {bytes_}); REGISTER(LTDC + 0x24) = 1; }}"
    )
    shown = picture(machine_of(source))
    assert shown.shape == (4, 8, 3)
    assert shown[1, 2:4].tolist() == colours
    assert shown[0].tolist() == [BACKGROUND] * 8
    assert shown[1, 4:].tolist() == [BACKGROUND] * 4


def test_a_second_layer_lies_upon_the_first_with_its_alpha_key_and_table() -> None:
    shown = picture(
        machine_of(
            """
int main(void) {
  on();
  for (int i = 0; i < 8; i++) pixels[i] = 0x00010001 * i;
  layer(L1, 0, 0, 8, 2, 5, 1);
  REGISTER(L1) = 1 | 1 << 4;
  REGISTER(L1 + 0x40) = 0u << 24 | 0x640000;
  REGISTER(L1 + 0x40) = 1u << 24 | 0x006400;
  layer(L2, 0, 0, 2, 1, 2, 2);
  REGISTER(L2 + 0x28) = (uint32_t)&pixels[16];
  REGISTER(L2 + 0x14) = 51;
  REGISTER(L2 + 0x0C) = 0xFF0000;
  REGISTER(L2) = 1 | 1 << 1;
  pixels[16] = 0xFFFFF800;
  REGISTER(LTDC + 0x24) = 1;
}
"""
        )
    )
    assert shown[0, 0].tolist() == [100, 0, 0], "the key lets the first layer through"
    assert shown[0, 1].tolist() == [131, 51, 51], "a fifth of white upon 100, 0, 0"
    assert shown[0, 4].tolist() == [0, 100, 0]


def test_what_is_not_reloaded_is_not_shown() -> None:
    machine = machine_of("int main(void) { on(); pixels[0] = ~0u; layer(L1, 0, 0, 1, 1, 2, 2); }")
    assert picture(machine)[0, 0].tolist() == BACKGROUND
    machine.bus.write(0x4001_6824, 4, 2)
    assert picture(machine)[0, 0].tolist() == BACKGROUND
    assert machine.bus.read(0x4001_6824, 4) == 2
    machine.run_until(machine.clock.now_ps() + FRAME_PS)
    assert picture(machine)[0, 0].tolist() == [255] * 3
    assert machine.bus.read(0x4001_6824, 4) == 0
    assert machine.bus.read(0x4001_6838, 4) & 8


@pytest.mark.parametrize("in_python", [False, True])
def test_a_line_interrupts_once_a_frame(in_python: bool) -> None:
    machine = machine_of(
        """
static void line(void) { flags |= REGISTER(LTDC + 0x38); REGISTER(LTDC + 0x3C) = 1; count++; }
int main(void) { on_interrupt(88, line); on(); REGISTER(LTDC + 0x40) = 5; REGISTER(LTDC + 0x34) = 1; }
""",
        in_python=in_python,
    )
    before = snippets.words(machine, snippets.symbol(machine.image.path, "count"), 1)[0]
    machine.run_until(machine.clock.now_ps() + 10 * FRAME_PS)
    after = snippets.words(machine, snippets.symbol(machine.image.path, "count"), 1)[0]
    assert after - before == 10
    twin = snapshot.copy(machine) if not in_python else machine
    twin.run_until(twin.clock.now_ps() + 10 * FRAME_PS)
    assert snippets.words(twin, snippets.symbol(twin.image.path, "count"), 1)[0] == after + 10


def test_the_position_moves_with_time() -> None:
    machine = machine_of("int main(void) { on(); }")
    first = machine.bus.read(0x4001_6844, 4) & 0xFFFF
    machine.run_until(machine.clock.now_ps() + 3 * LINE_PS)
    assert machine.bus.read(0x4001_6844, 4) & 0xFFFF == (first + 3) % 10


def test_the_file_at_the_end(tmp_path: Path) -> None:
    elf = c_programs.build(HEAD + "int main(void) { on(); }")
    with open_program(elf, ltdc=tmp_path / "out.png") as program:
        program.run(0.001)
    assert np.asarray(Image.open(tmp_path / "out.png")).tolist() == [[BACKGROUND] * 8] * 4
    in_sdram = """
int main(void) {
  on();
  REGISTER(RCC + 0x38) |= 1;
  REGISTER(0xA0000140) = 2 << 10 | 1 << 6 | 1 << 4 | 1 << 2;
  REGISTER(0xA0000150) = 1 << 4 | 4;
  REGISTER(0xC0000000) = 0x07E0F800;
  layer(L1, 0, 0, 2, 1, 2, 2);
  REGISTER(L1 + 0x28) = 0xC0000000;
  REGISTER(LTDC + 0x24) = 1;
}
"""
    with open_program(c_programs.build(HEAD + in_sdram), ltdc=tmp_path / "sdram.png") as program:
        program.run(0.001)
    shown = Image.open(tmp_path / "sdram.png")
    assert [shown.getpixel((x, 0)) for x in range(3)] == [(255, 0, 0), (0, 255, 0), tuple(BACKGROUND)]
    idle = open_program(c_programs.build("int main(void) {}"), ltdc=tmp_path / "none.png")
    with pytest.raises(TargetError, match=r"there is no picture for .*: the LTDC is off"), idle as program:
        program.run(0.001)
    gone = tmp_path / "gone"
    gone.mkdir()
    nowhere = open_program(elf, ltdc=gone / "out.png")
    gone.rmdir()
    with pytest.raises(TargetError, match="cannot be written: No such file"), nowhere as program:
        program.run(0.001)


def test_a_file_that_cannot_be_written_is_refused_before_the_run(tmp_path: Path) -> None:
    elf = c_programs.build("int main(void) {}")
    for path in (tmp_path / "nowhere" / "out.png", tmp_path / "folder.png"):
        (tmp_path / "folder.png").mkdir(exist_ok=True)
        with pytest.raises(TargetError, match=r"\.png cannot be written at the end of the run"):
            open_program(elf, ltdc=path)
    with pytest.raises(TargetError, match=r"out\.jpg is called otherwise"):
        open_program(elf, ltdc=tmp_path / "out.jpg")
