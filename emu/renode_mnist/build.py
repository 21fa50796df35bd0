"""Builds the firmware with CMake, once for each identity.

A build lives in a folder named after its options. A stamp in it holds the digest of everything the image is
made from; while that is unchanged nothing runs, otherwise CMake rebuilds what is out of date.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal, Self, get_args

from filelock import FileLock

import renode_mnist
from renode_mnist import codegen, paths
from renode_mnist.errors import BuildError, EnvironmentProblem, ModelError

Engine = Literal["reference", "m7", "cmsis-nn", "tflm"]
Objective = Literal["instructions", "cycles", "flash"]
Board = Literal["disco-f746ng", "nucleo-f746zg", "article"]
Fpu = Literal["hard", "soft"]
Machine = Literal["stm32f746", "host"]

_RELEASE = f"v{renode_mnist.__version__}"
"""What stands for the commit outside git."""

ENGINES: tuple[Engine, ...] = ("m7", "reference", "cmsis-nn", "tflm")
OBJECTIVES: tuple[Objective, ...] = ("instructions", "cycles", "flash")
BOARDS: tuple[Board, ...] = ("disco-f746ng", "nucleo-f746zg", "article")
CLOCKS_MHZ = (216, 288)
_CHOICES: dict[str, tuple[str | int, ...]] = {
    "engine": ENGINES,
    "objective": OBJECTIVES,
    "board": BOARDS,
    "clock_mhz": CLOCKS_MHZ,
    "fpu": get_args(Fpu),
    "machine": get_args(Machine),
}

COMPILER = "arm-none-eabi-gcc"
COMPILER_PACKAGES = (
    "gcc-arm-none-eabi",
    "libnewlib-arm-none-eabi",
    "libnewlib-dev",
    "libstdc++-arm-none-eabi-dev",
)
"""Debian packages, installed without recommendations: the C++ library for newlib (313 MB) is not needed."""

_SOURCES = ("firmware", "schema")
_STAMP = "built-from.json"
_PROBLEM_LINES = 40


@dataclass(frozen=True)
class BuildConfig:
    """What an image is built from.

    Attributes:
        model: A ``.tflite`` file.
        engine: What computes the network.
        objective: What the ``m7`` planner minimises.
        board: Which UARTs carry the binary line and the console.
        clock_mhz: Core clock, 216 or 288 (overclocked).
        fpu: ``soft`` computes floating point in software, as the article's first table.
        machine: The chip, or ``host``: the same app and engine as a program for this PC.
        definitions: Further CMake settings, such as ``("TFLM_KERNELS", "reference")``.
    """

    model: Path
    engine: Engine = "m7"
    objective: Objective = "instructions"
    board: Board = "disco-f746ng"
    clock_mhz: int = 216
    fpu: Fpu = "hard"
    machine: Machine = "stm32f746"
    definitions: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        """Refuses what no build knows.

        Raises:
            BuildError: A setting has another value than those it may have.
        """
        for setting, known in _CHOICES.items():
            if (value := getattr(self, setting)) not in known:
                raise BuildError(
                    f"there is no {setting.replace('_', ' ')} {value!r}",
                    f"Choose one of: {', '.join(map(str, known))}.",
                )

    @property
    def name(self) -> str:
        """The folder's name: readable, and different for models that only share their file name."""
        place = hashlib.sha256(str(self.model.resolve()).encode()).hexdigest()[:6]
        parts = [self.model.stem, place, self.engine]
        if self.engine == "m7":
            parts.append(self.objective)
        chip = [self.board, str(self.clock_mhz), self.fpu] if self.machine == "stm32f746" else ["host"]
        more = [f"{name}={value}" for name, value in self.definitions]
        digest = [hashlib.sha256("\n".join(more).encode()).hexdigest()[:6]] if more else []
        return "-".join(parts + chip + digest)


@dataclass(frozen=True)
class Tree:
    """The sources that images are made from.

    Attributes:
        root: Holds ``firmware/``, ``schema/`` and ``models/``.
        packages: Holds the package ``renode_mnist`` whose ``codegen`` turns models into C++.
        builds: Where the builds go, one folder an identity.
    """

    root: Path
    packages: Path
    builds: Path

    @classmethod
    def here(cls) -> Self:
        """This installation's own."""
        return cls(paths.root(), Path(renode_mnist.__file__).parent.parent, paths.builds())

    @property
    def is_here(self) -> bool:
        """Whether this very program's sources are meant."""
        return self == Tree.here()


@dataclass(frozen=True)
class Image:
    """A built firmware.

    Attributes:
        elf: With symbols and debug information; for machine ``host`` the program.
        config: What it was built from; None for an ELF that came from elsewhere.
        fresh: Whether this call compiled anything.
    """

    elf: Path
    config: BuildConfig | None
    fresh: bool

    @property
    def linker_map(self) -> Path:
        """The linker's map, beside the ELF."""
        return self.elf.with_suffix(".map")


def resolve_model(name: str, tree: Tree | None = None) -> Path:
    """A model by the name of a committed one (``int8``) or by its file.

    Raises:
        ModelError: There is no such model.
    """
    models = (tree or Tree.here()).root / "models"
    committed = models / f"mnist_{name}.tflite"
    if committed.is_file():
        return committed
    if (file := Path(name)).is_file():
        return file
    known = ", ".join(committed_models(tree))
    raise ModelError(f"there is no model '{name}'", f"Give a .tflite file, or one of: {known}.")


def committed_models(tree: Tree | None = None) -> list[str]:
    """The names that ``resolve_model`` knows."""
    models = (tree or Tree.here()).root / "models"
    return sorted(path.stem.removeprefix("mnist_") for path in models.glob("mnist_*.tflite"))


def built() -> list[BuildConfig]:
    """What has been built here; where the sources have changed since, ``build`` will have to do it again."""
    found = []
    for stamp in sorted(paths.builds().glob(f"*/{_STAMP}")):
        with suppress(OSError, ValueError, TypeError, KeyError, BuildError):  # the stamp of another version
            made_from = json.loads(stamp.read_text())
            settings = {field.name: made_from[field.name] for field in fields(BuildConfig)}
            settings["model"] = Path(settings["model"])
            settings["definitions"] = tuple(map(tuple, settings["definitions"]))
            config = BuildConfig(**settings)
            if config.model.is_file() and _elf(config, Tree.here()).is_file():
                found.append(config)
    return found


def build(config: BuildConfig, *, verbose: bool = False, tree: Tree | None = None) -> Image:
    """Builds an image, or finds it built.

    Args:
        config: What to build.
        verbose: Show what CMake and the compiler print.
        tree: The sources; by default this installation's own.

    Raises:
        ModelError: The model cannot be read, has an operator that is not supported, or does not fit.
        EnvironmentProblem: The cross compiler or a build tool is missing.
        BuildError: CMake, the compiler or the linker refused; the message holds what they said.
    """
    tree = tree or Tree.here()
    compiler = find_compiler(config.machine)
    folder = tree.builds / config.name
    folder.mkdir(parents=True, exist_ok=True)
    elf = _elf(config, tree)
    stamp = folder / _STAMP
    with FileLock(folder.with_suffix(".lock")):
        made_from = _made_from(config, compiler, tree)
        if elf.is_file() and stamp.is_file() and stamp.read_text() == made_from:
            return Image(elf, config, fresh=False)
        stamp.unlink(missing_ok=True)
        if tree.is_here:
            _refuse_what_cannot_be_generated(config)
        _run_cmake(config, folder, tree, verbose=verbose)
        stamp.write_text(made_from)
    return Image(elf, config, fresh=True)


def _elf(config: BuildConfig, tree: Tree) -> Path:
    return tree.builds / config.name / ("firmware.elf" if config.machine == "stm32f746" else "firmware-host")


def _refuse_what_cannot_be_generated(config: BuildConfig) -> None:
    """Raises ``ModelError`` before the compiler runs."""
    graph = codegen.load(config.model)
    if config.engine in codegen.ENGINES:
        codegen.plan(graph, engine=config.engine, objective=codegen.Objective(config.objective))


def find_compiler(machine: Machine) -> str:
    """The path of the compiler for a machine.

    Raises:
        EnvironmentProblem: There is none.
    """
    if machine == "host":
        return find_tool("c++", "apt-get install g++")
    found = shutil.which(COMPILER)
    if found is None:
        raise EnvironmentProblem(
            f"{COMPILER} is not installed",
            f"Run `make setup`, or: apt-get install --no-install-recommends {' '.join(COMPILER_PACKAGES)}",
        )
    return found


def find_tool(name: str, install: str = "") -> str:
    """A build tool of this Python environment, else of the path.

    Raises:
        EnvironmentProblem: It is in neither.
    """
    own = paths.scripts() / name
    found = str(own) if own.exists() else shutil.which(name)
    if found is None:
        raise EnvironmentProblem(
            f"{name} is not installed", f"Run `make setup`, or: {install or f'pip install {name}'}"
        )
    return found


def commit(root: Path | None = None) -> str:
    """The commit of the sources in ``root``, with a ``+`` where they differ; a wheel's version outside git."""
    try:
        described = subprocess.run(
            [
                "git",
                "-C",
                str(root or paths.root()),
                "describe",
                "--always",
                "--abbrev=12",
                "--dirty=+",
                "--exclude=*",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return _RELEASE
    return described.stdout.strip()


def _made_from(config: BuildConfig, compiler: str, tree: Tree) -> str:
    sources = hashlib.sha256()
    for path in _source_files(tree):
        sources.update(str(path.relative_to(path.anchor)).encode())
        sources.update(path.read_bytes())
    parts = {
        **asdict(config),
        "model": str(config.model.resolve()),
        "model_sha256": hashlib.sha256(config.model.read_bytes()).hexdigest(),
        "commit": commit(tree.root),
        "compiler": compiler_version(compiler),
        "sources_sha256": sources.hexdigest(),
        # Settings of the tree itself: a folder that was moved has to be configured anew.
        "cmake": find_tool("cmake"),
        # Where firmware/cmake/pinned_source.cmake finds libraries that are not in this tree.
        "libraries": {name: value for name, value in os.environ.items() if name.endswith("_SOURCE_DIR")},
    }
    return json.dumps(parts, indent=2, sort_keys=True)


def _source_files(tree: Tree) -> Iterator[Path]:
    for name in _SOURCES:
        yield from sorted(path for path in (tree.root / name).rglob("*") if path.is_file())
    yield from sorted((tree.packages / "renode_mnist" / "codegen").rglob("*.py"))


@cache
def compiler_version(compiler: str) -> str:
    """What it says of itself."""
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout


def _run_cmake(config: BuildConfig, folder: Path, tree: Tree, *, verbose: bool) -> None:
    cmake, ninja = find_tool("cmake"), find_tool("ninja")
    firmware = tree.root / "firmware"
    settings = {
        "CMAKE_MAKE_PROGRAM": ninja,
        "MODEL": config.model.resolve(),
        "ENGINE": config.engine,
        "OBJECTIVE": config.objective,
        "PYTHON": sys.executable,
        "RELEASE": _RELEASE,
    }
    if config.machine == "stm32f746":
        settings |= {
            "CMAKE_TOOLCHAIN_FILE": firmware / "cmake" / "arm-none-eabi.cmake",
            "BOARD": config.board,
            "CLOCK_MHZ": config.clock_mhz,
            "FPU": config.fpu,
        }
    definitions = [f"-D{name}={value}" for name, value in (*settings.items(), *config.definitions)]
    _call([cmake, "-S", str(firmware), "-B", str(folder), "-G", "Ninja", *definitions], tree, verbose=verbose)
    _call([cmake, "--build", str(folder)], tree, verbose=verbose)


def _call(command: list[str], tree: Tree, *, verbose: bool) -> None:
    # The interpreter that runs codegen must find the tree's package, also where another or none is installed.
    python_path = os.pathsep.join(filter(None, [str(tree.packages), os.environ.get("PYTHONPATH")]))
    result = subprocess.run(
        command,
        stdout=None if verbose else subprocess.PIPE,
        stderr=None if verbose else subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONPATH": python_path},
    )
    if result.returncode == 0:
        return
    raise _refusal(result.stdout or "", f"`{Path(command[0]).name} {command[1]}`", result.returncode)


def _refusal(said: str, command: str, status: int) -> BuildError:
    """What CMake, the compiler or the linker said, as short as it can be told."""
    if overflow := re.search(r"region `(\w+)' overflowed by (\d+) bytes", said):
        return BuildError(
            f"the image does not fit the chip: {int(overflow[2]):,} bytes too many for {overflow[1]}",
            "Take a smaller model or another engine; `renode-mnist inspect MODEL` shows what needs the room.",
        )
    # A refusal of our own (firmware/cmake/Options.cmake), which ends with what to do.
    if refused := re.search(r"^CMake Error at [^\n]*\(message\):\n((?:  .*\n)+)", said, re.MULTILINE):
        return BuildError(" ".join(refused[1].split()))
    tail = "\n".join(said.splitlines()[-_PROBLEM_LINES:])
    return BuildError(
        f"{command} failed with status {status}:\n{tail}\n",
        "Mend what it says, or run `renode-mnist build --verbose` to see all of it.",
    )
