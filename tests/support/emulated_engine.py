"""Builds a model into firmware and runs it on the embedded emulator, tensor in, tensor out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist import codegen
from renode_mnist.images import BuildConfig, build
from renode_mnist.targets.embedded import EmbeddedTarget
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import Stats


@dataclass(frozen=True)
class Emulated:
    """What some inferences on the emulated chip came to.

    Attributes:
        outputs: One for each input, in the output tensor's type and shape.
        instructions: Of the last inference, exact.
        layers: Of the last inference: operator names and instructions.
    """

    outputs: tuple[npt.NDArray[Any], ...]
    instructions: int
    layers: tuple[tuple[str, int], ...]
    stats: Stats


def emulate(config: BuildConfig, inputs: tuple[npt.NDArray[Any], ...]) -> Emulated:
    """Builds an image, or finds it built, and runs each input on it."""
    return emulate_image(build(config).elf, config.model, inputs)


def emulate_image(elf: Path, model: Path, inputs: tuple[npt.NDArray[Any], ...]) -> Emulated:
    """Runs each input on an image of a model."""
    result = codegen.load(model).outputs[0]
    assert result.type.dtype is not None
    with EmbeddedTarget(elf) as target:
        client = Client(target, timeout_seconds=60)
        answers = [client.infer(np.ascontiguousarray(values).tobytes()) for values in inputs]
        stats = client.stats()
    last = answers[-1]
    return Emulated(
        outputs=tuple(np.frombuffer(a.tensor, result.type.dtype).reshape(result.shape) for a in answers),
        instructions=last.counter,
        layers=tuple((layer.op, layer.counter) for layer in last.layers),
        stats=stats,
    )


def random_inputs(model: Path, count: int = 2) -> tuple[npt.NDArray[Any], ...]:
    """Inputs of the model's type, all values equally likely."""
    source = codegen.load(model).inputs[0]
    assert source.type.dtype is not None
    random = np.random.default_rng(2)
    if source.type.dtype.kind == "f":
        return tuple(random.random(source.shape, np.float32) for _ in range(count))
    limits = np.iinfo(source.type.dtype)
    return tuple(random.integers(limits.min, limits.max + 1, source.shape, source.type.dtype) for _ in range(count))
