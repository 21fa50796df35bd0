"""Memory: gives every buffer of a program its place in the arena. Writing C++ is then the same for all engines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from renode_mnist.codegen.graph import Graph
from renode_mnist.codegen.memory import Lifetime, lower_bound, pack
from renode_mnist.codegen.objective import Objective
from renode_mnist.codegen.program import (
    ARENA_ALIGNMENT,
    Buffer,
    Constant,
    Parameter,
    Program,
    StateBuffer,
    Step,
)
from renode_mnist.errors import ModelError


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
    """A program with its memory laid out: all that ``writer`` needs.

    Attributes:
        graph: What the engine's passes made of the file's network.
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
    def state_offsets(self) -> dict[StateBuffer, int]:
        """Where each variable stands in the memory that lives between inferences."""
        offsets, end = {}, 0
        for variable in self.program.state:
            offsets[variable] = end
            end += _aligned(variable.byte_count)
        return offsets

    @property
    def state_bytes(self) -> int:
        """RAM taken by what lives between inferences, a multiple of ``ARENA_ALIGNMENT``."""
        return sum(_aligned(variable.byte_count) for variable in self.program.state)

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


def arrange(graph: Graph, program: Program, engine: str, objective: Objective) -> Plan:
    """Gives every buffer its place.

    Raises:
        ModelError: An engine made a program that can't run (a defect of the engine, not of the model).
    """
    _check(program)
    first, last, home = _lives(program)
    lifetimes = _lifetimes(first, last, home)
    offsets, total = pack(list(lifetimes.values()))
    offset_of = dict(zip(lifetimes, offsets, strict=True))
    return Plan(
        graph=graph,
        engine=engine,
        objective=objective,
        program=program,
        placements=tuple(Placement(b, offset_of[home[b]], first[b], last[b]) for b in first),
        arena_bytes=_aligned(total),
        lower_bound_bytes=lower_bound(list(lifetimes.values())),
    )


def live_bytes(program: Program) -> list[int]:
    """Bytes of the arena that hold something in each step; what stands in place of another counts once."""
    lifetimes = _lifetimes(*_lives(program)).values()
    return [
        sum(lifetime.byte_count for lifetime in lifetimes if lifetime.first <= number <= lifetime.last)
        for number in range(len(program.steps))
    ]


def _lives(program: Program) -> tuple[dict[Buffer, int], dict[Buffer, int], dict[Buffer, Buffer]]:
    """Of each buffer the first step and the last in which it is alive, and the buffer in whose place it stands."""
    last_step = len(program.steps) - 1
    # Inputs are written before the first step, also one that only a later step reads, or none.
    first: dict[Buffer, int] = dict.fromkeys(program.inputs, 0)
    last: dict[Buffer, int] = dict.fromkeys(program.inputs, 0)
    for number, step in enumerate(program.steps):
        for buffer in (*step.reads, *step.writes, *step.scratch):
            first.setdefault(buffer, number)
            last[buffer] = number
    last.update(dict.fromkeys(program.outputs, last_step))
    home = {buffer: buffer for buffer in first}
    for number, step in enumerate(program.steps):
        if not step.in_place or step.writes[0] is step.reads[0] or step.reads[0] in program.outputs:
            continue  # an output is read after the last step, so that nothing may stand in its place
        if last[step.reads[0]] == number:
            home[step.writes[0]] = home[step.reads[0]]
    return first, last, home


def _lifetimes(
    first: dict[Buffer, int], last: dict[Buffer, int], home: dict[Buffer, Buffer]
) -> dict[Buffer, Lifetime]:
    """Buffers that share memory in place are packed as one, as large as the largest."""
    groups: dict[Buffer, list[Buffer]] = {}
    for buffer in first:
        groups.setdefault(home[buffer], []).append(buffer)
    return {
        place: Lifetime(
            first=min(first[b] for b in group),
            last=max(last[b] for b in group),
            byte_count=max(b.byte_count for b in group),
            alignment=max(b.alignment for b in group),
        )
        for place, group in groups.items()
    }


def _aligned(byte_count: int) -> int:
    return -(-byte_count // ARENA_ALIGNMENT) * ARENA_ALIGNMENT


def _check(program: Program) -> None:
    def defect(what: str) -> ModelError:
        return ModelError(f"The generator made a wrong program: {what}", "Report this with the model file")

    if not program.steps:
        raise defect("it has no steps")
    written = set(program.inputs)
    names: dict[str, object] = {buffer.name: buffer for buffer in program.inputs}
    for step in program.steps:
        for buffer in step.reads:
            if buffer not in written:
                raise defect(f"step '{step.name}' reads {buffer.name} before it is written")
        written.update(step.writes)
        entries: tuple[Buffer | StateBuffer | Constant | Parameter, ...]
        entries = (*step.writes, *step.scratch, *step.state, *step.constants, *step.parameters)
        for entry in entries:
            if names.setdefault(entry.name, entry) is not entry:
                raise defect(f"two things are called {entry.name}")
            if isinstance(entry, Buffer) and entry.alignment > ARENA_ALIGNMENT:
                raise defect(f"{entry.name} wants an alignment of {entry.alignment} bytes")
    for buffer in program.outputs:
        if buffer not in written:
            raise defect(f"nothing writes its output {buffer.name}")
