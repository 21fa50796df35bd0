"""The regulator: what start-up code waits for (RM0385 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import ResetCause, Slot

CR1, CSR1, CR2, CSR2 = 0x00, 0x04, 0x08, 0x0C

_VOSRDY = 1 << 14
_BRR, _BRE = 1 << 3, 1 << 9
_WUIF, _SBF, _EIWUP = 1 << 0, 1 << 1, 1 << 8
_CSR1_WRITABLE = _BRE | _EIWUP
_PDDS, _CSBF = 1 << 1, 1 << 3
_WUPF, _EWUP = 0x3F, 0x3F00
_WAKE_UP_PINS = ("PA0", "PA2", "PC1", "PC13", "PI8", "PI11")
"""WKUP1 to 6 (RM0385 4.4.3)."""
_INTERNAL_SOURCES = ("RTC_ALARM", "RTC_WAKEUP")
_DBP = 1 << 8
_OVERDRIVE = 0b11 << 16
"""ODEN and ODSWEN in CR1 stand where ODRDY and ODSWRDY do in CSR1."""


class Pwr(Peripheral):
    """The power controller; what it is asked for is ready at once.

    Never set are PVDO, since the supply is there, and UDRDY, since under-drive is not modelled.
    """

    lacks = "voltage detector, under-drive, wake-up times; USARTs and DMA go on in stop"
    steady = True

    def __init__(self) -> None:
        super().__init__("PWR", {CR1: 0x0000_C000})
        self._standby: tuple[int, int, bool] | None = None

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        for number, pin in enumerate(_WAKE_UP_PINS):
            slot.listen(pin, partial(self._pin_changed, number))
        for source in _INTERNAL_SOURCES:
            slot.listen(source, self._woken_inside)

    # Wake-up sources

    @property
    def _sources(self) -> tuple[int, int, bool]:
        """Wake-up pins, those of them that do so by falling, and whether the RTC does."""
        if self._standby is not None:
            return self._standby
        registers = self.registers
        return field(registers[CSR2], 8, 6), field(registers[CR2], 8, 6), bool(registers[CSR1] & _EIWUP)

    def _pin_changed(self, number: int, high: bool) -> None:
        pins, falling, _ = self._sources
        if pins >> number & 1 and high != bool(falling >> number & 1):
            self.registers[CSR2] |= 1 << number
            self._wake()

    def _woken_inside(self, high: bool) -> None:
        if high and self._sources[2]:
            self._wake()

    @property
    def _wakes_inside(self) -> bool:
        return any(self.slot.is_high(source) for source in _INTERNAL_SOURCES)

    def _wake(self) -> None:
        if self._standby is not None:
            self._standby = None
            self.slot.reset_chip(ResetCause.STANDBY)

    @property
    def standby_asked(self) -> bool:
        """PDDS: a deep sleep is standby, not stop."""
        return bool(self.registers[CR1] & _PDDS)

    def falls_into_standby(self) -> None:
        """What can end it stays as it is set up; where something has done so before, it is over at once."""
        self._standby = self._sources
        pins, _, inside = self._standby
        self.registers[CSR1] |= _SBF
        if self.registers[CSR2] & pins or (inside and self._wakes_inside):
            self._wake()

    def has_left_standby(self) -> None:
        """The chip was reset."""
        self._standby = None

    # Registers

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "standby": self._standby}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._standby = state["standby"]

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CSR1:
            backup = _BRR if self.registers[CSR1] & _BRE else 0
            inside = _WUIF if self.registers[CSR1] & _EIWUP and self._wakes_inside else 0
            return self.registers[CSR1] | backup | inside | _VOSRDY | self.registers[CR1] & _OVERDRIVE
        return super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        registers = self.registers
        if offset == CSR1:
            registers[CSR1] = value & _CSR1_WRITABLE | registers[CSR1] & _SBF
        elif offset == CSR2:
            registers[CSR2] = value & _EWUP | registers[CSR2] & _WUPF
        elif offset == CR2:
            registers[CSR2] &= ~(value & _WUPF)
            registers[CR2] = value & _EWUP  # where the polarities are
        else:
            super().write(offset, value & ~_CSBF if offset == CR1 else value)
            if offset == CR1 and value & _CSBF:
                registers[CSR1] &= ~_SBF

    def reset(self) -> None:
        """See `Peripheral.reset`; flags and the backup regulator stay as they are (RM0385 4.4.2, 4.4.4)."""
        kept = self.registers[CSR1] & (_BRE | _SBF), self.registers[CSR2] & _WUPF
        super().reset()
        self.registers[CSR1], self.registers[CSR2] = kept

    @property
    def backup_writable(self) -> bool:
        """DBP."""
        return bool(self.registers[CR1] & _DBP)

    @property
    def overdrive(self) -> bool:
        """Whether the core runs from the over-drive regulator."""
        return self.registers[CR1] & _OVERDRIVE == _OVERDRIVE
