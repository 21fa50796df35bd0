"""Firmware images: what can be asked of one, how it is built, and how one that is there is found.

Its modules from the ground up: `tree`, `prebuilt` and `toolchain`; `options`; `stamp` and `fitting`; `cmake`;
`image`; `prebuild`, which is a program of its own for wheels.
"""

from renode_mnist.images.cmake import watched
from renode_mnist.images.image import Image, aim, build, built, excess, make, ready
from renode_mnist.images.options import (
    BOARDS,
    CLOCKS_MHZ,
    ENGINES,
    OBJECTIVES,
    Board,
    BuildConfig,
    Engine,
    Fpu,
    ImageOptions,
    Objective,
    UartWay,
    refuse_objective,
)
from renode_mnist.images.stamp import identity
from renode_mnist.images.toolchain import Machine
from renode_mnist.images.tree import Tree, committed_models, resolve_model

__all__ = [
    "BOARDS",
    "CLOCKS_MHZ",
    "ENGINES",
    "OBJECTIVES",
    "Board",
    "BuildConfig",
    "Engine",
    "Fpu",
    "Image",
    "ImageOptions",
    "Machine",
    "Objective",
    "Tree",
    "UartWay",
    "aim",
    "build",
    "built",
    "committed_models",
    "excess",
    "identity",
    "make",
    "ready",
    "refuse_objective",
    "resolve_model",
    "watched",
]
