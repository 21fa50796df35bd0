"""What memory adds to the pipeline's cycles: figures of the STM32F746, each with its source.

The caches themselves are simulated where the program runs (``stm32f746/native/memory.c``), over the addresses as they
come. Here stands what a miss costs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol


class Settings(Protocol):
    """What of a program's settings decides on costs (``MemorySettings`` of the emulator)."""

    @property
    def wait_states(self) -> int:
        """Of the flash, as the program chose them."""
        ...


class Costs(NamedTuple):
    """``MemoryCosts`` of the emulator: by tightly coupled, flash over AXI, flash over ITCM, SRAM over AXI."""

    first: tuple[int, int, int, int]
    rest: tuple[int, int, int, int]
    flash_access: int
    fetch_beat: int
    unaligned: int


def wait_states(core_hertz: int) -> int:
    """What the flash wants at 2.7 to 3.6 V: one for each 30 MHz begun beyond 30 (RM0385 table 5), 9 at most."""
    return min(9, (core_hertz - 1) // 30_000_000)


@dataclass(frozen=True)
class MemoryParameters:
    """Cycles of the core, which the AXI bus, its bridges and the SRAM share (RM0385 2.1, 5.2: all at HCLK).

    Attributes:
        axi_cycles: A read across the AXI bus and its bridge, there and back, without the memory's own time. No
            document has it. Fitted to two layers of one measured program, the CONV_2D 2 and 3 of the article's float
            network on TensorFlow Lite Micro 1.14: they are +2.2 and +2.0 % off with 6, +0.5 and +0.4 % with 5, -1.3
            and -1.2 % with 4 (docs/accuracy.md).
        flash_beats: AXI and flash are 64 bits wide (RM0385 3.3): a line of 32 bytes is four beats, the word that was
            asked for in the first (DDI 0489F 5.1.1).
        sram_beats: The bridges to SRAM1 and SRAM2 are 32 bits wide (RM0385 2.1): eight beats.
        unaligned_cycles: More for a load of a half-word or word that is not aligned; jnk0le (``parameters``, J)
            measured 3 for the older of a pair and 4 for the younger, whatever the distance, and none for stores.
        wait_states: Of the flash, in the place of the program's own: what another clock would want.
    """

    axi_cycles: int = 5
    flash_beats: int = 4
    sram_beats: int = 8
    unaligned_cycles: int = 3
    wait_states: int | None = None

    def costs(self, settings: Settings) -> Costs:
        """What a program pays with its settings. Wait states are those of FLASH_ACR, enough for the clock or not."""
        flash = (settings.wait_states if self.wait_states is None else self.wait_states) + 1
        return Costs(
            first=(0, self.axi_cycles + flash, flash, self.axi_cycles + 2),
            rest=(0, self.flash_beats - 1, 0, self.sram_beats - 2),
            flash_access=flash,
            fetch_beat=self.axi_cycles,
            unaligned=self.unaligned_cycles,
        )
