"""The backup SRAM: 4 KiB that resets leave alone (RM0385 4.1.3)."""

from __future__ import annotations

from renode_mnist.stm32f746.peripheral import Peripheral


class BackupSram(Peripheral):
    """The BKPSRAM, by words in a dictionary; it is seldom much more than a few of them."""

    steady = True

    def __init__(self) -> None:
        super().__init__("BKPSRAM")

    def reset(self) -> None:
        """See `Peripheral.reset`: it keeps what it has."""

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if self.slot.backup_writable:
            super().write(offset, value)
        else:
            self.slot.log.once("the backup SRAM was written while PWR_CR1.DBP protects it: ignored (RM0385 4.1.3)")
