"""The system configuration controller (RM0385 7)."""

from __future__ import annotations

from collections.abc import Callable

from renode_mnist.stm32f746.gpio import PINS
from renode_mnist.stm32f746.peripheral import Peripheral, field

MEMRMP, PMC, EXTICR1, CMPCR = 0x00, 0x04, 0x08, 0x20
_EXTICR4 = 0x14

_WRITABLE = {MEMRMP: 0xD00, PMC: 0x80_0007, **dict.fromkeys(range(EXTICR1, _EXTICR4 + 4, 4), 0xFFFF), CMPCR: 1}
_CMP_PD, _READY = 1 << 0, 1 << 8


class Syscfg(Peripheral):
    """The SYSCFG.

    Attributes:
        lines_changed: Called when pins are led to other EXTI lines.
    """

    lacks = "swapped memory banks, Ethernet's PHY interface"
    steady = True

    def __init__(self) -> None:
        super().__init__("SYSCFG")
        self.lines_changed: Callable[[], None] = lambda: None

    def read(self, offset: int) -> int:
        """See `Peripheral.read`; the compensation cell is ready as soon as it is on."""
        value = super().read(offset)
        return value | _READY if offset == CMPCR and value & _CMP_PD else value

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        super().write(offset, value & _WRITABLE.get(offset, 0))
        if EXTICR1 <= offset <= _EXTICR4:
            self.lines_changed()

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self.lines_changed()

    def pin_of_line(self, line: int) -> str:
        """The pin that is led to an EXTI line from 0 to 15."""
        assert line < PINS
        port = field(self.registers[EXTICR1 + line // 4 * 4], line % 4 * 4, 4)
        return f"P{'ABCDEFGHIJK'[min(port, 10)]}{line}"
