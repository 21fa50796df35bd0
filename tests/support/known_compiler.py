"""Which compiler builds here, and whether it is one that this repository's costs are held to.

Instructions and sizes are the compiler's as much as the sources': a bar that holds for one says nothing of another.
"""

from __future__ import annotations

import subprocess
from functools import cache

import pytest

from renode_mnist import paths
from renode_mnist.images.toolchain import find_compiler
from renode_mnist.measure import budgets


@cache
def compiler_here() -> str:
    """As an image of it should say, asked from the compiler itself."""
    command = [find_compiler("stm32f746"), "-E", "-dM", "-include", "_newlib_version.h", "-x", "c", "/dev/null"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    macros = dict(line.split(" ", 2)[1:] for line in said.splitlines() if line.count(" ") > 1)
    gcc = ".".join(macros[name] for name in ("__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"))
    return f"GNU {gcc}, newlib {macros['_NEWLIB_VERSION'].strip(chr(34))}"


def is_known() -> bool:
    """Whether budgets.toml is exact for it."""
    return compiler_here() in _known()


def skip_unless_known(checked: str = "") -> None:
    """Ends a test here where costs can't be judged; ``checked`` is what the test has found to be right until then."""
    if not is_known():
        done = f"{checked}; " if checked else ""
        pytest.skip(f"{done}costs are held to those of {' or '.join(_known())}, and this is {compiler_here()}")


def _known() -> list[str]:
    return [toolchain.compiler for toolchain in budgets.load(paths.budgets()).toolchains.values()]
