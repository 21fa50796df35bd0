"""What the core's addresses lead to: memories with their rights, and the bus.

Unicorn's hook on valid memory accesses slows each of them down. So memories are mapped with their rights, which its
translator heeds by itself, and bus windows are MMIO regions without permissions: Unicorn then calls the hook for
*invalid* accesses first, with PC brought up to date (MMIO alone leaves PC at the start of the block), and that hook
(`Core` has it) may refuse: a precise fault.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import unicorn

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.access import Access, Piece
from renode_mnist.stm32f746.pages import PAGE_BYTES, InvalidAccesses

_MIXED = Access(8)
"""For a page that holds pieces with several rights."""

BusRead = Callable[[int, int], int]
"""(address, size in bytes) -> value."""
BusWrite = Callable[[int, int, int], None]
"""(address, size in bytes, value)."""


def _permissions(access: Access) -> int:
    return (
        (unicorn.UC_PROT_READ if access & Access.READ else 0)
        | (unicorn.UC_PROT_WRITE if access & Access.WRITE else 0)
        | (unicorn.UC_PROT_EXEC if access & Access.EXECUTE else 0)
    )


class BusAccess(Protocol):
    """The bus access of the core that is under way, if one is.

    Attributes:
        active: Set by who allows it, cleared when it is done.
        pc: Address of the instruction that makes it.
    """

    active: bool
    pc: int


@dataclass(slots=True)
class _BusAccess:
    active: bool = False
    pc: int = 0


def _whole_pages(memory: memory_map.Memory, rights: Sequence[Piece]) -> list[Piece]:
    """``rights`` by pages, with `_MIXED` for those that hold borders; neighbours with the same are one."""
    borders = {memory.base, memory.end}
    for piece in rights:
        for border in (piece.begin, piece.end):
            page = border // PAGE_BYTES * PAGE_BYTES
            borders.update((page, page + PAGE_BYTES if border != page else page))
    pages: list[Piece] = []
    for begin, end in pairwise(sorted(border for border in borders if memory.base <= border <= memory.end)):
        inside = {piece.access for piece in rights if piece.begin < end and begin < piece.end}
        access = inside.pop() if len(inside) == 1 else _MIXED
        access = _MIXED if access & Access.WATCHED else access
        if not memory.writable and access != _MIXED:  # each access to which is asked anyway
            access &= ~Access.WRITE
        if pages and pages[-1].access == access:
            pages[-1] = Piece(pages[-1].begin, end, access)
        else:
            pages.append(Piece(begin, end, access))
    return pages


class AddressSpace:
    """Memories and bus windows of one engine.

    Args:
        engine: It reads and writes the memories where they are: in the buffers that this class holds.

    Attributes:
        bus_access: The one under way.
    """

    def __init__(self, engine: unicorn.Uc) -> None:
        self._engine = engine
        self._buffers: dict[str, ctypes.Array[ctypes.c_char]] = {}
        self._pieces: dict[str, list[Piece]] = {}
        self._guarded: set[int] = set()
        self._invalid: InvalidAccesses | None = None
        self.bus_access: BusAccess = _BusAccess()
        for memory in memory_map.MEMORIES:
            owner = memory.alias_of or memory.name
            self._buffers.setdefault(owner, ctypes.create_string_buffer(memory.size_bytes))
            self._pieces[memory.name] = []
            self.set_rights(memory, [Piece(memory.base, memory.end, Access.ALL)])

    def ask(self, add: Callable[[int, int], object]) -> None:
        """Has hooks for invalid accesses where there may be some; see `InvalidAccesses`."""
        self._invalid = InvalidAccesses(add)
        for memory in memory_map.MEMORIES:
            self._ask_about(memory)

    def _ask_about(self, memory: memory_map.Memory) -> None:
        if self._invalid is not None:
            self._invalid.cover(
                (piece.begin, piece.end) for piece in self._pieces[memory.name] if piece.access != Access.ALL
            )

    def set_rights(self, memory: memory_map.Memory, rights: Sequence[Piece]) -> None:
        """Allows what ``rights`` say, which together cover ``memory``; only between runs.

        Unicorn knows rights by the page of 1 KiB. A page with several, or with
        something that is watched, goes the slow way: each access to it is asked, and none can execute there.
        """
        pages = _whole_pages(memory, rights)
        if pages == self._pieces[memory.name]:
            return
        for piece in self._pieces[memory.name]:
            if piece.access != Access.NONE:
                self._engine.mem_unmap(piece.begin, piece.end - piece.begin)
        self._guarded -= set(range(memory.base // PAGE_BYTES, memory.end // PAGE_BYTES))
        for piece in pages:
            self._map_piece(memory, piece)
        self._pieces[memory.name] = pages
        self._ask_about(memory)

    def _map_piece(self, memory: memory_map.Memory, piece: Piece) -> None:
        begin, size_bytes = piece.begin, piece.end - piece.begin
        if piece.access == _MIXED:
            self._guarded.update(range(begin // PAGE_BYTES, piece.end // PAGE_BYTES))
            self._map_window(begin, size_bytes, self._read_guarded, self._write_guarded)
        elif piece.access != Access.NONE:
            host = ctypes.addressof(self._buffers[memory.alias_of or memory.name]) + begin - memory.base
            self._engine.mem_map_ptr(begin, size_bytes, _permissions(piece.access), host)

    def places(self) -> list[tuple[int, int, int]]:
        """First address of each memory, the first behind it, and where this process holds it."""
        return [
            (memory.base, memory.end, ctypes.addressof(self._buffers[memory.alias_of or memory.name]))
            for memory in memory_map.MEMORIES
        ]

    def is_guarded(self, address: int) -> bool:
        """Whether ``address`` is in a page of which only parts are accessible."""
        return address // PAGE_BYTES in self._guarded

    def _read_guarded(self, address: int, size_bytes: int) -> int:
        return int.from_bytes(self.peek(address, size_bytes) or b"", "little")

    def _write_guarded(self, address: int, size_bytes: int, value: int) -> None:
        self.poke(address, value.to_bytes(size_bytes, "little"))

    def map_bus(self, windows: Sequence[tuple[int, int]], read: BusRead, write: BusWrite) -> None:
        """Leads accesses to ``windows`` of (base, size in bytes) to ``read`` and ``write``."""
        for base, size_bytes in windows:
            self._map_window(base, size_bytes, read, write)

    def _map_window(self, base: int, size_bytes: int, read: BusRead, write: BusWrite) -> None:
        def on_read(_engine: unicorn.Uc, offset: int, size: int, _user_data: object) -> int:
            try:
                return read(base + offset, size)
            except BaseException as error:  # which ctypes would drop, Ctrl-C and the end of a deadline too
                self._engine._hook_exception = error
                self._engine.emu_stop()
                return 0
            finally:
                self.bus_access.active = False

        def on_write(_engine: unicorn.Uc, offset: int, size: int, value: int, _user_data: object) -> None:
            try:
                write(base + offset, size, value)
            finally:
                self.bus_access.active = False

        self._engine.mmio_map(base, size_bytes, on_read, None, on_write, None)
        self._engine.mem_protect(base, size_bytes, unicorn.UC_PROT_NONE)

    def poke(self, address: int, data: bytes) -> None:
        """Puts data, no code, into memories, past their borders if need be."""
        while data:
            memory = memory_map.memory_at(address)
            if memory is None:
                raise ValueError(f"no memory at {address:#010x}")
            part = data[: memory.end - address]
            buffer = self._buffers[memory.alias_of or memory.name]
            ctypes.memmove(ctypes.addressof(buffer) + address - memory.base, part, len(part))
            address += len(part)
            data = data[len(part) :]

    def contents(self) -> dict[str, bytes]:
        """What all memories hold, by name."""
        return {name: buffer.raw for name, buffer in self._buffers.items()}

    def set_contents(self, contents: Mapping[str, bytes]) -> set[str]:
        """Fills all memories; the names of those that held something else."""
        changed = {name for name, data in contents.items() if self._buffers[name].raw != data}
        for name in changed:
            ctypes.memmove(self._buffers[name], contents[name], len(contents[name]))
        return changed

    def peek(self, address: int, size_bytes: int) -> bytes | None:
        """What a memory holds, without a bus access; None where there is none."""
        found = b""
        while size_bytes:
            memory = memory_map.memory_at(address)
            if memory is None:
                return None
            part = min(size_bytes, memory.end - address)
            offset = address - memory.base
            found += memoryview(self._buffers[memory.alias_of or memory.name])[offset : offset + part].tobytes()
            address += part
            size_bytes -= part
        return found

    def read_code(self, address: int, size_bytes: int) -> bytes:
        """What a memory holds at the address of a block."""
        code = self.peek(address, size_bytes)
        if code is None:
            raise ValueError(f"no memory at {address:#010x}")
        return code
