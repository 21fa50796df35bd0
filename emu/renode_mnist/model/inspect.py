"""What a ``.tflite`` file holds, and what it needs on the chip: the facts behind ``renode-mnist inspect``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from renode_mnist import codegen
from renode_mnist.codegen import Objective, operators
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.planning import Plan
from renode_mnist.codegen.tflm import arena
from renode_mnist.errors import ModelError
from renode_mnist.stm32f746.memory_map import DTCM, FLASH, SRAM1, SRAM2

FLASH_BYTES = FLASH.size_bytes
RAM_BYTES = DTCM.size_bytes + SRAM1.size_bytes + SRAM2.size_bytes
"""The three follow one another, and the linker script takes them as one."""

OTHER_RAM_BYTES = 20 * 1024
"""Stack, frame buffers and the rest of the application: 19.3 kB in the linker's report, GCC 12.2."""

CODE_BYTES = {"reference": 27_000, "m7": 31_000, "cmsis-nn": 31_000, "tflm": 70_000}
"""The whole image without weights, as large as the committed models make it (linker's report, GCC 12.2, -O2)."""


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
    """

    op: str
    name: str
    engine: str
    macs: int
    live_bytes: int
    fallback: str


@dataclass(frozen=True)
class EngineFacts:
    """What one engine makes of the model.

    Attributes:
        refusal: Why it can't build the model; empty where it can, and then the other fields count.
        exact: Whether the arena is known to the byte; ``tflm`` lays it out on the chip, in at most so much.
        arena_bytes: Activations and scratch.
        weights_bytes: Constants in flash.
        code_bytes_estimated: The rest of the image, as measured on the committed models.
        fits: Whether flash and RAM of the chip hold the image.
        buffers: The RAM plan.
        rewrites: What was done to the network for this engine, a line each.
    """

    engine: str
    refusal: str = ""
    exact: bool = True
    arena_bytes: int = 0
    weights_bytes: int = 0
    code_bytes_estimated: int = 0
    fits: bool = False
    steps: tuple[StepFacts, ...] = ()
    buffers: tuple[BufferFacts, ...] = ()
    rewrites: tuple[str, ...] = ()

    @property
    def flash_bytes(self) -> int:
        """Estimated size of the image in flash."""
        return self.weights_bytes + self.code_bytes_estimated

    @property
    def ram_bytes(self) -> int:
        """Estimated RAM in all, the stack included."""
        return self.arena_bytes + OTHER_RAM_BYTES


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

    def planned(self, preferred: str) -> EngineFacts:
        """The preferred engine; where it refuses the model, the first that has a plan for it."""
        planned = [found for found in self.engines if found.exact]
        return min(planned, key=lambda found: (bool(found.refusal), found.engine != preferred))

    def engine(self, name: str) -> EngineFacts:
        """One of ``engines``."""
        return next(engine for engine in self.engines if engine.engine == name)


def inspect(path: Path, objective: Objective = Objective.INSTRUCTIONS) -> ModelFacts:
    """Reads a model and plans it for each engine.

    Raises:
        ModelError: The file is no model. One with unsupported operators is shown, with each engine's refusal.
    """
    graph = codegen.load(path)
    return ModelFacts(
        name=graph.name,
        sha256=graph.sha256,
        file_bytes=graph.file_bytes,
        inputs=tuple(tensor.index for tensor in graph.inputs),
        outputs=tuple(tensor.index for tensor in graph.outputs),
        tensors=tuple(_tensor(tensor) for tensor in graph.tensors),
        operators=tuple(_operator(operator) for operator in graph.operators),
        engines=(*(_engine(graph, name, objective) for name in codegen.ENGINES), _tflm(graph)),
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


def _engine(graph: Graph, name: str, objective: Objective) -> EngineFacts:
    try:
        plan = codegen.plan(graph, name, objective)
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
        fits=_fits(graph.file_bytes + CODE_BYTES[codegen.INTERPRETER], arena_bytes),
    )


def _fits(flash_bytes: int, arena_bytes: int) -> bool:
    return flash_bytes <= FLASH_BYTES and arena_bytes + OTHER_RAM_BYTES <= RAM_BYTES


def _plan(plan: Plan) -> EngineFacts:
    code_bytes = CODE_BYTES[plan.engine]
    return EngineFacts(
        engine=plan.engine,
        arena_bytes=plan.arena_bytes,
        weights_bytes=plan.weights_bytes,
        code_bytes_estimated=code_bytes,
        fits=_fits(plan.weights_bytes + code_bytes, plan.arena_bytes),
        steps=tuple(
            StepFacts(step.op, step.name, step.engine, step.macs, plan.live_bytes(number), step.fallback)
            for number, step in enumerate(plan.steps)
        ),
        buffers=tuple(
            BufferFacts(p.buffer.name, p.buffer.layout, p.buffer.byte_count, p.offset, p.first, p.last)
            for p in plan.placements
        ),
        rewrites=plan.graph.rewrites,
    )
