"""The functions of an ELF by its symbol table: those that have code of their own."""

from __future__ import annotations

import shutil
import subprocess
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from renode_mnist.program.opened import opened


@dataclass(frozen=True, slots=True)
class Function:
    """A function with code of its own.

    Attributes:
        name: With namespaces, without parameters.
        address: Of its first instruction.
        size_bytes: Of its symbol.
        file: Where it is declared; empty if not known.
        line: The same.
    """

    name: str
    address: int
    size_bytes: int
    file: str = ""
    line: int = 0


class Symbols:
    """Finds the function that an address is in.

    Args:
        elf: An opened ELF.

    Attributes:
        functions: By address, one an address; empty where the ELF was stripped.
    """

    def __init__(self, elf: Any) -> None:
        self.functions = _functions(elf)
        self._starts = [function.address for function in self.functions]

    @classmethod
    def of(cls, path: Path) -> Self:
        """Those of a file.

        Raises:
            ElfError: It cannot be read.
        """
        with opened(path) as elf:
            return cls(elf)

    def at(self, address: int) -> Function | None:
        """The function with the code at ``address``."""
        place = bisect_right(self._starts, address) - 1
        if place < 0:
            return None
        function = self.functions[place]
        unsized = not function.size_bytes  # assembly without .size: up to the next symbol
        return function if unsized or address < function.address + function.size_bytes else None


def address_of_data(path: Path, mangled: str) -> int | None:
    """Where a variable stands, by its name in the symbol table; None where there is none of that name.

    Raises:
        ElfError: The file cannot be read.
    """
    with opened(path) as elf:
        table = elf.get_section_by_name(".symtab")
        found = table.get_symbol_by_name(mangled) if table is not None else None
        places = [int(symbol["st_value"]) for symbol in found or () if symbol["st_info"]["type"] == "STT_OBJECT"]
    return places[0] if len(places) == 1 else None


def _functions(elf: Any) -> list[Function]:
    table = elf.get_section_by_name(".symtab")
    if table is None:
        return []
    found = {}
    for symbol in table.iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC" and symbol["st_shndx"] != "SHN_UNDEF":
            found[symbol["st_value"] & ~1] = (symbol.name, symbol["st_size"])
    names = _demangle([name for name, _ in found.values()])
    return [Function(names.get(name, name), address, size) for address, (name, size) in sorted(found.items())]


def _demangle(names: Iterable[str]) -> dict[str, str]:
    """C++ names without parameters, where binutils are installed; DWARF has better ones."""
    mangled = [name for name in names if name.startswith("_Z")]
    program = shutil.which("arm-none-eabi-c++filt") or shutil.which("c++filt")
    if not mangled or program is None:
        return {}
    result = subprocess.run(
        [program, "--no-params"], input="\n".join(mangled), capture_output=True, text=True, check=False
    )
    readable = result.stdout.splitlines()
    return dict(zip(mangled, readable, strict=True)) if len(readable) == len(mangled) else {}
