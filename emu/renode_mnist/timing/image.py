"""The code of an ELF file, by address."""

from __future__ import annotations

import io
from pathlib import Path

from elftools.elf.elffile import ELFFile

from renode_mnist import outside
from renode_mnist.errors import ElfError
from renode_mnist.timing.blocks import Block


class CodeImage:
    """What an ELF file loads, readable at the addresses it runs at.

    Args:
        path: An ELF file for a 32-bit Arm.

    Raises:
        ElfError: It cannot be read, or is for another machine.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            content = outside.content(path)
        except OSError as error:
            raise ElfError(f"{path} cannot be read: {error.strerror}", "Check the path.") from error
        with outside.reading(
            lambda why: ElfError(f"{path} is no ELF file: {why}", "Give the ELF, not the .bin or .hex.")
        ):
            elf = ELFFile(io.BytesIO(content))
            if elf["e_machine"] != "EM_ARM":
                raise ElfError(
                    f"{path} is for {elf['e_machine']}, not for Arm",
                    "Give the firmware's ELF, built for the board.",
                )
            self._segments: list[tuple[int, bytes]] = [
                (segment["p_vaddr"], segment.data())
                for segment in elf.iter_segments("PT_LOAD")
                if segment["p_filesz"]
            ]

    def block(self, address: int, size_bytes: int) -> Block:
        """The block that stands at ``address``.

        Raises:
            ElfError: The file loads nothing there.
        """
        return Block(address, self.read(address, size_bytes))

    def read(self, address: int, size_bytes: int) -> bytes:
        """Bytes of code.

        Raises:
            ElfError: The file loads nothing there.
        """
        for start, data in self._segments:
            if start <= address and address + size_bytes <= start + len(data):
                return data[address - start : address - start + size_bytes]
        raise ElfError(
            f"{self.path} loads nothing at 0x{address:08x} ({size_bytes} bytes)",
            "The counts come from another build; profile the ELF that ran.",
        )
