"""All that the tool knows of operators: one file an operator, or one for a family that differs in a line.

A file here holds a ``Definition`` under the name ``DEFINITION``, and is found by that; files without one are what
several share. An engine's own kernel for it stands in the engine's folder, in a file of the same name.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from renode_mnist.codegen.graph import Operator
from renode_mnist.codegen.operators.definition import Definition, Kind

__all__ = ["Definition", "Kind", "definition", "file_of", "find", "kind", "known", "macs", "parameters", "supported"]


@cache
def _files() -> dict[str, Definition]:
    """The definitions by the names of their files."""
    found = {}
    for module in pkgutil.iter_modules(__path__):
        definition = getattr(importlib.import_module(f"{__name__}.{module.name}"), "DEFINITION", None)
        if isinstance(definition, Definition):
            found[module.name] = definition
    return found


@cache
def _by_name() -> dict[str, tuple[str, Definition]]:
    found: dict[str, tuple[str, Definition]] = {}
    for file, definition in _files().items():
        for name in definition.names:
            assert name not in found, f"{name} stands in {found[name][0]} and in {file}"
            found[name] = (file, definition)
    return found


def supported() -> tuple[str, ...]:
    """TensorFlow Lite's names of all operators that generated code computes, sorted."""
    return tuple(op for op in known() if not _by_name()[op][1].at_build_time_only)


def known() -> tuple[str, ...]:
    """The same, with those that can only be computed at build time."""
    return tuple(sorted(_by_name()))


def find(op: str) -> Definition | None:
    """What is known of an operator, by TensorFlow Lite's name; None where nothing is."""
    return _by_name()[op][1] if op in _by_name() else None


def file_of(op: str) -> str:
    """The name of the file that knows a supported operator, without ``.py``."""
    return _by_name()[op][0]


def definition(operator: Operator) -> Definition:
    """Of an operator that ``check`` has passed."""
    return _by_name()[operator.op][1]


def kind(operator: Operator) -> Kind:
    """Arithmetic of an operator that ``check`` has passed."""
    return definition(operator).kind(operator)


def macs(operator: Operator) -> int:
    """Multiply-accumulates that the model asks for; 0 for an operator that is not known.

    Taps on padding count, and so do outputs that a later pool throws away: the figure belongs to the model,
    not to an engine that is clever about it. Operators without weights have none.
    """
    known = find(operator.op)
    return known.macs(operator) if known else 0


def parameters(operator: Operator) -> int:
    """Trained numbers: elements of weights and bias."""
    known = find(operator.op)
    return known.parameters(operator) if known else 0
