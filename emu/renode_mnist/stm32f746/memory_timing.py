"""What a clock model has to know of the memories, and what it says of them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple


class BehindBus(IntEnum):
    """By which bus the core reaches a memory (RM0385 2.1)."""

    TIGHTLY_COUPLED = 0
    FLASH_OVER_AXI = 1
    FLASH_OVER_ITCM = 2
    SRAM_OVER_AXI = 3


class Stretch(NamedTuple):
    """Addresses that are reached and cached in one way.

    Attributes:
        begin: First address.
        end: First address behind.
        cacheable: As the memory map or a region of the MPU says (DDI 0403E B3.1, B3.5.9).
        write_back: Likewise; a missing line is then read before it is written to.
    """

    begin: int
    end: int
    bus: BehindBus
    cacheable: bool
    write_back: bool


class MemorySettings(NamedTuple):
    """What a program has set up.

    Attributes:
        wait_states: FLASH_ACR.LATENCY.
        art: FLASH_ACR.ARTEN.
        art_prefetch: FLASH_ACR.PRFTEN.
        instruction_cache: CCR.IC.
        data_cache: CCR.DC.
        stretches: All memories.
    """

    wait_states: int
    art: bool
    art_prefetch: bool
    instruction_cache: bool
    data_cache: bool
    stretches: Sequence[Stretch]


class MemoryCosts(NamedTuple):
    """What that costs, in cycles of the core; by ``BehindBus`` where there are four.

    Attributes:
        first: From a miss to the word that was asked for.
        rest: More until the line is complete and the bus is free.
        flash_access: Wait states and the access itself, of a line of the ART accelerator.
        fetch_beat: 64 bits of code over AXI without the instruction cache, but for the flash's access.
        unaligned: More for a load that is not aligned to its size.
    """

    first: tuple[int, int, int, int]
    rest: tuple[int, int, int, int]
    flash_access: int
    fetch_beat: int
    unaligned: int


class CycleSplit(NamedTuple):
    """What cycles were spent on since power-on, and what memory had to do with it.

    Attributes:
        cycles: All, by the clock model.
        dependency_cycles: Of these, waits for operands.
        misprediction_cycles: Behind branches that went the other way.
        fetch_cycles: Waits for code.
        data_cycles: Waits for data.
        loads: Accesses; a load of several registers is one.
        stores: Likewise.
        unresolved: Accesses of which the address could not be computed; they cost nothing.
        fetch_misses: Lines of code.
        flash_load_misses: Lines that loads missed in the data cache, of flash over AXI.
        sram_load_misses: The same of SRAM1 and SRAM2.
        sram_store_misses: Lines that stores missed.
        write_backs: Lines written back.
        instructions: Since the counts were cleared.
    """

    cycles: int
    dependency_cycles: int
    misprediction_cycles: int
    fetch_cycles: int
    data_cycles: int
    loads: int
    stores: int
    unresolved: int
    fetch_misses: int
    flash_load_misses: int
    sram_load_misses: int
    sram_store_misses: int
    write_backs: int
    instructions: int

    @property
    def issue_cycles(self) -> int:
        """What is left: instructions issued, alone or in pairs."""
        return self.cycles - sum(self[1:5])

    @property
    def parts(self) -> dict[str, int]:
        """The five that add up to ``cycles``."""
        return {
            "issue": self.issue_cycles,
            "operands": self.dependency_cycles,
            "branches": self.misprediction_cycles,
            "code": self.fetch_cycles,
            "data": self.data_cycles,
        }

    @property
    def memory(self) -> dict[str, int]:
        """What the program asked of memory, and what the caches did not have."""
        return {name: getattr(self, name) for name in _OF_MEMORY}

    def since(self, before: CycleSplit) -> CycleSplit:
        """What came after ``before``."""
        return CycleSplit(*(now - then for now, then in zip(self, before, strict=True)))


_OF_MEMORY = CycleSplit._fields[CycleSplit._fields.index("loads") : CycleSplit._fields.index("instructions")]
