"""Which function and which line an address belongs to, inlined functions included.

Read with pyelftools from .symtab and DWARF 4 or 5, as far as the ELF has them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from elftools.dwarf.descriptions import describe_form_class
from elftools.dwarf.ranges import BaseAddressEntry

from renode_mnist.program.opened import opened
from renode_mnist.program.symbols import Function, Symbols


@dataclass(frozen=True, slots=True)
class Frame:
    """One function that an address is in.

    Attributes:
        function: Its name, with namespaces, without parameters.
        file: Source file; empty if not known.
        line: In that file; where a function was inlined into this one, the line of the call. 0 if not known.
        is_inlined: It has no code of its own here but stands within the frame before it.
    """

    function: str
    file: str
    line: int
    is_inlined: bool


@dataclass(slots=True)
class _Scope:
    """A function or an inlined call, with what is inlined into it."""

    name: str
    ranges: list[tuple[int, int]]
    call_file: str
    call_line: int
    declared: tuple[str, int]
    inner: list[_Scope] = field(default_factory=list)

    def covers(self, address: int) -> bool:
        return any(low <= address < high for low, high in self.ranges)


class DebugInfo:
    """What an ELF tells of its code.

    Args:
        path: The ELF.

    Attributes:
        functions: By address; empty without a symbol table.
        missing: A sentence for each kind of information that the ELF lacks.

    Raises:
        ElfError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.missing: list[str] = []
        self._lines: list[tuple[int, str, int]] = []  # sorted: from this address on, this file and line
        self._starts: list[int] = []
        self._statements: dict[str, dict[int, list[int]]] = {}
        self._scopes: list[_Scope] = []
        self._scope_starts: list[tuple[int, _Scope]] = []
        self._frames: dict[int, tuple[Frame, ...]] = {}
        with opened(path) as elf:
            self._symbols = Symbols(elf)
            self.functions = self._symbols.functions
            if elf.has_dwarf_info():
                _Reader(elf.get_dwarf_info(), self).read()
        if not self.functions:
            self.missing.append(
                f"{path.name} has no symbol table: functions are called by the address they were entered at. "
                "Link without -s and do not strip it."
            )
        if not self._lines:
            self.missing.append(
                f"{path.name} has no DWARF line table: no lines, no inlined functions, no coverage. Compile with -g."
            )
        self._finish()

    @property
    def has_lines(self) -> bool:
        """Whether lines are known at all."""
        return bool(self._lines)

    def frames(self, address: int) -> tuple[Frame, ...]:
        """The functions that ``address`` is in, outermost first; empty if nothing is known."""
        known = self._frames.get(address)
        if known is None:
            known = self._frames[address] = tuple(self._find_frames(address))
        return known

    def statements(self) -> dict[str, dict[int, list[int]]]:
        """Per source file and line the addresses at which a statement of that line begins."""
        return self._statements

    def _finish(self) -> None:
        # Of several rows for one address the last of its sequence holds; an end gives way to what begins there.
        self._lines.sort(key=lambda row: (row[0], bool(row[1])))
        self._starts = [start for start, _, _ in self._lines]
        self._scope_starts = sorted(
            ((low, scope) for scope in self._scopes for low, _ in scope.ranges), key=lambda pair: pair[0]
        )
        self._scope_addresses = [low for low, _ in self._scope_starts]
        declared = dict(self._scope_starts)
        self.functions = [
            Function(scope.name, function.address, function.size_bytes, *scope.declared)
            if (scope := declared.get(function.address))
            else function
            for function in self.functions
        ]

    def _line_at(self, address: int) -> tuple[str, int]:
        at = bisect_right(self._starts, address) - 1
        return self._lines[at][1:] if at >= 0 else ("", 0)

    def _find_frames(self, address: int) -> Iterator[Frame]:
        file, line = self._line_at(address)
        at = bisect_right(self._scope_addresses, address) - 1
        scope = self._scope_starts[at][1] if at >= 0 else None
        if scope is None or not scope.covers(address):
            if function := self._symbols.at(address):
                yield Frame(function.name, file, line, is_inlined=False)
            return
        is_inlined = False
        while scope is not None:
            inner = next((inner for inner in scope.inner if inner.covers(address)), None)
            if inner is None:
                yield Frame(scope.name, file, line, is_inlined)
            else:
                yield Frame(scope.name, inner.call_file, inner.call_line, is_inlined)
            scope, is_inlined = inner, True


class _Reader:
    """Fills a `DebugInfo` from DWARF."""

    def __init__(self, dwarf: Any, into: DebugInfo) -> None:
        self._dwarf = dwarf
        self._into = into
        self._names: dict[int, str] = {}

    def read(self) -> None:
        for unit in self._dwarf.iter_CUs():
            files = self._read_lines(unit)
            top = unit.get_top_DIE()
            for die in top.iter_children():
                if die.tag == "DW_TAG_subprogram" and _has_code(die):
                    self._into._scopes.append(self._scope(die, unit, files))

    # Lines

    def _read_lines(self, unit: Any) -> list[str]:
        """Adds the unit's lines; its files, by their number in this unit."""
        program = self._dwarf.line_program_for_CU(unit)
        if program is None:
            return []
        files = _files(unit, program)
        for entry in program.get_entries():
            state = entry.state
            if state is None:
                continue
            if state.end_sequence:
                self._into._lines.append((state.address, "", 0))
                continue
            file = files[state.file] if state.file < len(files) else ""
            self._into._lines.append((state.address, file, state.line))
            if state.is_stmt and state.line:
                self._into._statements.setdefault(file, {}).setdefault(state.line, []).append(state.address)
        return files

    # Functions

    def _scope(self, die: Any, unit: Any, files: list[str]) -> _Scope:
        origin = _origin(die)
        declared = _value(origin, "DW_AT_decl_file"), _value(origin, "DW_AT_decl_line")
        scope = _Scope(
            name=self._name(origin),
            ranges=self._ranges(die, unit),
            call_file=_file(files, _value(die, "DW_AT_call_file")),
            call_line=_value(die, "DW_AT_call_line"),
            declared=(_file(files, declared[0]) if origin.cu is unit else "", declared[1]),
        )
        self._collect_inlined(die, unit, files, scope)
        return scope

    def _collect_inlined(self, die: Any, unit: Any, files: list[str], into: _Scope) -> None:
        for child in die.iter_children():
            if child.tag == "DW_TAG_inlined_subroutine" and _has_code(child):
                into.inner.append(self._scope(child, unit, files))
            elif child.tag == "DW_TAG_lexical_block":
                self._collect_inlined(child, unit, files, into)

    def _name(self, die: Any) -> str:
        known = self._names.get(die.offset)
        if known is None:
            parts = [_text(die, "DW_AT_name") or _text(die, "DW_AT_linkage_name") or f"0x{die.offset:x}"]
            parent = die.get_parent()
            while parent is not None and parent.tag != "DW_TAG_compile_unit":
                if parent.tag in _NAMING:
                    parts.append(_text(parent, "DW_AT_name") or "(anonymous)")
                parent = parent.get_parent()
            known = self._names[die.offset] = "::".join(reversed(parts))
        return known

    def _ranges(self, die: Any, unit: Any) -> list[tuple[int, int]]:
        if "DW_AT_ranges" not in die.attributes:
            low, high = die.attributes["DW_AT_low_pc"].value, die.attributes["DW_AT_high_pc"]
            is_address = describe_form_class(high.form) == "address"
            return [(low, high.value if is_address else low + high.value)]
        base = _value(unit.get_top_DIE(), "DW_AT_low_pc")
        ranges = []
        lists = self._dwarf.range_lists()
        for entry in lists.get_range_list_at_offset(die.attributes["DW_AT_ranges"].value, cu=unit):
            if isinstance(entry, BaseAddressEntry):
                base = entry.base_address
            else:
                shift = 0 if getattr(entry, "is_absolute", False) else base
                ranges.append((entry.begin_offset + shift, entry.end_offset + shift))
        return ranges


_NAMING = ("DW_TAG_namespace", "DW_TAG_class_type", "DW_TAG_structure_type", "DW_TAG_union_type")


def _has_code(die: Any) -> bool:
    return "DW_AT_ranges" in die.attributes or (
        "DW_AT_low_pc" in die.attributes and "DW_AT_high_pc" in die.attributes
    )


def _origin(die: Any) -> Any:
    """The entry that names the function: of an inlined or separately defined one its declaration."""
    for link in ("DW_AT_abstract_origin", "DW_AT_specification"):
        if link in die.attributes:
            return _origin(die.get_DIE_from_attribute(link))
    return die


def _value(die: Any, attribute: str) -> int:
    found = die.attributes.get(attribute)
    return found.value if found and isinstance(found.value, int) else 0


def _text(die: Any, attribute: str) -> str:
    found = die.attributes.get(attribute)
    return found.value.decode(errors="replace") if found else ""


def _file(files: list[str], number: int) -> str:
    return files[number] if 0 < number < len(files) else ""


def _files(unit: Any, program: Any) -> list[str]:
    """Paths by file number: DWARF 5 counts files and directories from 0, DWARF 4 from 1."""
    header = program.header
    home = PurePosixPath(_text(unit.get_top_DIE(), "DW_AT_comp_dir"))
    if not home.is_absolute():  # -ffile-prefix-map made it so, and the files relative to the same place
        home = PurePosixPath()
    directories = [directory.decode(errors="replace") for directory in header.include_directory]
    if header.version < 5:
        directories.insert(0, str(home))
    files = [] if header.version >= 5 else [""]
    for entry in header.file_entry:
        directory = directories[entry.dir_index] if entry.dir_index < len(directories) else ""
        files.append(str(home / directory / entry.name.decode(errors="replace")))
    return files
