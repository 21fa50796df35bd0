"""What the answers of a firmware are held to: the PC's reference kernels, computed by whoever has them."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from renode_mnist.codegen.graph import Graph
from renode_mnist.errors import EnvironmentProblem, ModelError
from renode_mnist.measure.evaluation.job import Answers, Chunk
from renode_mnist.measure.evaluation.scores import Against
from renode_mnist.measure.evaluation.station import compare
from renode_mnist.measure.host_yardstick import HostYardstick
from renode_mnist.model import yardstick
from renode_mnist.model.labelled import LabelledSet
from renode_mnist.model.yardstick import LiteRt, Yardstick


class Reference:
    """The yardstick of one run; open while used.

    Args:
        model: A ``.tflite`` file.
        content: Its bytes.
        graph: The same, read.

    Attributes:
        name: Of the yardstick; empty where there is none.
        for_workers: The name, where a worker can have the very same.
        lacking: Why there is none; empty where there is one.
    """

    def __init__(self, model: Path, content: bytes, graph: Graph) -> None:
        self._model, self._graph = model, graph
        self._open = ExitStack()
        self._yardstick: Yardstick | None = None
        self.name = self.for_workers = self.lacking = ""
        why = yardstick.unfit(graph)
        if not why:
            try:
                self._yardstick = LiteRt(content, graph)
                self.name = self.for_workers = self._yardstick.name
                return
            except ModelError as refusal:
                why = refusal.what
            except EnvironmentProblem as missing:
                why = missing.what
        try:
            self._yardstick = self._open.enter_context(HostYardstick(model, why))
            self.name = self._yardstick.name
        except (EnvironmentProblem, ModelError) as missing:
            self.lacking = f"{why}; {missing}"

    def __enter__(self) -> Self:
        """It is open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends what it has started."""
        self._open.close()

    def complete(self, chunk: Chunk, answers: Answers) -> None:
        """Holds answers to the reference that no worker has held to it."""
        if self._yardstick is None:
            return
        for position in np.flatnonzero(np.isnan(answers.reference_units) & (answers.counters >= 0)):
            compare(answers, int(position), self._graph, self._yardstick, chunk.tensors(int(position)))

    def verdict(self, data: LabelledSet, answers: Answers) -> Against | None:
        """What all answers come to; None where there is no reference.

        Where LiteRT may be a step off TensorFlow Lite Micro, and this PC has a compiler, engine ``reference`` has the
        last word on the answers that differ.
        """
        if self._yardstick is None:
            return None
        note = ""
        if (
            _different(answers)
            and isinstance(self._yardstick, LiteRt)
            and (why := yardstick.rounds_once(self._graph))
        ):
            before = len(_different(answers))
            with suppress(EnvironmentProblem), HostYardstick(self._model, why) as host:
                for position in _different(answers):
                    compare(answers, position, self._graph, host, data.tensors(position))
                note = f"{before:,} were held to {host.name}"
        known = ~np.isnan(answers.reference_units)
        different = _different(answers)
        equal = int(np.count_nonzero(answers.reference_equal & known))
        return Against(
            self.name,
            equal,
            int(np.count_nonzero(known)) - equal - len(different),
            different,
            float(np.max(answers.reference_units[known], initial=0.0)),
            note,
        )


def _different(answers: Answers) -> tuple[int, ...]:
    """Positions of answers that are further off than rounding explains."""
    with np.errstate(invalid="ignore"):
        far = answers.reference_units > answers.reference_bounds
    whole = (answers.reference_bounds == 0) & ~np.isnan(answers.reference_units) & ~answers.reference_equal
    return tuple(map(int, np.flatnonzero(far | whole)))
