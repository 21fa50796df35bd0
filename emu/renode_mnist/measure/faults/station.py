"""Where faults are put in: a chip that is booted once, and kept. What a worker is."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from renode_mnist import version
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure.faults import trial
from renode_mnist.measure.faults.bench_chip import BenchChip
from renode_mnist.measure.faults.campaign import Retold
from renode_mnist.measure.faults.draw import Draw
from renode_mnist.measure.faults.image_map import ImageMap
from renode_mnist.measure.faults.job import Cargo, Chunk, Worked
from renode_mnist.measure.stations import Stations
from renode_mnist.targets.embedded import EmbeddedTarget


class Station:
    """Boots a chip for a cargo; to be closed.

    Args:
        cargo: Image, inputs, seed.

    Raises:
        EnvironmentProblem: This machine has another version of package or emulator.
        RenodeMnistError: The firmware does not answer without any fault.
    """

    def __init__(self, cargo: Cargo) -> None:
        self._open = ExitStack()
        with ExitStack() as opened:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="renode-mnist-")))
            elf = folder / "firmware.elf"
            elf.write_bytes(cargo.image)
            target = opened.enter_context(EmbeddedTarget(elf, board=cargo.board))
            mine = version.version(), target.identity().version
            if mine != (cargo.release, cargo.emulator):
                raise EnvironmentProblem(
                    f"the worker has renode-mnist {mine[0]} with {mine[1]}; asked for is {cargo.release} with "
                    f"{cargo.emulator}",
                    "Install the same versions on each worker.",
                )
            image = ImageMap.of(elf)
            self.chip = BenchChip(target, cargo.board, image, cargo.inputs)
            self.draw = Draw(cargo.seed, cargo.places, image, tuple(each.subject for each in self.chip.samples))
            self._open = opened.pop_all()

    def close(self) -> None:
        """Ends the chip."""
        self._open.close()

    def answer(self, chunk: Chunk) -> Worked:
        """Tries every fault of a chunk, each from the same state on."""
        found = tuple(trial.tried(self.chip, self.draw.fault(number)) for number in chunk.faults)
        return Worked(chunk.number, self.chip.patience_seconds, found)

    def retold(self, number: int) -> Retold:
        """Tries one fault and tells what was seen."""
        fault = self.draw.fault(number)
        frames: list[tuple[float, str, bytes]] = []
        finding, answer = trial.watched(
            self.chip, fault, lambda direction, frame, seconds: frames.append((seconds, direction, frame))
        )
        return Retold(
            finding,
            self.chip.samples[fault.sample].answer.tensors,
            answer.tensors if answer is not None else (),
            tuple(frames),
            self.chip.machine.log.text(),
        )


_stations = Stations(Station)


def answer(cargo: Cargo, chunk: Chunk) -> Worked:
    """Tries a chunk by a station that this process keeps.

    Raises:
        RenodeMnistError: See `Station`.
    """
    return _stations.work(cargo, lambda station: station.answer(chunk))


def close_all() -> None:
    """Ends the chips that this process keeps."""
    _stations.close()
