"""Regulator and flash controller: what start-up code waits for, and whether the clock fits (RM0385 3.7, 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral, field

CR1, CSR1 = 0x00, 0x04
ACR, KEYR, OPTKEYR, SR, FLASH_CR, OPTCR, OPTCR1 = 0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x18

_VOSRDY = 1 << 14
_BRR, _BRE = 1 << 3, 1 << 9
_CSR1_WRITABLE = _BRE | 1 << 8
"""BRE and EIWUP."""
_DBP = 1 << 8
_OVERDRIVE = 0b11 << 16
"""ODEN and ODSWEN in CR1 stand where ODRDY and ODSWRDY do in CSR1."""

_LOCK, _STRT, _OPTLOCK, _OPTSTRT = 1 << 31, 1 << 16, 1 << 0, 1 << 1
_KEYS = {
    KEYR: (0x4567_0123, 0xCDEF_89AB, FLASH_CR, _LOCK),
    OPTKEYR: (0x0819_2A3B, 0x4C5D_6E7F, OPTCR, _OPTLOCK),
}
"""By register the two keys, and the bit of which register they clear (RM0385 3.7)."""

HERTZ_A_WAIT_STATE = 30_000_000
"""At 2.7 to 3.6 V (RM0385 table 5)."""


class Pwr(Peripheral):
    """The power controller; what it is asked for is ready at once.

    Never set are WUIF and SBF of CSR1 and WUPF of CSR2, since no wake-up pin and no standby is modelled, PVDO, since
    the supply is there, and UDRDY, which stop mode sets.
    """

    lacks = "stop, standby, wake-up pins, voltage detector"
    steady = True

    def __init__(self) -> None:
        super().__init__("PWR", {CR1: 0x0000_C000})

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CSR1:
            backup = _BRR if self.registers[CSR1] & _BRE else 0
            return self.registers[CSR1] | backup | _VOSRDY | self.registers[CR1] & _OVERDRIVE
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        super().write(offset, value & _CSR1_WRITABLE if offset == CSR1 else value)

    def reset(self) -> None:
        """See `Peripheral.reset`; the backup regulator stays as it is (RM0385 4.4.2)."""
        kept = self.registers[CSR1] & _BRE
        super().reset()
        self.registers[CSR1] = kept

    @property
    def backup_writable(self) -> bool:
        """DBP."""
        return bool(self.registers[CR1] & _DBP)

    @property
    def overdrive(self) -> bool:
        """Whether the core runs from the over-drive regulator."""
        return self.registers[CR1] & _OVERDRIVE == _OVERDRIVE


class FlashInterface(Peripheral):
    """The flash controller. Programming and erasing are not modelled: the flash keeps what the ELF put there.

    Its locks are: keys open CR and OPTCR, a wrong one closes them until a reset. SR stays 0: nothing is ever busy,
    and nothing comes to its end.

    Args:
        log: Where it is told that an erasure was asked for.
        on_change: Called when ACR was written.
    """

    lacks = "programming and erasing, option bytes, protection"
    steady = True

    def __init__(self, log: EventLog, on_change: Callable[[], None]) -> None:
        super().__init__("FLASH", {FLASH_CR: _LOCK, OPTCR: 0xC0FF_AAFD, OPTCR1: 0x0040_0080})
        self._log = log
        self._on_change = on_change
        self._begun: dict[int, bool] = {}

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._begun = {}

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "begun": dict(self._begun)}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._begun = dict(state["begun"])

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset in _KEYS:
            self._unlock(offset, value)
        elif offset == FLASH_CR:
            if not self.registers[FLASH_CR] & _LOCK:
                super().write(offset, value & ~_STRT)
                if value & _STRT:
                    self._lacks("FLASH.CR.STRT", "erase")
        elif offset in (OPTCR, OPTCR1):
            if not self.registers[OPTCR] & _OPTLOCK:
                super().write(offset, value & ~_OPTSTRT if offset == OPTCR else value)
                if offset == OPTCR and value & _OPTSTRT:
                    self._lacks("FLASH.OPTCR.OPTSTRT", "change of option bytes")
        elif offset == ACR:
            super().write(offset, value)
            self._on_change()

    def _lacks(self, bit: str, what: str) -> None:
        self._log.lacks(bit, f"FLASH programs nothing here: the {what} that {bit} asks for does not happen")

    def _unlock(self, offset: int, key: int) -> None:
        """A key (RM0385 3.5.1, 3.4.2)."""
        first, second, register, lock = _KEYS[offset]
        if offset not in self._begun:
            self._begun[offset] = key == first
        elif self._begun[offset] and key == second:
            self.registers[register] &= ~lock
            del self._begun[offset]
        else:
            self._begun[offset] = False  # for good, until a reset

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        return 0 if offset in _KEYS else super().read(offset)

    @property
    def accelerates(self) -> bool:
        """ARTEN: lines that came over the ITCM bus are kept."""
        return bool(self.registers[ACR] & 1 << 9)

    @property
    def prefetches(self) -> bool:
        """PRFTEN."""
        return bool(self.registers[ACR] & 1 << 8)

    @property
    def wait_states(self) -> int:
        """LATENCY."""
        return field(self.read(ACR), 0, 4)
