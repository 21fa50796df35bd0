"""What is to be evaluated, as data that can travel: image, model, target, and the pieces that inputs come in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from renode_mnist.errors import DataError
from renode_mnist.model.inputs import Tensors
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.targets.base import TargetIdentity

CHUNK_INPUTS = 32
"""Of one request to a worker, whatever their number: a chunk begins with a reset, and its results depend on nothing
before it. On 8,000 digits a second of 1,000 workers the scheduler then has 250 tasks a second."""


def sha256(content: bytes) -> str:
    """Of some bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Cargo:
    """What a worker needs beside inputs.

    Attributes:
        image: The ELF; for target ``host`` the program.
        image_sha256: Of it.
        model: The ``.tflite`` file, for the reference.
        model_sha256: Of it.
        target: Where the image runs.
        options: Of the target.
        parameters: The content of the file of figures for modelled cycles, where one is given.
        reference: Name of the yardstick that the worker shall hold answers to, where it has the very same; empty for
            none.
        outputs: Shape and type of each output.
        identity: Of the target as whoever asks knows it: a worker that has another does not count.
        build_id: Of the firmware.
        release: Of this package.
    """

    image: bytes
    image_sha256: str
    model: bytes
    model_sha256: str
    target: str
    options: TargetOptions
    parameters: bytes | None
    reference: str
    outputs: tuple[tuple[tuple[int, ...], str], ...]
    identity: TargetIdentity
    build_id: str
    release: str

    def check(self) -> None:
        """Holds image and model to their digests.

        Raises:
            DataError: One was changed on its way.
        """
        for what, content, digest in (
            ("firmware image", self.image, self.image_sha256),
            ("model", self.model, self.model_sha256),
        ):
            if sha256(content) != digest:
                raise DataError(
                    f"the {what} came with the SHA-256 {sha256(content)[:12]}…, not {digest[:12]}…",
                    "Look for what lies between this machine and the worker.",
                )

    @property
    def key(self) -> str:
        """What tells it from any other."""
        parameters = "" if self.parameters is None else sha256(self.parameters)
        told = [self.image_sha256, self.model_sha256, self.target, repr(self.options), parameters, self.reference]
        told += [repr(self.identity), self.build_id, self.release]
        return sha256("\n".join(told).encode())

    def blank(self, count: int) -> Answers:
        """So many answers that have not come yet."""
        return Answers(
            tuple(np.zeros((count, *shape), dtype) for shape, dtype in self.outputs),
            np.full(count, -1, np.int64),
            np.full(count, np.nan),
            np.zeros(count),
            np.zeros(count, np.bool_),
        )


@dataclass(frozen=True)
class Chunk:
    """Some inputs.

    Attributes:
        number: Of the chunk.
        first: Position of its first input.
        inputs: One array a tensor of the model, the first axis counts the inputs.
    """

    number: int
    first: int
    inputs: Tensors

    def __len__(self) -> int:
        """How many inputs."""
        return len(self.inputs[0])

    def tensors(self, position: int) -> Tensors:
        """What one input is."""
        return tuple(np.asarray(column[position]) for column in self.inputs)

    def singly(self) -> Iterator[Chunk]:
        """Each of its inputs alone."""
        for position in range(len(self)):
            alone = tuple(column[position : position + 1] for column in self.inputs)
            yield Chunk(self.number, self.first + position, alone)


@dataclass(frozen=True)
class Answers:
    """What came of a chunk, or of any other row of inputs.

    Attributes:
        outputs: One array a tensor of the model, as it stores them, the first axis counts the inputs; zeros where an
            input was set aside.
        counters: (count,) int64, in the target's counter unit; -1 where it was set aside.
        reference_units: (count,) float64, the largest distance to the reference in units in the last place; NaN where
            there is none.
        reference_bounds: (count,) float64, up to which that is rounding; 0 for whole numbers.
        reference_equal: (count,) bool, whether all bits are the reference's.
        aside: By position in this row, why an input has no answer.
    """

    outputs: Tensors
    counters: npt.NDArray[np.int64]
    reference_units: npt.NDArray[np.float64]
    reference_bounds: npt.NDArray[np.float64]
    reference_equal: npt.NDArray[np.bool_]
    aside: dict[int, str] = field(default_factory=dict)

    @property
    def has_reference(self) -> bool:
        """Whether every answer was held to the reference."""
        known = ~np.isnan(self.reference_units)
        return bool(np.all(known | (self.counters < 0)))

    @classmethod
    def joined(cls, parts: list[Answers]) -> Answers:
        """Several rows after each other."""
        aside: dict[int, str] = {}
        start = 0
        for part in parts:
            aside |= {start + position: why for position, why in part.aside.items()}
            start += len(part.counters)
        return cls(
            tuple(np.concatenate(columns) for columns in zip(*(part.outputs for part in parts), strict=True)),
            np.concatenate([part.counters for part in parts]),
            np.concatenate([part.reference_units for part in parts]),
            np.concatenate([part.reference_bounds for part in parts]),
            np.concatenate([part.reference_equal for part in parts]),
            aside,
        )


@dataclass(frozen=True)
class Worked:
    """What a worker hands back.

    Attributes:
        number: Of the chunk.
        answers: Of its inputs.
    """

    number: int
    answers: Answers


def chunks(data: LabelledSet) -> Iterator[Chunk]:
    """A set in pieces, in its order."""
    for number, first in enumerate(range(0, len(data), CHUNK_INPUTS)):
        yield Chunk(number, first, tuple(column[first : first + CHUNK_INPUTS] for column in data.inputs))


def run_sha256(cargo: Cargo, data_sha256: str) -> str:
    """What makes two runs the same: everything that an answer depends on."""
    return sha256(f"{cargo.key}\n{data_sha256}\n{CHUNK_INPUTS}".encode())
