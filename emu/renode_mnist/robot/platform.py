"""The chip under the firmware: its memories, and what the emulator of it has to say."""

from __future__ import annotations

from contextlib import suppress

from robot.api.deco import keyword

from renode_mnist.errors import TargetError
from renode_mnist.robot.capabilities import CapabilityKeywords


class PlatformKeywords(CapabilityKeywords):
    """They need no firmware that answers."""

    @keyword
    def target_should_have_nothing_to_say(self) -> None:
        """Fails where the emulator's log has a line: an access to nothing, a download that failed, a fault."""
        self.target_should_be_an_emulator()
        if said := self._opened.target.log():
            raise AssertionError(f"the target says:\n{said}")

    @keyword
    def memory_should_have_size(self, first: int, size_kib: int) -> None:
        """Fails unless a memory begins at that address and its last word is the last of anything there."""
        memory, last = self._memory, first + 1024 * size_kib - 4
        with suppress(TargetError):
            raise AssertionError(f"behind the memory there is {memory.read_memory(last + 4, 4).hex()}")
        for address in (first, last):
            kept = memory.read_memory(address, 4)
            for value in (bytes(4), b"\xff\x00\xaa\x55"):
                memory.write_memory(address, value)
                if (found := memory.read_memory(address, 4)) != value:
                    raise AssertionError(f"{address:#010x} holds {found.hex()} after {value.hex()} was written")
            memory.write_memory(address, kept)

    @keyword
    def memories_should_be_one(self, first: int, other: int, size_kib: int) -> None:
        """Fails unless two ranges of addresses are the same memory, at their first and at their last word."""
        memory = self._memory
        for offset in (0, 1024 * size_kib - 4):
            kept = memory.read_memory(first + offset, 4)
            memory.write_memory(first + offset, b"one?")
            found = memory.read_memory(other + offset, 4)
            memory.write_memory(first + offset, kept)
            if found != b"one?" or memory.read_memory(other + offset, 4) != kept:
                raise AssertionError(f"{first + offset:#010x} and {other + offset:#010x} are not the same memory")
