"""Reset and clock control: oscillators, PLL, prescalers, and who gets a clock (RM0385 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from renode_mnist.stm32f746.clock import PICOSECONDS, Scheduler
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.slot import ResetCause
from renode_mnist.stm32f746.wiring import CLOCKS, USARTS

CR, PLLCFGR, CFGR = 0x00, 0x04, 0x08
AHB1RSTR, AHB2RSTR, AHB3RSTR, APB1RSTR, APB2RSTR = 0x10, 0x14, 0x18, 0x20, 0x24
AHB1ENR, AHB2ENR, AHB3ENR, APB1ENR, APB2ENR = 0x30, 0x34, 0x38, 0x40, 0x44
CIR, BDCR, CSR, DCKCFGR1, DCKCFGR2 = 0x0C, 0x70, 0x74, 0x8C, 0x90
AHB1LPENR, AHB2LPENR, AHB3LPENR, APB1LPENR, APB2LPENR = 0x50, 0x54, 0x58, 0x60, 0x64
PLLI2SCFGR, PLLSAICFGR = 0x84, 0x88

HSI_HERTZ = 16_000_000
LSE_HERTZ = 32_768
LSI_HERTZ = 32_000
"""Typically (DS10916 table 39)."""
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
_LSI, _LSION, _LSIRDY = 5, 1 << 0, 1 << 1
_LSERDY, _RTCEN, _HSERDY = 1 << 1, 1 << 15, 1 << 17
OSCILLATORS = {"HSI": 0, "HSE": 1, "PLL": 2}
"""Places in that list, of those that a core's clock may come from."""
_HSI_RUNS = 0b11
_OFF_BEHIND_STOP = 0x3F0B_0000
"""HSE with its clock security, and the PLLs, with their ready bits."""
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
_CSR_PIN_RESET = 1 << 26
"""Every internal reset drives NRST low (RM0385 5.1.1)."""

_ENABLES = {"AHB1": AHB1ENR, "AHB2": AHB2ENR, "AHB3": AHB3ENR, "APB1": APB1ENR, "APB2": APB2ENR}
_RESETS = {AHB1RSTR: "AHB1", AHB2RSTR: "AHB2", AHB3RSTR: "AHB3", APB1RSTR: "APB1", APB2RSTR: "APB2"}

_SELECT = {
    **{name: 2 * index for index, name in enumerate(USARTS)},
    **{f"I2C{number}": 14 + 2 * number for number in range(1, 5)},
    "LPTIM1": 24,
}
"""Lowest of the two bits in DCKCFGR2 that choose a kernel clock (RM0385 5.3.26)."""
_TIMPRE = 1 << 24
"""In DCKCFGR1 (RM0385 5.3.25)."""

_CK48MSEL = 1 << 27
"""In DCKCFGR2: PLLSAI in the place of PLL."""
_PLLRDY, _PLLSAIRDY = 1 << 25, 1 << 29

_RESET_VALUES = {
    CR: 0x0000_0083,
    PLLCFGR: 0x2400_3010,
    PLLI2SCFGR: 0x2400_3000,
    PLLSAICFGR: 0x2400_3000,
    AHB1ENR: 0x0010_0000,
    AHB1LPENR: 0x7EF7_B7FF,
    AHB2LPENR: 0x0000_00F1,
    AHB3LPENR: 0x0000_0003,
    APB1LPENR: 0xFFFF_CBFF,
    APB2LPENR: 0x04F7_7F33,
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

    Attributes:
        reset_peripheral: Resets the one of that name, where it is modelled.
        reset_backup: Resets what is in the backup domain beside BDCR.
        reset_cause: Of the next reset; then `SOFTWARE` again.
        late_ps: By place in the list of oscillators, how much longer than usual each takes to start; None: for ever.
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
        self._kernel_hertz: dict[str, int] = {}
        self._lsi_forced = self._stopped = False
        self.reset_cause = ResetCause.SOFTWARE
        self.reset_peripheral: Callable[[str], None] = lambda _name: None
        self.reset_backup: Callable[[], None] = lambda: None
        self.late_ps: Mapping[int, int | None] = {}

    def reset(self) -> None:
        """A reset: the flags of CSR tell the cause, and the backup domain stays, unless the supply had gone."""
        flags, backup = self.registers[CSR] & _CSR_RESET_FLAGS, self.registers[BDCR]
        if self.reset_cause is ResetCause.POWER_ON:
            flags, backup = _RESET_VALUES[CSR], 0
            self.reset_backup()
        elif self.reset_cause is not ResetCause.STANDBY:
            flags |= _CSR_PIN_RESET | 1 << self.reset_cause.value
        super().reset()
        self._lsi_forced = self._stopped = False
        self.registers[CSR], self.registers[BDCR] = flags, backup & ~_READY[BDCR]
        self._start(BDCR, 0, backup)
        if backup & _READY[BDCR]:
            self.registers[BDCR] = backup
        self.reset_cause = ResetCause.SOFTWARE
        self._set_interrupt(False)
        self._changed()

    # Clock tree (RM0385 figure 13)

    def _pll_hertz(self) -> int:
        configuration = self.registers[PLLCFGR]
        source = self._hse_hertz if configuration & 1 << 22 else HSI_HERTZ
        divider, multiplier = field(configuration, 0, 6), field(configuration, 6, 9)
        return source * multiplier // max(1, divider) // (2 * field(configuration, 16, 2) + 2)

    @property
    def pll48_hertz(self) -> int:
        """PLL48CLK, of RNG, SDMMC and USB: of the PLL's Q or the PLLSAI's P output; 0 while that does not run."""
        own = self.registers[DCKCFGR2] & _CK48MSEL
        if not self.registers[CR] & (_PLLSAIRDY if own else _PLLRDY):
            return 0
        configuration = self.registers[PLLCFGR]
        source = self._hse_hertz if configuration & 1 << 22 else HSI_HERTZ
        outputs = self.registers[PLLSAICFGR] if own else configuration
        divider = 2 * field(outputs, 16, 2) + 2 if own else max(1, field(outputs, 24, 4))
        return source * field(outputs, 6, 9) // max(1, field(configuration, 0, 6)) // divider

    @property
    def pixel_hertz(self) -> int:
        """LCD_CLK: the PLLSAI's R output, divided by PLLSAIDIVR; 0 while that does not run."""
        if not self.registers[CR] & _PLLSAIRDY:
            return 0
        configuration, outputs = self.registers[PLLCFGR], self.registers[PLLSAICFGR]
        source = self._hse_hertz if configuration & 1 << 22 else HSI_HERTZ
        divider = max(1, field(outputs, 28, 3)) * (2 << field(self.registers[DCKCFGR1], 16, 2))
        return source * field(outputs, 6, 9) // max(1, field(configuration, 0, 6)) // divider

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

    def kernel_hertz(self, name: str) -> int:
        """What a peripheral counts, shifts or samples with; HCLK for those on an AHB and in the core."""
        if name not in self._kernel_hertz:
            self._kernel_hertz[name] = self._compute_kernel_hertz(name)
        return self._kernel_hertz[name]

    def _compute_kernel_hertz(self, name: str) -> int:
        if name == "RNG":
            return self.pll48_hertz
        if name == "IWDG":
            return LSI_HERTZ if self.registers[CSR] & _LSIRDY else 0
        if name == "RTC":
            return self._rtc_hertz()
        if name == "LTDC":
            return self.pixel_hertz
        bus = CLOCKS[name].bus if name in CLOCKS else ""
        if not bus.startswith("APB"):
            return self.hclk_hertz
        apb = self.pclk1_hertz if bus == "APB1" else self.pclk2_hertz
        if name in _SELECT:
            chosen = field(self.read(DCKCFGR2), _SELECT[name], 2)
            if name == "LPTIM1":
                lsi_ready, lse_ready = self.registers[CSR] & _LSIRDY, self.registers[BDCR] & _LSERDY
                return (apb, LSI_HERTZ if lsi_ready else 0, HSI_HERTZ, LSE_HERTZ if lse_ready else 0)[chosen]
            return (apb, self.sysclk_hertz, HSI_HERTZ, LSE_HERTZ)[chosen]
        if name.startswith("TIM"):
            at_most = 4 if self.read(DCKCFGR1) & _TIMPRE else 2  # (RM0385 5.2, figure 13)
            return min(self.hclk_hertz, at_most * apb)
        return apb

    def _rtc_hertz(self) -> int:
        """RTCCLK; 0 while it or its source is off (RM0385 5.2.8)."""
        backup = self.registers[BDCR]
        if not backup & _RTCEN:
            return 0
        match field(backup, 8, 2):
            case 1:
                return LSE_HERTZ if backup & _LSERDY else 0
            case 2:
                return LSI_HERTZ if self.registers[CSR] & _LSIRDY else 0
            case 3:
                divider = field(self.registers[CFGR], 16, 5)
                return self._hse_hertz // divider if self.registers[CR] & _HSERDY and divider > 1 else 0
        return 0

    def _on_slow_clock(self, name: str) -> bool:
        """Whether its kernel clock is LSI or LSE, which stop leaves on."""
        chosen = field(self.registers[DCKCFGR2], _SELECT[name], 2)
        return chosen == 3 or (chosen == 1 and name == "LPTIM1")

    def is_clocked(self, name: str) -> bool:
        """Whether a peripheral's clock is on."""
        clock = CLOCKS.get(name)
        if clock is not None and self._stopped and not (name in _SELECT and self._on_slow_clock(name)):
            return False
        return clock is None or bool(self.read(_ENABLES[clock.bus]) & clock.mask)

    def _changed(self) -> None:
        self._kernel_hertz.clear()
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
            if offset in _RESETS:
                self._pulse_resets(offset, value & ~before)
        self._changed()

    def _start(self, register: int, before: int, value: int) -> None:
        """Oscillators start and stop as ``value`` says."""
        self.registers[register] = value & ~_READY[register] | before & _READY[register]
        for index, each in enumerate(_OSCILLATORS):
            if each.register != register:
                continue
            if value & 1 << each.on and not before & 1 << each.on:
                self._plan_ready(index)
            elif not value & 1 << each.on and not (each.flag == 0 and self._lsi_forced):
                self.registers[register] &= ~(1 << each.ready)

    # Low power (RM0385 4.3)

    def stop(self) -> None:
        """All clocks stop but LSI and LSE."""
        self._stopped = True
        self._changed()

    def leave_stop(self) -> None:
        """They run again, from HSI; HSE and the PLLs are off."""
        self._stopped = False
        self.registers[CR] = self.registers[CR] & ~_OFF_BEHIND_STOP | _HSI_RUNS
        self.registers[CFGR] &= ~0b1111  # SW, SWS
        self._changed()

    def power_down(self) -> None:
        """Standby: all is lost but the backup domain; LSI goes on (RM0385 4.3.6)."""
        lsi, forced = self.registers[CSR] & (_LSION | _LSIRDY), self._lsi_forced
        self.reset_cause = ResetCause.STANDBY
        self.reset()
        self.registers[CSR] |= lsi
        self._lsi_forced = forced
        self._changed()

    def force_lsi(self) -> None:
        """The independent watchdog keeps LSI on until a reset (RM0385 5.2.5)."""
        if not self._lsi_forced:
            self._lsi_forced = True
            if not self.registers[CSR] & (_LSIRDY | _LSION):
                self._plan_ready(_LSI)

    def _plan_ready(self, index: int) -> None:
        if (late_ps := self.late_ps.get(index, 0)) is not None:
            delay_ps = _OSCILLATORS[index].microseconds * PICOSECONDS // 10**6 + late_ps
            self._scheduler.after(delay_ps, partial(self.becomes_ready, index))

    def _write_backup(self, before: int, value: int) -> None:
        if not self._backup_writable():
            self._log.once("RCC.BDCR was written while PWR_CR1.DBP protects it: ignored (RM0385 4.1.3)")
        else:
            self._start(BDCR, before, 0 if value & _BDCR_BDRST else value & _BDCR_WRITABLE)
            if value & _BDCR_BDRST:
                self.reset_backup()

    def state(self) -> dict[str, Any]:
        """See `Peripheral.state`."""
        return {**super().state(), "lsi_forced": self._lsi_forced, "stopped": self._stopped}

    def take_state(self, state: Mapping[str, Any]) -> None:
        """See `Peripheral.take_state`; oscillators that start are events of the scheduler."""
        super().take_state(state)
        self._lsi_forced, self._stopped = state["lsi_forced"], state["stopped"]
        self._kernel_hertz.clear()

    def becomes_ready(self, index: int) -> None:
        """That oscillator runs, if it was not switched off meanwhile."""
        each = _OSCILLATORS[index]
        if self.registers[each.register] & 1 << each.on or (index == _LSI and self._lsi_forced):
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
        for name, clock in CLOCKS.items():
            if clock.bus == _RESETS[offset] and bits & clock.mask:
                self.reset_peripheral(name)
