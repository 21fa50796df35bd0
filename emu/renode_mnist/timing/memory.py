"""What memory adds to the pipeline's cycles: a term of its own, never part of ``cycles_modelled``.

Code in flash is read through the instruction cache, which is simulated over the blocks as they run. The same
`Cache` takes a trace of data addresses, where there is one: the emulator has none to give, since a hook on valid
accesses upsets Unicorn's IT blocks (its issue 2309).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FLASH = range(0x0800_0000, 0x0810_0000)
"""The STM32F746's flash on the AXI bus (RM0385 2.2.2), where caches serve it; the ART serves the ITCM alias."""

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


class InstructionFetch:
    """Cycles that blocks in flash wait for their code.

    A missing line costs one access to the flash, which is as wide as a line. What the AXI bus adds is not
    published and not counted; nor is what the prefetch queue hides.

    Args:
        core_hertz: For the wait states.

    Attributes:
        cache: The instruction cache; empty at first, as after a reset.
    """

    def __init__(self, core_hertz: int) -> None:
        self.cache = Cache(INSTRUCTION_CACHE)
        self.miss_cycles = -(-core_hertz // HERTZ_A_WAIT_STATE)  # wait states, and the access itself

    def block(self, address: int, size_bytes: int) -> int:
        """A block runs; the cycles it waits before."""
        if address not in FLASH:
            return 0
        return self.cache.access(address, size_bytes) * self.miss_cycles

    @property
    def cycles(self) -> int:
        """Waited so far."""
        return self.cache.misses * self.miss_cycles
