"""One analog-to-digital converter: its sequences, their times, and what becomes of a result (RM0385 15)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Protocol

from renode_mnist.stm32f746.alarm import Alarm
from renode_mnist.stm32f746.peripheral import field
from renode_mnist.stm32f746.slot import Slot

SR, CR1, CR2, SMPR1, SMPR2, JOFR1, HTR, LTR, SQR1, SQR2, SQR3, JSQR, JDR1, DR = (
    0x00, 0x04, 0x08, 0x0C, 0x10, 0x14, 0x24, 0x28, 0x2C, 0x30, 0x34, 0x38, 0x3C, 0x4C,
)  # fmt: skip
AWD, EOC, JEOC, JSTRT, STRT, OVR = (1 << bit for bit in range(6))

_EOCIE, _AWDIE, _JEOCIE, _OVRIE = 1 << 5, 1 << 6, 1 << 7, 1 << 26
_ENABLES = {EOC: _EOCIE, AWD: _AWDIE, JEOC: _JEOCIE, OVR: _OVRIE}
_SCAN, _AWDSGL, _JAUTO, _DISCEN, _JDISCEN, _JAWDEN, _AWDEN = (1 << bit for bit in (8, 9, 10, 11, 12, 22, 23))
_ADON, _CONT, _DMA, _DDS, _EOCS, _ALIGN = (1 << bit for bit in (0, 1, 8, 9, 10, 11))
_JSWSTART, _SWSTART = 1 << 22, 1 << 30

SAMPLING_CYCLES = (3, 15, 28, 56, 84, 112, 144, 480)
"""Of ADCCLK, by SMPx (RM0385 15.13.4)."""
_SOURCES = (
    "TIM1_CC1 TIM1_CC2 TIM1_CC3 TIM2_CC2 TIM5_TRGO TIM4_CC4 TIM3_CC4 TIM8_TRGO "
    "TIM8_TRGO2 TIM1_TRGO TIM1_TRGO2 TIM2_TRGO TIM4_TRGO TIM6_TRGO - EXTI11"
)
SOURCES = tuple(_SOURCES.split())
"""What starts a regular sequence, by EXTSEL (RM0385 15.6)."""
_INJECTED_SOURCES = (
    "TIM1_TRGO TIM1_CC4 TIM2_TRGO TIM2_CC1 TIM3_CC4 TIM4_TRGO - TIM8_CC4 "
    "TIM1_TRGO2 TIM8_TRGO TIM8_TRGO2 TIM3_CC3 TIM5_TRGO TIM3_CC1 TIM6_TRGO EXTI15"
)
INJECTED_SOURCES = tuple(_INJECTED_SOURCES.split())
"""Likewise an injected one, by JEXTSEL."""

_REGULAR, _INJECTED = "regular", "injected"


class Around(Protocol):
    """What the three have in common."""

    @property
    def slot(self) -> Slot:
        """Of all."""
        ...

    def picoseconds(self, cycles: int) -> int:
        """Of ADCCLK."""
        ...

    def sample(self, unit: int, channel: int) -> int:
        """12 bits of what a channel sees."""
        ...

    def drive(self) -> None:
        """Flags have changed."""
        ...


class AdcUnit:
    """A converter.

    Args:
        around: All of them.
        number: 1 to 3.
        alarm: Tells the end of a conversion.
    """

    def __init__(self, around: Around, number: int, alarm: Alarm) -> None:
        self._around = around
        self._number = number
        self._alarm = alarm
        self._clear()

    def _clear(self) -> None:
        self.registers: defaultdict[int, int] = defaultdict(int, {HTR: 0xFFF})
        self._group = ""
        """Of the conversion under way."""
        self._rank = 0
        """In its sequence; of a regular one that an injected one interrupts it stays."""
        self._left = 0
        """Conversions until a discontinuous sequence waits for the next trigger."""
        self._injected_rank = 0
        self._injected_left = 0
        self._resumes = False
        self._unread = False
        self._served = False
        """By DMA, since that was switched on."""
        self._dma_over = False

    def reset(self) -> None:
        """Registers as out of reset, nothing under way."""
        self._clear()
        self._alarm.cancel()
        self._ask(False)

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        kept = {name: value for name, value in vars(self).items() if isinstance(value, int | str)}
        return {**kept, "registers": dict(self.registers), "alarm": self._alarm.state()}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`."""
        kept = dict(state)
        self._alarm.take_state(kept.pop("alarm"))
        self.registers = defaultdict(int, kept.pop("registers"))
        vars(self).update(kept)

    @property
    def flags(self) -> int:
        """SR."""
        return self.registers[SR]

    def interrupts(self) -> bool:
        """Whether a flag whose interrupt is enabled is set."""
        flags, control = self.flags, self.registers[CR1]
        return any(flags & flag and control & enable for flag, enable in _ENABLES.items())

    def _raise(self, flags: int) -> None:
        self.registers[SR] |= flags
        self._around.drive()

    def _ask(self, on: bool) -> None:
        self._around.slot.ask_dma(str(self._number), on)

    # Sequences

    def _regular(self) -> list[int]:
        """Channels of the regular sequence; without SCAN its first alone."""
        places = [field(self.registers[SQR3 - 4 * (rank // 6)], 5 * (rank % 6), 5) for rank in range(16)]
        return places[: field(self.registers[SQR1], 20, 4) + 1] if self.registers[CR1] & _SCAN else places[:1]

    def _injected(self) -> list[int]:
        """Likewise of the injected one, which ends with JSQ4 (RM0385 15.13.12)."""
        count = field(self.registers[JSQR], 20, 2) + 1
        places = [field(self.registers[JSQR], 5 * rank, 5) for rank in range(4 - count, 4)]
        return places if self.registers[CR1] & _SCAN else places[:1]

    def _cycles(self, channel: int) -> int:
        register, place = (SMPR2, channel) if channel < 10 else (SMPR1, channel - 10)
        return SAMPLING_CYCLES[field(self.registers[register], 3 * place, 3)] + self._bits

    @property
    def _bits(self) -> int:
        return 12 - 2 * field(self.registers[CR1], 24, 2)

    def _convert(self, group: str) -> None:
        self._group = group
        channels, rank = (
            (self._regular(), self._rank) if group == _REGULAR else (self._injected(), self._injected_rank)
        )
        channel = channels[min(rank, len(channels) - 1)]
        self._alarm.after(self._around.picoseconds(self._cycles(channel)))

    def start_regular(self) -> None:
        """By software or by a trigger; nothing while one is under way, or OVR is set."""
        if not self.registers[CR2] & _ADON or self._group == _REGULAR or self._resumes or self.flags & OVR:
            return
        self._left = field(self.registers[CR1], 13, 3) + 1 if self.registers[CR1] & _DISCEN else 0
        self._raise(STRT)
        if self._group == _INJECTED:
            self._resumes = True
        else:
            self._convert(_REGULAR)

    def start_injected(self) -> None:
        """Likewise; a regular conversion under way is begun anew afterwards (RM0385 15.3.9)."""
        if not self.registers[CR2] & _ADON or self._group == _INJECTED:
            return
        self._injected_left = 1 if self.registers[CR1] & _JDISCEN else 0
        self._resumes = self._group == _REGULAR
        self._raise(JSTRT)
        self._convert(_INJECTED)

    def trigger(self, source: str) -> None:
        """See `Adc.trigger`."""
        control = self.registers[CR2]
        if field(control, 28, 2) and SOURCES[field(control, 24, 4)] == source:
            self.start_regular()
        if field(control, 20, 2) and INJECTED_SOURCES[field(control, 16, 4)] == source:
            self.start_injected()

    def due(self, what: str) -> None:
        """A conversion is over, if it is that under way."""
        if self._alarm.rings(what):
            group, self._group = self._group, ""
            if group == _REGULAR:
                self._regular_done()
            else:
                self._injected_done()

    def _regular_done(self) -> None:
        channels = self._regular()
        channel = channels[min(self._rank, len(channels) - 1)]
        code = self._around.sample(self._number, channel) >> (12 - self._bits)
        flags = self._watched(channel, code, _AWDEN)
        control = self.registers[CR2]
        if self._unread and control & (_DMA | _EOCS) and not self._last_transfer_is_over():
            self._rank, self._resumes = 0, False
            self._raise(flags | OVR)  # the result is lost, and nothing more is converted (RM0385 15.8.1)
            return
        self.registers[DR] = code << self._left_shift if control & _ALIGN else code
        self._unread = True
        self._rank += 1
        over = self._rank >= len(channels)
        self._raise(flags | (EOC if over or control & _EOCS else 0))
        if control & _DMA and not self._dma_over:
            self._ask(True)
        self._go_on(over)

    def _go_on(self, over: bool) -> None:
        """What comes behind a regular conversion."""
        if self._left:
            self._left -= 1
            if over or not self._left:
                self._rank = 0 if over else self._rank
                self._left = 0
                return
        if not over:
            self._convert(_REGULAR)
            return
        self._rank = 0
        again = bool(self.registers[CR2] & _CONT) and not self.registers[CR1] & _DISCEN
        if self.registers[CR1] & _JAUTO:
            self._injected_rank = self._injected_left = 0
            self._resumes = again
            self._raise(JSTRT)
            self._convert(_INJECTED)
        elif again:
            self._convert(_REGULAR)

    def _last_transfer_is_over(self) -> bool:
        """Without DDS nothing is asked for any more when a transfer has ended (RM0385 15.8.1)."""
        control = self.registers[CR2]
        self._dma_over |= bool(control & _DMA and not control & _DDS and self._served)
        if self._dma_over:
            self._ask(False)
        return self._dma_over

    @property
    def _left_shift(self) -> int:
        """To the left of 16 bits, of 8 where there are 6 (RM0385 15.4)."""
        return 2 if self._bits == 6 else 16 - self._bits

    def _injected_done(self) -> None:
        channels = self._injected()
        rank = min(self._injected_rank, len(channels) - 1)
        channel = channels[rank]
        code = self._around.sample(self._number, channel) >> (12 - self._bits)
        flags = self._watched(channel, code, _JAWDEN)
        value = code - field(self.registers[JOFR1 + 4 * rank], 0, 12)
        if self.registers[CR2] & _ALIGN:
            value <<= 1 if self._bits == 6 else 15 - self._bits
        self.registers[JDR1 + 4 * rank] = value & 0xFFFF
        self._injected_rank = rank + 1
        over = self._injected_rank >= len(channels)
        if over:
            self._injected_rank = 0
        self._raise(flags | (JEOC if over else 0))
        if not over and not self._injected_left:
            self._convert(_INJECTED)
        elif self._resumes:
            self._resumes = False
            self._convert(_REGULAR)

    def _watched(self, channel: int, code: int, enable: int) -> int:
        control = self.registers[CR1]
        if not control & enable or (control & _AWDSGL and field(control, 0, 5) != channel):
            return 0
        code <<= 12 - self._bits
        return 0 if self.registers[LTR] <= code <= self.registers[HTR] else AWD

    # Registers

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if offset == DR and self._unread:
            self._unread = False
            self._around.slot.moves()
            self._served |= bool(self.registers[CR2] & _DMA)
            self._ask(False)
            self.registers[SR] &= ~EOC
            self._around.drive()
        return self.registers[offset]

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if offset == SR:
            self.registers[SR] &= value  # each is cleared by 0
        elif offset == CR2:
            self._control(value)
        elif offset not in (DR, *range(JDR1, DR, 4)):
            self.registers[offset] = value
        self._around.drive()

    def _control(self, value: int) -> None:
        before = self.registers[CR2]
        self.registers[CR2] = value & ~(_SWSTART | _JSWSTART)
        if not value & _ADON:
            self._alarm.cancel()
            self._group, self._rank, self._injected_rank, self._resumes, self._unread = "", 0, 0, False, False
        if not value & _DMA:
            self._ask(False)
        elif not before & _DMA:
            self._served = self._dma_over = self._unread = False
        if value & _SWSTART:
            self.start_regular()
        if value & _JSWSTART:
            self.start_injected()
