"""What a ``.tflite`` file holds, and what it needs on the chip: the facts behind ``renode-mnist inspect``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from renode_mnist import codegen
from renode_mnist.codegen import Aim, Objective, operators
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.tflm import arena
from renode_mnist.codegen.writer import takes_picture
from renode_mnist.errors import ModelError
from renode_mnist.images import fitting
from renode_mnist.program.footprint import Footprint

STACK_BYTES = 8448
"""Reserved, with its guard (firmware/board/stm32f746.ld)."""

OTHER_RAM_BYTES = {True: 14_400, False: 8_300}
"""Buffers of the wire and of DMA and the rest of the application, where one message holds the input as the article's
does and where tensors come in pieces: 14,320 and 7,128 B in images of GCC 12.2, more with longer names of tensors."""

CODE_BYTES = {"reference": 31_000, "m7": 26_500, "cmsis-nn": 38_000, "tflm": 74_000}
"""The whole image without weights, as large as the committed models make it (linker's report, GCC 12.2, -O2); of
``m7`` without its kernels."""

_KERNEL_BYTES = {"winograd_4x4": 17_000, "winograd_2x2": 17_000, "winograd_int8": 4_000}
_OTHER_KERNEL_BYTES = 1_500
"""Of a kernel of ``m7``, which is compiled for each layer's shape."""


_NO_LIMITS = fitting.Limits()
"""But the chip's."""


@dataclass(frozen=True)
class TensorFacts:
    """One tensor.

    Attributes:
        scales: Empty for a tensor that isn't quantised.
        axis: Dimension that several scales run along.
        byte_count: In memory.
    """

    index: int
    name: str
    type: str
    shape: tuple[int, ...]
    constant: bool
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    byte_count: int


@dataclass(frozen=True)
class OperatorFacts:
    """One operator.

    Attributes:
        name: Of its output tensor.
        inputs: Tensor numbers; -1 for one that is left out.
        macs: Multiply-accumulates that the model asks for.
        parameters: Trained numbers.
    """

    index: int
    op: str
    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    macs: int
    parameters: int


@dataclass(frozen=True)
class BufferFacts:
    """A buffer in the arena, alive from the start of step ``first`` to the end of step ``last``."""

    name: str
    layout: str
    byte_count: int
    offset: int
    first: int
    last: int


@dataclass(frozen=True)
class StepFacts:
    """A step of an engine's program, and the bytes of activations and scratch alive in it.

    Attributes:
        engine: Whose kernel computes it: ``reference`` where the engine has none of its own for it.
        fallback: Why it has none; empty where it has.
        kernel: What computes it, in words that tell it from the engine's other ways.
        faster: What would take less time, and why it was not taken; empty where nothing would.
    """

    op: str
    name: str
    engine: str
    macs: int
    live_bytes: int
    fallback: str
    kernel: str
    faster: str


@dataclass(frozen=True)
class EngineFacts:
    """What one engine makes of the model, within the limits given.

    Attributes:
        refusal: Why it can't build the model; empty where it can, and then the other fields count.
        exact: Whether the arena is known to the byte; ``tflm`` lays it out on the chip, in at most so much.
        arena_bytes: Activations and scratch.
        state_bytes: Variables that live between inferences.
        weights_bytes: Constants in flash.
        code_bytes_estimated: The rest of the image, as measured on the committed models.
        other_ram_bytes_estimated: Likewise, of static RAM beside arena and state.
        image: What the linker placed, where there is an image; then it counts and no estimate.
        no_image: Why there is none, where one was wanted; empty else.
        limits: What the image may take: the chip's memories, or less where that was asked for.
        buffers: The RAM plan.
        rewrites: What was done to the network for this engine, a line each, and what limits cost.
    """

    engine: str
    refusal: str = ""
    exact: bool = True
    arena_bytes: int = 0
    state_bytes: int = 0
    weights_bytes: int = 0
    code_bytes_estimated: int = 0
    other_ram_bytes_estimated: int = 0
    image: Footprint | None = None
    no_image: str = ""
    limits: fitting.Limits = _NO_LIMITS
    steps: tuple[StepFacts, ...] = ()
    buffers: tuple[BufferFacts, ...] = ()
    rewrites: tuple[str, ...] = ()

    @property
    def flash_bytes(self) -> int:
        """Of the image, or what it is expected to be."""
        return self.image.flash_bytes if self.image else self.weights_bytes + self.code_bytes_estimated

    @property
    def ram_static_bytes(self) -> int:
        """Of the image, or what it is expected to be."""
        if self.image:
            return self.image.ram_static_bytes
        return self.arena_bytes + self.state_bytes + self.other_ram_bytes_estimated

    @property
    def fits(self) -> bool:
        """Whether flash and RAM, as far as they are allowed, hold the image, its stack included."""
        if self.refusal:
            return False
        return (
            self.flash_bytes <= self.limits.flash_bytes
            and self.ram_static_bytes + STACK_BYTES <= self.limits.ram_bytes
        )


@dataclass(frozen=True)
class ModelFacts:
    """All of it."""

    name: str
    sha256: str
    file_bytes: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    tensors: tuple[TensorFacts, ...]
    operators: tuple[OperatorFacts, ...]
    engines: tuple[EngineFacts, ...]

    @property
    def macs(self) -> int:
        """Of one inference."""
        return sum(operator.macs for operator in self.operators)

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        return sum(operator.parameters for operator in self.operators)

    def to_json(self) -> dict[str, Any]:
        """Plain values, units in the names; of each engine also what follows from its figures."""
        engines = [
            asdict(engine)
            | {"fits": engine.fits, "flash_bytes": engine.flash_bytes, "ram_static_bytes": engine.ram_static_bytes}
            for engine in self.engines
        ]
        return asdict(self) | {"macs": self.macs, "parameters": self.parameters, "engines": engines}

    def planned(self, preferred: str) -> EngineFacts:
        """The preferred engine; where it refuses the model, the first that has a plan for it."""
        planned = [found for found in self.engines if found.exact]
        return min(planned, key=lambda found: (bool(found.refusal), found.engine != preferred))

    def engine(self, name: str) -> EngineFacts:
        """One of ``engines``."""
        return next(engine for engine in self.engines if engine.engine == name)


def _nothing_found(engine: str) -> fitting.Excess:
    return fitting.Excess()


def inspect(
    path: Path,
    objective: Objective = Objective.TIME,
    limits: fitting.Limits = _NO_LIMITS,
    excess_of: Callable[[str], fitting.Excess] = _nothing_found,
) -> ModelFacts:
    """Reads a model and plans it for each engine.

    Args:
        path: Of the file.
        objective: Of engine ``m7``.
        limits: What an image may take.
        excess_of: By the engine's name, what images took beyond the limits with plans made before.

    Raises:
        ModelError: The file is no model. One with unsupported operators is shown, with each engine's refusal.
    """
    graph = codegen.load(path)
    planned = [_within(graph, name, objective, limits, excess_of(name)) for name in codegen.ENGINES]
    return ModelFacts(
        name=graph.name,
        sha256=graph.sha256,
        file_bytes=graph.file_bytes,
        inputs=tuple(tensor.index for tensor in graph.inputs),
        outputs=tuple(tensor.index for tensor in graph.outputs),
        tensors=tuple(_tensor(tensor) for tensor in graph.tensors),
        operators=tuple(_operator(operator) for operator in graph.operators),
        engines=(*planned, replace(_tflm(graph), limits=limits)),
    )


def _tensor(tensor: Tensor) -> TensorFacts:
    quantisation = tensor.quantisation
    return TensorFacts(
        index=tensor.index,
        name=tensor.name,
        type=tensor.type.value.lower(),
        shape=tensor.shape,
        constant=tensor.is_constant,
        scales=quantisation.scales if quantisation else (),
        zero_points=quantisation.zero_points if quantisation else (),
        axis=quantisation.axis if quantisation else 0,
        byte_count=tensor.byte_count,
    )


def _operator(operator: Operator) -> OperatorFacts:
    return OperatorFacts(
        index=operator.index,
        op=operator.op,
        name=operator.name,
        inputs=tuple(tensor.index if tensor else -1 for tensor in operator.inputs),
        outputs=tuple(tensor.index for tensor in operator.outputs),
        macs=operators.macs(operator),
        parameters=operators.parameters(operator),
    )


def _within(
    graph: Graph, name: str, objective: Objective, limits: fitting.Limits, excess: fitting.Excess
) -> EngineFacts:
    """As `build` goes about it: a plan whose image is expected to be too large is made anew with so much less."""
    facts = replace(_engine(graph, name, fitting.aim(objective.value, limits, excess)), limits=limits)
    if facts.refusal or facts.fits:
        return facts
    beyond = limits.excess(facts.flash_bytes, facts.ram_static_bytes + STACK_BYTES)
    more = fitting.grown(
        excess, beyond, partial(fitting.aim, objective.value, limits), partial(codegen.plan, graph, name)
    )
    again = replace(_engine(graph, name, fitting.aim(objective.value, limits, more)), limits=limits)
    return again if again.fits else facts


def _engine(graph: Graph, name: str, aim: Aim) -> EngineFacts:
    try:
        plan = codegen.plan(graph, name, aim)
    except ModelError as error:
        return EngineFacts(name, refusal=str(error))
    return _plan(plan)


def _tflm(graph: Graph) -> EngineFacts:
    """The interpreter keeps the file in flash, and notes about the graph in its arena."""
    try:
        plan = codegen.plan(graph, codegen.INTERPRETER)
    except ModelError as error:
        return EngineFacts(codegen.INTERPRETER, refusal=str(error), exact=False)
    arena_bytes = arena.activation_bytes(plan) + arena.bookkeeping_bytes(graph)
    return EngineFacts(
        codegen.INTERPRETER,
        exact=False,
        arena_bytes=arena_bytes,
        weights_bytes=graph.file_bytes,
        code_bytes_estimated=CODE_BYTES[codegen.INTERPRETER],
        other_ram_bytes_estimated=OTHER_RAM_BYTES[takes_picture(graph)],
    )


def _plan(plan: Plan) -> EngineFacts:
    return EngineFacts(
        engine=plan.engine,
        arena_bytes=plan.arena_bytes,
        state_bytes=plan.state_bytes,
        weights_bytes=plan.weights_bytes,
        code_bytes_estimated=_code_bytes(plan),
        other_ram_bytes_estimated=OTHER_RAM_BYTES[takes_picture(plan.graph)],
        steps=tuple(
            StepFacts(
                step.op,
                step.name,
                step.engine,
                step.macs,
                plan.live_bytes(number),
                step.fallback,
                step.kernel,
                step.faster,
            )
            for number, step in enumerate(plan.steps)
        ),
        buffers=tuple(
            BufferFacts(p.buffer.name, p.buffer.layout, p.buffer.byte_count, p.offset, p.first, p.last)
            for p in plan.placements
        ),
        rewrites=(*plan.graph.rewrites, *plan.program.notes),
    )


def _code_bytes(plan: Plan) -> int:
    kernels = [step.kernel.split(",")[0] for step in plan.steps] if plan.engine == "m7" else []
    return CODE_BYTES[plan.engine] + sum(_KERNEL_BYTES.get(kernel, _OTHER_KERNEL_BYTES) for kernel in kernels)
