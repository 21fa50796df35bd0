"""CMake and what it calls, run for one image: what they are told, what they say, and what of it a user needs."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from renode_mnist import remedies
from renode_mnist.errors import BuildError, ModelError, SourcesMissing
from renode_mnist.images import fitting, stamp, toolchain
from renode_mnist.images.options import BuildConfig
from renode_mnist.images.tree import Tree
from renode_mnist.option import Face, options_of

if TYPE_CHECKING:
    from renode_mnist.codegen import Aim

_CHIP_OPTIONS = ("board", "clock_mhz", "fpu", "uart", "watchdog_ms")
"""Those that a program for this PC has no use for."""
_LIMITS = ("max_flash", "max_ram")
"""Those that CMake is told as what they leave to the plan."""

_PROBLEM_LINES = 40
_LOG = "failed.log"
_STEP = re.compile(r"\[(\d+)/(\d+)\] ")
"""How ninja begins a line: steps done, and all."""
_SAY = logging.getLogger(__name__)

Watcher = Callable[[str, int, int], object]
"""Told of an image's name, how many steps of its build are done, and of how many."""
_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


@contextmanager
def watched(by: Watcher) -> Iterator[None]:
    """Lets every build within be watched, however deep it is called."""
    before = _WATCHER.set(by)
    try:
        yield
    finally:
        _WATCHER.reset(before)


def file_name(config: BuildConfig) -> str:
    """Of an image in the folder of its build."""
    return "firmware.elf" if config.machine == "stm32f746" else "firmware-host"


def run(config: BuildConfig, folder: Path, tree: Tree, aim: Aim, *, verbose: bool) -> None:
    """Builds an image in a folder.

    Args:
        config: Of the image.
        folder: Made where it is not there; it may hold the build of another image.
        tree: The sources.
        aim: What the network is planned for.
        verbose: Show what the tools print, rather than keep it for the case that they fail.

    Raises:
        EnvironmentProblem: A build tool is missing.
        BuildError: CMake, the compiler or the linker refused.
        TooLarge: The linker found no room on the chip.
    """
    cmake, ninja = toolchain.find("cmake"), toolchain.find("ninja")
    firmware = tree.root / "firmware"
    settings = {
        "CMAKE_MAKE_PROGRAM": ninja,
        "PYTHON": sys.executable,
        "THIRD_PARTY": tree.builds / "third-party",
        "RELEASE": stamp.release(tree),
        **settings_of(config),
        "MODEL": _copied(config.model, folder),
        # What the limits of the image leave to the plan of the network, as firmware/cmake/Options.cmake has it.
        "FLASH_BYTES": aim.flash_bytes or 0,
        "ARENA_BYTES": aim.arena_bytes or 0,
        # Percent-encoded, for CMake reads code in what it is told.
        "MODEL_NAME": quote(os.fsencode(config.model.name), safe=""),
    }
    if config.machine == "stm32f746":
        settings["CMAKE_TOOLCHAIN_FILE"] = firmware / "cmake" / "arm-none-eabi.cmake"
    definitions = [f"-D{name}={value}" for name, value in (*settings.items(), *config.definitions)]
    log = None if verbose else folder / _LOG
    _call([cmake, "-S", str(firmware), "-B", str(folder), "-G", "Ninja", *definitions], tree, log, config.name)
    _call([cmake, "--build", str(folder)], tree, log, config.name)


def settings_of(config: BuildConfig) -> dict[str, Any]:
    """Every option of the image but its model, by its name in capitals as firmware/cmake/Options.cmake has it."""
    names = [each.name for each in options_of(type(config), Face.COMMAND_LINE)]
    if config.machine == "host":
        names = [name for name in names if name not in _CHIP_OPTIONS]
    return {name.upper(): getattr(config, name) for name in names if name not in ("model", *_LIMITS)}


def _copied(model: Path, folder: Path) -> Path:
    """The model under a name that CMake, ninja and the assembler can read, in the build's folder."""
    content = model.read_bytes()
    copy = folder / f"model-{hashlib.sha256(content).hexdigest()[:12]}.tflite"
    if not copy.is_file() or copy.read_bytes() != content:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("model-*.tflite"):
            old.unlink()
        copy.write_bytes(content)
    return copy.resolve()


def _call(command: list[str], tree: Tree, log: Path | None, name: str) -> None:
    """Runs a tool for an image, whose words go to ``log`` where it fails; None shows them as they come."""
    # The interpreter that runs codegen must find the tree's package, also where another or none is installed.
    python_path = os.pathsep.join(filter(None, [str(tree.packages), os.environ.get("PYTHONPATH")]))
    # Folders of libraries are where the user stands; CMake stands elsewhere.
    libraries = {name: str(Path(value).absolute()) for name, value in stamp.library_folders().items() if value}
    _SAY.info("%s", shlex.join(command))
    said = ""
    with subprocess.Popen(
        command,
        stdout=None if log is None else subprocess.PIPE,
        stderr=None if log is None else subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**os.environ, **libraries, "PYTHONPATH": python_path},
        process_group=0,
    ) as tool:
        try:
            watcher = _WATCHER.get()
            for line in tool.stdout or ():
                said += line
                if watcher is not None and (step := _STEP.match(line)):
                    watcher(name, int(step[1]), int(step[2]))
            tool.wait()
        except BaseException:  # Ctrl-C and SIGTERM are for this process: what CMake has started ends with it
            with suppress(ProcessLookupError):
                os.killpg(tool.pid, signal.SIGTERM)
            raise
    if tool.returncode == 0:
        return
    if log is not None:
        try:
            log.write_text(said)
        except OSError:  # a full disk, which the tools may just have told of
            log = None
    raise _refusal(said, f"`{Path(command[0]).name} {command[1]}`", tool.returncode, log)


_SOURCES_MISSING = re.compile(r"(.+?) Set (the environment variable (\w+)_SOURCE_DIR to .+)")
"""How firmware/cmake/pinned_source.cmake says that it has no sources of a library."""


def _sources_missing(told: str) -> SourcesMissing | None:
    """A refusal for want of a library's sources, with the package that brings them where there is one."""
    if (found := _SOURCES_MISSING.fullmatch(told)) is None:
        return None
    what, otherwise, library = found.groups()
    if library == "CMSIS_NN" and "ENGINE=cmsis-nn" in what:  # tflm wants another release
        return SourcesMissing(what, f"Run `{remedies.cmsis_nn()}`, or set {otherwise}")
    return SourcesMissing(what, f"Set {otherwise}")


def _refusal(said: str, command: str, status: int, log: Path | None) -> BuildError | ModelError | SourcesMissing:
    """What CMake, the compiler or the linker said, as short as it can be told."""
    if overflow := re.search(r"region `(\w+)' overflowed by (\d+) bytes", said):
        return fitting.TooLarge.of_the_chip(overflow[1], int(overflow[2]))
    # A refusal of our own (firmware/cmake/Options.cmake), which ends with what to do. CMake's own errors come from
    # its modules, whose paths are whole.
    if refused := re.search(r"^CMake Error at (?!/)[^\n]*\(message\):\n((?:  .*\n)+)", said, re.MULTILINE):
        told = " ".join(refused[1].split())
        return _sources_missing(told) or BuildError(told)
    tail = "\n".join(said.splitlines()[-_PROBLEM_LINES:])
    where = f"look at {log} for all of it" if log else "run `renode-mnist build -v` to see all of it"
    return BuildError(f"{command} failed with status {status}:\n{tail}\n", f"Mend what it says, or {where}.")
