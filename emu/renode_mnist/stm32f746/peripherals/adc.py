"""The three analog-to-digital converters, which share a clock, an interrupt and 1 KiB (RM0385 15)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.analog import Analog
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.peripherals.adc_unit import INJECTED_SOURCES, SOURCES, AdcUnit
from renode_mnist.stm32f746.slot import Slot

UNITS = 3
UNIT_BYTES = 0x100
CSR, CCR, CDR = 0x300, 0x304, 0x308

_VBATE, _TSVREFE = 1 << 22, 1 << 23
MAXIMUM_HERTZ = 36_000_000
"""At 2.4 V and above (DS10916, ADC characteristics)."""

_PINS = (*(f"PA{pin}" for pin in range(8)), "PB0", "PB1", *(f"PC{pin}" for pin in range(6)))
_PINS_OF_ADC3 = (*_PINS[:4], "PF6", "PF7", "PF8", "PF9", "PF10", "PF3", *_PINS[10:14], "PF4", "PF5")
PINS = frozenset((*_PINS, *_PINS_OF_ADC3))
"""That lead to one."""
_VREFINT_CHANNEL, _INNER_CHANNEL = 17, 18
"""Of ADC1 alone; on the second are the temperature sensor and VBAT, which wins (RM0385 15.10, 15.11)."""


class Adc(Peripheral):
    """ADC1, ADC2 and ADC3.

    Args:
        analog: What the pins see.
    """

    lacks = (
        "dual and triple mode; triggers by channels of timers and by EXTI; the end of requests that a circular DMA "
        "transfer brings while DDS is 0; stabilisation times"
    )
    steady = True
    unmodelled = MappingProxyType({CCR: {"MULTI": 0x1F, "DMA": 0b11 << 14}})

    def __init__(self, analog: Analog) -> None:
        super().__init__("ADC")
        self._analog = analog
        self._taken: dict[str, int] = {}
        self.units: tuple[AdcUnit, ...] = ()

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        self.units = tuple(AdcUnit(self, number, Alarm(slot, str(number))) for number in range(1, UNITS + 1))
        for source in {*SOURCES, *INJECTED_SOURCES}:
            if source.endswith("_TRGO"):
                slot.listen(source, partial(self._trigger_output, source))

    def _trigger_output(self, source: str, high: bool) -> None:
        if high:
            self.trigger(source)

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        for unit in self.units:
            unit.reset()
        self.drive()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "taken": dict(self._taken), "units": [unit.state() for unit in self.units]}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        self._taken = dict(state["taken"])
        for unit, each in zip(self.units, state["units"], strict=True):
            unit.take_state(each)

    def due(self, what: str) -> None:
        """See `Peripheral.due`: a conversion is over."""
        self.units[int(what.split()[0]) - 1].due(what)

    def trigger(self, source: str) -> None:
        """A timer's output or an EXTI line has come, ``TIM2_TRGO`` or ``EXTI11``: `adc_unit.SOURCES`."""
        for unit in self.units:
            unit.trigger(source)

    # What a unit needs of all

    def picoseconds(self, cycles: int) -> int:
        """Of ADCCLK: PCLK2 divided by 2, 4, 6 or 8."""
        divider = 2 * field(self.registers[CCR], 16, 2) + 2
        hertz = max(1, self.slot.hertz // divider)
        if hertz > MAXIMUM_HERTZ:
            self.slot.log.once(
                f"ADCCLK is {hertz / 1e6:g} MHz: silicon converts up to {MAXIMUM_HERTZ / 1e6:g} MHz (DS10916)"
            )
        return cycles * PICOSECONDS * divider // max(1, self.slot.hertz)

    def sample(self, unit: int, channel: int) -> int:
        """12 bits of what a channel of a unit (1 to 3) sees now."""
        return self._analog.code(self._volts(unit, channel))

    def _volts(self, unit: int, channel: int) -> float:
        if unit == 1 and channel == _VREFINT_CHANNEL:
            return self._analog.reference_volts if self.registers[CCR] & _TSVREFE else 0.0
        if unit == 1 and channel == _INNER_CHANNEL:
            if self.registers[CCR] & _VBATE:
                return self._analog.battery_volts / 4
            return self._analog.temperature_volts if self.registers[CCR] & _TSVREFE else 0.0
        pins = _PINS_OF_ADC3 if unit == UNITS else _PINS
        if channel >= len(pins):
            return 0.0
        pin = pins[channel]
        index = self._taken.get(pin, 0)
        self._taken[pin] = index + 1
        found = self._analog.volts(pin, index, self.slot.now_ps)
        for remark in found.remarks:
            self.slot.log.once(remark)
        return found.volts

    def drive(self) -> None:
        """The interrupt follows the flags."""
        self.slot.set_interrupt(any(unit.interrupts() for unit in self.units))

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset < UNITS * UNIT_BYTES:
            return self.units[offset // UNIT_BYTES].read(offset % UNIT_BYTES)
        if offset == CSR:
            return sum(unit.flags << 8 * index for index, unit in enumerate(self.units))
        return super().read(offset) if offset == CCR else 0

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset < UNITS * UNIT_BYTES:
            self.units[offset // UNIT_BYTES].write(offset % UNIT_BYTES, value)
        elif offset == CCR:
            super().write(offset, value)
