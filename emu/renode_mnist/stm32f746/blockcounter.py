"""Exact instruction counts: what to do at the start of each block that Unicorn translated.

Two implementations with the same attributes and the same counts: ``_blockhook.BlockCounter`` in C, and
``PythonBlockCounter`` where no compiler was at hand when the package was built.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from renode_mnist.errors import EnvironmentProblem
from renode_mnist.stm32f746.memory_timing import CycleSplit, MemoryCosts, MemorySettings
from renode_mnist.stm32f746.registers import address_of

Timing = Callable[[int, int, int, int], tuple[int, int] | tuple[int, int, int]]
"""(Address and size of the block before, address and size of a block) -> cycles the block takes after it, cycles more
when the way out of the block before was mispredicted, and, if that is known, how many of the first wait for operands.

Asked once a pair. A size of 0: no block came before, but reset or an exception.
"""


@runtime_checkable
class TimesMemory(Protocol):
    """A ``Timing`` to which memory costs something as well."""

    def accesses(self, address: int, size_bytes: int, /) -> bytes:
        """The steps that compute what a block touches (``renode_mnist.timing.accesses``), packed."""
        ...

    def memory_costs(self, settings: MemorySettings, /) -> MemoryCosts:
        """What it costs, as the program has set it up."""
        ...


GuestMemory = tuple[int, int, int]
"""First address, first address behind it, where this process holds it."""

CORE_REGISTERS = (*(arm.UC_ARM_REG_R0 + index for index in range(13)), arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR)
MASK_REGISTERS = (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK)


class BlockCount(NamedTuple):
    """How often a straight piece of code ran.

    A block that a fault cut short stands as a block of its own, with the size that ran.
    """

    address: int
    size_bytes: int
    instructions: int
    entered: int


class EdgeCount(NamedTuple):
    """How often one block followed another.

    Attributes:
        from_address: None where nothing came before: after reset, exception entry or return.
        cycles: Charged each time by the clock model.
        mispredicted: How often the end of the first block was expected to lead elsewhere.
        misprediction_cycles: Charged by the clock model each of these times.
    """

    from_address: int | None
    from_size_bytes: int
    address: int
    size_bytes: int
    instructions: int
    cycles: int
    entered: int
    mispredicted: int
    misprediction_cycles: int


class BlockCounter(Protocol):
    """What counts blocks, and stops the run at one."""

    @property
    def instructions(self) -> int:
        """Since `clear_counts`, to the end of the block under way."""
        ...

    @property
    def cycles(self) -> int:
        """Since power-on by the clock model, to the end of the block under way."""
        ...

    @property
    def stopped(self) -> bool:
        """Whether the hook ended the run, for whatever reason."""
        ...

    @property
    def at_breakpoint(self) -> bool:
        """Whether it did so for a breakpoint."""
        ...

    def begin(self, limit_cycles: int, /) -> None:
        """To be called before a run: it ends before the first block that starts at ``limit_cycles`` or later."""
        ...

    def request_stop(self) -> None:
        """The run ends before the next block."""
        ...

    def watch_masks(self, primask: int, basepri: int, faultmask: int, /) -> None:
        """The run ends before the first block for which one of these registers has another value."""
        ...

    def unwatch_masks(self) -> None:
        """Ends `watch_masks`."""
        ...

    def forget_previous(self) -> None:
        """The next block follows no block: an exception came between."""
        ...

    def current(self) -> tuple[int, int, int, int]:
        """(address, size, instructions, cycles) of the block under way; zeros if none is."""
        ...

    def cut_short(self, size_bytes: int, instructions: int, /) -> None:
        """The block under way ended after so much of it; what was counted beyond is taken back."""
        ...

    def clear_counts(self) -> None:
        """Forgets blocks and instructions (a reset of the chip); cycles go on, since time does."""
        ...

    def set_breakpoints(self, addresses: Sequence[int], /) -> None:
        """The run ends before a block that starts at one of these; it is passed when the run goes on."""
        ...

    def edges(self) -> Iterable[tuple[Any, ...]]:
        """Rows as in `EdgeCount`, in no order."""
        ...

    def set_memory(self, *costs: Any) -> None:
        """What memory costs from here on: the fields of `MemoryCosts` and `MemorySettings`, in order."""
        ...

    def invalidate(self, instructions: bool, data: bool, /) -> None:
        """Empties caches."""
        ...

    def split(self) -> tuple[int, ...]:
        """A row as in `CycleSplit`."""
        ...

    def raise_pending(self) -> None:
        """Raises what the timing model raised during the run."""
        ...


def count_thumb(code: bytes) -> int:
    """Thumb instructions in ``code``: a first half-word of 0xE800 or more opens a 32-bit one (DDI 0403E A5.1)."""
    at = count = 0
    while at + 1 < len(code):
        at += 4 if code[at + 1] >= 0xE8 else 2
        count += 1
    return count


class _Edge:
    __slots__ = ("block", "cycles", "dependency_cycles", "entered", "mispredicted")

    def __init__(self, block: tuple[int, int], cycles: int, dependency_cycles: int = 0) -> None:
        self.block = block
        self.cycles = cycles
        self.dependency_cycles = dependency_cycles
        self.entered = 0
        self.mispredicted = 0


class _Exit:
    """What the end of a block is expected to do, by a two-bit counter: see ``Block`` in native/blocks.h."""

    __slots__ = ("misprediction_cycles", "predicted", "sure")

    def __init__(self, misprediction_cycles: int) -> None:
        self.misprediction_cycles = misprediction_cycles
        self.predicted: _Edge | None = None
        self.sure = False

    def take(self, edge: _Edge) -> int:
        """The block was left by ``edge``; the cycles to charge."""
        if edge is self.predicted:
            self.sure = True
            return 0
        if self.predicted is None:
            self.predicted = edge
            self.sure = True
            return 0
        edge.mispredicted += 1
        if not self.sure:
            self.predicted = edge
        self.sure = False
        return self.misprediction_cycles


class PythonBlockCounter:
    """The hook without a compiler: 7 to 100 million instructions a second, by the length of blocks.

    It knows no memory: who times that needs the hook in C.
    """

    _START = (0, 0)

    def __init__(self, engine: unicorn.Uc, timing: Timing | None) -> None:
        self._engine = engine
        self._timing = timing
        self.instructions = 0
        self.cycles = 0
        self._dependency_cycles = self._misprediction_cycles = 0
        self.stopped = False
        self.at_breakpoint = False
        self._limit_cycles = 0
        self._skip_breakpoint = False
        self._breakpoints: frozenset[int] = frozenset()
        self._watched: tuple[int, ...] | None = None
        self._error: BaseException | None = None
        self._forget_all()
        engine.hook_add(unicorn.UC_HOOK_BLOCK, self._on_block)

    def _forget_all(self) -> None:
        self._instructions_in: dict[tuple[int, int], int] = {}
        self._edges: dict[tuple[tuple[int, int], tuple[int, int]], _Edge] = {}
        self._exits: dict[tuple[int, int], _Exit] = {}  # of blocks that can be left in several ways
        self._current = self._START
        self._last: _Edge | None = None

    def _on_block(self, engine: unicorn.Uc, address: int, size: int, _user_data: object) -> None:
        if self.cycles >= self._limit_cycles or (
            self._watched is not None
            and self._watched != tuple(engine.reg_read(register) for register in MASK_REGISTERS)
        ):
            self.stopped = True
            engine.emu_stop()
            return
        if address in self._breakpoints and not self._skip_breakpoint:
            self.stopped = self.at_breakpoint = True
            engine.emu_stop()
            return
        self._skip_breakpoint = False
        block = (address, size)
        edge = self._edges.get((self._current, block)) or self._learn(block)
        if (exit := self._exits.get(self._current)) is not None:
            wrong = exit.take(edge)
            self.cycles += wrong
            self._misprediction_cycles += wrong
        edge.entered += 1
        self.instructions += self._instructions_in[block]
        self.cycles += edge.cycles
        self._dependency_cycles += edge.dependency_cycles
        self._current = block
        self._last = edge

    def _learn(self, block: tuple[int, int]) -> _Edge:
        if block not in self._instructions_in:
            self._instructions_in[block] = count_thumb(bytes(self._engine.mem_read(*block)))
        cycles, waits = self._instructions_in[block], 0
        if self._timing:
            try:
                cycles, misprediction_cycles, waits = (*self._timing(*self._current, *block), 0)[:3]
                if misprediction_cycles and self._current not in self._exits:
                    self._exits[self._current] = _Exit(misprediction_cycles)
            except Exception as error:
                self._error = self._error or error
        edge = self._edges[self._current, block] = _Edge(block, cycles, waits)
        return edge

    def begin(self, limit_cycles: int, /) -> None:
        """See `BlockCounter`."""
        self._limit_cycles = limit_cycles
        self._skip_breakpoint = self.at_breakpoint
        self.stopped = self.at_breakpoint = False

    def request_stop(self) -> None:
        """See `BlockCounter`."""
        self._limit_cycles = 0

    def watch_masks(self, primask: int, basepri: int, faultmask: int, /) -> None:
        """See `BlockCounter`."""
        self._watched = (primask, basepri, faultmask)

    def unwatch_masks(self) -> None:
        """See `BlockCounter`."""
        self._watched = None

    def forget_previous(self) -> None:
        """See `BlockCounter`."""
        self._current = self._START
        self._last = None

    def current(self) -> tuple[int, int, int, int]:
        """See `BlockCounter`."""
        if self._last is None:
            return 0, 0, 0, 0
        return *self._current, self._instructions_in[self._current], self._last.cycles

    def cut_short(self, size_bytes: int, instructions: int, /) -> None:
        """See `BlockCounter`."""
        whole = self._last
        if whole is None or size_bytes >= whole.block[1]:
            return
        counted = self._instructions_in[whole.block]
        whole.entered -= 1
        self.instructions -= counted - instructions
        self.cycles -= whole.cycles
        self._dependency_cycles -= whole.dependency_cycles
        if instructions:
            part = (whole.block[0], size_bytes)
            self._instructions_in.setdefault(part, instructions)
            cycles, waits = (each * instructions // counted for each in (whole.cycles, whole.dependency_cycles))
            edge = self._edges.setdefault((self._START, part), _Edge(part, cycles, waits))
            edge.entered += 1
            self.cycles += edge.cycles
            self._dependency_cycles += edge.dependency_cycles
        self.forget_previous()

    def clear_counts(self) -> None:
        """See `BlockCounter`."""
        self._forget_all()
        self.instructions = 0

    def set_breakpoints(self, addresses: Sequence[int], /) -> None:
        """See `BlockCounter`."""
        self._breakpoints = frozenset(addresses)

    def edges(self) -> Iterable[tuple[Any, ...]]:
        """See `BlockCounter`."""
        for (before, block), edge in self._edges.items():
            if edge.entered:
                start = (None, 0) if before == self._START else before
                exit = self._exits.get(before)
                wrong = exit.misprediction_cycles if exit else 0
                counts = self._instructions_in[block], edge.cycles, edge.entered, edge.mispredicted, wrong
                yield *start, *block, *counts

    def set_memory(self, *costs: Any) -> None:
        """See `BlockCounter`; without effect."""

    def invalidate(self, instructions: bool, data: bool, /) -> None:
        """See `BlockCounter`; without effect."""

    def split(self) -> tuple[int, ...]:
        """See `BlockCounter`."""
        parts = self.cycles, self._dependency_cycles, self._misprediction_cycles
        return (*parts, *[0] * (len(CycleSplit._fields) - 1 - len(parts)), self.instructions)

    def raise_pending(self) -> None:
        """See `BlockCounter`."""
        if self._error:
            error, self._error = self._error, None
            raise error


def _c_block_counter(
    engine: unicorn.Uc, timing: Timing | None, memories: Sequence[GuestMemory]
) -> BlockCounter | None:
    """The counter in C, hooked into ``engine``; None if the extension was not built."""
    try:
        extension = importlib.import_module("renode_mnist.stm32f746._blockhook")
    except ImportError:
        return None

    handle = engine._uch
    counter = extension.BlockCounter(
        engine=handle.value,
        stop=address_of(uclib.uc_emu_stop),
        read_register=address_of(uclib.uc_reg_read),
        read_memory=address_of(uclib.uc_mem_read),
        mask_registers=MASK_REGISTERS,
        core_registers=CORE_REGISTERS,
        flags_register=arm.UC_ARM_REG_APSR,
        timing=timing,
        accesses=timing.accesses if isinstance(timing, TimesMemory) else None,
        memories=memories,
    )
    hook = ctypes.c_size_t()
    status = uclib.uc_hook_add(
        handle,
        ctypes.byref(hook),
        unicorn.UC_HOOK_BLOCK,
        ctypes.c_void_p(counter.hook),
        ctypes.c_void_p(counter.user_data),
        ctypes.c_uint64(1),
        ctypes.c_uint64(0),
    )
    if status != unicorn.UC_ERR_OK:
        raise unicorn.UcError(status)
    built: BlockCounter = counter
    return built


def hook_blocks(
    engine: unicorn.Uc, timing: Timing | None, memories: Sequence[GuestMemory] = (), *, python_hook: bool
) -> BlockCounter:
    """Hooks a counter into ``engine``, in C where the extension was built.

    Args:
        engine: Of which each translated block is to be counted.
        timing: The clock model; None charges one cycle an instruction.
        memories: For a clock model that times them as well.
        python_hook: Takes the slow one all the same.

    Raises:
        EnvironmentProblem: The clock model times memory, and there is no hook in C.
    """
    counter = None if python_hook else _c_block_counter(engine, timing, memories)
    if counter is not None:
        return counter
    if isinstance(timing, TimesMemory):
        raise EnvironmentProblem(
            "modelled cycles need the emulator's hook in C, which was not built with this installation",
            "Install a wheel of renode-mnist, or a C compiler (gcc, python3-dev) and then renode-mnist again.",
        )
    return PythonBlockCounter(engine, timing)
