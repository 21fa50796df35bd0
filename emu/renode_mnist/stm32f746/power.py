"""Regulator and flash controller: what start-up code waits for, and whether the clock fits (RM0385 3.7, 4.4)."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.stm32f746.peripheral import Peripheral, field

CR1, CSR1 = 0x00, 0x04
ACR, KEYR, SR, FLASH_CR, OPTCR, OPTCR1 = 0x00, 0x04, 0x0C, 0x10, 0x14, 0x18

_VOSRDY = 1 << 14
_OVERDRIVE = 0b11 << 16
"""ODEN and ODSWEN in CR1 stand where ODRDY and ODSWRDY do in CSR1."""

HERTZ_A_WAIT_STATE = 30_000_000
"""At 2.7 to 3.6 V (RM0385 table 5)."""


class Pwr(Peripheral):
    """The power controller; what it is asked for is ready at once."""

    def __init__(self) -> None:
        super().__init__("PWR", {CR1: 0x0000_C000})

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CSR1:
            return self.registers[CSR1] | _VOSRDY | self.registers[CR1] & _OVERDRIVE
        return super().read(offset)

    @property
    def overdrive(self) -> bool:
        """Whether the core runs from the over-drive regulator."""
        return self.registers[CR1] & _OVERDRIVE == _OVERDRIVE


class FlashInterface(Peripheral):
    """The flash controller. Programming and erasing are not modelled: the flash keeps what the ELF put there.

    Args:
        on_change: Called when ACR was written.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        super().__init__("FLASH", {FLASH_CR: 0x8000_0000, OPTCR: 0xC0FF_AAFD, OPTCR1: 0x0040_0080})
        self._on_change = on_change

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        super().write(offset, value)
        if offset == ACR:
            self._on_change()

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
