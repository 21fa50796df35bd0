"""From a ``.tflite`` file to C++: ``load``, ``plan``, ``emit``.

Python reads the model, checks it, rewrites it, plans memory and layouts, and writes C++ that implements
``firmware/engine/engine.hpp``: no interpreter and no heap on the chip, weights in flash. The generator itself is
imported when one of these functions is called; the command line's help needs only the names.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from renode_mnist.codegen.engines import ALL_ENGINES, ENGINES, INTERPRETER, module
from renode_mnist.codegen.objective import Aim, Objective
from renode_mnist.errors import ModelError

if TYPE_CHECKING:
    from renode_mnist.codegen.engine import Engine
    from renode_mnist.codegen.graph import Graph
    from renode_mnist.codegen.planning import Plan

__all__ = [
    "ALL_ENGINES",
    "ENGINES",
    "INTERPRETER",
    "Aim",
    "Objective",
    "backend",
    "emit",
    "files",
    "load",
    "plan",
    "prepared",
]


_DEFAULT = Aim()
_TIGHTER = 3
"""How often a limit of the arena is tightened where buffers left gaps between them."""


def load(path: Path | str, name: str = "") -> Graph:
    """Reads a ``.tflite`` file.

    Args:
        path: Of the file.
        name: What to call it; its file's own name without it.

    Raises:
        ModelError: The file can't be read, is no model, or contradicts itself.
    """
    from renode_mnist.codegen import reader

    return reader.load(path, name)


def prepared(graph: Graph) -> Graph:
    """What all engines' plans begin with: what can be computed at build time is computed, the rest is checked.

    Raises:
        ModelError: Something in the model is not supported; names the operator and the tensor.
    """
    from renode_mnist.codegen.check import check
    from renode_mnist.codegen.passes import constants_folded, resource_variables

    folded = constants_folded.run(resource_variables.run(graph))
    check(folded)
    return folded


def backend(name: str) -> Engine:
    """What makes code for an engine; only its own folder is imported.

    Raises:
        ModelError: There is none of that name.
    """
    if name not in ALL_ENGINES:
        raise ModelError(f"No generated code for engine '{name}'", f"Choose one of: {', '.join(ALL_ENGINES)}")
    found: Engine = importlib.import_module(module(name)).ENGINE
    return found


def plan(
    graph: Graph,
    engine: str = "reference",
    aim: Aim = _DEFAULT,
    leave_out: Collection[str] = (),
) -> Plan:
    """Decides steps, layouts and memory.

    Args:
        graph: As it was loaded.
        engine: One of ``ALL_ENGINES``.
        aim: What to make small, within what.
        leave_out: Names of passes that are not to be run; the result computes the same.

    Raises:
        ModelError: Something in the model is not supported; names the operator and the tensor.
    """
    from renode_mnist.codegen.engine import made
    from renode_mnist.codegen.planning import arrange

    chosen = backend(engine)
    ready = prepared(graph)
    if chosen.interprets:
        _shapes_are_in_the_file(graph, ready)
    given = graph if chosen.interprets else ready
    found = arrange(*made(given, chosen, aim, leave_out), engine, aim.objective)
    if aim.arena_bytes is None or chosen.interprets:
        return found
    within = aim.arena_bytes
    for _ in range(_TIGHTER):
        # No arrangement is smaller than its lower bound, and some are larger: the rest is taken off the limit.
        if found.arena_bytes <= aim.arena_bytes or found.lower_bound_bytes > within:
            break
        within -= found.arena_bytes - aim.arena_bytes
        found = arrange(*made(given, chosen, replace(aim, arena_bytes=within), leave_out), engine, aim.objective)
    return found


def _shapes_are_in_the_file(graph: Graph, ready: Graph) -> None:
    """The interpreter takes them from there."""
    # Behind the file's own tensors stand the variables that operators read and assign.
    for tensor, found in zip(graph.tensors, ready.tensors, strict=False):
        if tensor.shape != found.shape:
            raise ModelError(
                f"Engine {INTERPRETER} cannot compute {graph.name}: the file leaves the shape of {found} open",
                "Export it with a fixed batch (keras.Input(batch_shape=(1, ...))), or choose another engine",
            )


def files(plan: Plan) -> dict[str, str]:
    """The C++ of a plan, by file name."""
    return backend(plan.engine).files(plan)


def emit(plan: Plan, directory: Path) -> None:
    """Writes the C++ of a plan.

    Args:
        plan: What to write.
        directory: Made if it is missing; a file that is already right keeps its time stamp.
    """
    from renode_mnist.codegen.writer import write

    write(files(plan), directory)
