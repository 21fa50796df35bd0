"""What a program asks of its debugger by BKPT 0xAB (Arm, Semihosting for AArch32 and AArch64, release 2.0)."""

from __future__ import annotations

import errno
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Protocol

from renode_mnist.plain_text import one_line
from renode_mnist.stm32f746.semihosting_files import Files, Refused

BKPT = b"\xab\xbe"
"""The instruction; its operation is in r0, its argument in r1."""

_FAILED = 0xFFFF_FFFF
_LONGEST_TEXT = 1 << 16
_MOST_BYTES = 1 << 20
"""Of one call: more is a length that went wrong."""


class Operation(IntEnum):
    """Numbers of the operations, section 6."""

    OPEN = 0x01
    CLOSE = 0x02
    WRITEC = 0x03
    WRITE0 = 0x04
    WRITE = 0x05
    READ = 0x06
    READC = 0x07
    ISERROR = 0x08
    ISTTY = 0x09
    SEEK = 0x0A
    FLEN = 0x0C
    TMPNAM = 0x0D
    REMOVE = 0x0E
    RENAME = 0x0F
    CLOCK = 0x10
    TIME = 0x11
    SYSTEM = 0x12
    ERRNO = 0x13
    GET_CMDLINE = 0x15
    HEAPINFO = 0x16
    EXIT = 0x18
    EXIT_EXTENDED = 0x20
    ELAPSED = 0x30
    TICKFREQ = 0x31


_APPLICATION_EXIT = 0x2_0026
"""ADP_Stopped_ApplicationExit: the reason of a program that ended by itself."""


class ProgramMemory(Protocol):
    """The program's memory and time."""

    def peek(self, address: int, size_bytes: int) -> bytes | None:
        """What is there; None where nothing is."""
        ...

    def poke(self, address: int, data: bytes) -> None:
        """Changes it."""
        ...


def operation_name(number: int) -> str:
    """As the specification has it, ``SYS_WRITE0``."""
    known = next((each for each in Operation if each == number), None)
    return f"SYS_{known.name}" if known else f"operation {number:#x}"


def text_at(memory: ProgramMemory, address: int) -> bytes:
    """What stands up to a zero byte; what there is of it where memory ends first."""
    found = bytearray()
    while len(found) < _LONGEST_TEXT:
        byte = memory.peek(address + len(found), 1)
        if not byte or byte == b"\0":
            break
        found += byte
    return bytes(found)


def text_of(memory: ProgramMemory, number: int, argument: int) -> bytes:
    """What a call would write; empty where it writes nothing."""
    if number == Operation.WRITE0:
        return text_at(memory, argument)
    if number == Operation.WRITEC:
        return memory.peek(argument, 1) or b""
    block = memory.peek(argument, 12) if number == Operation.WRITE else None
    if not block:
        return b""
    address, length = (int.from_bytes(block[at : at + 4], "little") for at in (4, 8))
    return memory.peek(address, min(length, _LONGEST_TEXT)) or b""


class Semihosting:
    """A debugger's side of the calls.

    Args:
        show: Takes what the program writes to its console.
        folder: Where its files are; None refuses them.

    Attributes:
        exit_status: Once the program has ended: its status; ``EXIT`` knows 0 and 1 only.
    """

    def __init__(self, show: Callable[[bytes], None], folder: Path | None = None) -> None:
        self._show = show
        self._files = Files(folder)
        self._errno = 0
        self.exit_status: int | None = None
        self._memory: ProgramMemory
        self._now_seconds: Callable[[], float] = lambda: 0.0
        self._note: Callable[[str], None] = lambda _text: None

    def attach(self, memory: ProgramMemory, now_seconds: Callable[[], float], note: Callable[[str], None]) -> None:
        """To be called by the machine: its memory, its virtual time, and where to tell what was refused."""
        self._memory, self._now_seconds, self._note = memory, now_seconds, note

    def reset(self) -> None:
        """The program starts anew."""
        self._files.close_all()
        self._errno = 0
        self.exit_status = None

    def call(self, number: int, argument: int) -> int:
        """Does what is asked; what r0 is to be then."""
        try:
            return self._serve(number, argument) & 0xFFFF_FFFF
        except Refused as refused:
            self._errno = refused.number
            if refused.why:
                self._note(f"semihosting: {one_line(refused.why)}")
            return _FAILED

    def _serve(self, number: int, argument: int) -> int:
        match number:
            case Operation.WRITEC:
                self._show(self._bytes(argument, 1))
            case Operation.WRITE0:
                self._show(text_at(self._memory, argument))
            case Operation.WRITE:
                return self._write(*self._words(argument, 3))
            case Operation.READ:
                return self._read(*self._words(argument, 3))
            case Operation.READC:
                raise Refused(errno.EIO, "the program waits for a key, and there is no keyboard")
            case Operation.CLOCK:
                return int(self._now_seconds() * 100)
            case Operation.TIME:
                return int(self._now_seconds())
            case Operation.ELAPSED:
                self._memory.poke(argument, int(self._now_seconds() * 1_000_000).to_bytes(8, "little"))
                return 0
            case Operation.TICKFREQ:
                return 1_000_000
            case Operation.ERRNO:
                return self._errno
            case Operation.ISERROR:
                return int(self._words(argument, 1)[0] >> 31)
            case Operation.HEAPINFO:
                (block,) = self._words(argument, 1)
                self._memory.poke(block, bytes(16))  # it is to use what its linker gave it
            case Operation.GET_CMDLINE:
                self._command_line(argument)
            case Operation.EXIT:
                self.exit_status = 0 if argument == _APPLICATION_EXIT else 1
            case Operation.EXIT_EXTENDED:
                reason, status = self._words(argument, 2)
                signed = status - (1 << 32) if status >> 31 else status
                self.exit_status = signed if reason == _APPLICATION_EXIT else 1
            case _:
                return self._serve_file(number, argument)
        return 0

    def _serve_file(self, number: int, argument: int) -> int:
        match number:
            case Operation.OPEN:
                address, mode, length = self._words(argument, 3)
                return self._files.open(self._bytes(address, length).decode("utf-8", "replace"), mode)
            case Operation.CLOSE:
                self._files.close(*self._words(argument, 1))
            case Operation.ISTTY:
                return int(self._files.get(*self._words(argument, 1)) is None)
            case Operation.SEEK:
                handle, position = self._words(argument, 2)
                if (file := self._files.get(handle)) is not None:
                    file.seek(position)
            case Operation.FLEN:
                return self._length(*self._words(argument, 1))
            case Operation.REMOVE:
                address, length = self._words(argument, 2)
                self._on_disk(lambda: self._place(address, length).unlink())
            case Operation.RENAME:
                old, old_length, new, new_length = self._words(argument, 4)
                self._on_disk(lambda: self._place(old, old_length).rename(self._place(new, new_length)))
            case _:
                raise Refused(errno.ENOSYS, f"{operation_name(number)} is not served, the program gets -1")
        return 0

    # Memory

    def _bytes(self, address: int, size_bytes: int) -> bytes:
        data = self._memory.peek(address, size_bytes) if size_bytes <= _MOST_BYTES else None
        if data is None:
            raise Refused(errno.EFAULT, f"{size_bytes} bytes at {address:#010x} are in no memory")
        return data

    def _words(self, address: int, count: int) -> tuple[int, ...]:
        data = self._bytes(address, 4 * count)
        return tuple(int.from_bytes(data[at : at + 4], "little") for at in range(0, 4 * count, 4))

    # Files and the console

    def _write(self, handle: int, address: int, size_bytes: int) -> int:
        """How many bytes were not written."""
        data, file = self._bytes(address, size_bytes), self._files.get(handle)
        if file is None:
            self._show(data)
        else:
            self._on_disk(lambda: file.write(data))
        return 0

    def _read(self, handle: int, address: int, size_bytes: int) -> int:
        """How many bytes were not read; nothing comes from a keyboard."""
        file = self._files.get(handle)
        if size_bytes > _MOST_BYTES or self._memory.peek(address, size_bytes) is None:
            raise Refused(errno.EFAULT, f"{size_bytes} bytes at {address:#010x} are in no memory")
        data = b"" if file is None else self._on_disk(lambda: file.read(size_bytes))
        self._memory.poke(address, data)
        return size_bytes - len(data)

    def _length(self, handle: int) -> int:
        file = self._files.get(handle)
        if file is None:
            return 0
        before = file.tell()
        end = file.seek(0, 2)
        file.seek(before)
        return end

    def _place(self, address: int, length: int) -> Path:
        return self._files.place(self._bytes(address, length).decode("utf-8", "replace"))

    def _on_disk(self, act: Callable[[], object]) -> bytes:
        try:
            done = act()
        except OSError as error:
            raise Refused(error.errno or errno.EIO) from error
        return done if isinstance(done, bytes) else b""

    def _command_line(self, argument: int) -> None:
        buffer, size_bytes = self._words(argument, 2)
        if size_bytes < 1:
            raise Refused(errno.EINVAL)
        self._memory.poke(buffer, b"\0")
        self._memory.poke(argument + 4, bytes(4))
