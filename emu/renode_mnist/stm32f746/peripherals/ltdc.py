"""The LCD controller: two layers from memory, and the picture that a panel would show (RM0385 18)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.ltdc_layer import BFCR, CACR, FIRST_LAYER, LAYER_BYTES, LAYERS, Layer
from renode_mnist.stm32f746.slot import Slot

BPCR, AWCR, TWCR, GCR, SRCR, BCCR, IER, ISR, ICR, LIPCR, CPSR, CDSR = (
    0x0C, 0x10, 0x14, 0x18, 0x24, 0x2C, 0x34, 0x38, 0x3C, 0x40, 0x44, 0x48,
)  # fmt: skip
_LTDCEN, _DITHERING = 1 << 0, 0x0000_2220
_IMR, _VBR = 1 << 0, 1 << 1
LIF, RRIF = 1 << 0, 1 << 3
_CLUTWR = 0x40
"""Of a layer's registers."""
_LAYERS_AT_RESET = {
    FIRST_LAYER + LAYER_BYTES * layer + offset: value
    for layer in range(LAYERS)
    for offset, value in ((CACR, 0xFF), (BFCR, 0x607))
}
"""Opaque, and blended by its pixels' alpha (RM0385 18.7.19, 18.7.21)."""

Reads = Callable[[int, int], bytes | None]
"""(address, size in bytes) -> what is there, None where there is no memory."""


class Ltdc(Peripheral):
    """The controller. It fetches nothing while it runs: `picture` looks into memory when it is asked."""

    lacks = "dithering, FIFO underruns and transfer errors, the time that its fetches take of the bus"
    steady = True
    unmodelled = MappingProxyType({GCR: {"DEN": 1 << 16}})

    def __init__(self) -> None:
        super().__init__("LTDC", {GCR: _DITHERING, CDSR: 0xF, **_LAYERS_AT_RESET})
        self._start_over()

    def _start_over(self) -> None:
        self._active = dict(_LAYERS_AT_RESET)
        """The layers' registers as they are in effect; `registers` has what was written."""
        self._tables: list[list[int]] = [[0] * 256 for _ in range(LAYERS)]
        """Colour look-up tables, 0xRRGGBB."""
        self._since_ps = 0
        """Start of the first frame."""

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self._line = Alarm(slot, "line")
        self._blanking = Alarm(slot, "blanking")

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._start_over()
        self._line.cancel()
        self._blanking.cancel()
        self._drive()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {
            **super().state(),
            "active": dict(self._active),
            "tables": [list(table) for table in self._tables],
            "since": self._since_ps,
            "alarms": (self._line.state(), self._blanking.state()),
        }

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._active = dict(state["active"])
        self._tables = [list(table) for table in state["tables"]]
        self._since_ps = state["since"]
        self._line.take_state(state["alarms"][0])
        self._blanking.take_state(state["alarms"][1])

    # Time

    @property
    def _is_on(self) -> bool:
        return bool(self.registers[GCR] & _LTDCEN)

    def _line_ps(self) -> int:
        """Of all pixels of a line; 0 without a pixel clock."""
        hertz = self.slot.hertz
        return (field(self.registers[TWCR], 16, 12) + 1) * PICOSECONDS // hertz if hertz else 0

    def _until(self, line: int) -> int:
        """Picoseconds to the next start of a line of the frame, 0: none comes."""
        line_ps = self._line_ps()
        if not line_ps or not self._is_on:
            return 0
        frame_ps = line_ps * (field(self.registers[TWCR], 0, 11) + 1)
        into = (self.slot.now_ps - self._since_ps) % frame_ps
        return (line * line_ps - into - 1) % frame_ps + 1

    def _plan(self) -> None:
        for alarm, line, wanted in (
            (self._line, field(self.registers[LIPCR], 0, 11), self._is_on),
            (self._blanking, field(self.registers[AWCR], 0, 11) + 1, bool(self.registers[SRCR] & _VBR)),
        ):
            wait_ps = self._until(line) if wanted else 0
            if wait_ps:
                alarm.after(wait_ps)
            else:
                alarm.cancel()

    def due(self, what: str) -> None:
        """See `Peripheral.due`: the line of LIPCR has come, or the vertical blanking period."""
        if self._line.rings(what):
            self.registers[ISR] |= LIF
            if wait_ps := self._until(field(self.registers[LIPCR], 0, 11)):
                self._line.after(wait_ps)
        elif self._blanking.rings(what):
            self._reload()
        self._drive()

    def clock_changed(self) -> None:
        """See `Peripheral.clock_changed`."""
        if self._is_on and not self._line.is_set:
            self._plan()

    def _reload(self) -> None:
        """What was written to the layers is in effect from now on (RM0385 18.4.2)."""
        self._active = {offset: value for offset, value in self.registers.items() if offset >= FIRST_LAYER}
        self.registers[SRCR] = 0
        self.registers[ISR] |= RRIF

    def _drive(self) -> None:
        self.slot.set_interrupt(bool(self.registers[ISR] & self.registers[IER] & (LIF | RRIF)))

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == CPSR:
            self.slot.moves()  # it moves by itself
            return self._position()
        return 0 if offset == ICR else super().read(offset)

    def _position(self) -> int:
        line_ps = self._line_ps()
        if not line_ps or not self._is_on:
            return 0
        line, into = divmod(self.slot.now_ps - self._since_ps, line_ps)
        column = into * (field(self.registers[TWCR], 16, 12) + 1) // line_ps
        return column << 16 | line % (field(self.registers[TWCR], 0, 11) + 1)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == ICR:
            self.registers[ISR] &= ~value
        elif offset == SRCR:
            if value & _IMR:
                self._reload()
            elif value & _VBR:
                self.registers[SRCR] = _VBR
                self._plan()
        elif offset >= FIRST_LAYER and (offset - FIRST_LAYER) % LAYER_BYTES == _CLUTWR:
            self._tables[(offset - FIRST_LAYER) // LAYER_BYTES][value >> 24] = value & 0xFF_FFFF
        elif offset not in (ISR, CPSR, CDSR):
            was_on = self._is_on
            super().write(offset, value & ~_DITHERING | self.reset_values[GCR] if offset == GCR else value)
            if self._is_on and not was_on:
                self._since_ps = self.slot.now_ps
            if offset in (GCR, LIPCR, TWCR):
                self._plan()
        self._drive()

    # The picture

    def picture(self, read: Reads) -> npt.NDArray[np.uint8] | None:
        """What a panel shows now.

        Args:
            read: Reads the memories.

        Returns:
            Height x width x 3 of red, green and blue; None while it is off, or has no active area.
        """
        width = field(self.registers[AWCR], 16, 12) - field(self.registers[BPCR], 16, 12)
        height = field(self.registers[AWCR], 0, 11) - field(self.registers[BPCR], 0, 11)
        if not self._is_on or width <= 0 or height <= 0:
            return None
        colour = self.registers[BCCR]
        picture = np.empty((height, width, 3), np.float64)
        picture[:] = (field(colour, 16, 8), field(colour, 8, 8), field(colour, 0, 8))
        for index in range(LAYERS):
            first = FIRST_LAYER + index * LAYER_BYTES
            registers = {at - first: value for at, value in self._active.items() if first <= at < first + LAYER_BYTES}
            Layer(registers, self._tables[index]).blend(picture, self.registers[BPCR], read)
        return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
