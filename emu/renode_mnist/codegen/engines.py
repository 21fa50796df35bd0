"""The engines, by the names that ``--engine`` takes: the one list. Each has a folder here of its name.

Nothing else is imported, as the command line asks for the names alone.
"""

from __future__ import annotations

ENGINES = ("reference", "m7", "cmsis-nn")
"""Those that run generated code."""

INTERPRETER = "tflm"
"""The one that interprets the model file itself."""

ALL_ENGINES = (*ENGINES, INTERPRETER)


def module(name: str) -> str:
    """The module that holds ``ENGINE``, of a name in ``ALL_ENGINES``."""
    return f"renode_mnist.codegen.{name.replace('-', '_')}.engine"
