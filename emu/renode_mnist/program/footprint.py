"""What an image takes of the chip's memories, as the linker placed it; the firmware says the same of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from elftools.elf.sections import SymbolTableSection

from renode_mnist.errors import ElfError
from renode_mnist.program.opened import opened


@dataclass(frozen=True)
class Footprint:
    """Of an image of this project, in bytes.

    Attributes:
        flash_bytes: Code, constants and initial data.
        weights_bytes: Of these, the model's constants as the linker aligned them.
        ram_static_bytes: ``.data``, ``.bss`` and the buffers of DMA, the arena included.
        arena_bytes: Of these, the arena's section.
        stack_bytes: Reserved, with the guard below it.
    """

    flash_bytes: int
    weights_bytes: int
    ram_static_bytes: int
    arena_bytes: int
    stack_bytes: int


def footprint(elf: Path) -> Footprint:
    """Reads an ELF that this project's linker script made (``firmware/board/stm32f746.ld``).

    Raises:
        ElfError: It cannot be read, or is another's.
    """
    with opened(elf) as file:
        table = file.get_section_by_name(".symtab")
        addresses = (
            {symbol.name: int(symbol["st_value"]) for symbol in table.iter_symbols()}
            if isinstance(table, SymbolTableSection)
            else {}
        )
        sizes = {section.name: int(section["sh_size"]) for section in file.iter_sections()}
    try:
        return Footprint(
            flash_bytes=addresses["__flash_end"] - addresses["__flash_start"],
            weights_bytes=sizes.get(".weights", 0),
            ram_static_bytes=addresses["__data_end"] - addresses["__bss_start"] + sizes.get(".dma", 0),
            arena_bytes=sizes.get(".arena", 0),
            stack_bytes=sizes[".stack"],
        )
    except KeyError as error:
        raise ElfError(
            f"{elf} has no {error.args[0]}: it was not linked by this project's script",
            "Give a firmware image of this project.",
        ) from error
