"""Programs a board by the tools of the field, each called with verify and reset."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from renode_mnist.elf import build_id
from renode_mnist.errors import EnvironmentProblem, TargetError

# OpenOCD's board file for each board of the firmware. UM1907 and UM1974 name the probe on both: ST-LINK/V2-1.
_OPENOCD_BOARDS = {
    "disco-f746ng": "board/stm32f7discovery.cfg",
    "article": "board/stm32f7discovery.cfg",
    "nucleo-f746zg": "board/st_nucleo_f7.cfg",
}
_FLASH_START = "0x08000000"
_TIMEOUT_SECONDS = 120
_TAIL_LINES = 15


def _openocd(elf: Path, board: str) -> list[list[str]]:
    return [["openocd", "-f", _OPENOCD_BOARDS[board], "-c", f"program {{{elf}}} verify reset exit"]]


def _pyocd(elf: Path, board: str) -> list[list[str]]:
    # pyOCD verifies what it writes; `load` leaves the core halted until the reset.
    target = ["--target", "stm32f746zgtx" if board == "nucleo-f746zg" else "stm32f746ngtx"]
    return [["pyocd", "load", *target, "--format", "elf", str(elf)], ["pyocd", "reset", *target]]


def _st_flash(elf: Path, board: str) -> list[list[str]]:
    binary = elf.with_suffix(".bin")
    return [
        ["arm-none-eabi-objcopy", "-O", "binary", str(elf), str(binary)],
        ["st-flash", "--reset", "write", str(binary), _FLASH_START],
    ]


_TOOLS: dict[str, tuple[Callable[[Path, str], list[list[str]]], str]] = {
    "openocd": (_openocd, "apt-get install openocd"),
    "pyocd": (_pyocd, "pip install pyocd, then pyocd pack install stm32f746"),
    "st-flash": (_st_flash, "apt-get install stlink-tools"),
}
TOOLS = tuple(_TOOLS)


class Programmer:
    """Gives a board its firmware.

    Args:
        elf: The firmware that the board is to hold.
        board: For which it was built.
        tool: One of ``TOOLS``.
    """

    def __init__(self, elf: Path, board: str, tool: str) -> None:
        self._elf = elf
        self._board = board
        self._tool = tool

    def holds(self, running_build_id: str) -> bool:
        """Whether the firmware of this GNU build ID (hexadecimal) is the ELF's."""
        return running_build_id == build_id(self._elf)

    def program(self) -> None:
        """Writes the ELF to the board's flash, verifies it, and resets the chip.

        Raises:
            EnvironmentProblem: The tool is not installed.
            TargetError: It found no board, or could not write; the message holds the end of what it said.
        """
        commands, install = _TOOLS[self._tool]
        for command in commands(self._elf, self._board):
            if shutil.which(command[0]) is None:
                raise EnvironmentProblem(f"{command[0]} is not installed", f"Install it: {install}.")
            _call(command)


def _call(command: list[str]) -> None:
    try:
        result = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as expired:
        raise TargetError(
            f"`{' '.join(command)}` took longer than {_TIMEOUT_SECONDS} s", "Plug the board in again."
        ) from expired
    if result.returncode != 0:
        tail = "\n".join(result.stdout.splitlines()[-_TAIL_LINES:])
        raise TargetError(
            f"`{' '.join(command)}` failed with status {result.returncode}:\n{tail}\n",
            "Check that the board is plugged in by its ST-LINK connector and that no debugger holds it.",
        )
