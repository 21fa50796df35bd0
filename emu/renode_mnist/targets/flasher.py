"""Programs a board by the tools of the field, each called with verify and reset."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from renode_mnist import paths, remedies
from renode_mnist.errors import EnvironmentProblem, TargetError
from renode_mnist.program.build_id import build_id

# OpenOCD's board file for each board of the firmware. UM1907 and UM1974 name the probe on both: ST-LINK/V2-1.
# For the 32F746GDISCOVERY there is also stm32f746g-disco.cfg, which sets up the QSPI flash that nothing here uses.
_OPENOCD_BOARDS = {
    "disco-f746ng": "board/stm32f7discovery.cfg",
    "article": "board/stm32f7discovery.cfg",
    "nucleo-f746zg": "board/st_nucleo_f7.cfg",
}
# As the device pack Keil.STM32F7xx_DFP calls the chips STM32F746NGH6 and STM32F746ZGT6.
_PYOCD_TARGETS = {
    "disco-f746ng": "stm32f746nghx",
    "article": "stm32f746nghx",
    "nucleo-f746zg": "stm32f746zgtx",
}
_FLASH_START = "0x08000000"
_TIMEOUT_SECONDS = 120
_TAIL_LINES = 15

_NO_PROBE = ("open failed", "No connected debug probe", "Couldn't find any ST-Link devices")
"""What OpenOCD, pyOCD and st-flash say where there is no probe."""


@dataclass(frozen=True)
class _Call:
    """A command line, and what a call that went well says where its exit status does not tell."""

    words: tuple[str, ...]
    says: str = ""


@dataclass(frozen=True)
class _Job:
    """What is to be programmed: ``binary`` is where the flat image goes, ``probe`` a serial number or empty."""

    elf: Path
    binary: Path
    board: str
    probe: str

    def objcopy(self) -> _Call:
        return _Call(("arm-none-eabi-objcopy", "-O", "binary", str(self.elf), str(self.binary)))


def _openocd(job: _Job) -> list[_Call]:
    probe = ("-c", f"adapter serial {job.probe}") if job.probe else ()
    program = f"program {{{job.elf}}} verify reset exit"
    return [_Call(("openocd", "-f", _OPENOCD_BOARDS[job.board], *probe, "-c", program))]


def _pyocd(job: _Job) -> list[_Call]:
    target = _PYOCD_TARGETS[job.board]
    known = _run(("pyocd", "json", "--targets")).stdout
    if f'"{target}"' not in known:
        raise EnvironmentProblem(
            f"pyOCD knows no {target}", f"Install its device pack: `pyocd pack install {target}`."
        )
    # Without --no-wait it waits for a probe for ever.
    options = ("--no-wait", "--target", target, *(("--uid", job.probe) if job.probe else ()))
    return [
        _Call(("pyocd", "load", *options, "--no-reset", "--format", "elf", str(job.elf))),
        # `load` does not read back what it has written.
        job.objcopy(),
        _Call(("pyocd", "commander", *options, "-c", f'compare {_FLASH_START} "{job.binary}"'), says="bytes match"),
        _Call(("pyocd", "reset", *options)),
    ]


def _st_flash(job: _Job) -> list[_Call]:
    probe = ("--serial", job.probe) if job.probe else ()
    # It verifies what it writes.
    return [job.objcopy(), _Call(("st-flash", *probe, "--reset", "write", str(job.binary), _FLASH_START))]


_TOOLS: dict[str, Callable[[_Job], list[_Call]]] = {
    "openocd": _openocd,
    "pyocd": _pyocd,
    "st-flash": _st_flash,
}
TOOLS = tuple(_TOOLS)


class Programmer:
    """Gives a board its firmware.

    Args:
        elf: The firmware that the board is to hold.
        board: For which it was built.
        tool: One of ``TOOLS``.
        probe: Serial number of the board's probe, which matters where several are plugged in; None takes the tool's
            choice.
    """

    def __init__(self, elf: Path, board: str, tool: str, probe: str | None = None) -> None:
        self._elf = elf
        self._board = board
        self._tool = tool
        self._probe = probe or ""

    def holds(self, running_build_id: str) -> bool:
        """Whether the firmware of this GNU build ID (hexadecimal) is the ELF's."""
        return running_build_id == build_id(self._elf)

    def program(self) -> None:
        """Writes the ELF to the board's flash, verifies it, and resets the chip.

        Raises:
            EnvironmentProblem: The tool is not installed, or does not know the chip.
            TargetError: It found no board, or could not write; the message holds the end of what it said.
        """
        plan = _TOOLS[self._tool]
        if find(self._tool) is None:
            raise EnvironmentProblem(f"{self._tool} is not installed", f"Run `{remedy(self._tool)}`.")
        with tempfile.TemporaryDirectory(prefix="renode-mnist-") as folder:
            for call in plan(_Job(self._elf.absolute(), Path(folder) / "firmware.bin", self._board, self._probe)):
                self._carry_out(call)

    def _carry_out(self, call: _Call) -> None:
        result = _run(call.words)
        said = result.stdout + result.stderr
        if result.returncode == 0 and call.says in said:
            return
        if any(phrase in said for phrase in _NO_PROBE):
            which = f" with the serial number {self._probe}" if self._probe else ""
            raise TargetError(
                f"{self._tool} finds no ST-LINK{which}",
                "Plug the board in by its ST-LINK connector (`lsusb -d 0483:` lists it), or leave --flash out to "
                "take the board as it is.",
            )
        tail = "\n".join(said.strip().splitlines()[-_TAIL_LINES:])
        raise TargetError(
            f"`{' '.join(call.words)}` failed with status {result.returncode}:\n{tail}\n",
            "Check that no debugger holds the board's ST-LINK, and that the tool is for this board.",
        )


def remedy(tool: str) -> str:
    """The command that installs a tool."""
    if tool == "pyocd":
        return remedies.pip_install(tool)
    return remedies.install("openocd" if tool == "openocd" else "st-flash")


def find(tool: str) -> str | None:
    """Where a tool is."""
    # Python's tools may be in this environment alone.
    return shutil.which(tool) or shutil.which(tool, path=paths.scripts())


def _run(words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    program = find(words[0])
    if program is None:
        raise EnvironmentProblem(f"{words[0]} is not installed", "Run `renode-mnist doctor`.")
    try:
        return subprocess.run(
            (program, *words[1:]), capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired as expired:
        raise TargetError(
            f"`{' '.join(words)}` took longer than {_TIMEOUT_SECONDS} s", "Plug the board in again."
        ) from expired
