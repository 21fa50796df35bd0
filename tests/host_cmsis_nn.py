"""CMSIS-NN as a shared library for this PC, where it is plain C."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path

from filelock import FileLock

from renode_mnist import paths


def sources() -> Path:
    """CMSIS-NN in the wheel that requirements/no-deps.txt brings."""
    spec = importlib.util.find_spec("aidge_export_arm_cortexm")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0]) / "_CMSIS-NN" / "CMSIS-NN"


def library() -> Path:
    """The whole of it, compiled once."""
    target = paths.root() / "build" / "test-kernels" / "libcmsis_nn.so"
    target.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(target.with_suffix(".lock")):
        if not target.exists():
            files = sorted((sources() / "Source").rglob("*.c"))
            subprocess.run(
                ["gcc", "-O2", "-w", "-fPIC", "-shared", "-I", sources() / "Include", *files, "-o", target],
                check=True,
            )
    return target


def arguments() -> tuple[str | Path, ...]:
    """What the compiler needs for C++ that calls it."""
    return ("-isystem", sources() / "Include", library(), f"-Wl,-rpath,{library().parent}")
