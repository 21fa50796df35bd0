"""Builds of the firmware that only tests want: for the PC, and with the engine that misbehaves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from renode_mnist import paths
from renode_mnist.images import toolchain


def configure(folder: Path, *settings: str) -> subprocess.CompletedProcess[str]:
    """Runs CMake; ``settings`` are ``NAME=value``. What it says stands in ``stdout``."""
    return subprocess.run(
        [
            toolchain.find("cmake"), "-S", str(paths.firmware()), "-B", str(folder), "-G", "Ninja",
            f"-DCMAKE_MAKE_PROGRAM={toolchain.find('ninja')}",
            f"-DPYTHON={sys.executable}",
            f"-DTHIRD_PARTY={paths.builds() / 'third-party'}",
            *(f"-D{setting}" for setting in settings),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip


def cross(*settings: str) -> tuple[str, ...]:
    """The settings of a build for the STM32F746."""
    return (f"CMAKE_TOOLCHAIN_FILE={paths.firmware() / 'cmake' / 'arm-none-eabi.cmake'}", *settings)


def made(name: str, *settings: str) -> Path:
    """The folder of a build, brought up to date; tests that run side by side share it."""
    folder = paths.builds() / "tests" / name
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        configured = configure(folder, *settings)
        assert configured.returncode == 0, configured.stdout
        compiled = subprocess.run(
            [toolchain.find("cmake"), "--build", str(folder)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert compiled.returncode == 0, compiled.stdout
    return folder
