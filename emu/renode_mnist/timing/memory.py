"""What memory adds to the pipeline's cycles: terms of their own, never part of ``cycles_modelled``.

Code in flash is read through the instruction cache or the ART accelerator, data through the data cache; each is
simulated over the addresses as they come. What they cost is a lower bound: the documented wait states and nothing of
what the AXI bus and its bridges add, for which no figure is published.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FLASH = range(0x0800_0000, 0x0810_0000)
"""The STM32F746's flash on the AXI bus (RM0385 2.2.2), where the core's caches serve it."""

FLASH_ON_ITCM = range(0x0020_0000, 0x0030_0000)
"""The same flash on the ITCM bus, where the ART accelerator serves it (RM0385 2.2.2, 3.3.2)."""

SRAM = range(0x2001_0000, 0x2005_0000)
"""SRAM1 and SRAM2 (RM0385 2.2.2), cached: write-back with write allocation (DDI 0403E B3.1). DTCM below is not."""

HERTZ_A_WAIT_STATE = 30_000_000
"""RM0385 table 5, 2.7 to 3.6 V: a wait state for each 30 MHz begun, 7 at 216 MHz."""


@dataclass(frozen=True)
class CacheGeometry:
    """How a cache is divided; by default the STM32F746's instruction cache (RM0385 1.6, DDI 0489F 5.1)."""

    size_bytes: int = 4096
    ways: int = 2
    line_bytes: int = 32


INSTRUCTION_CACHE = CacheGeometry()
DATA_CACHE = CacheGeometry(ways=4)
ART = CacheGeometry(size_bytes=64 * 32, ways=64)
"""64 lines of 256 bits (RM0385 3.3.2), taken to be fully associative."""


class Cache:
    """A set-associative cache that holds addresses.

    It evicts the line used longest ago, where the core picks one by a pseudo-random counter: for a loop that just
    does not fit, random is kinder.

    Args:
        geometry: Its division.

    Attributes:
        hits: Accesses to lines that were there.
        misses: Lines that had to be fetched.
    """

    def __init__(self, geometry: CacheGeometry = INSTRUCTION_CACHE) -> None:
        self._geometry = geometry
        self._set_count = geometry.size_bytes // geometry.line_bytes // geometry.ways
        self._sets: list[OrderedDict[int, None]] = [OrderedDict() for _ in range(self._set_count)]
        self.hits = 0
        self.misses = 0

    def access(self, address: int, size_bytes: int) -> int:
        """Reads ``size_bytes`` from ``address`` on; how many lines were missing."""
        missing = 0
        line_bytes = self._geometry.line_bytes
        for line in range(address // line_bytes, (address + size_bytes - 1) // line_bytes + 1):
            held = self._sets[line % self._set_count]
            if line in held:
                held.move_to_end(line)
                self.hits += 1
                continue
            missing += 1
            held[line] = None
            if len(held) > self._geometry.ways:
                held.popitem(last=False)
        self.misses += missing
        return missing


def flash_access_cycles(core_hertz: int) -> int:
    """Wait states, and the access itself; a line of the caches is one access, the flash is 256 bits wide."""
    return -(-core_hertz // HERTZ_A_WAIT_STATE)


class InstructionFetch:
    """Cycles that blocks in flash wait for their code. What the prefetch queues hide is not taken off.

    Args:
        core_hertz: For the wait states.

    Attributes:
        cache: The instruction cache; empty at first, as after a reset.
        art: The ART accelerator's lines, for code that runs at the ITCM addresses.
        miss_cycles: For a missing line.
    """

    def __init__(self, core_hertz: int) -> None:
        self.cache = Cache(INSTRUCTION_CACHE)
        self.art = Cache(ART)
        self.miss_cycles = flash_access_cycles(core_hertz)

    def block(self, address: int, size_bytes: int) -> int:
        """A block runs; the cycles it waits before."""
        if address in FLASH:
            return self.cache.access(address, size_bytes) * self.miss_cycles
        if address in FLASH_ON_ITCM:
            return self.art.access(address, size_bytes) * self.miss_cycles
        return 0

    @property
    def misses(self) -> int:
        """Lines that were missing so far."""
        return self.cache.misses + self.art.misses

    @property
    def cycles(self) -> int:
        """Waited so far."""
        return self.misses * self.miss_cycles


class DataAccess:
    """Cycles that loads from cached memory wait for their data.

    A load waits for the flash, or for the SRAM's one cycle without wait states (RM0385 2.3.1). Stores wait for
    nothing: the store buffer takes them (DDI 0489F 5.1); what their misses and written-back lines keep from others is
    not counted.

    Args:
        core_hertz: For the wait states.

    Attributes:
        cache: The data cache; empty at first, as after a reset.
        flash_misses: Lines that loads missed, of the flash.
        sram_misses: The same of SRAM1 and SRAM2.
        store_misses: Lines that stores missed.
        flash_miss_cycles: For a line of the flash.
        sram_miss_cycles: For a line of the SRAM.
    """

    sram_miss_cycles = 1

    def __init__(self, core_hertz: int) -> None:
        self.cache = Cache(DATA_CACHE)
        self.flash_misses = self.sram_misses = self.store_misses = 0
        self.flash_miss_cycles = flash_access_cycles(core_hertz)

    def access(self, address: int, size_bytes: int, *, is_store: bool) -> None:
        """The program loads or stores."""
        in_flash = address in FLASH
        if not in_flash and address not in SRAM:
            return
        missing = self.cache.access(address, size_bytes)
        if is_store:
            self.store_misses += missing
        elif in_flash:
            self.flash_misses += missing
        else:
            self.sram_misses += missing

    @property
    def cycles(self) -> int:
        """Waited so far."""
        return self.flash_misses * self.flash_miss_cycles + self.sram_misses * self.sram_miss_cycles
