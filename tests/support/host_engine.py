"""Builds a model with an ahead-of-time engine for this PC and calls it: the same C++ as on the board."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from renode_mnist import codegen, paths
from runtimes import Tensors

FLAGS = ("-std=c++17", "-fPIC", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra", "-Werror")
TRAPS = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
# Kernels are compiled once and run often, with everything that is undefined trapped; generated code is compiled
# for every model, so without optimisation. Engine m7's kernels are templates, which come with the generated code.
_KERNEL_FLAGS = (*FLAGS, "-O2", "-ffp-contract=off", *TRAPS)
_MODEL_FLAGS = {"reference": (*FLAGS, "-O0"), "cmsis-nn": (*FLAGS, "-O0"), "m7": (*FLAGS, "-O0", *TRAPS)}


def compile_with(command: Sequence[str | Path]) -> None:
    """Runs the compiler; fails with what it says."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr}"


@functools.cache
def kernels(folders: tuple[str, ...], cache: Path) -> list[Path]:
    """Object files of the kernels in firmware/engine/<folder>; compiled if changed."""
    engines = paths.firmware() / "engine"
    return _objects(tuple(source for folder in folders for source in sorted((engines / folder).glob("*.cpp"))), cache)


@functools.cache
def _objects(sources: tuple[Path, ...], cache: Path) -> list[Path]:
    firmware = paths.firmware()
    headers = sorted((firmware / "engine").rglob("*.hpp"))
    base = hashlib.sha256(repr(_KERNEL_FLAGS).encode())
    for header in headers:
        base.update(header.read_bytes())
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(cache / "compiling.lock"):  # two workers of pytest would else compile all of it twice
        return _compiled(sources, base, cache)


def _compiled(sources: tuple[Path, ...], base: Any, cache: Path) -> list[Path]:
    firmware = paths.firmware()
    objects, running = [], []
    for source in sources:
        digest = base.copy()
        digest.update(source.read_bytes())
        target = cache / f"{source.stem}-{digest.hexdigest()[:16]}.o"
        objects.append(target)
        if not target.exists():
            command = ["g++", *_KERNEL_FLAGS, "-I", str(firmware), "-c", str(source), "-o", str(target)]
            running.append(subprocess.Popen(command, stderr=subprocess.PIPE, text=True))
            if len(running) == 2:
                _wait(running.pop(0))
    for process in running:
        _wait(process)
    return objects


def _wait(process: subprocess.Popen[str]) -> None:
    _, errors = process.communicate()
    assert process.returncode == 0, errors


class HostEngine:
    """A model compiled for this PC.

    Args:
        model: Path of the ``.tflite`` file.
        folder: Where to build.
        engine: Name of the engine.
        kernel_folders: Folders under firmware/engine/ with its kernels.
        objective: What the plan makes small.
        more: Further arguments of the compiler: include paths, libraries.
        leave_out: Passes of the generator that are not run.
        kernel: Name of the candidate that layers take where they have it.
    """

    def __init__(
        self,
        model: Path,
        folder: Path,
        engine: str = "reference",
        kernel_folders: tuple[str, ...] = ("reference",),
        objective: codegen.Objective = codegen.Objective.TIME,
        more: tuple[str | Path, ...] = (),
        leave_out: tuple[str, ...] = (),
        kernel: str = "",
    ) -> None:
        self.plan = codegen.plan(codegen.load(model), engine, codegen.Aim(objective, kernel=kernel), leave_out)
        codegen.emit(self.plan, folder)
        library = folder / "engine.so"
        cache = paths.root() / "build" / "test-kernels"
        interface = _objects((paths.firmware() / "host" / "engine_library.cpp",), cache)
        compile_with(
            ["g++", *_MODEL_FLAGS[engine], "-shared", "-I", paths.firmware(), "-I", folder, folder / "model.cpp",
             folder / "weights.cpp", *kernels(kernel_folders, cache), *interface, *more, "-o", library]
        )  # fmt: skip
        self._library = ctypes.CDLL(str(library))
        for function in (self._library.rm_input, self._library.rm_output):
            function.argtypes = [ctypes.c_size_t]
        self._library.rm_input.restype = ctypes.c_void_p
        self._library.rm_output.restype = ctypes.c_void_p
        self._library.rm_invoke.argtypes = [ctypes.c_void_p]
        self._library.rm_invoke.restype = None
        self._library.rm_init.restype = ctypes.c_char_p
        assert self._library.rm_init() is None

    def __call__(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """One inference of a model with one input and one output; see `infer`."""
        (result,) = self.infer((values,))
        return result

    def infer(self, inputs: Tensors) -> Tensors:
        """One inference; each array has the type and the number of elements of the model's input."""
        for position, (source, values) in enumerate(zip(self.plan.graph.inputs, inputs, strict=True)):
            assert values.dtype == source.type.dtype
            assert values.size == source.element_count
            data = np.ascontiguousarray(values).tobytes()
            ctypes.memmove(self._library.rm_input(position), data, len(data))
        self._library.rm_invoke(None)
        return tuple(self._output(position) for position in range(len(self.plan.graph.outputs)))

    def reset_state(self) -> None:
        """What lives between inferences gets its initial values."""
        self._library.rm_reset_state()

    def _output(self, position: int) -> npt.NDArray[Any]:
        result = self.plan.graph.outputs[position]
        raw = ctypes.string_at(self._library.rm_output(position), result.byte_count)
        assert result.type.dtype is not None
        return np.frombuffer(raw, result.type.dtype).reshape(result.shape)
