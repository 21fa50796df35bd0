"""The ELF of an STM32F746 program: what to load where, or why this chip cannot run it."""

from __future__ import annotations

import io
import re
import struct
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from elftools.elf.constants import SH_FLAGS
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from renode_mnist import outside
from renode_mnist.errors import ElfError
from renode_mnist.stm32f746 import memory_map

_RIGHT_FLAGS = "Compile for this chip: -mcpu=cortex-m7 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard"

_M_PROFILE = ord("M")
_ARCHITECTURES_ABOVE_V7 = {
    14: "v8-A",
    15: "v8-R",
    16: "v8-M.baseline",
    17: "v8-M.mainline",
    21: "v8.1-M.mainline",
}
"""Tag_CPU_arch (Arm ABI addenda, build attributes)."""


def _byte(matches: Callable[[int], bool]) -> bytes:
    """A regular expression for the bytes that match."""
    return b"[" + b"".join(re.escape(bytes([value])) for value in range(256) if matches(value)) + b"]"


_DOUBLE = re.compile(
    b"(?=."  # CDP or CDP2 (0xEE.. or 0xFE..), coprocessor 11, bit 4 clear; half-words are little-endian
    + _byte(lambda value: value & 0xEF == 0xEE)
    + _byte(lambda value: not value & 0x10)
    + _byte(lambda value: value & 0x0F == 0x0B)
    + b"|"  # VCVT.F64.F32: its source is single, so it stands under coprocessor 10
    + _byte(lambda value: value & 0xBF == 0xB7)
    + b"\xee"
    + _byte(lambda value: value & 0xD0 == 0xC0)
    + _byte(lambda value: value & 0x0F == 0x0A)
    + b")",
    re.DOTALL,
)
"""FPU data processing on doubles (DDI 0403E A6.4); loads, stores and moves of doubles exist on this FPU too."""


_STT_FUNC = 2
"""Type of a symbol (ELF specification, figure 1-18)."""
_STB_WEAK = 2
"""Binding of one (figure 1-17)."""


@dataclass(frozen=True)
class Segment:
    """Bytes to load.

    Attributes:
        address: Where they are stored (LMA).
        data: The bytes.
    """

    address: int
    data: bytes


@dataclass(frozen=True)
class Image:
    """A program that fits the chip.

    Attributes:
        path: Of the ELF.
        segments: What to load, by address.
        vector_table: Its address: where the lowest segment in flash starts, else the lowest of all.
        warnings: What could not be checked.
    """

    path: Path
    segments: tuple[Segment, ...]
    vector_table: int
    warnings: tuple[str, ...] = ()

    @property
    def boot_address(self) -> int:
        """VTOR out of reset, which is what the boot option bytes name (RM0385 2.5).

        From the factory they name the start of flash by its ITCM alias; for an image that is linked elsewhere they
        are taken to name that place, at every reset.
        """
        return memory_map.FLASH_ITCM.base if self.vector_table == memory_map.FLASH.base else self.vector_table

    def symbol_at(self, address: int) -> str:
        """`` in NAME+OFFSET`` for a message; nothing where no function is known."""
        index = bisect_right(self._functions, address, key=lambda function: function[0]) - 1
        if index < 0:
            return ""
        start, size, name = self._functions[index]
        # Assembly without .size: its code goes on to the next function.
        return f" in {readable(name)}+{address - start:#x}" if not size or address < start + size else ""

    def function(self, name: str) -> int | None:
        """Address of the function of that name, as the linker or as its author has it; None where there is none."""
        return next((start for start, _, known in self._functions if name in (known, readable(known))), None)

    def functions(self) -> list[str]:
        """Their names as their authors have them, by address."""
        return [readable(name) for _, _, name in self._functions]

    @cached_property
    def _functions(self) -> list[tuple[int, int, str]]:
        # Read once: a target that is asked every few milliseconds makes such a message each time.
        with outside.reading(
            lambda why: ElfError(f"{self.path} has a damaged symbol table ({why})", "Build it again.")
        ):
            symbols = ELFFile(io.BytesIO(self.path.read_bytes())).get_section_by_name(".symtab")
            return _functions(symbols) if isinstance(symbols, SymbolTableSection) else []


@cache
def readable(name: str) -> str:
    """A C++ function's name without its arguments, ``board::run`` of ``_ZN5board3runEv``; another as it is.

    Nested names as the Itanium C++ ABI spells them (5.1.4), which is all that a message here needs: c++filt is part
    of a compiler, which a user need not have.
    """
    parts = []
    rest = re.sub(r"^_Z(N[rVK]*)?L?", "", name)
    while rest != name and (length := re.match(r"\d+", rest)):
        end = length.end() + int(length[0])
        parts.append(rest[length.end() : end])
        rest = rest[end:].removeprefix("L")
    return "::".join("(anonymous namespace)" if part == "_GLOBAL__N_1" else part for part in parts) or name


def load(path: Path | str, *, ours: bool = True) -> Image:
    """Reads and checks an ELF.

    Args:
        path: The file.
        ours: It is to be this project's firmware, which is what a message then tells how to have.

    Raises:
        ElfError: It cannot be read, is for another core, does not fit, or uses what the chip does not have.
    """
    path = Path(path)
    try:
        content = outside.content(path)
    except FileNotFoundError:
        remedy = "Build the firmware first: `renode-mnist build`." if ours else "Give the ELF that the linker wrote."
        raise ElfError(f"{path} does not exist", remedy) from None
    except OSError as error:
        raise ElfError(f"{path} cannot be read ({error.strerror})", "Check its permissions.") from error
    with outside.reading(lambda why: ElfError(f"{path} is a damaged ELF ({why})", "Build or copy it again.")):
        return _read(path, content, ours)


def loaded(path: Path) -> list[tuple[int, bytes]]:
    """What is in memory once the program's own start-up code has run: address and bytes of each segment of a file."""
    with path.open("rb") as stream:
        return [(part["p_vaddr"], part.data()) for part in ELFFile(stream).iter_segments("PT_LOAD")]


def _read(path: Path, content: bytes, ours: bool) -> Image:
    if content[:4] != b"\x7fELF":
        what = "is empty" if not content else "is no ELF file"
        raise ElfError(f"{path} {what}", "Give the .elf that the linker wrote, not a .bin or .hex made from it.")
    if len(content) < 52:
        raise ElfError(f"{path} is truncated: {len(content)} bytes", "Build or copy it again.")
    elf = ELFFile(io.BytesIO(content))
    _check_machine(path, elf)
    _check_complete(path, elf, len(content))
    segments = _segments(path, elf, ours)
    warnings = _check_instructions(path, elf)
    return Image(path, segments, _vector_table(path, segments), warnings)


def _check_machine(path: Path, elf: ELFFile) -> None:
    if elf.elfclass != 32 or elf["e_machine"] != "EM_ARM":
        machine = elf.get_machine_arch()
        raise ElfError(f"{path} is for {machine}, not for a 32-bit Arm core", f"{_RIGHT_FLAGS}.")
    if not elf.little_endian:
        raise ElfError(f"{path} is big-endian, the STM32F746 is little-endian", f"{_RIGHT_FLAGS}.")
    if elf["e_type"] != "ET_EXEC":
        raise ElfError(f"{path} is not linked as a program ({elf['e_type']})", "Give the linker's output.")


def _check_complete(path: Path, elf: ELFFile, size_bytes: int) -> None:
    ends = [
        elf["e_phoff"] + elf["e_phnum"] * elf["e_phentsize"],
        elf["e_shoff"] + elf["e_shnum"] * elf["e_shentsize"],
    ]
    if max(ends) <= size_bytes:
        ends += [segment["p_offset"] + segment["p_filesz"] for segment in elf.iter_segments("PT_LOAD")]
    if max(ends) > size_bytes:
        raise ElfError(
            f"{path} is truncated: {size_bytes} bytes, its headers speak of {max(ends)}",
            "Build or copy it again.",
        )


def _segments(path: Path, elf: ELFFile, ours: bool) -> tuple[Segment, ...]:
    loaded = []
    for segment in elf.iter_segments("PT_LOAD"):
        if segment["p_memsz"]:
            _check_fits(path, segment["p_vaddr"], segment["p_memsz"], ours)
        if segment["p_filesz"]:
            _check_fits(path, segment["p_paddr"], segment["p_filesz"], ours)
            loaded.append(Segment(segment["p_paddr"], segment.data()))
    if not loaded:
        raise ElfError(f"{path} holds nothing to load", "Give the linker's output.")
    return tuple(sorted(loaded, key=lambda part: part.address))


def _check_fits(path: Path, address: int, size_bytes: int, ours: bool) -> None:
    """Refuses what lies outside the memories; neighbours (DTCM, SRAM1, SRAM2) count as one."""
    at, end = address, address + size_bytes
    while at < end:
        memory = memory_map.memory_at(at)
        if memory is None:
            before = memory_map.memory_at(at - 1) if at > address else None
            if before:
                smaller = "Use a smaller model or engine, or see" if ours else "See"
                raise ElfError(
                    f"{path} does not fit: {size_bytes} bytes at {address:#010x} go {end - at} bytes beyond "
                    f"{before.name}, which ends at {before.end:#010x}",
                    f"{smaller} the linker's map for what takes the room.",
                )
            raise ElfError(
                f"{path} wants {size_bytes} bytes at {address:#010x}, where the STM32F746 has no memory",
                "Link with the memory map of this chip: flash 1 MiB at 0x08000000, RAM 320 KiB at 0x20000000.",
            )
        at = memory.end


def _vector_table(path: Path, segments: tuple[Segment, ...]) -> int:
    in_flash = [
        part for part in segments if memory_map.FLASH.holds(part.address) or memory_map.FLASH_ITCM.holds(part.address)
    ]
    first = (in_flash or segments)[0]
    if len(first.data) < 8:
        raise ElfError(f"{path} has no vector table at {first.address:#010x}", "Link the start-up code first.")
    stack, reset = struct.unpack_from("<II", first.data)
    if memory_map.memory_at(stack - 4) not in (
        memory_map.DTCM,
        memory_map.SRAM1,
        memory_map.SRAM2,
        memory_map.ITCM,
    ):
        raise ElfError(
            f"{path} starts with a stack pointer of {stack:#010x}, which is not in RAM: no vector table at "
            f"{first.address:#010x}",
            "Link the vector table to the start of flash.",
        )
    if not reset & 1 or memory_map.memory_at(reset & ~1) is None:
        raise ElfError(
            f"{path} starts at {reset:#010x}, which is no Thumb code: no vector table at {first.address:#010x}",
            "Link the vector table to the start of flash.",
        )
    return first.address


# Instructions that the chip does not have


def _check_instructions(path: Path, elf: ELFFile) -> tuple[str, ...]:
    _check_attributes(path, elf)
    symbols = elf.get_section_by_name(".symtab")
    mapping = _mapping_symbols(symbols) if isinstance(symbols, SymbolTableSection) else []
    warnings = []
    for section in elf.iter_sections("SHT_PROGBITS"):
        if not section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR:
            continue
        code, base = section.data(), section["sh_addr"]
        candidates = _double_candidates(code)
        if not candidates:
            continue
        if not mapping:
            warnings.append(
                f"{path.name} has no symbols to tell code from data: not checked for double-precision instructions"
            )
            break
        found = _first_on_boundary(code, base, candidates, mapping)
        if found is not None:
            where = _function_at(symbols, found)
            raise ElfError(
                f"{path} uses a double-precision FPU instruction at {found:#010x}{where}; the FPU of the STM32F746 "
                f"has single precision only",
                f"{_RIGHT_FLAGS}, and link libraries built for it.",
            )
    return tuple(warnings)


def _check_attributes(path: Path, elf: ELFFile) -> None:
    """Build attributes, where the linker left some: another profile or a later architecture cannot run."""
    section = elf.get_section_by_name(".ARM.attributes")
    if section is None:
        return
    tags = {
        attribute.tag: attribute.value
        for subsection in section.iter_subsections()
        for part in subsection.iter_subsubsections()
        for attribute in part.iter_attributes()
    }
    profile = tags.get("TAG_CPU_ARCH_PROFILE", _M_PROFILE)
    architecture = tags.get("TAG_CPU_ARCH", 0)
    name = _ARCHITECTURES_ABOVE_V7.get(architecture) or tags.get("TAG_CPU_NAME") or f"profile {chr(profile)}"
    if profile not in (0, _M_PROFILE, ord("S")) or architecture in _ARCHITECTURES_ABOVE_V7:
        raise ElfError(f"{path} is for another core ({name}), not for a Cortex-M7", f"{_RIGHT_FLAGS}.")


def _mapping_symbols(symbols: SymbolTableSection) -> list[tuple[int, bool]]:
    """(Address, whether Thumb code follows), by address."""
    return sorted(
        (value, name[:2] == "$t") for name, value, *_ in _symbols(symbols) if name[:2] in ("$t", "$d", "$a")
    )


def _double_candidates(code: bytes) -> list[int]:
    """Offsets at which half-words look like one, be it in data."""
    return [match.start() for match in _DOUBLE.finditer(code) if not match.start() % 2]


def _first_on_boundary(code: bytes, base: int, candidates: list[int], mapping: list[tuple[int, bool]]) -> int | None:
    """The first candidate that is where an instruction starts, as an address."""
    wanted = set(candidates)
    ends = [address for address, _ in mapping[1:]] + [base + len(code)]
    for (start, thumb), end in zip(mapping, ends, strict=True):
        if not thumb or end <= base or start >= base + len(code):
            continue
        at, stop = max(start - base, 0), min(end - base, len(code))
        if not any(at <= candidate < stop for candidate in candidates):
            continue
        while at < stop - 1:
            if at in wanted:
                return base + at
            at += 4 if code[at + 1] >= 0xE8 else 2
    return None


def _function_at(symbols: SymbolTableSection, address: int) -> str:
    for start, size, name in _functions(symbols):
        if start <= address < start + size:
            return f" in {readable(name)}+{address - start:#x}"
    return ""


def _functions(symbols: SymbolTableSection) -> list[tuple[int, int, str]]:
    """Address, size in bytes and name of each, by address; Thumb's lowest bit is cleared.

    Of several names for one address the last is what it is called: a weak one comes before others, as those of a
    vector table's handlers do that all are one default handler.
    """
    found = [
        (value & ~1, binding != _STB_WEAK, size, name)
        for name, value, size, kind, binding in _symbols(symbols)
        if kind == _STT_FUNC
    ]
    return [(address, size, name) for address, _, size, name in sorted(found)]


def _symbols(symbols: SymbolTableSection) -> Iterator[tuple[str, int, int, int, int]]:
    """Name, value, size, type, binding of each, read here: elftools takes half of a target's start for a thousand."""
    names = symbols.stringtable.data()
    for name, value, size, info, _, _ in struct.iter_unpack("<IIIBBH", symbols.data()):
        yield names[name : names.find(b"\0", name)].decode("utf-8", "replace"), value, size, info & 0xF, info >> 4
