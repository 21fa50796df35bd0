"""Who called whom, exactly: a shadow stack kept while the firmware runs.

Each way in which a function was reached is a context of its own, with the blocks that ran in it. A call is a block
that ends in BL or BLX and is not followed by the next address; a return is coming back to where the innermost
call would. A tail call stays in the context of its caller, as it does on the real stack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.timing import Block, BlockCosts

Place = tuple[int, int]
"""Address and size of a block in bytes."""


@dataclass(slots=True, eq=False)
class Context:
    """One way to have come where blocks run.

    Attributes:
        parent: The caller's; None for what reset began.
        call_site: Address of the call instruction; 0 for an exception.
        entry: Address that was called.
        is_exception: Entered by an exception instead of a call.
        return_address: Where the caller goes on; None where nothing returns so.
        entered: How often it was called, or taken as an exception.
        edges: How often each block followed each; None before the first of a run and around exceptions.
        mispredicted: How often the end of a block that ran here was predicted wrong.
        waited: Cycles that a block waited here for its code, and for data.
        children: What was called from here.
    """

    parent: Context | None
    call_site: int
    entry: int
    is_exception: bool
    return_address: int | None
    entered: int = 0
    edges: dict[tuple[Place | None, Place], int] = field(default_factory=dict)
    mispredicted: dict[Place, int] = field(default_factory=dict)
    waited: dict[Place, tuple[int, int]] = field(default_factory=dict)
    children: dict[tuple[int, int, bool], Context] = field(default_factory=dict)

    def walk(self) -> Iterator[Context]:
        """This one and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()

    def path(self) -> tuple[Context, ...]:
        """From what reset began to this one."""
        return (*self.parent.path(), self) if self.parent else (self,)


@dataclass(slots=True)
class _Exit:
    """How a block can be left, and how it is expected to be: a two-bit counter, as the clock model's."""

    call_site: int | None
    end: int
    can_mispredict: bool
    expected: Place | None = None
    sure: bool = False

    def mispredicts(self, place: Place) -> bool:
        if place == self.expected:
            self.sure = True
            return False
        if self.expected is None:
            self.expected = place
            self.sure = True
            return False
        if not self.sure:
            self.expected = place
        self.sure = False
        return True


class CallTree:
    """Builds the tree; a `renode_mnist.stm32f746.observer.BlockObserver`.

    Args:
        read: Code by address and size.
        costs: The pipeline's.
        waits: Cycles that the core has waited for code and for data, to the end of the block that begins; without it
            memory takes no time.

    Attributes:
        root: What reset began.
    """

    def __init__(
        self,
        read: Callable[[int, int], bytes],
        costs: BlockCosts | None = None,
        waits: Callable[[], tuple[int, int]] | None = None,
    ) -> None:
        self._read = read
        self._waits = waits
        self._waited = waits() if waits else (0, 0)
        self.costs = costs or BlockCosts()
        self._blocks: dict[Place, Block] = {}
        self._start_over()

    def _start_over(self) -> None:
        self.root = Context(None, 0, 0, False, None)
        self._context = self.root
        self._previous: Place | None = None
        self._follows = False  # whether ``_previous`` led here without an exception between
        self._entering: Context | None = None
        self._interrupted: list[tuple[Context, Place | None]] = []
        self._exits: dict[Place, _Exit] = {}

    def clear_counts(self) -> None:
        """Forgets what was counted, not where the firmware stands nor what the predictor learnt."""
        for context in self.root.walk():
            context.edges.clear()
            context.mispredicted.clear()
            context.waited.clear()
            context.entered = 0

    def code(self, place: Place) -> Block:
        """The block at an address, as it was when it first ran."""
        known = self._blocks.get(place)
        if known is None:
            known = self._blocks[place] = Block(place[0], self._read(*place))
        return known

    # What the emulator tells

    def block(self, address: int, size_bytes: int, /) -> None:
        """A block begins."""
        place = (address, size_bytes)
        previous, context = self._previous, self._context
        if previous is not None:
            exit = self._exits.get(previous) or self._learn(previous)
            if self._follows and exit.can_mispredict and exit.mispredicts(place):
                context.mispredicted[previous] = context.mispredicted.get(previous, 0) + 1
            if exit.call_site is not None and address != exit.end:
                context = self._enter(context, exit.call_site, address, exit.end, is_exception=False)
            elif address != exit.end:
                context = self._return(context, address)
        elif self._entering is not None:
            context = self._enter(self._entering, 0, address, None, is_exception=True)
            self._entering = None
        elif context is self.root and not context.entry:
            context.entry = address
        self._context = context
        edge = (previous if self._follows else None, place)
        context.edges[edge] = context.edges.get(edge, 0) + 1
        if self._waits is not None and (now := self._waits()) != self._waited:
            code, data = context.waited.get(place, (0, 0))
            context.waited[place] = (code + now[0] - self._waited[0], data + now[1] - self._waited[1])
            self._waited = now
        self._previous = place
        self._follows = True

    def cut_short(self, size_bytes: int, /) -> None:
        """The block under way ended at a fault: its first part, if any, stands as a block of its own."""
        if self._previous is None:
            return
        edges = self._context.edges
        edge = next(edge for edge in reversed(edges) if edge[1] == self._previous and edges[edge])
        edges[edge] -= 1
        self._previous = (self._previous[0], size_bytes) if size_bytes else None
        if self._previous is not None:
            edges[None, self._previous] = edges.get((None, self._previous), 0) + 1
        self._follows = False

    def break_flow(self, how: FlowBreak, /) -> None:
        """A reset, or an exception was entered or left."""
        if how is FlowBreak.RESET:
            self._start_over()
        elif how is FlowBreak.EXCEPTION_ENTRY:
            self._interrupted.append((self._context, self._previous))
            self._entering = self._context
            self._previous = None
        elif self._interrupted:
            self._context, self._previous = self._interrupted.pop()
            self._entering = None
        self._follows = False

    # The stack

    def _learn(self, place: Place) -> _Exit:
        block = self.code(place)
        last = self.costs.operations(block)[-1]
        is_call = last.text.startswith(("bl ", "blx ")) or last.text.split(" ")[0] in _CONDITIONAL_CALLS
        exit = _Exit(
            call_site=last.address if is_call else None,
            end=block.end,
            can_mispredict=bool(self.costs.misprediction_cycles(block)),
        )
        self._exits[place] = exit
        return exit

    @staticmethod
    def _enter(
        context: Context, call_site: int, entry: int, return_address: int | None, *, is_exception: bool
    ) -> Context:
        key = (call_site, entry, is_exception)
        known = context.children.get(key)
        if known is None:
            known = context.children[key] = Context(context, call_site, entry, is_exception, return_address)
        known.entered += 1
        return known

    @staticmethod
    def _return(context: Context, address: int) -> Context:
        """The context of whoever goes on at ``address``; a jump that is no return stays where it is."""
        candidate: Context | None = context
        while candidate is not None and candidate.parent is not None and not candidate.is_exception:
            if candidate.return_address == address:
                return candidate.parent
            candidate = candidate.parent
        return context


_CONDITIONAL_CALLS = frozenset(
    f"{name}{condition}"
    for name in ("bl", "blx")
    for condition in ("eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc", "hi", "ls", "ge", "lt", "gt", "le")
)
