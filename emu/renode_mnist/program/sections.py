"""What any ELF for this chip takes of its memories, by its program headers alone."""

from __future__ import annotations

from pathlib import Path

from renode_mnist.errors import ElfError
from renode_mnist.program.opened import opened

_FLASH = ((0x0020_0000, 0x0030_0000), (0x0800_0000, 0x0810_0000))
_RAM = ((0x0000_0000, 0x0000_4000), (0x2000_0000, 0x2005_0000))
"""RM0385 2.2.2, table 1: flash on both of its buses; ITCM-RAM, DTCM-RAM, SRAM1 and SRAM2."""


def loaded_bytes(elf: Path) -> tuple[int, int]:
    """Bytes of flash and of RAM; a stack or heap counts as far as the linker script reserves it in a section.

    Raises:
        ElfError: It cannot be read, or puts nothing into the chip's flash.
    """
    flash = ram = 0
    with opened(elf) as file:
        for segment in file.iter_segments("PT_LOAD"):
            if _within(segment["p_paddr"], _FLASH):
                flash += segment["p_filesz"]
            if _within(segment["p_vaddr"], _RAM):
                ram += segment["p_memsz"]
    if not flash:
        raise ElfError(f"{elf} puts nothing into the flash of an STM32F746", "Link it for that chip.")
    return flash, ram


def _within(address: int, areas: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= address < high for low, high in areas)
