"""What it costs to read constants from flash: over AXI through the data cache of 4 kB, or over the ITCM bus."""

from __future__ import annotations

from dataclasses import dataclass

LINE_CYCLES = 16
"""A missed line of 32 bytes at 216 MHz: 5 of the AXI bus, 8 of the flash, 3 for the rest of the line
(``timing.memory.MemoryParameters``)."""

ITCM_LINE_CYCLES = 8
"""The same over the ITCM bus: the flash alone."""

ART_BYTES = 2048
"""The ART accelerator keeps the last lines that came over the ITCM bus, in the order in which they came."""

_CACHE_BYTES = 4096
_LINE_BYTES = 32


def cycles(block_bytes: float, passes: float, blocks: float = 1) -> float:
    """Of reading ``blocks`` blocks, each ``passes`` times in a row before the next.

    A block that is well below the cache's size is missed once. The chip replaces lines at random, so that a larger
    one is not missed as a whole each time: with activations between, from half the size on some of it, from one and
    a half on all.
    """
    again = min(1.0, max(0.0, block_bytes / _CACHE_BYTES - 0.5))
    return blocks * block_bytes / _LINE_BYTES * LINE_CYCLES * (1 + again * (passes - 1))


def over_itcm(block_bytes: float, passes: float, blocks: float = 1) -> float:
    """The same over the ITCM bus. What is longer than the accelerator keeps is missed as a whole each time."""
    return blocks * block_bytes / _LINE_BYTES * ITCM_LINE_CYCLES * (1 if block_bytes <= ART_BYTES else passes)


def on_itcm(name: str) -> str:
    """The argument that reads a constant there; the kernel's header includes ``flash_bus.hpp``."""
    return f"m7::over_itcm({name})"


@dataclass(frozen=True)
class Reads:
    """Weights that are read in blocks, each some times in a row, over that bus on which it takes less time."""

    block_bytes: float
    passes: float
    blocks: float = 1

    @property
    def cycles(self) -> float:
        """What that takes."""
        return min(self._over_itcm, self._over_axi)

    def argument(self, name: str) -> str:
        """Of the kernel, whose header includes ``flash_bus.hpp``."""
        return on_itcm(name) if self._over_itcm < self._over_axi else name

    @property
    def _over_itcm(self) -> float:
        return over_itcm(self.block_bytes, self.passes, self.blocks)

    @property
    def _over_axi(self) -> float:
        return cycles(self.block_bytes, self.passes, self.blocks)
