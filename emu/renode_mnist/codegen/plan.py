"""The program that an engine runs, before it becomes C++: steps, buffers, constants, and where buffers stand.

A back-end (``Backend``) turns a ``Graph`` into a ``Program``: it decides what is fused into a step, in which
layout a buffer is kept, what scratch memory a step needs, and how weights are stored. ``arrange`` then gives
every buffer its place in the arena. Emitting is the same for all (``emit``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from renode_mnist.codegen import geometry
from renode_mnist.codegen.graph import Graph, Operator, Tensor
from renode_mnist.codegen.memory import Lifetime, lower_bound, pack
from renode_mnist.errors import ModelError

ARENA_ALIGNMENT = 8

C_TYPES = {
    "float32": "float",
    "int8": "std::int8_t",
    "uint8": "std::uint8_t",
    "int16": "std::int16_t",
    "uint16": "std::uint16_t",
    "int32": "std::int32_t",
    "uint32": "std::uint32_t",
}
"""C++ element type of each NumPy type that buffers and constants can have."""


class Objective(Enum):
    """What a back-end makes small where it has a choice."""

    INSTRUCTIONS = "instructions"
    CYCLES = "cycles"
    FLASH = "flash"


@dataclass(frozen=True, eq=False)
class Buffer:
    """A region of the arena. Identity tells buffers apart; two steps agree by naming the same one.

    Attributes:
        name: C++ identifier, as used in ``Step.call``; unique in a program.
        dtype: NumPy name of the element type, a key of ``C_TYPES``.
        element_count: Padding that the layout wants included.
        layout: Tag that says how the elements stand: ``NHWC`` as in the model, or a back-end's own.
        tensor: The model's tensor that it holds; None for scratch.
        alignment: In bytes; at most ``ARENA_ALIGNMENT``.
    """

    name: str
    dtype: str
    element_count: int
    layout: str = "NHWC"
    tensor: Tensor | None = None
    alignment: int = ARENA_ALIGNMENT

    @property
    def byte_count(self) -> int:
        """Bytes in the arena."""
        return self.element_count * np.dtype(self.dtype).itemsize


@dataclass(frozen=True, eq=False)
class Constant:
    """A const array in flash.

    Attributes:
        name: C++ identifier, as used in ``Step.call``; unique in a program.
        values: Any shape; its type decides the C++ type. Stored flat, in C order.
        comment: What it holds and in which order, for the reader of the C++.
        alignment: In bytes.
    """

    name: str
    values: npt.NDArray[Any]
    comment: str
    alignment: int = 4

    @property
    def byte_count(self) -> int:
        """Bytes in flash."""
        return self.values.nbytes


Value = int | float | bool | str | tuple["Value", ...] | Mapping[str, "Value"]
"""Of a parameter: a number, a C++ expression (str), an array (tuple) or a struct (mapping of its fields)."""


@dataclass(frozen=True)
class Parameter:
    """A named ``constexpr`` of a step: ``constexpr <type> <name>{...};``."""

    name: str
    type: str
    value: Value


@dataclass(frozen=True, eq=False)
class Step:
    """One call in ``invoke``: one operator, or several fused.

    Attributes:
        name: Of the step's output tensor in the model.
        operators: What it computes, in the model's order; never empty.
        reads: Buffers that must hold their content when it starts.
        writes: Buffers that hold its results.
        call: One C++ statement, naming buffers, constants and parameters by their names.
        scratch: Buffers alive in this step only.
        constants: Flash arrays it uses; may be shared with other steps.
        parameters: Constexpr values it uses.
        headers: What the emitted file includes for it, relative to ``firmware/``.
        declarations: C++ put before ``invoke``, for what parameters can't say.
        in_place: Whether ``writes[0]`` may stand where ``reads[0]`` stood, if nothing reads that later.
    """

    name: str
    operators: tuple[Operator, ...]
    reads: tuple[Buffer, ...]
    writes: tuple[Buffer, ...]
    call: str
    scratch: tuple[Buffer, ...] = ()
    constants: tuple[Constant, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    headers: tuple[str, ...] = ()
    declarations: str = ""
    in_place: bool = False

    @property
    def op(self) -> str:
        """Operator names joined by '+'."""
        return "+".join(operator.op for operator in self.operators)

    @property
    def macs(self) -> int:
        """Multiply-accumulates the model asks for; see ``geometry.macs``."""
        return sum(geometry.macs(operator) for operator in self.operators)


@dataclass(frozen=True, eq=False)
class Program:
    """What a back-end makes of a graph.

    Attributes:
        input: Where the input tensor is written before the first step.
        output: Holds the output tensor after the last.
    """

    steps: tuple[Step, ...]
    input: Buffer
    output: Buffer


class Backend(Protocol):
    """An ahead-of-time engine, seen from the generator."""

    @property
    def name(self) -> str:
        """As in ``--engine``."""

    def lower(self, graph: Graph, objective: Objective) -> Program:
        """Turns operators into steps.

        Args:
            graph: Has passed ``support.check``.
            objective: What to make small.

        Raises:
            ModelError: This engine can't compute it; names the operator, the tensor, and what works instead.
        """


@dataclass(frozen=True)
class Placement:
    """Where a buffer stands in the arena, and from which to which step (both included)."""

    buffer: Buffer
    offset: int
    first: int
    last: int

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.offset + self.buffer.byte_count


@dataclass(frozen=True)
class Plan:
    """A program with its memory laid out: all that ``emit`` needs.

    Attributes:
        placements: In the order in which buffers come alive.
        arena_bytes: Activations and scratch, a multiple of ``ARENA_ALIGNMENT``.
        lower_bound_bytes: Most bytes alive at once; no arrangement can be smaller.
    """

    graph: Graph
    engine: str
    objective: Objective
    program: Program
    placements: tuple[Placement, ...]
    arena_bytes: int
    lower_bound_bytes: int
    _by_name: Mapping[str, Placement] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {p.buffer.name: p for p in self.placements})

    @property
    def steps(self) -> tuple[Step, ...]:
        """In the order of execution."""
        return self.program.steps

    @property
    def constants(self) -> tuple[Constant, ...]:
        """Each one once, in the order of first use."""
        return tuple({id(c): c for step in self.steps for c in step.constants}.values())

    @property
    def weights_bytes(self) -> int:
        """Flash taken by constants."""
        return sum(constant.byte_count for constant in self.constants)

    def placement(self, buffer: Buffer) -> Placement:
        """Where ``buffer`` stands."""
        return self._by_name[buffer.name]

    def live_bytes(self, step: int) -> int:
        """Bytes that hold something during a step; memory shared in place counts once."""
        spans = sorted((p.offset, p.end) for p in self.placements if p.first <= step <= p.last)
        total, reached = 0, 0
        for start, end in spans:
            total += max(0, end - max(start, reached))
            reached = max(reached, end)
        return total


def arrange(graph: Graph, engine: str, objective: Objective, program: Program) -> Plan:
    """Gives every buffer its place.

    Raises:
        ModelError: A back-end made a program that can't run (a defect of the back-end, not of the model).
    """
    _check(program)
    last_step = len(program.steps) - 1
    first: dict[Buffer, int] = {program.input: 0}
    last: dict[Buffer, int] = {program.input: 0}
    for number, step in enumerate(program.steps):
        for buffer in (*step.reads, *step.writes, *step.scratch):
            first.setdefault(buffer, number)
            last[buffer] = number
    last[program.output] = last_step
    # Buffers that share memory in place are packed as one, as large as the largest.
    home = {buffer: buffer for buffer in first}
    for number, step in enumerate(program.steps):
        if step.in_place and last[step.reads[0]] == number and step.writes[0] is not step.reads[0]:
            home[step.writes[0]] = home[step.reads[0]]
    groups: dict[Buffer, list[Buffer]] = {}
    for buffer in first:
        groups.setdefault(home[buffer], []).append(buffer)
    lifetimes = [
        Lifetime(
            first=min(first[b] for b in group),
            last=max(last[b] for b in group),
            byte_count=max(b.byte_count for b in group),
            alignment=max(b.alignment for b in group),
        )
        for group in groups.values()
    ]
    offsets, total = pack(lifetimes)
    offset_of = dict(zip(groups, offsets, strict=True))
    return Plan(
        graph=graph,
        engine=engine,
        objective=objective,
        program=program,
        placements=tuple(Placement(b, offset_of[home[b]], first[b], last[b]) for b in first),
        arena_bytes=-(-total // ARENA_ALIGNMENT) * ARENA_ALIGNMENT,
        lower_bound_bytes=lower_bound(lifetimes),
    )


def _check(program: Program) -> None:
    def defect(what: str) -> ModelError:
        return ModelError(f"The generator made a wrong program: {what}", "Report this with the model file")

    if not program.steps:
        raise defect("it has no steps")
    written = {program.input}
    names: dict[str, object] = {program.input.name: program.input}
    for step in program.steps:
        for buffer in step.reads:
            if buffer not in written:
                raise defect(f"step '{step.name}' reads {buffer.name} before it is written")
        written.update(step.writes)
        entries: tuple[Buffer | Constant | Parameter, ...]
        entries = (*step.writes, *step.scratch, *step.constants, *step.parameters)
        for entry in entries:
            if names.setdefault(entry.name, entry) is not entry:
                raise defect(f"two things are called {entry.name}")
            if isinstance(entry, Buffer) and entry.alignment > ARENA_ALIGNMENT:
                raise defect(f"{entry.name} wants an alignment of {entry.alignment} bytes")
    if program.output not in written:
        raise defect("nothing writes its output")
