"""Assembles Thumb-2 for tests that state what a loop costs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

needs_assembler = pytest.mark.skipif(
    shutil.which("arm-none-eabi-as") is None,
    reason="arm-none-eabi-as is not installed",
)


def assemble(source: str, directory: Path) -> bytes:
    """The code of ``source``, a line an instruction or several between semicolons."""
    text = directory / "loop.s"
    text.write_text(f".syntax unified\n.thumb\n{source}\n", encoding="ascii")
    object_file, binary = directory / "loop.o", directory / "loop.bin"
    subprocess.run(["arm-none-eabi-as", "-mcpu=cortex-m7", "-mfpu=fpv5-sp-d16", "-o", object_file, text], check=True)
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "-j", ".text", object_file, binary], check=True)
    return binary.read_bytes()
