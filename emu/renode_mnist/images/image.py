"""Images built once for each identity, or found.

A build lives in a folder named after its options. A stamp in it holds the digest of everything the image is
made from; while that is unchanged nothing runs, otherwise CMake rebuilds what is out of date.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist import paths
from renode_mnist.errors import BuildError, EnvironmentProblem, ModelError
from renode_mnist.images import cmake, fitting, prebuilt, stamp, toolchain
from renode_mnist.images.options import BuildConfig
from renode_mnist.images.tree import Tree

if TYPE_CHECKING:
    from renode_mnist.codegen import Aim
    from renode_mnist.codegen.planning import Plan

_PLANS = 4
"""So many are tried until an image keeps to its limits; the second does nearly always (`fitting.Excess`)."""
_SAY = logging.getLogger(__name__)


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


def built() -> list[BuildConfig]:
    """What came with the package or has been built here; of that ``build`` does again what has changed since."""
    found = _ready_made()
    try:
        stamps = sorted(paths.builds().glob(f"*/{stamp.STAMP}"))
    except EnvironmentProblem:
        return found  # a cache that cannot be read; who builds is told
    for file in stamps:
        with suppress(OSError, ValueError, TypeError, KeyError, BuildError):  # the stamp of another version
            made_from = json.loads(file.read_text())
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
        if image.made_from == stamp.identity(config):
            configs.append(config)
    return configs


def make(config: BuildConfig, folder: Path, tree: Tree, *, verbose: bool = False) -> Path:
    """Builds an image in a folder, which may hold the build of another; its ELF.

    Raises:
        BuildError: CMake, the compiler or the linker refused; the message holds what they said.
    """
    cmake.run(config, folder, tree, _aim(config, fitting.Excess()), verbose=verbose)
    return folder / cmake.file_name(config)


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
    asked = stamp.identity(config, tree)
    if tree.is_here and (ready_made := prebuilt.find(asked)):
        _SAY.info("image %s came with this package", ready_made)
        return Image(ready_made, config, fresh=False)
    try:
        toolchain.require(config.machine, asked)
    except EnvironmentProblem:
        if tree.is_here:
            _refuse_what_cannot_be_built(config)  # what no compiler would help is told first
        raise
    compiler = toolchain.find_compiler(config.machine)
    elf = _elf(config, tree)
    # In a folder that may be closed to this user.
    if stamp.is_made_from(elf, stamp.made_from(config, compiler, tree)):
        _SAY.info("image %s is up to date", elf)
        return Image(elf, config, fresh=False)
    folder = paths.made(elf.parent)
    file = folder / stamp.STAMP
    with FileLock(folder.with_suffix(".lock")):
        made_from = stamp.made_from(config, compiler, tree)
        if stamp.is_made_from(elf, made_from):  # by who had the lock
            return Image(elf, config, fresh=False)
        file.unlink(missing_ok=True)
        if tree.is_here:
            _refuse_what_cannot_be_built(config)
        starting()
        _SAY.info("building %s by %s", elf, compiler)
        _make_within_limits(config, folder, tree, verbose=verbose)
        file.write_text(made_from)
    return Image(elf, config, fresh=True)


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
            cmake.run(config, folder, tree, _aim(config, excess), verbose=verbose)
            _hold_to_limits(config, folder / cmake.file_name(config))
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
    return tree.builds / config.name / cmake.file_name(config)


def ready(config: BuildConfig) -> Image | None:
    """The image of a config where `build` would compile nothing; None where it would."""
    if ready_made := prebuilt.find(stamp.identity(config)):
        return Image(ready_made, config, fresh=False)
    tree = Tree.here()
    elf = _elf(config, tree)
    try:
        compiler = toolchain.find_compiler(config.machine)
        is_ready = stamp.is_made_from(elf, stamp.made_from(config, compiler, tree))
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
