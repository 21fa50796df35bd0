"""What an image is made from, so that it is known again: the stamp of a build, and the identity of its figures."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from renode_mnist import version
from renode_mnist.images import toolchain
from renode_mnist.images.options import BuildConfig
from renode_mnist.images.tree import Tree

STAMP = "built-from.json"

_SOURCES = ("firmware", "schema", "models/digits")
"""The console's built-in digit is one of the last."""


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
        "sources_sha256": sources_sha256(tree.root, tree.packages),
        "commit": release(tree),
    }


def release(tree: Tree) -> str:
    """The commit of the sources, as the image will name it."""
    own = version.commit()
    return own if tree.is_of_this_package else version.commit_of(tree.root) or own


def made_from(config: BuildConfig, compiler: str, tree: Tree) -> str:
    """The content of the stamp: the identity, and what this machine has to do with it."""
    parts = {
        **identity(config, tree),
        "compiler": toolchain.version_of(compiler),
        # Settings of the tree itself: a folder that was moved has to be configured anew.
        "model": str(config.model.resolve()),
        "tree": str(tree.root),
        "cmake": toolchain.find("cmake"),
        # Where firmware/cmake/pinned_source.cmake finds libraries that are not in this tree.
        "libraries": library_folders(),
    }
    return json.dumps(parts, indent=2, sort_keys=True)


def library_folders() -> dict[str, str]:
    """Where the environment says that sources of libraries lie, by its variables."""
    return {name: value for name, value in os.environ.items() if name.endswith("_SOURCE_DIR")}


def is_made_from(elf: Path, made_from: str) -> bool:
    """Whether an image is whole and of these sources: its stamp goes before it changes, and comes after."""
    stamp = elf.parent / STAMP
    return elf.is_file() and stamp.is_file() and stamp.read_text() == made_from


def sources_sha256(root: Path, packages: Path) -> str:
    """Of all files that images are made from but the model, wherever they lie.

    Args:
        root: Holds ``firmware/``, ``schema/`` and ``models/``.
        packages: Holds the package ``renode_mnist``, whose ``codegen`` writes C++.
    """
    digest = hashlib.sha256()
    for name, file in sorted(_source_files(root, packages)):
        digest.update(f"{name}\0".encode())
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _source_files(root: Path, packages: Path) -> Iterator[tuple[str, Path]]:
    for base, names in ((root, _SOURCES), (packages, ("renode_mnist/codegen",))):
        for name in names:
            for file in (base / name).rglob("*"):
                if file.is_file() and file.suffix != ".pyc":
                    yield file.relative_to(base).as_posix(), file
