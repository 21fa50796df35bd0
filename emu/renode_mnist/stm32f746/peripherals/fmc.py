"""The memory controller's SDRAM banks (RM0385 13.7)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from renode_mnist.stm32f746 import memory_map
from renode_mnist.stm32f746.external import ExternalMemory
from renode_mnist.stm32f746.peripheral import Peripheral, field

BCR1, BTR1 = 0x00, 0x04
SDCR1, SDTR1, SDCMR, SDRTR, SDSR = 0x140, 0x148, 0x150, 0x154, 0x158
_RESET_VALUES = {
    BCR1: 0x30DB,
    **{BCR1 + 8 * bank: 0x30D2 for bank in range(1, 4)},
    **{BTR1 + 8 * bank: 0x0FFF_FFFF for bank in range(4)},
    **{SDCR1 + 4 * bank: 0x2D0 for bank in range(2)},
    **{SDTR1 + 4 * bank: 0x0FFF_FFFF for bank in range(2)},
}
"""Of the four banks for NOR and PSRAM, and the two for SDRAM (RM0385 13.5.6, 13.7.5)."""
_BASES = (memory_map.EXTERNAL_WINDOWS[1], memory_map.EXTERNAL_WINDOWS[2])
_WP = 1 << 9
_CTB = (1 << 4, 1 << 3)
"""In SDCMR: the command is for bank 1, for bank 2."""
_LOAD_MODE_REGISTER, _SELF_REFRESH, _POWER_DOWN, _NORMAL = 4, 5, 6, 0
_STATES = {_NORMAL: 0, _SELF_REFRESH: 1, _POWER_DOWN: 2}
"""Of SDSR.MODES, by the command that leads there."""


class Fmc(Peripheral):
    """The controller. A bank is there once its mode register was loaded, as its start ends (RM0385 13.7.3)."""

    lacks = "NOR, PSRAM and NAND; timings of SDRAM, whose commands are done at once; code that runs from there"
    steady = True
    unmodelled = MappingProxyType({SDRTR: {"REIE": 1 << 14}})

    def __init__(self) -> None:
        super().__init__("FMC", _RESET_VALUES)
        self._banks: dict[int, ExternalMemory] = {}

    def reset(self) -> None:
        """See `Peripheral.reset`; what the banks hold goes with their refresh."""
        super().reset()
        for memory in self._banks.values():
            self.slot.show_memory(memory, None)
        self._banks = {}

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "banks": {bank: bytes(memory.data) for bank, memory in self._banks.items()}}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        for memory in self._banks.values():
            self.slot.show_memory(memory, None)
        super().take_state(state)
        self._banks = {}
        for bank, data in state["banks"].items():
            self._show(bank, bytearray(data))

    def bank_bytes(self, bank: int) -> int:
        """Of bank 0 or 1 by its SDCR: rows, columns, width and internal banks; at most what is served."""
        control = self.registers[SDCR1 + 4 * bank]
        columns, rows = field(control, 0, 2) + 8, field(control, 2, 2) + 11
        width_bytes, inner = (1 << min(field(control, 4, 2), 2)), 4 if control & 1 << 6 else 2
        return min((width_bytes * inner) << columns + rows, _BASES[bank][1])

    def _show(self, bank: int, data: bytearray) -> None:
        writable = not self.registers[SDCR1 + 4 * bank] & _WP
        memory = self._banks[bank] = ExternalMemory(f"SDRAM bank {bank + 1}", data, writable=writable)
        self.slot.show_memory(memory, _BASES[bank][0])

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == SDSR:
            return
        super().write(offset, value)
        if offset == SDCMR:
            for bank, target in enumerate(_CTB):
                if value & target:
                    self._command(bank, field(value, 0, 3))
        elif offset in (SDCR1, SDCR1 + 4) and (memory := self._banks.get((offset - SDCR1) // 4)) is not None:
            memory.writable = not value & _WP
            self.slot.show_memory(memory, _BASES[(offset - SDCR1) // 4][0])

    def _command(self, bank: int, command: int) -> None:
        if command == _LOAD_MODE_REGISTER and bank not in self._banks:
            self._show(bank, bytearray(self.bank_bytes(bank)))
        elif command in _STATES:
            place = 1 + 2 * bank
            self.registers[SDSR] = self.registers[SDSR] & ~(0b11 << place) | _STATES[command] << place
