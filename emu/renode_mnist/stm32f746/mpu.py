"""The memory protection unit (DDI 0403E B3.5): regions, and what privileged code may not do."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.access import Access

TYPE, CTRL, RNR, RBAR, RASR = 0xD90, 0xD94, 0xD98, 0xD9C, 0xDA0
ALIASES_END = 0xDBC
REGION_COUNT = 8

_CTRL_ENABLE, _CTRL_HFNMIENA, _CTRL_PRIVDEFENA = 1 << 0, 1 << 1, 1 << 2


_PRIVILEGED = (
    Access.NONE, Access.READ | Access.WRITE, Access.READ | Access.WRITE, Access.READ | Access.WRITE,
    Access.NONE, Access.READ, Access.READ, Access.READ,
)  # fmt: skip
"""By RASR.AP (DDI 0403E table B3-15)."""


class Caching(Enum):
    """What the data cache does with stores, and whether it holds anything at all."""

    NONE = auto()
    WRITE_THROUGH = auto()
    WRITE_BACK = auto()
    """Missing lines are read before they are written to, also where the region says that they need not be."""


class Mpu:
    """Eight regions. Rights of unprivileged code are not told apart from those of privileged code.

    Args:
        on_change: Called when protection may have changed.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.reset()

    def reset(self) -> None:
        """Off, no regions."""
        self._control = 0
        self._selected = 0
        self._bases = [0] * REGION_COUNT
        self._attributes = [0] * REGION_COUNT

    def state(self) -> tuple[int, int, list[int], list[int]]:
        """All that `take_state` needs to bring it back."""
        return self._control, self._selected, list(self._bases), list(self._attributes)

    def take_state(self, state: tuple[int, int, list[int], list[int]]) -> None:
        """Becomes what it was when `state` returned that."""
        self._control, self._selected = state[:2]
        self._bases, self._attributes = list(state[2]), list(state[3])
        self._on_change()

    def active(self, in_hard_fault: bool) -> bool:
        """Whether it checks accesses: not in HardFault and NMI, unless HFNMIENA says so."""
        control = self._control
        return bool(control & _CTRL_ENABLE) and (not in_hard_fault or bool(control & _CTRL_HFNMIENA))

    def _region_of(self, address: int) -> int | None:
        """RASR of the highest region that matches, which decides; None where none does."""
        for region in reversed(range(REGION_COUNT)):
            attributes = self._attributes[region]
            if not attributes & 1:
                continue
            bits = (attributes >> 1 & 0x1F) + 1
            base = self._bases[region] >> bits << bits
            if not base <= address < base + (1 << bits):
                continue
            if bits >= 8 and attributes >> (8 + (address - base >> bits - 3)) & 1:
                continue  # a disabled subregion
            return attributes
        return None

    def caching(self, address: int) -> Caching:
        """How the data cache treats ``address``, by a region or by the memory map (DDI 0403E B3.1, table B3-14)."""
        attributes = self._region_of(address) if self._control & _CTRL_ENABLE else None
        if attributes is None:
            # 0x20000000 to 0x3FFFFFFF is write-back; the code region below is written through.
            return Caching.WRITE_BACK if address >> 29 == 1 else Caching.WRITE_THROUGH
        extension, shareable = attributes >> 19 & 0b111, attributes >> 18 & 1
        inner = attributes >> 16 & 0b11  # B in bit 0, C in bit 1
        if shareable:
            return Caching.NONE  # so the core treats it, unless CACR.SIWT is set (DDI 0489F 5.2)
        if extension & 0b100:
            return (Caching.NONE, Caching.WRITE_BACK, Caching.WRITE_THROUGH, Caching.WRITE_BACK)[inner]
        if inner == 0b11:
            return Caching.WRITE_BACK
        return Caching.WRITE_THROUGH if extension == 0 and inner == 0b10 else Caching.NONE

    def access(self, address: int) -> Access:
        """What is allowed at ``address`` while the unit is active; the highest region that matches decides."""
        if (attributes := self._region_of(address)) is not None:
            allowed = _PRIVILEGED[attributes >> 24 & 0b111]
            executable = not attributes & 1 << 28 and bool(allowed & Access.READ)
            return allowed | (Access.EXECUTE if executable else Access.NONE)
        if address >= memory_map.PRIVATE_PERIPHERAL_BUS:
            return Access.ALL
        return Access.ALL if self._control & _CTRL_PRIVDEFENA else Access.NONE

    def borders(self) -> set[int]:
        """All addresses at which what is allowed may change."""
        found: set[int] = set()
        for base, attributes in zip(self._bases, self._attributes, strict=True):
            if attributes & 1:
                bits = (attributes >> 1 & 0x1F) + 1
                start = base >> bits << bits
                parts = 8 if bits >= 8 and attributes >> 8 & 0xFF else 1
                found.update(start + ((1 << bits) * part // parts) for part in range(parts + 1))
        return found

    def read(self, offset: int) -> int:
        """A register by its offset in the system control space."""
        if offset == TYPE:
            return REGION_COUNT << 8
        if offset == CTRL:
            return self._control
        if offset == RNR:
            return self._selected
        if (offset - RBAR) % 8 == 0:
            return self._bases[self._selected] | self._selected
        return self._attributes[self._selected]

    def write(self, offset: int, value: int) -> None:
        """Writes a register by its offset in the system control space."""
        if offset == CTRL:
            self._control = value & 0b111
        elif offset == RNR:
            self._selected = value & (REGION_COUNT - 1)
        elif offset != TYPE and (offset - RBAR) % 8 == 0:
            if value & 1 << 4:  # VALID
                self._selected = value & (REGION_COUNT - 1)
            self._bases[self._selected] = value & ~0x1F
        elif offset != TYPE:
            self._attributes[self._selected] = value
        self._on_change()
