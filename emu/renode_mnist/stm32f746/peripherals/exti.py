"""Extended interrupts and events: edges of pins and of other peripherals (RM0385 11)."""

from __future__ import annotations

from functools import partial

from renode_mnist.stm32f746.gpio import PINS
from renode_mnist.stm32f746.peripheral import Peripheral
from renode_mnist.stm32f746.peripherals.syscfg import Syscfg
from renode_mnist.stm32f746.slot import Slot

IMR, EMR, RTSR, FTSR, SWIER, PR = range(0x00, 0x18, 4)
_LINES = 0x00FF_FFFF

_SOURCES = {16: "PVD", 17: "RTC_ALARM", 21: "RTC_STAMP", 22: "RTC_WAKEUP", 23: "LPTIM1"}
"""Of the lines that no pin is led to."""

_INTERRUPTS = (
    *(1 << line for line in range(5)),
    sum(1 << line for line in range(5, 10)),
    sum(1 << line for line in range(10, 16)),
    1 << 16,
    1 << 17,
    1 << 21,
    1 << 22,
)
"""Lines of each interrupt, in the order of `wiring`."""


class Exti(Peripheral):
    """The EXTI.

    A masked line keeps no edge: PR is set where IMR lets the line through, as for SWIER (RM0385 11.9.5).

    Args:
        syscfg: Says which pins are led to lines 0 to 15.
    """

    lacks = "lines of USB, Ethernet and the voltage detector"
    steady = True

    def __init__(self, syscfg: Syscfg) -> None:
        super().__init__("EXTI")
        self._syscfg = syscfg
        syscfg.lines_changed = self._watch_pins

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        for port in "ABCDEFGHIJK":
            for line in range(PINS):
                pin = f"P{port}{line}"
                slot.listen(pin, partial(self._pin_changed, line, pin))
        for line, source in _SOURCES.items():
            slot.listen(source, partial(self._changed, line))

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._interrupt()
        self._watch_pins()

    def _watch_pins(self) -> None:
        used = (self.registers[IMR] | self.registers[EMR]) & (self.registers[RTSR] | self.registers[FTSR])
        self.slot.watch(self._syscfg.pin_of_line(line) for line in range(PINS) if used >> line & 1)

    def _pin_changed(self, line: int, pin: str, high: bool) -> None:
        if self._syscfg.pin_of_line(line) == pin:
            self._changed(line, high)

    def _changed(self, line: int, high: bool) -> None:
        if self.registers[RTSR if high else FTSR] >> line & 1:
            self._happened(1 << line)

    def _happened(self, lines: int) -> None:
        self.registers[PR] |= lines & self.registers[IMR]
        if lines & self.registers[EMR]:
            self.slot.send_event()
        self._interrupt()

    def _interrupt(self) -> None:
        pending = self.registers[PR] & self.registers[IMR]
        for number, lines in enumerate(_INTERRUPTS):
            self.slot.set_interrupt(bool(pending & lines), number)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        value &= _LINES
        if offset == PR:
            self.registers[PR] &= ~value
            self.registers[SWIER] &= ~value
        elif offset == SWIER:
            asked = value & ~self.registers[SWIER]
            self.registers[SWIER] |= value
            self._happened(asked)
        elif offset < SWIER:
            self.registers[offset] = value
            self._watch_pins()
        self._interrupt()
