"""Products of 128 bits where the compiler has no type for them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from renode_mnist import paths
from renode_mnist.images import toolchain

NATIVE = paths.package() / "stm32f746" / "native"


def test_scaling_by_hand_is_that_of_the_compiler(tmp_path: Path) -> None:
    program, source = tmp_path / "wide", Path(__file__).with_name("wide.c")
    command = [toolchain.find("c++"), "-x", "c", "-O1", "-Wall", "-Wextra", "-Werror", f"-I{NATIVE}", str(source)]
    subprocess.run([*command, "-o", str(program)], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
