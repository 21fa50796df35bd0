"""Small programs in C that know nothing of this project's protocol, made when a test asks for one."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import snippets


@cache
def build(source: str, *options: str) -> Path:
    """Compiles ``source``, which defines ``main``, with what ``firmware_snippets/bare.h`` has.

    It may define ``hard_fault``, ``systick``, ``usart1`` and ``rcc_ready``; behind ``main`` the core sleeps.
    """
    compiler = shutil.which("arm-none-eabi-gcc")
    assert compiler, "these tests need arm-none-eabi-gcc"
    folder = Path(mkdtemp(prefix="c-program-"))
    file, elf = folder / "program.c", folder / "program.elf"
    file.write_text(f'#include "bare.h"\n#line 1 "program.c"\n{source}')
    flags = [*snippets.FLAGS, "-O1", "-g", "-ffreestanding", "-fno-builtin", f"-I{snippets.FOLDER}"]
    script = () if "-T" in options else ("-T", str(snippets.FOLDER / "c_program.ld"))
    files = [str(file), str(snippets.FOLDER / "bare.c"), "-lgcc", "-o", str(elf)]
    subprocess.run([compiler, *flags, *script, *options, *files], check=True)
    return elf
