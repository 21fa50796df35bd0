"""The regulator: what start-up code waits for (RM0385 4.4)."""

from __future__ import annotations

from renode_mnist.stm32f746.peripheral import Peripheral

CR1, CSR1 = 0x00, 0x04

_VOSRDY = 1 << 14
_BRR, _BRE = 1 << 3, 1 << 9
_CSR1_WRITABLE = _BRE | 1 << 8
"""BRE and EIWUP."""
_DBP = 1 << 8
_OVERDRIVE = 0b11 << 16
"""ODEN and ODSWEN in CR1 stand where ODRDY and ODSWRDY do in CSR1."""


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
