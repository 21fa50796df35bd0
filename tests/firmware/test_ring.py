"""The ring of a UART by DMA, on the PC."""

from __future__ import annotations

import subprocess
from pathlib import Path

from renode_mnist import paths
from renode_mnist.images import toolchain

FLAGS = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all"]


def test_what_comes_is_read_in_order_and_loss_is_told(tmp_path: Path) -> None:
    program, source = tmp_path / "ring", Path(__file__).with_name("ring.cpp")
    include = f"-I{paths.firmware() / 'board'}"
    subprocess.run([toolchain.find("c++"), *FLAGS, include, str(source), "-o", str(program)], check=True)
    done = subprocess.run([program], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
