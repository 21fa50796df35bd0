"""What the core's addresses lead to: memories with their rights, and the bus.

Unicorn's hook on valid memory accesses slows each of them down. So memories are mapped with their rights, which its
translator heeds by itself, and bus windows are MMIO regions without permissions: Unicorn then calls the hook for
*invalid* accesses first, with PC brought up to date (MMIO alone leaves PC at the start of the block), and that hook
(`Core` has it) may refuse: a precise fault.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import unicorn

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.access import Access, Piece

_PAGE_BYTES = 1024

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


@dataclass(slots=True)
class BusAccess:
    """The bus access of the core that is under way, if one is.

    Attributes:
        active: Set by who allows it, cleared when it is done.
        pc: Address of the instruction that makes it.
    """

    active: bool = False
    pc: int = 0


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
        self.bus_access = BusAccess()
        for memory in memory_map.MEMORIES:
            owner = memory.alias_of or memory.name
            self._buffers.setdefault(owner, ctypes.create_string_buffer(memory.size_bytes))
            self._pieces[memory.name] = []
            self.set_rights(memory, [Piece(memory.base, memory.end, Access.ALL)])

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
        return address // _PAGE_BYTES in self._guarded

    def _read_guarded(self, address: int, size_bytes: int) -> int:
        return int.from_bytes(self.peek(address, size_bytes) or b"", "little")

    def _write_guarded(self, address: int, size_bytes: int, value: int) -> None:
        self.poke(address, value.to_bytes(size_bytes, "little"))

    def map_bus(self, windows: Sequence[tuple[int, int]], read: BusRead, write: BusWrite) -> None:
        """Leads accesses to ``windows`` of (base, size in bytes) to ``read`` and ``write``."""
        for base, size_bytes in windows:
            self._map_window(base, size_bytes, read, write)

    def _map_window(self, base: int, size_bytes: int, read: BusRead, write: BusWrite) -> None:
        access = self.bus_access

        def on_read(_engine: unicorn.Uc, offset: int, size: int, _user_data: object) -> int:
            try:
                return read(base + offset, size)
            finally:
                access.active = False

        def on_write(_engine: unicorn.Uc, offset: int, size: int, value: int, _user_data: object) -> None:
            try:
                write(base + offset, size, value)
            finally:
                access.active = False

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
