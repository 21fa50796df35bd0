"""Small programs for the emulated chip, made when a test asks for one."""

from __future__ import annotations

import shutil
import struct
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from elftools.elf.elffile import ELFFile

from renode_mnist.stm32f746.machine import Counts, Machine

FOLDER = Path(__file__).parent / "firmware_snippets"
FLAGS = ["-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard", "-nostdlib"]

BKPT_DONE = 0x00
BKPT_UNEXPECTED = 0xEE


_PROLOGUE = """
  .syntax unified
  .cpu cortex-m7
  .fpu fpv5-sp-d16
  .text
  .thumb
  .macro function name
  .global \\name
  .thumb_func
\\name:
  .endm
  .macro poke address, value
  ldr r0, =\\address
  ldr r1, =\\value
  str r1, [r0]
  .endm
  .lcomm results, 64
"""


@cache
def build(assembly: str, *options: str) -> Path:
    """Assembles ``assembly``, which defines ``run``, with the vector table and start of ``vectors.S``.

    It has two macros, ``function NAME`` and ``poke ADDRESS, VALUE``, and 16 words ``results``.
    """
    compiler = shutil.which("arm-none-eabi-gcc")
    assert compiler, "the tests of the emulator need arm-none-eabi-gcc"
    folder = Path(mkdtemp(prefix="snippet-"))
    source, elf = folder / "snippet.S", folder / "snippet.elf"
    source.write_text(_PROLOGUE + assembly)
    script = () if "-T" in options else ("-T", str(FOLDER / "snippet.ld"))
    sources = [str(FOLDER / "vectors.S"), str(source)]
    subprocess.run([compiler, *FLAGS, *script, *options, *sources, "-o", str(elf)], check=True)
    return elf


def symbol(elf: Path, name: str) -> int:
    """The address of a symbol, without the Thumb bit."""
    with elf.open("rb") as stream:
        table = ELFFile(stream).get_section_by_name(".symtab")
        found = table.get_symbol_by_name(name)
        assert found, f"{elf} has no symbol {name}"
        return int(found[0]["st_value"]) & ~1


def words(machine: Machine, address: int, count: int) -> list[int]:
    """32-bit words from the chip's memory."""
    data = machine.core.memory.peek(address, 4 * count)
    assert data is not None
    return list(struct.unpack(f"<{count}I", data))


def bkpt_number(machine: Machine) -> int:
    """Of the BKPT instruction at PC."""
    data = machine.core.memory.peek(machine.core.pc, 2)
    assert data is not None
    assert data[1] == 0xBE, f"no BKPT at {machine.core.pc:#010x}"
    return data[0]


def run(machine: Machine, virtual_seconds: float = 1.0) -> Counts:
    """Runs to the end of ``run``; any other BKPT fails."""
    counts = machine.run_until_breakpoint(virtual_seconds)
    number = bkpt_number(machine)
    assert number == BKPT_DONE, f"BKPT {number:#x}:\n{machine.log.text()}"
    return counts


def results(machine: Machine, count: int) -> list[int]:
    """The first words of ``results``."""
    return words(machine, symbol(machine.image.path, "results"), count)
