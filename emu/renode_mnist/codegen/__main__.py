"""``python -m renode_mnist.codegen MODEL --engine E --output DIR``: what CMake runs.

Imports nothing but the generator, so that a build does not wait for the command line's dependencies.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from urllib.parse import unquote

from renode_mnist import codegen
from renode_mnist.errors import RenodeMnistError


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m renode_mnist.codegen", description="Writes a model as C++.")
    parser.add_argument("model", type=Path, help="the .tflite file")
    parser.add_argument(
        "--name", default="", help="what the image calls it, percent-encoded; its file's name without it"
    )
    parser.add_argument("--engine", default="reference", choices=codegen.ALL_ENGINES)
    parser.add_argument("--objective", default="time", choices=[objective.value for objective in codegen.Objective])
    for memory in ("flash", "arena"):
        parser.add_argument(f"--{memory}-bytes", type=int, default=0, help="that the plan may take; 0 is no limit")
    parser.add_argument("--kernel", default="", help="that layers take where they have it, whatever it costs")
    parser.add_argument("--output", type=Path, required=True, help="folder for the C++ files")
    arguments = parser.parse_args()
    try:
        graph = codegen.load(arguments.model, unquote(arguments.name))
        aim = codegen.Aim(
            codegen.Objective(arguments.objective),
            arguments.flash_bytes or None,
            arguments.arena_bytes or None,
            arguments.kernel,
        )
        plan = codegen.plan(graph, arguments.engine, aim)
        codegen.emit(plan, arguments.output)
    except RenodeMnistError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
