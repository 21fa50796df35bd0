"""Reset and clock control: oscillators, PLL, prescalers, and who gets a clock (RM0385 5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from renode_mnist.stm32f746.clock import PICOSECONDS, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral, field

CR, PLLCFGR, CFGR = 0x00, 0x04, 0x08
AHB1RSTR, APB1RSTR, APB2RSTR = 0x10, 0x20, 0x24
AHB1ENR, APB1ENR, APB2ENR = 0x30, 0x40, 0x44
CSR, DCKCFGR2 = 0x74, 0x90

HSI_HERTZ = 16_000_000
LSE_HERTZ = 32_768
MAXIMUM_HERTZ = 216_000_000
OVERDRIVE_ABOVE_HERTZ = 180_000_000
"""The regulator in scale 1 needs over-drive above this (DS10916 table 17)."""

_CR_OSCILLATORS = (
    (0, 1, 2),  # HSION, HSIRDY: 2.2 us (DS10916 table 38)
    (16, 17, 2000),  # HSEON, HSERDY: 2 ms (table 36)
    (24, 25, 100),  # PLLON, PLLRDY: 75 to 150 us (table 40)
    (26, 27, 100),  # PLLI2SON, PLLI2SRDY
    (28, 29, 100),  # PLLSAION, PLLSAIRDY
)
"""(bit that switches on, bit that says ready, microseconds between)."""
_CR_READY = sum(1 << ready for _, ready, _ in _CR_OSCILLATORS)

_CSR_RESET_FLAGS = 0xFE00_0000
_CSR_RMVF = 1 << 24
_CSR_SOFTWARE_AND_PIN_RESET = 0x1400_0000

_ENABLE_BITS: dict[str, tuple[int, int]] = {
    **{f"GPIO{port}": (AHB1ENR, bit) for bit, port in enumerate("ABCDEFGHIJK")},
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
    """

    def __init__(self, scheduler: Scheduler, log: EventLog, hse_hertz: int, on_change: Callable[[int], None]) -> None:
        super().__init__("RCC", _RESET_VALUES)
        self._scheduler = scheduler
        self._log = log
        self._hse_hertz = hse_hertz
        self._on_change = on_change
        self._usart_hertz: dict[str, int] = {}
        self.reset_peripheral: Callable[[str], None] = lambda _name: None

    def reset(self) -> None:
        """A system reset by software; the flags of CSR tell so."""
        flags = self.registers[CSR] | _CSR_SOFTWARE_AND_PIN_RESET
        super().reset()
        self.registers[CSR] = flags
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
            self._write_cr(before, value)
        elif offset == CFGR:
            self.registers[CFGR] = value & ~0b1100 | before & 0b1100
            self._switch()
        elif offset == CSR:
            self.registers[CSR] = (before & ~_CSR_RESET_FLAGS if value & _CSR_RMVF else before) & ~1 | value & 1
        else:
            self.registers[offset] = value
            if offset in (AHB1RSTR, APB1RSTR, APB2RSTR):
                self._pulse_resets(offset, value & ~before)
        self._changed()

    def _write_cr(self, before: int, value: int) -> None:
        in_use = field(self.read(CFGR), 2, 2)
        keep = (1 << 0, 1 << 16, 1 << 24, 0)[in_use]  # the clock in use cannot be stopped (RM0385 5.3.1)
        value |= before & keep
        self.registers[CR] = value & ~_CR_READY | before & _CR_READY
        for on, ready, microseconds in _CR_OSCILLATORS:
            if value & 1 << on and not before & 1 << on:
                self._scheduler.after(microseconds * PICOSECONDS // 10**6, partial(self._becomes_ready, on, ready))
            elif not value & 1 << on:
                self.registers[CR] &= ~(1 << ready)

    def _becomes_ready(self, on: int, ready: int) -> None:
        if self.registers[CR] & 1 << on:
            self.registers[CR] |= 1 << ready
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
