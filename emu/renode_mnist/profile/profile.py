"""Where the instructions went: by function, by line, by stack."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from renode_mnist.profile.call_tree import CallTree, Context
from renode_mnist.program.debug_info import DebugInfo, Frame
from renode_mnist.timing.operation import Unit

INTERRUPT = "(interrupt)"
"""The outermost frame of what an exception ran: it belongs to no caller."""


@dataclass(slots=True)
class Cost:
    """What something took.

    Attributes:
        instructions: Exact.
        cycles_modelled: By the clock model; what follows are parts of it, and what they leave is issue.
        dependencies: Waits for operands.
        mispredictions: Behind branches that went the other way.
        fetch: Waits for code.
        data: Waits for data, shared among the loads and stores of their block.
    """

    instructions: int = 0
    cycles_modelled: int = 0
    dependencies: int = 0
    mispredictions: int = 0
    fetch: int = 0
    data: int = 0

    def add(self, other: Cost) -> None:
        """Takes ``other`` in."""
        self.instructions += other.instructions
        self.cycles_modelled += other.cycles_modelled
        self.dependencies += other.dependencies
        self.mispredictions += other.mispredictions
        self.fetch += other.fetch
        self.data += other.data

    @property
    def issue(self) -> int:
        """What the parts leave of ``cycles_modelled``."""
        return self.cycles_modelled - self.dependencies - self.mispredictions - self.fetch - self.data


@dataclass(slots=True)
class FunctionCost:
    """One function of the source.

    Attributes:
        name: As written, with its namespaces.
        own: In its own lines, wherever the compiler inlined them.
        total: With all that it called.
        calls: How often it was called; inlined copies are entered without a call.
        inlined_into: Functions that hold inlined copies which ran.
    """

    name: str
    own: Cost = field(default_factory=Cost)
    total: Cost = field(default_factory=Cost)
    calls: int = 0
    inlined_into: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of source, in the function that has it."""

    file: str
    number: int
    function: str


Stack = tuple[Frame, ...]


@dataclass(frozen=True, slots=True)
class Profile:
    """What a run took.

    Attributes:
        total: Of all.
        functions: By their own instructions, most first.
        lines: The same; empty where the ELF has no lines.
        stacks: Outermost frame first.
        missing: What could not be told, and why.
        cycle_parameters: As ``TargetIdentity`` has them.
    """

    total: Cost
    functions: list[FunctionCost]
    lines: list[tuple[Line, Cost]]
    stacks: dict[tuple[str, ...], Cost]
    missing: list[str]
    cycle_parameters: str = ""

    def counts(self, unit: str) -> dict[tuple[str, ...], int]:
        """The stacks with one number each: ``instructions`` or (modelled) ``cycles``."""
        if unit == "cycles":
            return {stack: cost.cycles_modelled for stack, cost in self.stacks.items()}
        return {stack: cost.instructions for stack, cost in self.stacks.items()}


def make(tree: CallTree, info: DebugInfo) -> Profile:
    """The profile of what ``tree`` saw since its counts were cleared."""
    total = Cost()
    functions: dict[str, FunctionCost] = {}

    def function(name: str) -> FunctionCost:
        return functions.setdefault(name, FunctionCost(name))

    lines: defaultdict[Line, Cost] = defaultdict(Cost)
    stacks: defaultdict[tuple[str, ...], Cost] = defaultdict(Cost)
    for context in tree.root.walk():
        callers = _callers(context, info)
        if context.entered:
            function(_function_entered(context, info)).calls += context.entered
        for address, cost in costs_by_address(tree, context).items():
            here = _frames(context, address, info)
            names = (*callers, *(_label(frame) for frame in here))
            total.add(cost)
            stacks[names].add(cost)
            leaf = here[-1]
            own = function(leaf.function)
            own.own.add(cost)
            if leaf.is_inlined:
                own.inlined_into.add(next(f.function for f in reversed(here) if not f.is_inlined))
            for name in {_plain(name) for name in names if name != INTERRUPT}:
                function(name).total.add(cost)
            if leaf.file:
                lines[Line(leaf.file, leaf.line, leaf.function)].add(cost)
    return Profile(
        total=total,
        functions=sorted(functions.values(), key=lambda entry: (-entry.own.instructions, entry.name)),
        lines=sorted(lines.items(), key=lambda item: (-item[1].instructions, item[0].file, item[0].number)),
        stacks=dict(sorted(stacks.items())),
        missing=info.missing,
    )


def costs_by_address(tree: CallTree, context: Context) -> dict[int, Cost]:
    """What each instruction took in one context.

    The wait for a mispredicted branch counts for the branch, the wait for code for the block's first instruction.
    """
    costs: defaultdict[int, Cost] = defaultdict(Cost)
    for (previous, place), count in context.edges.items():
        block = tree.code(place)
        before = tree.code(previous) if previous else None
        shares = tree.costs.instruction_cycles(before, block)
        for operation, (cycles, waits) in zip(tree.costs.operations(block), shares, strict=True):
            costs[operation.address].add(Cost(count, count * cycles, count * waits))
    for place, count in context.mispredicted.items():
        block = tree.code(place)
        branch = tree.costs.operations(block)[-1]
        cycles = count * tree.costs.misprediction_cycles(block)
        costs[branch.address].add(Cost(0, cycles, mispredictions=cycles))
    for place, (code, data) in context.waited.items():
        operations = tree.costs.operations(tree.code(place))
        costs[operations[0].address].add(Cost(0, code, fetch=code))
        accesses = [each for each in operations if each.units & (Unit.LOAD | Unit.STORE)] or operations[:1]
        for number, operation in enumerate(accesses):
            share = data * (number + 1) // len(accesses) - data * number // len(accesses)
            costs[operation.address].add(Cost(0, share, data=share))
    return costs


_MARK = "_[i]"
"""Behind an inlined function's name in a stack, as async-profiler and perf's scripts write it."""


def _label(frame: Frame) -> str:
    return frame.function + (_MARK if frame.is_inlined else "")


def _plain(label: str) -> str:
    return label.removesuffix(_MARK)


def _frames(context: Context, address: int, info: DebugInfo) -> Stack:
    return info.frames(address) or (Frame(f"0x{context.entry:08x}", "", 0, is_inlined=False),)


def _callers(context: Context, info: DebugInfo) -> tuple[str, ...]:
    """The stack above a context, from reset or from the exception that began it."""
    names: list[str] = []
    for upper, lower in zip(context.path(), context.path()[1:], strict=False):
        if lower.is_exception:
            names = [INTERRUPT]
        else:
            names += [_label(frame) for frame in _frames(upper, lower.call_site, info)]
    return tuple(names)


def _function_entered(context: Context, info: DebugInfo) -> str:
    return _frames(context, context.entry, info)[0].function
