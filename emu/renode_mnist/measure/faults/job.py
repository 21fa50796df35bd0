"""What is to be tried, as data that can travel: image, inputs, seed, and the numbers of faults."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from renode_mnist.measure.evaluation.job import sha256
from renode_mnist.measure.faults.fault import Finding, Place

CHUNK_FAULTS = 50
"""Of one request to a worker: half a second or so of its time."""


@dataclass(frozen=True)
class Cargo:
    """What a worker needs beside numbers.

    Attributes:
        image: The ELF.
        board: For which it was built.
        inputs: Of each sample each tensor's bytes, as the model stores them.
        seed: Of the campaign.
        places: That take part.
        release: Of this package.
        emulator: Version of the emulator that counts.
    """

    image: bytes
    board: str
    inputs: tuple[tuple[bytes, ...], ...]
    seed: int
    places: tuple[Place, ...]
    release: str
    emulator: str

    @property
    def key(self) -> str:
        """What tells it from any other."""
        told = [sha256(self.image), self.board, str(self.seed), *map(str, self.places), self.release, self.emulator]
        told += [sha256(tensor) for sample in self.inputs for tensor in sample]
        return sha256("\n".join(told).encode())


@dataclass(frozen=True)
class Chunk:
    """Faults by their numbers.

    Attributes:
        number: Of the chunk.
        faults: Numbers of its faults.
    """

    number: int
    faults: range

    def singly(self) -> Iterator[Chunk]:
        """Each of its faults alone."""
        for fault in self.faults:
            yield Chunk(self.number, range(fault, fault + 1))


@dataclass(frozen=True)
class Worked:
    """What a worker hands back.

    Attributes:
        number: Of the chunk.
        patience_seconds: How long the client waited for an answer; the same for each.
        findings: One a fault.
    """

    number: int
    patience_seconds: float
    findings: tuple[Finding, ...]


def chunks(count: int) -> Iterator[Chunk]:
    """Faults 0 to ``count`` in pieces."""
    for number, first in enumerate(range(0, count, CHUNK_FAULTS)):
        yield Chunk(number, range(first, min(first + CHUNK_FAULTS, count)))


def run_sha256(cargo: Cargo) -> str:
    """What makes two campaigns the same but for their count: a longer one goes on where a shorter ended."""
    return sha256(f"{cargo.key}\n{CHUNK_FAULTS}".encode())
