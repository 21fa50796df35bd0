"""Many small models compiled into one library for this PC: the compiler's start and the headers are paid once."""

from __future__ import annotations

import ctypes
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

from host_engine import FLAGS, TRAPS, compile_with, kernels
from renode_mnist import codegen, paths
from renode_mnist.codegen.planning import Plan
from runtimes import Tensors

_INCLUDE = re.compile(r'^#include ([<"].*[>"])\n', re.MULTILINE)
# Without optimisation also what has engine m7's kernels in it: 2.5 s instead of 12.5 s for the 84 plans of CONV_2D.
_BATCH_FLAGS = (*FLAGS, "-O0", *TRAPS, "-shared")
_OWN = ('"model_config.hpp"', '"weights.hpp"')


class HostBatch:
    """Plans as one library.

    Args:
        name: Of the library; an earlier one of that name is replaced.
        plans: By what they are asked for with.
        kernel_folders: Folders under firmware/engine/ with its kernels.
        more: Further arguments of the compiler: include paths, libraries.
    """

    def __init__(
        self,
        name: str,
        plans: Mapping[str, Plan],
        kernel_folders: tuple[str, ...] = ("reference",),
        more: tuple[str | Path, ...] = (),
    ) -> None:
        self._plans = dict(plans)
        self._numbers = {key: number for number, key in enumerate(self._plans)}
        cache = paths.root() / "build" / "test-kernels"
        objects = kernels(kernel_folders, cache)
        text = source_text(list(self._plans.values()))
        digest = hashlib.sha256(repr((text, _BATCH_FLAGS, [str(file) for file in objects])).encode())
        for header in sorted((paths.firmware() / "engine").rglob("*.hpp")):
            digest.update(header.read_bytes())
        source = cache / f"batch-{name}.cpp"
        library = cache / f"batch-{name}-{digest.hexdigest()[:16]}.so"
        with FileLock(source.with_suffix(".lock")):
            if not library.exists():
                for old in cache.glob(f"batch-{name}-{'?' * 16}.so"):
                    old.unlink()
                source.write_text(text)
                compile_with(
                    ["g++", *_BATCH_FLAGS, "-I", paths.firmware(), source, *objects, *more,
                     "-o", library]
                )  # fmt: skip
            self._library = ctypes.CDLL(str(library))

    def __call__(self, key: str, inputs: Tensors) -> Tensors:
        """The first inference of the model that was given as `key`, its state as after a reset."""
        getattr(self._library, f"init_{self._numbers[key]}")()
        return self.go_on(key, inputs)

    def go_on(self, key: str, inputs: Tensors) -> Tensors:
        """The next inference, its state as the last one left it."""
        graph, number = self._plans[key].graph, self._numbers[key]
        for position, (source, values) in enumerate(zip(graph.inputs, inputs, strict=True)):
            assert values.dtype == source.type.dtype
            assert values.size == source.element_count
            data = np.ascontiguousarray(values).tobytes()
            ctypes.memmove(self._pointer(f"input_{number}", position), data, len(data))
        getattr(self._library, f"invoke_{number}")()
        results = []
        for position, result in enumerate(graph.outputs):
            assert result.type.dtype is not None
            raw = ctypes.string_at(self._pointer(f"output_{number}", position), result.byte_count)
            results.append(np.frombuffer(raw, result.type.dtype).reshape(result.shape))
        return tuple(results)

    def _pointer(self, function: str, position: int) -> int:
        call = getattr(self._library, function)
        call.restype, call.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        return int(call(position))


def program_text(plan: Plan) -> str:
    """A plan's C++ without what only names it: the same for two engines that compute the same way."""
    texts = codegen.files(plan)
    text = "".join(texts[name] for name in ("model_config.hpp", "weights.hpp", "weights.cpp", "model.cpp"))
    text = re.sub(r"^// Made by .*\n", "", text, flags=re.MULTILINE)
    return text.replace(f'kEngineName[] = "{plan.engine}"', 'kEngineName[] = ""')


def source_text(plans: list[Plan]) -> str:
    """One translation unit: each model in a namespace of its own, within which it is engine::."""
    texts = [program_text(plan) for plan in plans]
    headers = sorted({header for text in texts for header in _INCLUDE.findall(text)} - set(_OWN))
    models = "".join(_model(number, text) for number, text in enumerate(texts))
    return "".join(f"#include {header}\n" for header in headers) + models


def _model(number: int, text: str) -> str:
    text = _INCLUDE.sub("", text).replace("#pragma once\n", "")
    space = f"model_{number}"
    return (
        f"namespace {space} {{\nnamespace engine {{ using namespace ::engine; }}\n{text}}}\n"
        f'extern "C" void init_{number}() {{ {space}::engine::init(); }}\n'
        f'extern "C" void* input_{number}(std::size_t i) {{ return {space}::engine::input(i); }}\n'
        f'extern "C" const void* output_{number}(std::size_t i) {{ return {space}::engine::output(i); }}\n'
        f'extern "C" void invoke_{number}() {{ {space}::engine::invoke(nullptr, nullptr); }}\n'
    )
