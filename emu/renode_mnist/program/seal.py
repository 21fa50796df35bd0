"""Puts the checksum of a firmware image into it, once it is linked: ``python -m renode_mnist.program.seal FILE``.

The firmware computes it again at its start and when it is asked (firmware/app/image.cpp). It is the CRC-32 of all
that the image has in flash, or in a program for the PC in its read-only segments, but the checksum's own four bytes.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from renode_mnist.errors import ElfError, RenodeMnistError
from renode_mnist.program.opened import opened

SECTION = ".image_check"
_WORD_BYTES = 4
_FLASH = range(0x0800_0000, 0x0810_0000)
_WRITABLE = 2
"""PF_W."""


@dataclass(frozen=True)
class Seal:
    """Where an image's checksum stands, and what it should be.

    Attributes:
        offset: In the file.
        stated: What stands there.
        computed: What should.
    """

    offset: int
    stated: int
    computed: int


def seal_of(path: Path) -> Seal:
    """Reads an image.

    Raises:
        ElfError: It cannot be read, has no place for a checksum, or leaves bytes of flash between its segments open.
    """
    with opened(path) as file:
        section = file.get_section_by_name(SECTION)
        if section is None or section["sh_size"] != _WORD_BYTES:
            raise ElfError(f"{path} has no place for a checksum", f"Link firmware/app, whose {SECTION} that is.")
        offset = int(section["sh_offset"])
        crc = 0
        for begin, content in _constant_parts(file, path):
            cut = offset - begin
            parts = [content[:cut], content[cut + _WORD_BYTES :]] if 0 <= cut < len(content) else [content]
            for part in parts:
                crc = zlib.crc32(part, crc)
        return Seal(offset, int.from_bytes(section.data(), "little"), crc)


def seal(path: Path) -> int:
    """Writes the checksum into an image, and tells it.

    Raises:
        ElfError: As `seal_of`.
    """
    found = seal_of(path)
    if found.stated != found.computed:
        with path.open("r+b") as file:
            file.seek(found.offset)
            file.write(found.computed.to_bytes(_WORD_BYTES, "little"))
    return found.computed


def _constant_parts(file: Any, path: Path) -> list[tuple[int, bytes]]:
    """Place in the file and content of what never changes while the image runs, by address."""
    loaded = [each for each in file.iter_segments("PT_LOAD") if each["p_filesz"]]
    if file["e_machine"] != "EM_ARM":
        chosen = [each for each in loaded if not each["p_flags"] & _WRITABLE]
        return [(int(each["p_offset"]), each.data()) for each in chosen]
    chosen = sorted((each for each in loaded if each["p_paddr"] in _FLASH), key=lambda each: int(each["p_paddr"]))
    for before, after in pairwise(chosen):
        end = before["p_paddr"] + before["p_filesz"]
        if end != after["p_paddr"]:
            raise ElfError(
                f"{path} leaves flash from {end:#010x} to {after['p_paddr']:#010x} open, which a programmer fills as "
                "it likes",
                "Fill it in firmware/board/stm32f746.ld.",
            )
    return [(int(each["p_offset"]), each.data()) for each in chosen]


def main() -> None:
    """Seals the image that is named."""
    try:
        print(f"checksum 0x{seal(Path(sys.argv[1])):08x}")
    except (RenodeMnistError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
