"""``python -m renode_mnist.images.prebuild FOLDER``: builds the firmware images that a wheel carries.

Those are every committed model on engine m7 for every board, with the other options as they are by default. So
``run``, ``test`` and their like need no compiler for any of these models; any other option needs one.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from renode_mnist.errors import BuildError, RenodeMnistError
from renode_mnist.images import prebuilt, toolchain
from renode_mnist.images.image import make
from renode_mnist.images.options import BOARDS, BuildConfig
from renode_mnist.images.prebuilt import Prebuilt
from renode_mnist.images.stamp import identity
from renode_mnist.images.tree import Tree, committed_models, resolve_model


def configs() -> Iterator[BuildConfig]:
    """What a wheel carries; boards change fastest, since the network is compiled once for all of them."""
    for model, board in product(committed_models(), BOARDS):
        yield BuildConfig(resolve_model(model), board=board)


def build_all(folder: Path) -> None:
    """Builds every image into a folder that is not there yet.

    Raises:
        EnvironmentProblem: A compiler or a build tool is missing.
        BuildError: An image does not build.
    """
    toolchain.require("stm32f746")
    compiler = toolchain.version_of(toolchain.find(toolchain.COMPILER)).splitlines()[0]
    folder.mkdir(parents=True)
    images = []
    with tempfile.TemporaryDirectory(prefix="renode-mnist-") as scratch:
        for config in configs():
            elf = folder / f"{config.model.stem}-{config.engine}-{config.board}.elf"
            print(f"prebuilding {elf.name}", flush=True)
            _compress(make(config, Path(scratch), Tree.here()), elf)
            images.append(Prebuilt(elf, identity(config), compiler))
    prebuilt.write_index(folder, images)


def check(folder: Path) -> None:
    """Raises unless a folder holds every image of these very sources.

    Raises:
        BuildError: Those that are missing.
    """
    there = [image.made_from for image in prebuilt.images(folder) if image.elf.is_file()]
    missing = [f"{config.model.stem} for {config.board}" for config in configs() if identity(config) not in there]
    if missing:
        raise BuildError(
            f"{folder} lacks images of these sources: {', '.join(missing)}",
            "Build them: `python -m renode_mnist.images.prebuild FOLDER`.",
        )


def _compress(elf: Path, destination: Path) -> None:
    """Copies an image, its debug information compressed: 390 kB of int8 in place of 840."""
    objcopy = toolchain.COMPILER.replace("gcc", "objcopy")
    subprocess.run([objcopy, "--compress-debug-sections=zlib", elf, destination], check=True)
    destination.chmod(0o644)


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m renode_mnist.images.prebuild", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the images go, with their index")
    parser.add_argument(
        "--check", action="store_true", help="build nothing: see whether the folder's images are these"
    )
    arguments = parser.parse_args()
    try:
        if arguments.check:
            check(arguments.folder)
        else:
            shutil.rmtree(arguments.folder, ignore_errors=True)
            build_all(arguments.folder)
    except RenodeMnistError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
