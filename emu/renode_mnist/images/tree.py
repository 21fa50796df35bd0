"""The sources that images are made from, and the models among them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from renode_mnist import paths
from renode_mnist.errors import ModelError

_SAY = logging.getLogger(__name__)


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
