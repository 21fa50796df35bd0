"""From a ``.tflite`` file to C++: ``load``, ``plan``, ``emit``.

Engines are back-ends, one module each. Python reads the model, plans memory and layouts, and writes C++ that
implements ``firmware/engine/engine.hpp``: no interpreter and no heap on the chip, weights in flash.
"""

from __future__ import annotations

from pathlib import Path

from renode_mnist.codegen.emit import files, write
from renode_mnist.codegen.graph import Graph, load
from renode_mnist.codegen.plan import Backend, Objective, Plan, arrange
from renode_mnist.codegen.support import check
from renode_mnist.errors import ModelError

__all__ = ["ENGINES", "Graph", "Objective", "Plan", "emit", "load", "plan"]

ENGINES = ("reference", "m7", "cmsis-nn")
"""Engines that run generated code, by the names that ``--engine`` takes; ``tflm`` interprets the file itself."""


def backend(engine: str) -> Backend:
    """The back-end of an engine; only its own module is imported.

    Raises:
        ModelError: There is none of that name.
    """
    if engine == "reference":
        from renode_mnist.codegen.reference import Reference

        return Reference()
    if engine == "m7":
        from renode_mnist.codegen.m7 import M7

        return M7()
    if engine == "cmsis-nn":
        from renode_mnist.codegen.cmsis_nn import CmsisNn

        return CmsisNn()
    if engine == "tflm":
        from renode_mnist.codegen.tflm import Tflm

        return Tflm()
    raise ModelError(f"No generated code for engine '{engine}'", f"Choose one of: {', '.join(ENGINES)}, tflm")


def plan(graph: Graph, engine: str = "reference", objective: Objective = Objective.INSTRUCTIONS) -> Plan:
    """Decides steps, layouts and memory.

    Raises:
        ModelError: Something in the model is not supported; names the operator and the tensor.
    """
    chosen = backend(engine)
    check(graph)
    return arrange(graph, engine, objective, chosen.lower(graph, objective))


def emit(plan: Plan, directory: Path) -> None:
    """Writes the C++ of a plan.

    Args:
        plan: What to write.
        directory: Made if it is missing; a file that is already right keeps its time stamp.
    """
    if plan.engine == "tflm":
        from renode_mnist.codegen import tflm

        write(tflm.files(plan), directory)
    else:
        write(files(plan), directory)
