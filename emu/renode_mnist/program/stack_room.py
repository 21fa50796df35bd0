"""The room of a program's main stack, and how deep it was used: by a pattern that is put there before the start."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile

from renode_mnist.errors import ElfError

_PATTERN = b"\x5a\xc3\xa5\x3c"
_LEAST_BYTES = 64
_FRAME_BYTES = 4096
"""What the last frames of a stack that overflowed may have left untouched."""
_HEAPS = {"malloc", "_malloc_r", "sbrk", "_sbrk", "_sbrk_r", "pvPortMalloc"}
"""Functions of programs that may use what the linker left over from below."""


@dataclass(frozen=True)
class StackRoom:
    """Where the main stack may grow without meeting what the linker placed.

    Attributes:
        low: First address.
        high: First address behind it: the initial stack pointer.
        shared: With a heap, which may come up from below.
    """

    low: int
    high: int
    shared: bool = False

    def paint(self) -> bytes:
        """What to put there."""
        return _PATTERN * ((self.high - self.low) // len(_PATTERN))

    def overflow(self, stack_pointer: int, in_memory: bool, content: bytes) -> int:
        """How far the stack has grown below its room, in bytes; 0 where it has not, or where nobody can tell.

        Args:
            stack_pointer: As it is; a program may have moved it to a stack elsewhere.
            in_memory: Whether there is memory at it; if not, it came there by growing.
            content: What the room holds.
        """
        below = self.low - stack_pointer
        grown = not in_memory or (not self.shared and self._painted(content) < _FRAME_BYTES)
        return below if 0 < below <= self.high - self.low and grown else 0

    def deepest(self, content: bytes) -> int:
        """Bytes that the stack took at most, by what the room holds now.

        It is the lowest word that is not the pattern any more: functions leave holes in their frames. A heap that
        has come up from below hides that; then what is untouched is the longest stretch of the pattern.
        """
        untouched = self._painted(content)
        if self.shared and untouched < _LEAST_BYTES:
            return self._above_longest_stretch(content)
        return len(content) - untouched

    def _painted(self, content: bytes) -> int:
        """Bytes from the beginning that are still the pattern."""
        words = struct.iter_unpack("4s", content[: len(content) // 4 * 4])
        return 4 * next((at for at, (word,) in enumerate(words) if word != _PATTERN), len(content) // 4)

    def _above_longest_stretch(self, content: bytes) -> int:
        words = struct.iter_unpack("4s", content[: len(content) // 4 * 4])
        longest = end_of_longest = run = 0
        for position, (word,) in enumerate(words, start=1):
            run = run + 1 if word == _PATTERN else 0
            if run > longest:
                longest, end_of_longest = run, position
        return len(content) - 4 * end_of_longest


def stack_room(elf: Path, initial_stack_pointer: int, ram: tuple[int, int]) -> StackRoom | None:
    """The room below a program's initial stack pointer; None where there is next to none, or no section tells.

    Args:
        elf: The program.
        initial_stack_pointer: The first word of its vector table.
        ram: First address, and first address behind, of the RAM that it points to.

    Raises:
        ElfError: It cannot be read.
    """
    high = initial_stack_pointer & ~7
    low = ram[0]
    shared = False
    try:
        with elf.open("rb") as stream:
            file = ELFFile(stream)
            if not file.num_sections():
                return None  # nobody knows what lies there
            for section in file.iter_sections():
                begin, size = section["sh_addr"], section["sh_size"]
                if not section["sh_flags"] & SH_FLAGS.SHF_ALLOC or not size or not ram[0] <= begin < high:
                    continue
                is_stack = section["sh_type"] == "SHT_NOBITS" and begin + size >= high and "stack" in section.name
                low = max(low, begin if is_stack else min(begin + size, high))
            symbols = file.get_section_by_name(".symtab")
            shared = symbols is None or any(symbol.name in _HEAPS for symbol in symbols.iter_symbols())
    except (OSError, ELFError) as error:
        raise ElfError(f"{elf} cannot be read: {error}", "Build or copy it again.") from error
    low = -(-low // 4) * 4
    return StackRoom(low, high, shared) if high - low >= _LEAST_BYTES else None
