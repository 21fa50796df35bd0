"""Builds the firmware with CMake, once for each identity.

A build lives in a folder named after its options. A stamp in it holds the digest of everything the image is
made from; while that is unchanged nothing runs, otherwise CMake rebuilds what is out of date.
"""

from __future__ import annotations

import hashlib
import json
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
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, get_args
from urllib.parse import quote

from renode_mnist import fitting, paths, prebuilt, remedies, toolchain, version
from renode_mnist.errors import BuildError, EnvironmentProblem, ModelError, SourcesMissing
from renode_mnist.option import Face, StrPath, alternatives, argument, inner, option, options_of

if TYPE_CHECKING:
    from renode_mnist.codegen import Aim
    from renode_mnist.codegen.planning import Plan

Engine = Literal["m7", "reference", "cmsis-nn", "tflm"]
Objective = Literal["time", "flash", "ram", "instructions"]
Board = Literal["disco-f746ng", "nucleo-f746zg", "article"]
Fpu = Literal["hard", "soft"]
UartWay = Literal["dma", "interrupt"]
Machine = toolchain.Machine

ENGINES: tuple[Engine, ...] = get_args(Engine)
OBJECTIVES: tuple[Objective, ...] = get_args(Objective)
BOARDS: tuple[Board, ...] = get_args(Board)
UARTS: tuple[UartWay, ...] = get_args(UartWay)
CLOCKS_MHZ = (216, 288)

_CHIP_OPTIONS = ("board", "clock_mhz", "fpu", "uart", "watchdog_ms")
"""Those that a program for this PC has no use for."""
_LIMITS = ("max_flash", "max_ram")
"""Those that CMake is told as what they leave to the plan."""

_PLANS = 4
"""So many are tried until an image keeps to its limits; the second does nearly always (`fitting.Excess`)."""

_MOST_OF_A_NAME = 60
_STAMP = "built-from.json"
_PROBLEM_LINES = 40
_LOG = "failed.log"
_STEP = re.compile(r"\[(\d+)/(\d+)\] ")
"""How ninja begins a line: steps done, and all."""
_SAY = logging.getLogger(__name__)


_SUITES_HOLD_FOR_ALL = "a suite checks what holds for every value of it"
_SAME_FOR_ALL_CHOICES = "as the command line says, for every choice on the page"


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """What can be asked of an image; a new option is a field here, and every face has it."""

    model: StrPath = option(
        "int8",
        "A committed model's name (float32, int8, qat, size, uint8), or a .tflite file.",
        wording={
            Face.LIBRARY: "A committed model's name (``int8``) or a ``.tflite`` file.",
            Face.SUITE: "a committed model's name or a ``.tflite`` file",
        },
    )
    engine: Engine = option(
        "m7",
        "What computes the network.",
        wording={Face.SUITE: alternatives(ENGINES)},
        suite_default="the default of ``renode-mnist build``",
    )
    objective: Objective = option(
        "time",
        "What engine ``m7`` minimises: modelled cycles with memory, flash, RAM, or instructions.",
        wording={Face.LIBRARY: "What engine ``m7`` minimises: ``time`` is modelled cycles with memory."},
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    max_flash: int | None = option(
        None,
        "Bytes of flash that the image may take; within them engine ``m7`` keeps the objective.",
        least=1,
        unset="all of the chip's",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    max_ram: int | None = option(
        None,
        "Bytes of RAM that the image may take, its stack included; likewise.",
        least=1,
        unset="all of the chip's",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    board: Board = option(
        "disco-f746ng",
        "Which UARTs carry the binary line and the console.",
        wording={Face.SUITE: "which UARTs carry the two lines"},
        without={Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    clock_mhz: int = option(
        216,
        "Core clock in MHz; 288 is overclocked.",
        choices=CLOCKS_MHZ,
        flag="--clock",
        wording={Face.LIBRARY: "Core clock, 216 or 288 (overclocked)."},
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    fpu: Fpu = option(
        "hard",
        "Floating point by the FPU, or in software.",
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    uart: UartWay = option(
        "dma",
        "How the UARTs are driven: by DMA, or by an interrupt for each byte.",
        wording={
            Face.LIBRARY: "How the UARTs are driven: by ``dma``, or by an ``interrupt`` for each byte.",
            Face.SUITE: f"how the UARTs are driven: {alternatives(UARTS)}",
        },
        without={Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    watchdog_ms: int = option(
        0,
        "Milliseconds without the main loop after which the watchdog resets the chip, 250 to 32768; 0 is never.",
        flag="--watchdog",
        least=0,
        most=32768,
        wording={
            Face.LIBRARY: "Milliseconds without the main loop until the watchdog resets, 250 to 32768; 0: never.",
        },
        without={Face.SUITE: _SUITES_HOLD_FOR_ALL, Face.PAGE: _SAME_FOR_ALL_CHOICES},
    )
    trace: bool = option(
        False,
        "Let the firmware send tensors between layers; no image for measurements.",
        wording={Face.LIBRARY: "Let the firmware send tensors between layers (``Client.run_traced``)."},
        without={
            Face.SUITE: "a suite tests the image that is used",
            Face.PAGE: "the page shows what the image that is used answers",
        },
    )


def refuse_objective(engine: str, objective: Objective) -> None:
    """Refuses an objective of an engine that has none: it would be ignored.

    Raises:
        BuildError: It is another than the default, and the engine is not ``m7``.
    """
    if engine != "m7" and objective != ImageOptions.objective:
        raise BuildError(
            f"engine {engine} has no objective, but {objective} is asked for", "Leave it out, or take engine m7."
        )


@dataclass(frozen=True)
class BuildConfig(ImageOptions):
    """What an image is built from: `ImageOptions` whose model is found, and what no face asks for.

    Attributes:
        model: A ``.tflite`` file.
        machine: The chip, or ``host``: the same app and engine as a program for this PC.
        definitions: Further CMake settings, such as ``("TFLM_KERNELS", "reference")``.
    """

    model: Path = field(metadata=argument("A ``.tflite`` file."))
    machine: Machine = field(
        default="stm32f746", kw_only=True, metadata=inner("follows from the target, or from `build --host`")
    )
    definitions: tuple[tuple[str, str], ...] = field(
        default=(), kw_only=True, metadata=inner("for the variants that tests compare")
    )

    @classmethod
    def of(cls, asked: ImageOptions, machine: Machine = "stm32f746") -> Self:
        """What is to be built for somebody's options.

        Raises:
            ModelError: There is no such model.
            BuildError: As below, or an engine that has no objective is asked to keep one.
        """
        refuse_objective(asked.engine, asked.objective)
        names = [each.name for each in fields(ImageOptions) if each.name != "model"]
        model = resolve_model(os.fspath(asked.model))
        return cls(model, machine=machine, **{name: getattr(asked, name) for name in names})

    def __post_init__(self) -> None:
        """Refuses what no build knows.

        Raises:
            BuildError: A setting has another value than those it may have.
        """
        for setting in options_of(type(self)):
            if setting.choices and (value := getattr(self, setting.name)) not in setting.choices:
                raise BuildError(
                    f"there is no {setting.name.replace('_', ' ')} {value!r}",
                    f"Choose one of: {', '.join(map(str, setting.choices))}.",
                )

    @property
    def name(self) -> str:
        """The folder's name: readable, and different for models that only share their file name."""
        place = hashlib.sha256(os.fsencode(self.model.resolve())).hexdigest()[:6]
        # CMake and ninja read this name as they read code: ";" splits it, a newline ends it.
        parts = [re.sub(r"[^\w.-]", "_", self.model.stem, flags=re.ASCII)[:_MOST_OF_A_NAME], place, self.engine]
        if self.engine == "m7":
            parts.append(self.objective)
        chip = [self.board, str(self.clock_mhz), self.fpu] if self.machine == "stm32f746" else ["host"]
        # Options that are none of those above, and CMake settings.
        told = {"model", "engine", "objective", "board", "clock_mhz", "fpu"}
        other = [each.name for each in options_of(type(self), Face.COMMAND_LINE) if each.name not in told]
        more = [f"{name}={value}" for name in other if (value := getattr(self, name)) != getattr(type(self), name)]
        more += [f"{name}={value}" for name, value in self.definitions]
        digest = [hashlib.sha256("\n".join(more).encode()).hexdigest()[:6]] if more else []
        return "-".join(parts + chip + digest)


@dataclass(frozen=True)
class Tree:
    """The sources that images are made from.

    Attributes:
        root: Holds ``firmware/``, ``schema/`` and ``models/``.
        packages: Holds the package ``renode_mnist`` whose ``codegen`` turns models into C++.
        own_builds: Where the builds go; None for where all of this installation's go.
    """

    root: Path
    packages: Path
    own_builds: Path | None = None

    @classmethod
    def here(cls) -> Self:
        """This installation's own."""
        return cls(paths.root(), paths.package().parent)

    @property
    def builds(self) -> Path:
        """Where the builds go, one folder an identity.

        Raises:
            EnvironmentProblem: It is in a cache that cannot be read; a prebuilt image is there without it.
        """
        return self.own_builds or paths.builds()

    @property
    def is_here(self) -> bool:
        """Whether this very program's sources are meant."""
        return self == Tree.here()

    @property
    def is_of_this_package(self) -> bool:
        """Whether the sources are this program's, wherever the builds go."""
        return (self.root, self.packages) == (paths.root(), paths.package().parent)


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
    def is_prebuilt(self) -> bool:
        """Whether it came with the package."""
        return self.elf.parent == paths.prebuilt()

    @property
    def linker_map(self) -> Path:
        """The linker's map, beside the ELF; a prebuilt one has none."""
        return self.elf.with_suffix(".map")


def resolve_model(name: str, tree: Tree | None = None) -> Path:
    """A model by the name of a committed one (``int8``) or by its file.

    Raises:
        ModelError: There is no such model.
    """
    models = (tree or Tree.here()).root / "models"
    committed = models / f"mnist_{name}.tflite"
    if committed.is_file():
        _SAY.info("model %s is %s", name, committed)
        return committed
    if (file := Path(name)).is_file():
        _SAY.info("model %s", file)
        return file
    known = ", ".join(committed_models(tree))
    raise ModelError(f"there is no model '{name}'", f"Give a .tflite file, or one of: {known}.")


def committed_models(tree: Tree | None = None) -> list[str]:
    """The names that ``resolve_model`` knows."""
    models = (tree or Tree.here()).root / "models"
    return sorted(path.stem.removeprefix("mnist_") for path in models.glob("mnist_*.tflite"))


def built() -> list[BuildConfig]:
    """What came with the package or has been built here; of that ``build`` does again what has changed since."""
    found = _ready_made()
    try:
        stamps = sorted(paths.builds().glob(f"*/{_STAMP}"))
    except EnvironmentProblem:
        return found  # a cache that cannot be read; who builds is told
    for stamp in stamps:
        with suppress(OSError, ValueError, TypeError, KeyError, BuildError):  # the stamp of another version
            made_from = json.loads(stamp.read_text())
            settings = {field.name: made_from[field.name] for field in fields(BuildConfig)}
            settings["model"] = Path(settings["model"])
            settings["definitions"] = tuple(map(tuple, settings["definitions"]))
            config = BuildConfig(**settings)
            if config.model.is_file() and _elf(config, Tree.here()).is_file():
                found.append(config)
    return found


def _ready_made() -> list[BuildConfig]:
    models = {path.name: path for path in paths.models().glob("*.tflite")}
    configs = []
    for image in prebuilt.images():
        settings = {field.name: image.made_from[field.name] for field in fields(BuildConfig) if field.name != "model"}
        settings["definitions"] = tuple(map(tuple, settings["definitions"]))
        config = BuildConfig(models[image.made_from["model_name"]], **settings)
        if image.made_from == identity(config):
            configs.append(config)
    return configs


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


def make(config: BuildConfig, folder: Path, tree: Tree, *, verbose: bool = False) -> Path:
    """Builds an image in a folder, which may hold the build of another; its ELF.

    Raises:
        BuildError: CMake, the compiler or the linker refused; the message holds what they said.
    """
    _run_cmake(config, folder, tree, fitting.Excess(), verbose=verbose)
    return folder / _file_name(config)


def build(
    config: BuildConfig,
    *,
    verbose: bool = False,
    tree: Tree | None = None,
    starting: Callable[[], object] = lambda: None,
) -> Image:
    """Builds an image, or finds it built.

    Args:
        config: What to build.
        verbose: Show what CMake and the compiler print.
        tree: The sources; by default this installation's own.
        starting: Called before anything is compiled; not where the image is there.

    Raises:
        ModelError: The model cannot be read, has an operator that is not supported, or does not fit.
        EnvironmentProblem: The cross compiler or a build tool is missing, or the folder cannot be written.
        BuildError: CMake, the compiler or the linker refused; the message holds what they said.
    """
    from filelock import FileLock  # it brings asyncio, which who only asks for options need not wait for

    tree = tree or Tree.here()
    asked = identity(config, tree)
    if tree.is_here and (ready_made := prebuilt.find(asked)):
        _SAY.info("image %s came with this package", ready_made)
        return Image(ready_made, config, fresh=False)
    try:
        toolchain.require(config.machine, asked)
    except EnvironmentProblem:
        if tree.is_here:
            _refuse_what_cannot_be_built(config)  # what no compiler would help is told first
        raise
    compiler = find_compiler(config.machine)
    elf = _elf(config, tree)
    if _is_made_from(elf, _made_from(config, compiler, tree)):  # in a folder that may be closed to this user
        _SAY.info("image %s is up to date", elf)
        return Image(elf, config, fresh=False)
    folder = paths.made(elf.parent)
    stamp = folder / _STAMP
    with FileLock(folder.with_suffix(".lock")):
        made_from = _made_from(config, compiler, tree)
        if _is_made_from(elf, made_from):  # by who had the lock
            return Image(elf, config, fresh=False)
        stamp.unlink(missing_ok=True)
        if tree.is_here:
            _refuse_what_cannot_be_built(config)
        starting()
        _SAY.info("building %s by %s", elf, compiler)
        _make_within_limits(config, folder, tree, verbose=verbose)
        stamp.write_text(made_from)
    return Image(elf, config, fresh=True)


def _is_made_from(elf: Path, made_from: str) -> bool:
    """Whether an image is whole and of these sources: its stamp goes before it changes, and comes after."""
    stamp = elf.parent / _STAMP
    return elf.is_file() and stamp.is_file() and stamp.read_text() == made_from


def _make_within_limits(config: BuildConfig, folder: Path, tree: Tree, *, verbose: bool) -> None:
    """Builds an image; one that is too large is planned anew, with so much less for its constants or its arena."""
    from renode_mnist import codegen  # numpy and the schema of .tflite files

    def plan_of(aim: Aim) -> Plan:
        return codegen.plan(codegen.load(config.model), config.engine, aim)

    excess = fitting.Excess()
    plans = _PLANS if config.engine == "m7" and tree.is_here else 1
    for left in reversed(range(plans)):
        excess.keep(folder)
        try:
            _run_cmake(config, folder, tree, excess, verbose=verbose)
            _hold_to_limits(config, folder / _file_name(config))
        except fitting.TooLarge as too_large:
            if not left:
                raise
            excess = fitting.grown(excess, too_large.excess, partial(_aim, config), plan_of)
        else:
            return


def _hold_to_limits(config: BuildConfig, elf: Path) -> None:
    """Raises ``TooLarge`` for an image beyond the limits asked for; the linker holds it to the chip's own."""
    from renode_mnist.program.footprint import footprint

    if config.machine == "host" or (config.max_flash is None and config.max_ram is None):
        return
    taken = footprint(elf)
    fitting.Limits.of(config.max_flash, config.max_ram).hold(
        taken.flash_bytes, taken.ram_static_bytes + taken.stack_bytes
    )


def aim(config: BuildConfig) -> Aim:
    """What an image's network is planned for; of one that is built, what it was planned for in the end."""
    return _aim(config, excess(config))


def excess(config: BuildConfig) -> fitting.Excess:
    """What images of this config took beyond their limits, with plans that were then made anew."""
    with suppress(EnvironmentProblem):  # a cache that cannot be read: the image came with the package
        return fitting.Excess.kept(Tree.here().builds / config.name)
    return fitting.Excess()


def _aim(config: BuildConfig, excess: fitting.Excess) -> Aim:
    return fitting.aim(config.objective, fitting.Limits.of(config.max_flash, config.max_ram), excess)


def _elf(config: BuildConfig, tree: Tree) -> Path:
    return tree.builds / config.name / _file_name(config)


def _file_name(config: BuildConfig) -> str:
    return "firmware.elf" if config.machine == "stm32f746" else "firmware-host"


def ready(config: BuildConfig) -> Image | None:
    """The image of a config where `build` would compile nothing; None where it would."""
    if ready_made := prebuilt.find(identity(config)):
        return Image(ready_made, config, fresh=False)
    tree = Tree.here()
    elf = _elf(config, tree)
    try:
        compiler = find_compiler(config.machine)
        is_ready = _is_made_from(elf, _made_from(config, compiler, tree))
    except (OSError, EnvironmentProblem):
        return None
    return Image(elf, config, fresh=False) if is_ready else None


def _refuse_what_cannot_be_built(config: BuildConfig) -> None:
    """Raises ``ModelError`` before the compiler runs."""
    from renode_mnist import codegen  # numpy and the schema of .tflite files
    from renode_mnist.codegen import fit

    graph = codegen.load(config.model)
    limits = fitting.Limits.of(config.max_flash, config.max_ram)
    plan = codegen.plan(graph, config.engine, _aim(config, fitting.Excess()))
    if config.machine == "host" or config.engine == codegen.INTERPRETER:
        return  # the one has room, the other lays out its arena on the chip
    room = fit.Room(limits.flash_bytes, limits.ram_bytes, fitting.LEAST_CODE_BYTES, fitting.LEAST_RAM_BYTES)
    if not (lacking := fit.shortages(plan, room)):
        return
    asked = limits != fitting.Limits()
    remedy = f"Take a smaller model; `renode-mnist inspect {config.model.name}` shows what needs the room."
    told = "; ".join(map(str, lacking))
    where = "the limits" if asked else "the chip"
    raise ModelError(
        f"{graph.name} does not fit {where} with engine {config.engine}: {told}",
        f"Allow more. {remedy}" if asked else remedy,
    )


def find_compiler(machine: Machine) -> str:
    """The path of the compiler for a machine.

    Raises:
        EnvironmentProblem: There is none.
    """
    return toolchain.find("c++" if machine == "host" else toolchain.COMPILER)


def identity(config: BuildConfig, tree: Tree | None = None) -> dict[str, Any]:
    """All that makes an image what it is but the compiler; the same wherever the sources lie."""
    tree = tree or Tree.here()
    settings = asdict(config)
    del settings["model"]
    return {
        **settings,
        "definitions": [list(definition) for definition in config.definitions],
        "model_name": config.model.name,
        "model_sha256": hashlib.sha256(config.model.read_bytes()).hexdigest(),
        "sources_sha256": prebuilt.sources_sha256(tree.root, tree.packages),
        "commit": _commit(tree),
    }


def _commit(tree: Tree) -> str:
    """Of the sources, as the image will name it."""
    own = version.commit()
    return own if tree.is_of_this_package else version.commit_of(tree.root) or own


def _made_from(config: BuildConfig, compiler: str, tree: Tree) -> str:
    parts = {
        **identity(config, tree),
        "compiler": toolchain.version_of(compiler),
        # Settings of the tree itself: a folder that was moved has to be configured anew.
        "model": str(config.model.resolve()),
        "tree": str(tree.root),
        "cmake": toolchain.find("cmake"),
        # Where firmware/cmake/pinned_source.cmake finds libraries that are not in this tree.
        "libraries": _libraries(),
    }
    return json.dumps(parts, indent=2, sort_keys=True)


def _libraries() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.endswith("_SOURCE_DIR")}


def _run_cmake(config: BuildConfig, folder: Path, tree: Tree, excess: fitting.Excess, *, verbose: bool) -> None:
    cmake, ninja = toolchain.find("cmake"), toolchain.find("ninja")
    firmware = tree.root / "firmware"
    settings = {
        "CMAKE_MAKE_PROGRAM": ninja,
        "PYTHON": sys.executable,
        "RELEASE": _commit(tree),
        **_cmake_options(config),
        "MODEL": _copied(config.model, folder),
        **_plan_options(config, excess),
        # Percent-encoded, for CMake reads code in what it is told.
        "MODEL_NAME": quote(os.fsencode(config.model.name), safe=""),
    }
    if config.machine == "stm32f746":
        settings["CMAKE_TOOLCHAIN_FILE"] = firmware / "cmake" / "arm-none-eabi.cmake"
    definitions = [f"-D{name}={value}" for name, value in (*settings.items(), *config.definitions)]
    log = None if verbose else folder / _LOG
    _call([cmake, "-S", str(firmware), "-B", str(folder), "-G", "Ninja", *definitions], tree, log, config.name)
    _call([cmake, "--build", str(folder)], tree, log, config.name)


def _cmake_options(config: BuildConfig) -> dict[str, Any]:
    """Every option of the image but its model, by its name in capitals as firmware/cmake/Options.cmake has it."""
    names = [each.name for each in options_of(type(config), Face.COMMAND_LINE)]
    if config.machine == "host":
        names = [name for name in names if name not in _CHIP_OPTIONS]
    return {name.upper(): getattr(config, name) for name in names if name not in ("model", *_LIMITS)}


def _plan_options(config: BuildConfig, excess: fitting.Excess) -> dict[str, int]:
    """What the limits of the image leave to the plan of the network, as firmware/cmake/Options.cmake has it."""
    kept_to = _aim(config, excess)
    return {"FLASH_BYTES": kept_to.flash_bytes or 0, "ARENA_BYTES": kept_to.arena_bytes or 0}


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
    libraries = {name: str(Path(value).absolute()) for name, value in _libraries().items() if value}
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
