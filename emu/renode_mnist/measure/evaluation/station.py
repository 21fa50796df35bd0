"""Where inputs are answered: a target that is opened once, asked chunk after chunk, and kept. What a worker is."""

from __future__ import annotations

import socket
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from renode_mnist import version
from renode_mnist.codegen import reader
from renode_mnist.codegen.graph import Graph
from renode_mnist.errors import EnvironmentProblem, FirmwareError, RenodeMnistError, TargetError, WireError
from renode_mnist.measure.evaluation.job import Answers, Cargo, Chunk, Worked
from renode_mnist.measure.stations import Stations
from renode_mnist.model import difference, yardstick
from renode_mnist.model.difference import Verdict
from renode_mnist.model.inputs import Tensors
from renode_mnist.model.interface import TensorSpec
from renode_mnist.model.yardstick import LiteRt, Yardstick
from renode_mnist.session.opening import open_session
from renode_mnist.session.session import Session
from renode_mnist.targets.base import CounterUnit


class Station:
    """Opens a target for a cargo; to be closed.

    Args:
        cargo: Image, model and target; held to its digests.

    Raises:
        RenodeMnistError: As `open_session`, or the cargo was changed on its way.
    """

    def __init__(self, cargo: Cargo) -> None:
        cargo.check()
        self._cargo = cargo
        self._graph: Graph = reader.parse(cargo.model, "the model")
        self._reference = _same_reference(cargo, self._graph)
        self._open = ExitStack()
        self._session: Session | None = None

    def close(self) -> None:
        """Ends the target."""
        self._session = None
        self._open.close()

    def answer(self, chunk: Chunk) -> Worked:
        """Answers every input, from a reset on.

        Raises:
            RenodeMnistError: The target can't be opened or is lost; an input that it refuses is set aside.
        """
        session = self._opened()
        identity = session.identity()
        is_fresh = identity.deterministic
        if is_fresh:
            session.reset()
        answers = self._cargo.blank(len(chunk))
        for position in range(len(chunk)):
            tensors = chunk.tensors(position)
            # A model of caches remembers what ran before.
            if not is_fresh and identity.counter_unit is CounterUnit.CYCLES_MODELLED:
                session.reset()
            try:
                if not is_fresh and session.firmware.state_bytes:
                    session.reset_state()
                is_fresh = False
                record = session.infer(tensors)
            except (FirmwareError, TargetError, WireError) as refusal:
                answers.aside[position] = " ".join(str(refusal).split())
                session = self._afresh(refusal)
                continue
            for column, values in zip(answers.outputs, record.outputs, strict=True):
                column[position] = values
            answers.counters[position] = record.inference.counter
            if self._reference is not None:
                compare(answers, position, self._graph, self._reference, tensors)
        return Worked(chunk.number, answers)

    def _opened(self) -> Session:
        if self._session is None:
            folder = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="renode-mnist-")))
            image = folder / "firmware.elf"
            image.write_bytes(self._cargo.image)
            image.chmod(0o700)  # for target host it is the program
            options = self._cargo.options
            if self._cargo.parameters is not None:
                figures = folder / "parameters.toml"
                figures.write_bytes(self._cargo.parameters)
                options = replace(options, parameters=figures)
            session = self._open.enter_context(open_session(self._cargo.target, image, options))
            self._check(session)
            self._session = session
        return self._session

    def _check(self, session: Session) -> None:
        """Refuses a target whose counts would be other ones."""
        wanted = self._cargo
        mine = (session.identity(), session.firmware.build_id, version.version())
        if mine != (wanted.identity, wanted.build_id, wanted.release):
            here = socket.gethostname()
            raise EnvironmentProblem(
                f"the worker on {here} has renode-mnist {mine[2]} with {mine[0].target} ({mine[0].version}), "
                f"firmware {mine[1][:12]}; asked for is {wanted.release} with {wanted.identity.target} "
                f"({wanted.identity.version}), firmware {wanted.build_id[:12]}",
                "Install the same versions on each worker.",
            )

    def _afresh(self, refusal: RenodeMnistError) -> Session:
        """A target that answers again, after an input that it has not survived or not taken."""
        with suppress(RenodeMnistError):
            self._opened().reset()
            return self._opened()
        self._open.close()
        self._session = None
        try:
            return self._opened()
        except RenodeMnistError as lost:
            raise TargetError(f"{refusal} After that the target could not be opened again: {lost.what}") from lost


def _same_reference(cargo: Cargo, graph: Graph) -> Yardstick | None:
    """This machine's LiteRT where it is the one that is asked for; else whoever asks computes by itself."""
    if not cargo.reference:
        return None
    with suppress(RenodeMnistError):
        found = LiteRt(cargo.model, graph)
        return found if found.name == cargo.reference else None
    return None


def compare(answers: Answers, position: int, graph: Graph, reference: Yardstick, tensors: Tensors) -> None:
    """Holds one answer to what the PC computes, and notes how far they are apart."""
    expected = yardstick.outputs(graph, reference.tensors(tensors))
    specs = [TensorSpec.of(tensor) for tensor in graph.outputs]
    got = [column[position] for column in answers.outputs]
    parts = [
        difference.compare(spec, np.asarray(mine), theirs.reshape(spec.shape))
        for spec, mine, theirs in zip(specs, got, expected, strict=True)
    ]
    worst = max(parts, key=lambda part: (part.verdict is Verdict.DIFFERENT, part.most_units))
    answers.reference_units[position] = worst.most_units
    answers.reference_bounds[position] = worst.bound_units
    answers.reference_equal[position] = not any(part.differing for part in parts)


_stations = Stations(Station)


def answer(cargo: Cargo, chunk: Chunk) -> Worked:
    """Answers a chunk by a station that this process keeps.

    Raises:
        RenodeMnistError: See `Station`.
    """
    return _stations.work(cargo, lambda station: station.answer(chunk))


def close_all() -> None:
    """Ends the targets that this process keeps."""
    _stations.close()
