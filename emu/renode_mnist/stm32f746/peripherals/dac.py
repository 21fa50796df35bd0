"""The digital-to-analog converter, two channels of 12 bits (RM0385 16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import Slot

CR, SWTRIGR, DHR12RD, DHR12LD, DHR8RD, DOR1, DOR2, SR = 0x00, 0x04, 0x20, 0x24, 0x28, 0x2C, 0x30, 0x34
_SINGLE = {0x08: (0, 0, 12), 0x0C: (0, 4, 12), 0x10: (0, 0, 8), 0x14: (1, 0, 12), 0x18: (1, 4, 12), 0x1C: (1, 0, 8)}
"""DHR12R1, DHR12L1, DHR8R1 and those of channel 2: the channel, the lowest bit, and how many."""
_DUAL = {DHR12RD: (0, 16, 12), DHR12LD: (4, 20, 12), DHR8RD: (0, 8, 8)}
"""The lowest bit of each channel, and how many."""

_EN, _TEN, _DMAEN, _DMAUDRIE = 1 << 0, 1 << 2, 1 << 12, 1 << 13
_CR_WRITABLE = 0x3FFF_3FFF
_DMAUDR = 1 << 13
_SOFTWARE = 7
_SOURCES = ("TIM6_TRGO", "TIM8_TRGO", "TIM7_TRGO", "TIM5_TRGO", "TIM2_TRGO", "TIM4_TRGO", "EXTI9")
"""By TSEL; 7 is SWTRIGR."""
_NOISE, _TRIANGLE = 1, 2
_LFSR_START = 0xAAA
_TOP = 0xFFF
REFERENCE_VOLTS = 3.3


@dataclass
class _Channel:
    held: int = 0
    """DHR, 12 bits."""
    output: int = 0
    """DOR."""
    noise: int = _LFSR_START
    triangle: int = 0
    falling: bool = False
    served: bool = True
    """DHR was written since DMA was last asked."""


class Dac(Peripheral):
    """The DAC.

    Attributes:
        changed: Called with the channel (1 or 2) and DOR whenever that is another.
    """

    lacks = "settling times, the output buffer, a trigger by EXTI"
    steady = True

    def __init__(self) -> None:
        super().__init__("DAC")
        self.changed: Callable[[int, int], None] = lambda _channel, _value: None
        self._channels = (_Channel(), _Channel())

    def reset(self) -> None:
        """See `Peripheral.reset`."""
        super().reset()
        self._channels = (_Channel(), _Channel())
        self.slot.set_interrupt(False)

    def connected(self, slot: Slot) -> None:
        """See `Peripheral.connected`."""
        super().connected(slot)
        for source in _SOURCES:
            if source.endswith("_TRGO"):
                slot.listen(source, partial(self._trigger_output, source))

    def _trigger_output(self, source: str, high: bool) -> None:
        if high:
            self.trigger(source)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "channels": [asdict(each) for each in self._channels]}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        super().take_state(state)
        first, second = (_Channel(**each) for each in state["channels"])
        self._channels = (first, second)

    def volts(self, channel: int) -> float:
        """What leaves channel 1 or 2; 0 while it is off."""
        on = self._control(channel - 1) & _EN
        return self._channels[channel - 1].output * REFERENCE_VOLTS / (_TOP + 1) if on else 0.0

    def _control(self, index: int) -> int:
        return field(self.registers[CR], 16 * index, 16)

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset in (DOR1, DOR2):
            return self._channels[(offset - DOR1) // 4].output
        if offset in _SINGLE:
            index, low, bits = _SINGLE[offset]
            return self._channels[index].held >> (12 - bits) << low
        if offset in _DUAL:
            *lows, bits = _DUAL[offset]
            return sum(self._channels[index].held >> (12 - bits) << low for index, low in enumerate(lows))
        return 0 if offset == SWTRIGR else super().read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset in _SINGLE:
            index, low, bits = _SINGLE[offset]
            self._hold(index, field(value, low, bits) << (12 - bits))
        elif offset in _DUAL:
            *lows, bits = _DUAL[offset]
            for index, low in enumerate(lows):
                self._hold(index, field(value, low, bits) << (12 - bits))
        elif offset == SWTRIGR:
            for index in range(2):
                if value >> index & 1 and field(self._control(index), 3, 3) == _SOFTWARE:
                    self._triggered(index)
        elif offset == CR:
            self.registers[CR] = value & _CR_WRITABLE
            for index, channel in enumerate(self._channels):
                if not field(self._control(index), 6, 2):
                    channel.noise, channel.triangle, channel.falling = _LFSR_START, 0, False
                channel.served |= not self._control(index) & _DMAEN
        elif offset == SR:
            self.registers[SR] &= ~(value & (_DMAUDR | _DMAUDR << 16))
        self._drive()

    def _hold(self, index: int, value: int) -> None:
        channel = self._channels[index]
        channel.held, channel.served = value, True
        if not self._control(index) & _TEN:
            self._put_out(index, value)

    def _put_out(self, index: int, value: int) -> None:
        channel = self._channels[index]
        if value != channel.output:
            channel.output = value
            self.changed(index + 1, value)

    def trigger(self, source: str) -> None:
        """A timer's trigger output, or an EXTI line, has come: `_SOURCES`."""
        for index in range(2):
            selected = field(self._control(index), 3, 3)
            if selected != _SOFTWARE and _SOURCES[selected] == source:
                self._triggered(index)
        self._drive()

    def _triggered(self, index: int) -> None:
        control, channel = self._control(index), self._channels[index]
        if control & (_EN | _TEN) != _EN | _TEN:
            return
        self._put_out(index, self._shaped(channel, field(control, 6, 2), field(control, 8, 4)))
        if not control & _DMAEN or self.registers[SR] & _DMAUDR << 16 * index:
            return
        if not channel.served:
            self.registers[SR] |= _DMAUDR << 16 * index
            return
        channel.served = False
        self.slot.pulse_dma(str(index + 1))

    def _shaped(self, channel: _Channel, wave: int, amplitude: int) -> int:
        """DHR with noise or a triangle upon it (RM0385 16.3.8, 16.3.9), which moves on."""
        top = (1 << min(amplitude, 11) + 1) - 1
        if wave == _NOISE:
            value = min(channel.held + (channel.noise & top), _TOP)
            bit = (channel.noise ^ channel.noise >> 1 ^ channel.noise >> 4 ^ channel.noise >> 6) & 1
            channel.noise = channel.noise >> 1 | bit << 11
            return value
        if wave >= _TRIANGLE:
            value = min(channel.held + channel.triangle, _TOP)
            channel.falling = channel.triangle == top if not channel.falling else channel.triangle != 0
            channel.triangle += -1 if channel.falling else 1
            return value
        return channel.held

    def _drive(self) -> None:
        underrun = any(
            self.registers[SR] >> 16 * index & _DMAUDR and self._control(index) & _DMAUDRIE for index in range(2)
        )
        self.slot.set_interrupt(underrun)
