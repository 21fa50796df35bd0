"""Reset and clock control: oscillators, PLL, prescalers, and who gets a clock (RM0385 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from renode_mnist.stm32f746.clock import PICOSECONDS, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral, field

CR, PLLCFGR, CFGR = 0x00, 0x04, 0x08
AHB1RSTR, APB1RSTR, APB2RSTR = 0x10, 0x20, 0x24
AHB1ENR, APB1ENR, APB2ENR = 0x30, 0x40, 0x44
CIR, BDCR, CSR, DCKCFGR2 = 0x0C, 0x70, 0x74, 0x90

HSI_HERTZ = 16_000_000
LSE_HERTZ = 32_768
MAXIMUM_HERTZ = 216_000_000
OVERDRIVE_ABOVE_HERTZ = 180_000_000
"""The regulator in scale 1 needs over-drive above this (DS10916 table 17)."""


class _Oscillator(NamedTuple):
    register: int
    on: int
    """The bit that switches it on."""
    ready: int
    """The bit that says that it runs."""
    microseconds: int
    """Between the two."""
    flag: int
    """Its bit in CIR; its enable bit is 8 higher, that which clears it 16."""


_OSCILLATORS = (
    _Oscillator(CR, 0, 1, 2, 2),  # HSI: 2.2 us (DS10916 table 38)
    _Oscillator(CR, 16, 17, 2000, 3),  # HSE: 2 ms (table 36)
    _Oscillator(CR, 24, 25, 100, 4),  # PLL: 75 to 150 us (table 40)
    _Oscillator(CR, 26, 27, 100, 5),  # PLLI2S
    _Oscillator(CR, 28, 29, 100, 6),  # PLLSAI
    _Oscillator(CSR, 0, 1, 40, 0),  # LSI: at most 40 us (table 39)
    _Oscillator(BDCR, 0, 1, 500_000, 1),  # LSE: typically 2 s (table 37), less where the crystal is good
)
_READY = {
    register: sum(1 << each.ready for each in _OSCILLATORS if each.register == register)
    for register in (CR, CSR, BDCR)
}
_CIR_FLAGS, _CIR_ENABLES = 0xFF, 0x7F00
_BDCR_BDRST = 1 << 16
_BDCR_WRITABLE = 0x0001_831D
"""LSEON, LSEBYP, LSEDRV, RTCSEL, RTCEN, BDRST (RM0385 5.3.20)."""

INTERRUPT = 5
"""Position in the NVIC (RM0385 table 46)."""

_CSR_RESET_FLAGS = 0xFE00_0000
_CSR_RMVF = 1 << 24
_CSR_SOFTWARE_AND_PIN_RESET = 0x1400_0000

_ENABLE_BITS: dict[str, tuple[int, int]] = {
    **{f"GPIO{port}": (AHB1ENR, bit) for bit, port in enumerate("ABCDEFGHIJK")},
    "DMA1": (AHB1ENR, 21),
    "DMA2": (AHB1ENR, 22),
    "PWR": (APB1ENR, 28),
    "USART3": (APB1ENR, 18),
    "UART7": (APB1ENR, 30),
    "USART1": (APB2ENR, 4),
    "USART6": (APB2ENR, 5),
}
"""Register and bit that clock a peripheral, for those that are modelled (RM0385 5.3.10 to 5.3.14)."""

_USART_SELECT = {"USART1": 0, "USART3": 4, "USART6": 10, "UART7": 12}
"""Lowest bit in DCKCFGR2 (RM0385 5.3.26)."""


_RESET_VALUES = {
    CR: 0x0000_0083,
    PLLCFGR: 0x2400_3010,
    AHB1ENR: 0x0010_0000,
    CSR: 0x0E00_0000,
}


class Rcc(Peripheral):
    """The RCC.

    Args:
        scheduler: For start-up times.
        log: Where clocks out of their limits are named.
        hse_hertz: Crystal on the board.
        on_change: Called with HCLK in hertz whenever it changes.
        set_interrupt: Drives the interrupt line.
        backup_writable: Tells PWR_CR1.DBP, without which BDCR cannot be written.
    """

    lacks = "clock security, MCO, spread spectrum, clock gating in sleep, clocks of what is not modelled"
    steady = True

    def __init__(
        self,
        scheduler: Scheduler,
        log: EventLog,
        hse_hertz: int,
        on_change: Callable[[int], None],
        set_interrupt: Callable[[bool], None],
        backup_writable: Callable[[], bool],
    ) -> None:
        super().__init__("RCC", _RESET_VALUES)
        self._scheduler = scheduler
        self._log = log
        self._hse_hertz = hse_hertz
        self._on_change = on_change
        self._set_interrupt = set_interrupt
        self._backup_writable = backup_writable
        self._usart_hertz: dict[str, int] = {}
        self.reset_peripheral: Callable[[str], None] = lambda _name: None

    def reset(self) -> None:
        """A system reset by software; the flags of CSR tell so, and the backup domain stays (RM0385 5.1.3)."""
        flags, backup = self.registers[CSR] & _CSR_RESET_FLAGS | _CSR_SOFTWARE_AND_PIN_RESET, self.registers[BDCR]
        super().reset()
        self.registers[CSR], self.registers[BDCR] = flags, backup & ~_READY[BDCR]
        self._start(BDCR, 0, backup)
        if backup & _READY[BDCR]:
            self.registers[BDCR] = backup
        self._set_interrupt(False)
        self._changed()

    # Clock tree (RM0385 figure 13)

    def _pll_hertz(self) -> int:
        configuration = self.registers[PLLCFGR]
        source = self._hse_hertz if configuration & 1 << 22 else HSI_HERTZ
        divider, multiplier = field(configuration, 0, 6), field(configuration, 6, 9)
        return source * multiplier // max(1, divider) // (2 * field(configuration, 16, 2) + 2)

    @property
    def sysclk_hertz(self) -> int:
        """SYSCLK: what SWS points to."""
        return (HSI_HERTZ, self._hse_hertz, self._pll_hertz(), HSI_HERTZ)[field(self.read(CFGR), 2, 2)]

    @property
    def hclk_hertz(self) -> int:
        """HCLK: core, AHB and memories."""
        hpre = field(self.read(CFGR), 4, 4)
        shift = (1, 2, 3, 4, 6, 7, 8, 9)[hpre & 7] if hpre & 8 else 0
        return self.sysclk_hertz >> shift

    def _apb_hertz(self, low: int) -> int:
        ppre = field(self.read(CFGR), low, 3)
        return self.hclk_hertz >> ((ppre & 3) + 1 if ppre & 4 else 0)

    @property
    def pclk1_hertz(self) -> int:
        """APB1."""
        return self._apb_hertz(10)

    @property
    def pclk2_hertz(self) -> int:
        """APB2."""
        return self._apb_hertz(13)

    def usart_hertz(self, name: str) -> int:
        """The kernel clock of a USART."""
        if name not in self._usart_hertz:
            self._usart_hertz[name] = self._compute_usart_hertz(name)
        return self._usart_hertz[name]

    def _compute_usart_hertz(self, name: str) -> int:
        bus = self.pclk2_hertz if _ENABLE_BITS[name][0] == APB2ENR else self.pclk1_hertz
        choice = field(self.read(DCKCFGR2), _USART_SELECT[name], 2)
        return (bus, self.sysclk_hertz, HSI_HERTZ, LSE_HERTZ)[choice]

    def is_clocked(self, name: str) -> bool:
        """Whether a peripheral's clock is on."""
        place = _ENABLE_BITS.get(name)
        return place is None or bool(self.read(place[0]) >> place[1] & 1)

    def _changed(self) -> None:
        self._usart_hertz.clear()
        self._on_change(self.hclk_hertz)

    # Registers

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        before = self.read(offset)
        if offset == CR:
            keep = (1 << 0, 1 << 16, 1 << 24, 0)[field(self.read(CFGR), 2, 2)]
            self._start(CR, before, value | before & keep)  # the clock in use cannot be stopped (RM0385 5.3.1)
        elif offset == CFGR:
            self.registers[CFGR] = value & ~0b1100 | before & 0b1100
            self._switch()
        elif offset == CSR:
            flags = 0 if value & _CSR_RMVF else before & _CSR_RESET_FLAGS
            self._start(CSR, before, flags | value & 1)
        elif offset == BDCR:
            self._write_backup(before, value)
        elif offset == CIR:
            flags = before & _CIR_FLAGS & ~(value >> 16)
            self.registers[CIR] = flags | value & _CIR_ENABLES
            self._set_interrupt(bool(flags))
        else:
            self.registers[offset] = value
            if offset in (AHB1RSTR, APB1RSTR, APB2RSTR):
                self._pulse_resets(offset, value & ~before)
        self._changed()

    def _start(self, register: int, before: int, value: int) -> None:
        """Oscillators start and stop as ``value`` says."""
        self.registers[register] = value & ~_READY[register] | before & _READY[register]
        for index, each in enumerate(_OSCILLATORS):
            if each.register != register:
                continue
            if value & 1 << each.on and not before & 1 << each.on:
                self._scheduler.after(each.microseconds * PICOSECONDS // 10**6, partial(self.becomes_ready, index))
            elif not value & 1 << each.on:
                self.registers[register] &= ~(1 << each.ready)

    def _write_backup(self, before: int, value: int) -> None:
        if not self._backup_writable():
            self._log.once("RCC.BDCR was written while PWR_CR1.DBP protects it: ignored (RM0385 4.1.3)")
        else:
            self._start(BDCR, before, 0 if value & _BDCR_BDRST else value & _BDCR_WRITABLE)

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`; oscillators that start are events of the scheduler."""
        super().take_state(state)
        self._usart_hertz.clear()

    def becomes_ready(self, index: int) -> None:
        """That oscillator runs, if it was not switched off meanwhile."""
        each = _OSCILLATORS[index]
        if self.registers[each.register] & 1 << each.on:
            self.registers[each.register] |= 1 << each.ready
            if self.registers[CIR] >> 8 & 1 << each.flag:
                self.registers[CIR] |= 1 << each.flag
                self._set_interrupt(True)
            self._switch()
            self._changed()

    def _switch(self) -> None:
        """SWS follows SW once the chosen clock is ready (RM0385 5.2.6)."""
        wanted = field(self.registers[CFGR], 0, 2)
        if wanted < 3 and self.registers[CR] & (1 << 1, 1 << 17, 1 << 25)[wanted]:
            self.registers[CFGR] = self.registers[CFGR] & ~0b1100 | wanted << 2

    def _pulse_resets(self, offset: int, bits: int) -> None:
        enable = {AHB1RSTR: AHB1ENR, APB1RSTR: APB1ENR, APB2RSTR: APB2ENR}[offset]
        for name, (register, bit) in _ENABLE_BITS.items():
            if register == enable and bits >> bit & 1:
                self.reset_peripheral(name)
