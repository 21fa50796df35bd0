"""The tensors within a network while a firmware computes it: read layer by layer, the image unchanged where possible.

The plan of an image says where each step leaves its results. On a target that stands still at the firmware's layer
marks they are read from memory there; elsewhere an image built for it (`ImageOptions.trace`) sends them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen.graph import NHWC, PLANAR, Tensor
from renode_mnist.codegen.planning import Plan
from renode_mnist.errors import FirmwareError, TargetError
from renode_mnist.model.inputs import Tensors
from renode_mnist.program import symbols
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.targets.base import ReachesMemory, StopsAtCounterReads
from renode_mnist.wire.messages import ArenaRegion, ErrorCode, Inference

_ARENA = "_ZN6engine12_GLOBAL__N_15arenaE"
"""``engine::(anonymous namespace)::arena`` of the emitted model.cpp."""


@dataclass(frozen=True, eq=False)
class SeenTensor:
    """A tensor that can be read after a step.

    Attributes:
        tensor: Of the file.
        step: Number of the step that writes it.
        offset: In the arena, bytes.
        layout: How it stands there.
        live: Rows and columns of an image that are computed; None where all are.
    """

    tensor: Tensor
    step: int
    offset: int
    layout: str
    live: tuple[int, int] | None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an element."""
        dtype = self.tensor.type.dtype
        assert dtype is not None  # a buffer has one
        return dtype

    def array(self, raw: bytes) -> npt.NDArray[Any]:
        """Bytes of the arena as the model has the tensor."""
        flat = np.frombuffer(raw, self.dtype)
        shape = self.tensor.shape
        if self.layout == NHWC:
            return flat.reshape(shape)
        assert self.layout == PLANAR
        batch, height, width, channels = shape
        return flat.reshape(batch, channels, height, width).transpose(0, 2, 3, 1)

    def part(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What of a tensor's values is computed."""
        return values if self.live is None else values[:, : self.live[0], : self.live[1], :]


def seen_tensors(plan: Plan) -> tuple[SeenTensor, ...]:
    """What can be read of a plan, in the order of execution; nothing of the interpreter's, which plans for itself."""
    found = []
    for number, step in enumerate(plan.steps):
        if not step.call:
            continue
        for buffer in step.writes:
            if buffer.tensor is None or buffer.layout not in (NHWC, PLANAR):
                continue
            found.append(
                SeenTensor(
                    buffer.tensor, number, plan.placement(buffer).offset, buffer.layout, _live(plan, buffer.tensor)
                )
            )
    return tuple(found)


def _live(plan: Plan, tensor: Tensor) -> tuple[int, int] | None:
    producer = plan.graph.producer(tensor)
    return producer.live if producer is not None else None


@dataclass(frozen=True)
class Observed:
    """One inference of the firmware, looked into.

    Attributes:
        outputs: Of the network, as its tensors store them.
        tensors: By index in the file; those of `seen_tensors`.
        inference: As the firmware answered it, with what each layer counted.
    """

    outputs: Tensors
    tensors: Mapping[int, npt.NDArray[Any]]
    inference: Inference


class Observer(Protocol):
    """Runs inferences and sees what is within."""

    @property
    def seen(self) -> Sequence[SeenTensor]:
        """What it sees."""
        ...

    @property
    def how(self) -> str:
        """By which means, or why nothing is seen; for the reader of a table."""
        ...

    def infer(self, inputs: Tensors) -> Observed:
        """One inference from the initial state."""
        ...


class OutputsOnly:
    """Sees what every firmware tells.

    Args:
        session: Opened.
        why: Nothing more is seen.
    """

    seen: Sequence[SeenTensor] = ()

    def __init__(self, session: Session, why: str) -> None:
        self._session = session
        self.how = f"outputs only: {why}"

    def infer(self, inputs: Tensors) -> Observed:
        """See `Observer.infer`."""
        record = _inferred(self._session, inputs)
        return Observed(record.outputs, {}, record.inference)


class MemoryAtMarks:
    """Reads the arena of the unchanged image while the target stands at the layer marks.

    Args:
        session: Opened, on a target that stops at reads of the cycle counter and reaches memory.
        plan: Of the image.
        arena: Its address.
    """

    how = "read from memory at the layer marks, the image unchanged"

    def __init__(self, session: Session, plan: Plan, arena: int) -> None:
        self._session = session
        self._steps = len(plan.steps)
        self._arena = arena
        self.seen = seen_tensors(plan)

    def infer(self, inputs: Tensors) -> Observed:
        """See `Observer.infer`."""
        target = self._session.target
        assert isinstance(target, ReachesMemory)
        assert isinstance(target, StopsAtCounterReads)
        memory = target
        raw: dict[int, bytes] = {}
        reads = 0

        def look() -> None:
            # The counter is read once before the first step, once after each, and once at the end.
            nonlocal reads
            for each in self.seen:
                if each.step == reads - 1:
                    raw[each.tensor.index] = memory.read_memory(self._arena + each.offset, each.tensor.byte_count)
            reads += 1

        with target.at_counter_reads(look):
            record = _inferred(self._session, inputs)
        if reads != self._steps + 2:
            raise TargetError(
                f"the firmware read its cycle counter {reads} times in an inference of {self._steps} steps",
                "Verify an image of this version: leave --elf out.",
            )
        seen = {each.tensor.index: each.array(raw[each.tensor.index]) for each in self.seen}
        return Observed(record.outputs, seen, record.inference)


class TraceImage:
    """Lets an image that was built for it send its arena at the layer marks.

    Args:
        session: Opened, with an image of `ImageOptions.trace`.
        plan: Of the image.
    """

    how = "sent at the layer marks by an image that was built for it"

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session = session
        self._plan = plan
        self.seen = seen_tensors(plan)

    def answers(self) -> bool:
        """Whether the image is one of that kind: tried on zeros."""
        zeros = [bytes(tensor.byte_count) for tensor in self._plan.graph.inputs]
        try:
            self._session.client.run_traced(zeros, self._regions()[:1])
        except FirmwareError as error:
            if error.code == ErrorCode.UNKNOWN_COMMAND:
                return False
            raise
        return True

    def _regions(self) -> list[ArenaRegion]:
        return [ArenaRegion(each.step, each.offset, each.tensor.byte_count) for each in self.seen]

    def infer(self, inputs: Tensors) -> Observed:
        """See `Observer.infer`."""
        _reset(self._session)
        inference, sent = self._session.client.run_traced([values.tobytes() for values in inputs], self._regions())
        outputs = tuple(
            np.frombuffer(raw, tensor.type.dtype).reshape(tensor.shape)
            for tensor, raw in zip(self._plan.graph.outputs, inference.tensors, strict=True)
        )
        seen = {each.tensor.index: each.array(raw) for each, raw in zip(self.seen, sent, strict=True)}
        return Observed(outputs, seen, inference)


def observer(session: Session, plan: Plan, elf: Path) -> Observer:
    """The best way to look into a firmware; says by its `how` why one sees no more.

    Args:
        session: Opened.
        plan: Of its image.
        elf: The image.

    Raises:
        ElfError: The image cannot be read.
    """
    if not seen_tensors(plan):
        return OutputsOnly(session, f"engine {plan.engine} lays its tensors out by itself, on the chip")
    target = session.target
    if isinstance(target, StopsAtCounterReads) and isinstance(target, ReachesMemory):
        arena = symbols.address_of_data(elf, _ARENA)
        if arena is not None:
            return MemoryAtMarks(session, plan, arena)
        return OutputsOnly(session, f"{elf.name} has no symbol of the arena")
    traced = TraceImage(session, plan)
    return traced if traced.answers() else OutputsOnly(session, "the image was built without --trace")


def _inferred(session: Session, inputs: Tensors) -> Record:
    _reset(session)
    return session.infer(inputs)


def _reset(session: Session) -> None:
    if session.firmware.state_bytes:
        session.reset_state()
