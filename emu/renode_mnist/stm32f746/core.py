"""The Cortex-M7: Unicorn's translator, and around it what Unicorn 2.1.4 leaves to its user.

What `Core` does is written against these properties of 2.1.4, each met in practice:

* ``UC_MODE_MCLASS`` makes a Cortex-M33 of any model: the engine opens in Thumb mode and takes the M7 by name.
* ``emu_stop`` from an MMIO callback leaves PC on the access, which then repeats: only the block hook stops a run.
* A hook on valid memory accesses slows each of them down, so there is one only while somebody observes data. Bus
  windows are MMIO regions without permissions instead: Unicorn then calls the hook for *invalid* accesses first, with
  PC brought up to date (MMIO alone leaves PC at the start of the block), and that hook may refuse: a precise fault.
* Bringing PC up to date also writes ITSTATE, which stays set behind the IT block (unicorn issue 2309): taken back.
* Writing IPSR leaves cached flags stale, so that EXC_RETURN is missed (unicorn PR 2268): APSR_NZCV is written last.
* WFE and YIELD come as invalid instructions; both end their block, a real invalid instruction lies within its own.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum, IntFlag, auto
from typing import NamedTuple

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from renode_mnist.stm32f746 import blockcounter, memory_map
from renode_mnist.stm32f746.blockcounter import BlockCount, BlockCounter, EdgeCount, Timing
from renode_mnist.stm32f746.observer import BlockObserver, DataObserver, FlowBreak

_EXCP_SVC = 2
_EXCP_PREFETCH_ABORT = 3
_EXCP_BKPT = 7
_EXCP_EXCEPTION_EXIT = 8
_EXCP_NOCP = 17
"""Numbers that Unicorn passes to an interrupt hook (QEMU's target/arm/cpu.h)."""

_WFE = (b"\x20\xbf", b"\xaf\xf3\x02\x80")
_SEV = b"\x40\xbf"

_PAGE_BYTES = 1024

_LOWER_HALVES = slice(0 if sys.byteorder == "little" else 1, None, 2)

_EPSR_T = 1 << 24
_EPSR_IT = 0x0600_FC00

_WRITES = (unicorn.UC_MEM_WRITE, unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)
_FETCHES = (unicorn.UC_MEM_FETCH, unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)


class StopKind(Enum):
    """Why the core stopped."""

    LIMIT = auto()
    """The cycle limit, a request or changed masks: nothing happened."""
    BREAKPOINT = auto()
    WAIT_FOR_INTERRUPT = auto()
    WAIT_FOR_EVENT = auto()
    SUPERVISOR_CALL = auto()
    EXCEPTION_RETURN = auto()
    BKPT_INSTRUCTION = auto()
    UNDEFINED_INSTRUCTION = auto()
    NO_COPROCESSOR = auto()
    INVALID_STATE = auto()
    """A branch to an address whose bit 0 is clear."""
    BAD_FETCH = auto()
    BAD_LOAD = auto()
    BAD_STORE = auto()


@dataclass(frozen=True)
class Stop:
    """Why and where the core stopped.

    Attributes:
        kind: The reason.
        address: That could not be accessed, for ``BAD_*``; else 0.
        event_sent: For ``WAIT_FOR_EVENT``: a SEV stands in the same block.
    """

    kind: StopKind
    address: int = 0
    event_sent: bool = False


BusRead = Callable[[int, int], int]
"""(address, size in bytes) -> value."""
BusWrite = Callable[[int, int, int], None]
"""(address, size in bytes, value)."""
MayAccess = Callable[[int, int, bool], bool]
"""(address, size in bytes, whether it stores) -> whether the bus answers."""


class Access(IntFlag):
    """What the core may do with an address."""

    NONE = 0
    READ = 1
    WRITE = 2
    EXECUTE = 4
    ALL = 7


class Piece(NamedTuple):
    """A stretch of memory with the same rights throughout."""

    begin: int
    end: int
    access: Access


_MIXED = Access(8)
"""For a page that holds pieces with several rights."""


def _permissions(access: Access) -> int:
    return (
        (unicorn.UC_PROT_READ if access & Access.READ else 0)
        | (unicorn.UC_PROT_WRITE if access & Access.WRITE else 0)
        | (unicorn.UC_PROT_EXEC if access & Access.EXECUTE else 0)
    )


ReadCode = Callable[[int, int], bytes]
"""(address, size in bytes) -> the code that stands there."""
ClockModel = Callable[[ReadCode], Timing]
"""From what reads code by address and size to what times it (``renode_mnist.timing.LiveCosts``)."""


class RegisterSet:
    """A fixed choice of 32-bit registers, read and written in one call each."""

    def __init__(self, engine: unicorn.Uc, registers: Sequence[int]) -> None:
        self._engine = engine
        count = len(registers)
        self._ids = (ctypes.c_int * count)(*registers)
        # Unicorn writes 8 bytes for some registers: give each its own.
        self._values = (ctypes.c_uint64 * count)()
        # Their lower halves, by a slice: the ways in and out of exceptions spend most of their time here.
        self._words = (ctypes.c_uint32 * (2 * count)).from_buffer(self._values)
        base = ctypes.addressof(self._values)
        self._pointers = (ctypes.c_void_p * count)(*(base + 8 * index for index in range(count)))
        self._count = count

    def read(self) -> list[int]:
        """Their values, in order."""
        _check(uclib.uc_reg_read_batch(self._engine._uch, self._ids, self._pointers, self._count))
        return self._words[_LOWER_HALVES]

    def write(self, values: Sequence[int]) -> None:
        """Sets them, in order."""
        self._values[:] = list(values)
        _check(uclib.uc_reg_write_batch(self._engine._uch, self._ids, self._pointers, self._count))


def _check(status: int) -> None:
    if status != unicorn.UC_ERR_OK:
        raise unicorn.UcError(status)


class Core:
    """Registers, memories and the run loop of one Cortex-M7.

    Args:
        clock_model: Makes the timing of blocks from what reads their code; None: one cycle an instruction.
        python_hook: Counts in Python even where the C hook was built.
    """

    def __init__(self, clock_model: ClockModel | None = None, *, python_hook: bool = False) -> None:
        engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M7)
        engine.ctl_exits_enabled(True)  # with none set: emu_start's end address would be one
        self._engine = engine
        self._memory: dict[str, ctypes.Array[ctypes.c_char]] = {}
        self._pieces: dict[str, list[Piece]] = {}
        self._guarded: set[int] = set()
        for memory in memory_map.MEMORIES:
            owner = memory.alias_of or memory.name
            self._memory.setdefault(owner, ctypes.create_string_buffer(memory.size_bytes))
            self._pieces[memory.name] = []
            self.set_rights(memory, [Piece(memory.base, memory.end, Access.ALL)])
        self._may_access: MayAccess = lambda _address, _size, _store: False
        self._stop: Stop | None = None
        self._in_access = False
        self._access_pc = 0
        self._positions: dict[tuple[int, int], tuple[int, int]] = {}
        timing = clock_model(self.read_code) if clock_model else None
        self.counter: BlockCounter = blockcounter.hook_blocks(engine, timing, python_hook=python_hook)
        self._observers: list[BlockObserver] = []
        self._traps: list[int] = []
        self._trap_to_pass: int | None = None
        engine.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        engine.hook_add(unicorn.UC_HOOK_INSN_INVALID, self._on_invalid_instruction)
        engine.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_invalid_access)
        self._cleared_at_reset = RegisterSet(
            engine,
            (
                *(arm.UC_ARM_REG_R0 + index for index in range(13)),
                *(arm.UC_ARM_REG_S0 + index for index in range(32)),
                *blockcounter.MASK_REGISTERS,
                arm.UC_ARM_REG_FPSCR,
                arm.UC_ARM_REG_APSR_NZCVQG,
            ),
        )
        self._pc_and_epsr = RegisterSet(engine, (arm.UC_ARM_REG_PC, arm.UC_ARM_REG_EPSR))

    # Memory

    def set_rights(self, memory: memory_map.Memory, rights: Sequence[Piece]) -> None:
        """Allows what ``rights`` say, which together cover ``memory``; only between runs.

        Unicorn knows rights by the page of 1 KiB. A page with several goes the slow way: each access to it is asked.
        """
        pages: list[Piece] = []
        for begin in range(memory.base, memory.end, _PAGE_BYTES):
            end = begin + _PAGE_BYTES
            inside = {piece.access for piece in rights if piece.begin < end and begin < piece.end}
            access = inside.pop() if len(inside) == 1 else _MIXED
            if not memory.writable:
                access &= ~Access.WRITE
            if pages and pages[-1].access == access:
                pages[-1] = Piece(pages[-1].begin, end, access)
            else:
                pages.append(Piece(begin, end, access))
        if pages == self._pieces[memory.name]:
            return
        for piece in self._pieces[memory.name]:
            if piece.access != Access.NONE:
                self._engine.mem_unmap(piece.begin, piece.end - piece.begin)
        self._guarded -= set(range(memory.base // _PAGE_BYTES, memory.end // _PAGE_BYTES))
        for piece in pages:
            self._map_piece(memory, piece)
        self._pieces[memory.name] = pages

    def _map_piece(self, memory: memory_map.Memory, piece: Piece) -> None:
        begin, size_bytes = piece.begin, piece.end - piece.begin
        if piece.access == _MIXED:
            self._guarded.update(range(begin // _PAGE_BYTES, piece.end // _PAGE_BYTES))
            self._map_window(begin, size_bytes, self._read_guarded, self._write_guarded)
        elif piece.access != Access.NONE:
            host = ctypes.addressof(self._memory[memory.alias_of or memory.name]) + begin - memory.base
            self._engine.mem_map_ptr(begin, size_bytes, _permissions(piece.access), host)

    def is_guarded(self, address: int) -> bool:
        """Whether ``address`` is in a page of which only parts are accessible."""
        return address // _PAGE_BYTES in self._guarded

    def _read_guarded(self, address: int, size_bytes: int) -> int:
        return int.from_bytes(self.peek(address, size_bytes) or b"", "little")

    def _write_guarded(self, address: int, size_bytes: int, value: int) -> None:
        self.poke(address, value.to_bytes(size_bytes, "little"))

    def map_bus(self, windows: Sequence[tuple[int, int]], read: BusRead, write: BusWrite, may: MayAccess) -> None:
        """Leads accesses to ``windows`` of (base, size in bytes) to ``read`` and ``write``, if ``may`` allows."""
        self._may_access = may
        for base, size_bytes in windows:
            self._map_window(base, size_bytes, read, write)

    def _map_window(self, base: int, size_bytes: int, read: BusRead, write: BusWrite) -> None:
        def on_read(_engine: unicorn.Uc, offset: int, size: int, _user_data: object) -> int:
            try:
                return read(base + offset, size)
            finally:
                self._in_access = False

        def on_write(_engine: unicorn.Uc, offset: int, size: int, value: int, _user_data: object) -> None:
            try:
                write(base + offset, size, value)
            finally:
                self._in_access = False

        self._engine.mmio_map(base, size_bytes, on_read, None, on_write, None)
        self._engine.mem_protect(base, size_bytes, unicorn.UC_PROT_NONE)

    def load(self, address: int, data: bytes) -> None:
        """Puts code or data into a memory, read-only or not, as a debugger would."""
        self.poke(address, data)
        self._positions.clear()
        self._engine.ctl_flush_tb()

    def poke(self, address: int, data: bytes) -> None:
        """Puts data, no code, into memories, past their borders if need be."""
        while data:
            memory = memory_map.memory_at(address)
            if memory is None:
                raise ValueError(f"no memory at {address:#010x}")
            part = data[: memory.end - address]
            buffer = self._memory[memory.alias_of or memory.name]
            ctypes.memmove(ctypes.addressof(buffer) + address - memory.base, part, len(part))
            address += len(part)
            data = data[len(part) :]

    def peek(self, address: int, size_bytes: int) -> bytes | None:
        """What a memory holds, without a bus access; None where there is none."""
        found = b""
        while size_bytes:
            memory = memory_map.memory_at(address)
            if memory is None:
                return None
            part = min(size_bytes, memory.end - address)
            offset = address - memory.base
            found += memoryview(self._memory[memory.alias_of or memory.name])[offset : offset + part].tobytes()
            address += part
            size_bytes -= part
        return found

    def read_code(self, address: int, size_bytes: int) -> bytes:
        """What a memory holds at the address of a block."""
        code = self.peek(address, size_bytes)
        if code is None:
            raise ValueError(f"no memory at {address:#010x}")
        return code

    # Registers

    def register_set(self, *registers: int) -> RegisterSet:
        """Registers (``arm_const``) to be read and written together."""
        return RegisterSet(self._engine, registers)

    def read(self, register: int) -> int:
        """A register by its number in ``arm_const``."""
        return int(self._engine.reg_read(register)) & 0xFFFF_FFFF

    def write(self, register: int, value: int) -> None:
        """Sets a register by its number in ``arm_const``."""
        self._engine.reg_write(register, value)

    def reset_registers(self) -> None:
        """Thread mode, privileged, on the main stack, no masks; all else 0."""
        self.write(arm.UC_ARM_REG_IPSR, 3)  # a handler is privileged, which the next line needs
        self.write(arm.UC_ARM_REG_CONTROL, 0)
        self.write(arm.UC_ARM_REG_IPSR, 0)
        self.write(arm.UC_ARM_REG_CONTROL, 0)
        self._cleared_at_reset.write([0] * 50)
        self.write(arm.UC_ARM_REG_EPSR, _EPSR_T)

    def rebuild_flags(self) -> None:
        """To be called after IPSR or CONTROL were written: Unicorn caches what mode the core is in."""
        self.write(arm.UC_ARM_REG_APSR_NZCV, self.read(arm.UC_ARM_REG_APSR_NZCV))

    @property
    def pc(self) -> int:
        """Address of the next instruction."""
        return self.read(arm.UC_ARM_REG_PC)

    # Counts

    def _position_in_block(self, pc: int) -> tuple[int, int]:
        """(Instructions of the block under way before ``pc``, bytes to the end of the one at ``pc``)."""
        address, size, _, _ = self.counter.current()
        known = self._positions.get((address, pc))
        if known:
            return known
        code = self.peek(address, size) or b""
        before = blockcounter.count_thumb(code[: pc - address])
        offset = pc - address
        end = offset + (4 if offset + 1 < size and code[offset + 1] >= 0xE8 else 2)
        self._positions[address, pc] = (before, end)
        return before, end

    def _not_yet_executed(self) -> tuple[int, int]:
        """(Instructions, cycles) already counted that lie at or behind the access under way."""
        if not self._in_access:
            return 0, 0
        _, _, instructions, cycles = self.counter.current()
        before, _ = self._position_in_block(self._access_pc)
        return instructions - before, cycles - cycles * before // instructions

    def instructions_now(self) -> int:
        """Instructions executed since the counts were cleared, exact also within a bus access."""
        return self.counter.instructions - self._not_yet_executed()[0]

    def cycles_now(self) -> int:
        """Cycles by the clock model since power-on, within a bus access in proportion to the block."""
        return self.counter.cycles - self._not_yet_executed()[1]

    def block_counts(self) -> list[BlockCount]:
        """How often each block ran since the counts were cleared, by address."""
        entered: dict[tuple[int, int, int], int] = {}
        for _, _, address, size, instructions, _, times, *_ in self.counter.edges():
            key = (address, size, instructions)
            entered[key] = entered.get(key, 0) + times
        return sorted(BlockCount(*block, times) for block, times in entered.items())

    def instructions_by_block(self) -> dict[int, int]:
        """`instructions_now` by address of the block that they are in."""
        executed: dict[int, int] = {}
        for block in self.block_counts():
            executed[block.address] = executed.get(block.address, 0) + block.instructions * block.entered
        if ahead := self._not_yet_executed()[0]:
            executed[self.counter.current()[0]] -= ahead
        return executed

    def edge_counts(self) -> list[EdgeCount]:
        """How often each block followed each other since the counts were cleared, by address."""
        rows = [EdgeCount(*row) for row in self.counter.edges()]
        return sorted(
            rows, key=lambda row: (row.address, row.size_bytes, row.from_address or -1, row.from_size_bytes)
        )

    # Running

    def run(self, limit_cycles: int) -> Stop:
        """Runs from PC until the clock model says ``limit_cycles``, or something happens."""
        self._stop = None
        self.counter.begin(limit_cycles)
        pc, epsr = self._pc_and_epsr.read()
        engine = self._engine
        engine._hook_exception = None
        # Not engine.emu_start: it makes an exception of what `_stop` tells already.
        status = uclib.uc_emu_start(engine._uch, pc | (1 if epsr & _EPSR_T else 0), 0, 0, 0)
        self._in_access = False
        if engine._hook_exception is not None:
            raise engine._hook_exception
        if self._stop is None:
            _check(status)
        self.counter.raise_pending()
        if self._stop:
            if self._stop.kind is StopKind.BREAKPOINT:
                self.cut_short(repeat=True)
            return self._stop
        if self.counter.at_breakpoint:
            return Stop(StopKind.BREAKPOINT)
        return Stop(StopKind.LIMIT if self.counter.stopped else StopKind.WAIT_FOR_INTERRUPT)

    def set_traps(self, addresses: Collection[int] | None) -> None:
        """From now on runs end before the instructions at ``addresses``; None: before each instruction.

        Unlike `BlockCounter.set_breakpoints` they may lie anywhere but inside IT blocks, where Unicorn has no hooks;
        the price is a translation anew. Counts stay exact: a block that a trap divides counts as two.
        """
        for trap in self._traps:
            self._engine.hook_del(trap)
        ranges = [(1, 0)] if addresses is None else [(address, address) for address in addresses]
        self._traps = [
            self._engine.hook_add(unicorn.UC_HOOK_CODE, self._on_trap, begin=begin, end=end) for begin, end in ranges
        ]
        self._engine.ctl_flush_tb()

    def pass_trap(self) -> None:
        """The next run executes the instruction at PC, trap or not."""
        self._trap_to_pass = self.pc

    def _on_trap(self, _engine: unicorn.Uc, address: int, _size: int, _user_data: object) -> None:
        if self.counter.stopped:
            return  # the run ends before this block
        to_pass, self._trap_to_pass = self._trap_to_pass, None
        if address != to_pass:
            self._end(Stop(StopKind.BREAKPOINT))

    def observe(self, observer: BlockObserver) -> None:
        """From now on ``observer`` sees all that is counted."""
        counter = self.counter

        def on_block(_engine: unicorn.Uc, address: int, size: int, _user_data: object) -> None:
            if not counter.stopped:  # else the block has not begun: the run ends before it
                observer.block(address, size)

        self._observers.append(observer)
        self._engine.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
        self._engine.ctl_flush_tb()  # what is translated already calls the counter alone

    def observe_data(self, observer: DataObserver) -> None:
        """From now on ``observer`` sees each access to memory, LDM word by word; the run is ten times slower."""

        def on_access(
            _engine: unicorn.Uc, access: int, address: int, size: int, _value: int, _user_data: object
        ) -> None:
            self._take_back_it_state()
            observer(address, size, access in _WRITES)

        self._engine.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, on_access)
        self._engine.ctl_flush_tb()

    def _take_back_it_state(self) -> int:
        """Undoes what bringing PC up to date did to ITSTATE within an IT block; tells PC."""
        pc, epsr = self._pc_and_epsr.read()
        if epsr & _EPSR_IT:
            self.write(arm.UC_ARM_REG_EPSR, _EPSR_T)
        return pc

    def break_flow(self, how: FlowBreak) -> None:
        """To be called when what comes next does not follow from the block before."""
        self.counter.forget_previous()
        for observer in self._observers:
            observer.break_flow(how)

    def cut_short(self, *, repeat: bool = False) -> None:
        """Takes back what was counted of the block behind the instruction at PC, which faulted.

        Args:
            repeat: Takes back that instruction too: it will run again.
        """
        address, size, _, _ = self.counter.current()
        pc = self.pc
        if address <= pc < address + size:
            before, end = self._position_in_block(pc)
            size, instructions = (pc - address, before) if repeat else (end, before + 1)
            self.counter.cut_short(size, instructions)
            for observer in self._observers:
                observer.cut_short(size)

    def _end(self, stop: Stop) -> None:
        self._stop = self._stop or stop
        self._engine.emu_stop()

    def _on_interrupt(self, _engine: unicorn.Uc, number: int, _user_data: object) -> None:
        kinds = {
            _EXCP_SVC: StopKind.SUPERVISOR_CALL,
            _EXCP_BKPT: StopKind.BKPT_INSTRUCTION,
            _EXCP_EXCEPTION_EXIT: StopKind.EXCEPTION_RETURN,
            _EXCP_NOCP: StopKind.NO_COPROCESSOR,
            _EXCP_PREFETCH_ABORT: StopKind.BAD_FETCH,
        }
        self._end(Stop(kinds.get(number, StopKind.UNDEFINED_INSTRUCTION)))

    def _on_invalid_instruction(self, _engine: unicorn.Uc, _user_data: object) -> bool:
        pc, epsr = self._pc_and_epsr.read()
        address, size, _, _ = self.counter.current()
        if not epsr & _EPSR_T:
            self._end(Stop(StopKind.INVALID_STATE))
        elif pc == address + size:
            code = self.peek(address, size) or b""
            if not code.endswith(_WFE):
                return True  # YIELD: nothing to give way to
            self._end(Stop(StopKind.WAIT_FOR_EVENT, event_sent=_SEV in code))
        else:
            self._end(Stop(StopKind.UNDEFINED_INSTRUCTION))
        return True

    def _on_invalid_access(
        self, _engine: unicorn.Uc, access: int, address: int, size: int, _value: int, _user_data: object
    ) -> bool:
        if access in _FETCHES:
            self._stop = self._stop or Stop(StopKind.BAD_FETCH, address)
            return False
        store = access in _WRITES
        if self._may_access(address, size, store):
            self._in_access = True
            self._access_pc = self._take_back_it_state()
            return True
        self._stop = self._stop or Stop(StopKind.BAD_STORE if store else StopKind.BAD_LOAD, address)
        return False
