"""What of an image stands where: regions of RAM, the model's constants by layer, functions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from renode_mnist.errors import ElfError
from renode_mnist.program.opened import opened
from renode_mnist.program.symbols import Symbols

_RAM = {".arena": "arena", ".bss": "session", ".data": "session", ".dma": "wire", ".stack": "stack"}
_ARRAY = re.compile(r"k([A-Za-z0-9]*?\d+)([A-Z]\w*)$")
"""As codegen names constants in weights.cpp: the operator with its number in the model, and what they are of it."""
WEIGHTS_SECTION = ".weights"
_BLOB = "the model"


@dataclass(frozen=True)
class Stretch:
    """Some bytes of the address space.

    Attributes:
        name: What they are.
        address: Of the first.
        size_bytes: How many.
        group: The layer, of constants; else the name again.
    """

    name: str
    address: int
    size_bytes: int
    group: str = ""

    @property
    def end(self) -> int:
        """First address behind them."""
        return self.address + self.size_bytes


@dataclass(frozen=True)
class ImageMap:
    """An image of this project by its symbols.

    Attributes:
        ram: Region by its name.
        weights: Arrays of the model's constants, by address; of engine ``tflm`` the model file as one.
        code: The section of instructions.
        functions: Within it.
    """

    ram: dict[str, tuple[Stretch, ...]]
    weights: tuple[Stretch, ...]
    code: Stretch
    functions: Symbols

    @classmethod
    def of(cls, elf: Path) -> ImageMap:
        """Reads an ELF.

        Raises:
            ElfError: It cannot be read, or was not linked by this project's script.
        """
        with opened(elf) as file:
            sections = {section.name: section for section in file.iter_sections()}
            if missing := {".text", ".stack", ".arena", ".bss", WEIGHTS_SECTION} - set(sections):
                raise ElfError(
                    f"{elf} has no section {', '.join(sorted(missing))}", "Give a firmware image of this project."
                )
            ram: dict[str, list[Stretch]] = {}
            for name, region in _RAM.items():
                if (stretch := _stretch(sections.get(name), region)) is not None:
                    ram.setdefault(region, []).append(stretch)
            text = _stretch(sections[".text"], "code")
            assert text is not None
            return cls(
                {region: tuple(found) for region, found in ram.items()},
                _arrays(file, sections[WEIGHTS_SECTION]),
                text,
                Symbols(file),
            )

    def function_at(self, address: int) -> str:
        """Name of the function that code is of; empty where none is known."""
        function = self.functions.at(address)
        return function.name if function is not None else ""


def _stretch(section: Any, name: str) -> Stretch | None:
    if section is None or not section["sh_size"]:
        return None
    return Stretch(name, int(section["sh_addr"]), int(section["sh_size"]), name)


def _arrays(file: Any, section: Any) -> tuple[Stretch, ...]:
    begin, end = int(section["sh_addr"]), int(section["sh_addr"] + section["sh_size"])
    table = file.get_section_by_name(".symtab")
    found = []
    for symbol in table.iter_symbols() if table is not None else ():
        address, size = int(symbol["st_value"]), int(symbol["st_size"])
        if symbol["st_info"]["type"] == "STT_OBJECT" and size and begin <= address < end:
            found.append(_named(symbol.name, address, size))
    return tuple(sorted(found, key=lambda each: each.address)) or (
        Stretch(_BLOB, begin, end - begin, _BLOB),
    )  # fmt: skip


def _named(mangled: str, address: int, size: int) -> Stretch:
    """``_ZN6engine7weights15kConv2d2WeightsE`` is Weights of layer Conv2d2."""
    plain = re.sub(r"E?$", "", mangled)
    if match := _ARRAY.search(plain):
        return Stretch(f"{match[1]} {match[2]}", address, size, match[1])
    return Stretch(_BLOB, address, size, _BLOB)


def at(stretches: Sequence[Stretch], offset: int) -> tuple[Stretch, int]:
    """The stretch and the address of byte ``offset`` of all of them after each other."""
    ends, total = [], 0
    for each in stretches:
        total += each.size_bytes
        ends.append(total)
    index = bisect_right(ends, offset)
    chosen = stretches[index]
    return chosen, chosen.end - (ends[index] - offset)


def total_bytes(stretches: Sequence[Stretch]) -> int:
    """Of all of them."""
    return sum(each.size_bytes for each in stretches)
