"""The system control space, 0xE000E000: SysTick, NVIC, SCB, MPU, FPU and cache registers (DDI 0403E B3, PM0253 4)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntFlag

from renode_mnist.stm32f746 import mpu as mpu_module
from renode_mnist.stm32f746 import systick as systick_module
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.mpu import Mpu
from renode_mnist.stm32f746.nvic import FIRST_INTERRUPT, Nvic, SystemException
from renode_mnist.stm32f746.peripheral import Peripheral, field
from renode_mnist.stm32f746.systick import SysTick

ICTR = 0x004
NVIC_ISER, NVIC_ICER, NVIC_ISPR, NVIC_ICPR, NVIC_IABR, NVIC_IPR = 0x100, 0x180, 0x200, 0x280, 0x300, 0x400
CPUID, ICSR, VTOR, AIRCR, SCR, CCR = 0xD00, 0xD04, 0xD08, 0xD0C, 0xD10, 0xD14
SHPR1, SHCSR, CFSR, HFSR, DFSR, MMFAR, BFAR = 0xD18, 0xD24, 0xD28, 0xD2C, 0xD30, 0xD34, 0xD38
CLIDR, CTR, CCSIDR, CSSELR, CPACR = 0xD78, 0xD7C, 0xD80, 0xD84, 0xD88
DHCSR, DEMCR, STIR = 0xDF0, 0xDFC, 0xF00
FPCCR, FPCAR, FPDSCR, MVFR0, MVFR1, MVFR2 = 0xF34, 0xF38, 0xF3C, 0xF40, 0xF44, 0xF48
_CACHE_MAINTENANCE = range(0xF50, 0xF7C, 4)
ICIALLU, DCISW, DCCISW = 0xF50, 0xF60, 0xF74

DEMCR_TRCENA = 1 << 24
SCR_SLEEPONEXIT, SCR_SLEEPDEEP, SCR_SEVONPEND = 1 << 1, 1 << 2, 1 << 4
CCR_STKALIGN, CCR_DATA_CACHE, CCR_INSTRUCTION_CACHE = 1 << 9, 1 << 16, 1 << 17
FPCCR_ASPEN = 1 << 31


class FaultStatus(IntFlag):
    """CFSR (DDI 0403E B3.2.15)."""

    IACCVIOL = 1 << 0
    DACCVIOL = 1 << 1
    MUNSTKERR = 1 << 3
    MSTKERR = 1 << 4
    MMARVALID = 1 << 7
    IBUSERR = 1 << 8
    PRECISERR = 1 << 9
    UNSTKERR = 1 << 11
    STKERR = 1 << 12
    BFARVALID = 1 << 15
    UNDEFINSTR = 1 << 16
    INVSTATE = 1 << 17
    INVPC = 1 << 18
    NOCP = 1 << 19


class HardFaultStatus(IntFlag):
    """HFSR (DDI 0403E B3.2.16)."""

    VECTTBL = 1 << 1
    FORCED = 1 << 30
    DEBUGEVT = 1 << 31


_VECTKEY, _VECTKEYSTAT = 0x05FA, 0xFA05 << 16
_SYSRESETREQ, _VECTRESET = 1 << 2, 1 << 0

_CONSTANTS = {
    CPUID: 0x410F_C271,  # Cortex-M7 r0p1
    CLIDR: 0x0900_0003,
    CTR: 0x8303_C003,
    MVFR0: 0x1011_0021,  # single precision only (DDI 0489 table 8-2)
    MVFR1: 0x1100_0011,
    MVFR2: 0x0000_0040,
    0xD40: 0x0000_0030,  # ID_PFR0 (this and what follows: DDI 0489 table 3-1)
    0xD44: 0x0000_0200,
    0xD48: 0x0010_0000,  # ID_DFR0
    0xD4C: 0x0000_0000,  # ID_AFR0
    0xD50: 0x0010_0030,  # ID_MMFR0
    0xD54: 0x0000_0000,
    0xD58: 0x0100_0000,
    0xD5C: 0x0000_0000,
    0xD60: 0x0110_1110,  # ID_ISAR0
    0xD64: 0x0211_2000,
    0xD68: 0x2023_2231,
    0xD6C: 0x0111_1131,
    0xD70: 0x0131_0132,
    ICTR: 3,
    DHCSR: 0,  # no debugger
}
_CCSIDR_DATA, _CCSIDR_INSTRUCTION = 0xF003_E019, 0xF007_E009
"""4 KiB each (DDI 0489 table 3-5)."""

_WRITE_ONE_TO_CLEAR = (CFSR, HFSR, DFSR)
_SHCSR_ENABLES = {
    16: SystemException.MEM_MANAGE,
    17: SystemException.BUS_FAULT,
    18: SystemException.USAGE_FAULT,
}
_SHCSR_ACTIVE = {
    0: SystemException.MEM_MANAGE,
    1: SystemException.BUS_FAULT,
    3: SystemException.USAGE_FAULT,
    7: SystemException.SVCALL,
    10: SystemException.PENDSV,
    11: SystemException.SYSTICK,
}
_SHCSR_PENDED = {
    12: SystemException.USAGE_FAULT,
    13: SystemException.MEM_MANAGE,
    14: SystemException.BUS_FAULT,
    15: SystemException.SVCALL,
}

_NOT_MODELLED_IN_CCR = {3: "UNALIGN_TRP", 4: "DIV_0_TRP"}


class SystemControlSpace(Peripheral):
    """The core's registers; what each does is done by the unit behind it.

    Args:
        nvic: Exceptions.
        systick: The timer.
        mpu: Memory protection.
        log: Where what is accepted without effect is named.
        exception_number: Tells IPSR.
        request_reset: Called for SYSRESETREQ.
        before_trace_changes: Called before TRCENA is written.
        caches_changed: Called when CCR was written.
        invalidate: Called for maintenance of (the instruction cache, the data cache); by set and way all is meant,
            by address nothing.
        vector_table: VTOR after reset, which follows the boot address (RM0385 2.5).
    """

    lacks = "CCR.UNALIGN_TRP and DIV_0_TRP, unprivileged rights, lazy stacking, debug registers"

    def __init__(
        self,
        nvic: Nvic,
        systick: SysTick,
        mpu: Mpu,
        log: EventLog,
        exception_number: Callable[[], int],
        request_reset: Callable[[], None],
        before_trace_changes: Callable[[], None],
        caches_changed: Callable[[], None],
        invalidate: Callable[[bool, bool], None],
        vector_table: int,
    ) -> None:
        super().__init__("SCS", {CCR: 0x0004_0000 | CCR_STKALIGN, FPCCR: 0xC000_0000, VTOR: vector_table})
        self._nvic = nvic
        self._systick = systick
        self._mpu = mpu
        self._log = log
        self._exception_number = exception_number
        self._request_reset = request_reset
        self._before_trace_changes = before_trace_changes
        self._caches_changed = caches_changed
        self._invalidate = invalidate

    @property
    def trace_enabled(self) -> bool:
        """DEMCR.TRCENA."""
        return bool(self.registers[DEMCR] & DEMCR_TRCENA)

    def blame(self, status: int, *, memory: int | None = None, bus: int | None = None) -> None:
        """Sets bits of CFSR, with MMFAR or BFAR."""
        if memory is not None:
            status |= FaultStatus.MMARVALID
            self.registers[MMFAR] = memory
        if bus is not None:
            status |= FaultStatus.BFARVALID
            self.registers[BFAR] = bus
        self.registers[CFSR] |= status

    def read(self, offset: int) -> int:
        """See `Peripheral.read`."""
        if systick_module.CSR <= offset <= systick_module.CALIB:
            return self._systick.read(offset)
        if NVIC_ISER <= offset < NVIC_IPR + 0x100:
            return self._read_nvic(offset)
        if SHPR1 <= offset < SHCSR:
            return self._priorities(4 + offset - SHPR1)
        if mpu_module.TYPE <= offset < mpu_module.ALIASES_END:
            return self._mpu.read(offset)
        if offset == ICSR:
            return self._icsr()
        if offset == SHCSR:
            return self._shcsr()
        if offset == AIRCR:
            return _VECTKEYSTAT | self._nvic.priority_group << 8
        if offset == CCSIDR:
            return _CCSIDR_INSTRUCTION if self.registers[CSSELR] & 1 else _CCSIDR_DATA
        return _CONSTANTS.get(offset, self.registers[offset])

    def peek(self, offset: int) -> int:
        """See `Peripheral.peek`; writing 0 leaves such a register's other bytes alone."""
        if offset in _WRITE_ONE_TO_CLEAR or NVIC_ISER <= offset < NVIC_IPR:
            return 0
        if systick_module.CSR <= offset <= systick_module.CALIB or offset == ICSR:
            return 0
        return self.read(offset)

    def write(self, offset: int, value: int) -> None:
        """See `Peripheral.write`."""
        if systick_module.CSR <= offset <= systick_module.CALIB:
            self._systick.write(offset, value)
        elif NVIC_ISER <= offset < NVIC_IPR + 0x100:
            self._write_nvic(offset, value)
        elif SHPR1 <= offset < SHCSR:
            self._set_priorities(4 + offset - SHPR1, value)
        elif mpu_module.TYPE <= offset < mpu_module.ALIASES_END:
            self._mpu.write(offset, value)
        elif offset == ICSR:
            self._write_icsr(value)
        elif offset == SHCSR:
            self._write_shcsr(value)
        elif offset == AIRCR:
            self._write_aircr(value)
        elif offset == STIR:
            self._nvic.pend(FIRST_INTERRUPT + (value & 0x1FF))
        elif offset in _WRITE_ONE_TO_CLEAR:
            self.registers[offset] = self.registers[offset] & ~value
        elif offset in _CACHE_MAINTENANCE:
            if offset in (ICIALLU, DCISW, DCCISW):
                self._invalidate(offset == ICIALLU, offset != ICIALLU)
        elif offset not in _CONSTANTS:
            self._write_plain(offset, value)

    def _write_plain(self, offset: int, value: int) -> None:
        if offset == DEMCR:
            self._before_trace_changes()
        if offset == VTOR:
            value &= ~0x7F
        if offset == CCR:
            value |= CCR_STKALIGN
            for bit, name in _NOT_MODELLED_IN_CCR.items():
                if value >> bit & 1:
                    self._log.lacks(f"CCR.{name}", f"CCR.{name} is accepted but traps nothing in this emulator")
        self.registers[offset] = value
        if offset == CCR:
            self._caches_changed()

    # NVIC

    def _first_of_word(self, offset: int) -> int:
        return FIRST_INTERRUPT + (offset & 0x3C) * 8

    def _read_nvic(self, offset: int) -> int:
        if offset >= NVIC_IPR:
            return self._priorities(FIRST_INTERRUPT + offset - NVIC_IPR)
        nvic = self._nvic
        numbers = nvic.enabled if offset < NVIC_ISPR else nvic.pending if offset < NVIC_IABR else nvic.active
        first = self._first_of_word(offset)
        return sum(1 << bit for bit in range(32) if first + bit in numbers)

    def _write_nvic(self, offset: int, value: int) -> None:
        if offset >= NVIC_IPR:
            self._set_priorities(FIRST_INTERRUPT + offset - NVIC_IPR, value)
            return
        first = self._first_of_word(offset)
        for number in (first + bit for bit in range(32) if value >> bit & 1):
            if offset < NVIC_ICER:
                self._nvic.enable(number, True)
            elif offset < NVIC_ISPR:
                self._nvic.enable(number, False)
            elif offset < NVIC_ICPR:
                self._nvic.pend(number)
            elif offset < NVIC_IABR:
                self._nvic.unpend(number)

    def _priorities(self, first: int) -> int:
        return sum((self._nvic.priority(first + byte) & 0xFF) << 8 * byte for byte in range(4))

    def _set_priorities(self, first: int, value: int) -> None:
        for byte in range(4):
            self._nvic.set_priority(first + byte, field(value, 8 * byte, 8))

    # SCB

    def _icsr(self) -> int:
        nvic = self._nvic
        value = self._exception_number()
        value |= (nvic.best_pending() or 0) << 12
        value |= int(len(nvic.active) <= 1) << 11
        value |= int(any(number >= FIRST_INTERRUPT for number in nvic.pending)) << 22
        value |= int(SystemException.SYSTICK in nvic.pending) << 26
        value |= int(SystemException.PENDSV in nvic.pending) << 28
        return value | int(SystemException.NMI in nvic.pending) << 31

    def _write_icsr(self, value: int) -> None:
        for bit, number in ((25, SystemException.SYSTICK), (27, SystemException.PENDSV)):
            if value >> bit & 1:
                self._nvic.unpend(number)
        for bit, number in (
            (26, SystemException.SYSTICK),
            (28, SystemException.PENDSV),
            (31, SystemException.NMI),
        ):
            if value >> bit & 1:
                self._nvic.pend(number)

    def _shcsr(self) -> int:
        nvic = self._nvic
        value = sum(1 << bit for bit, number in _SHCSR_ENABLES.items() if number in nvic.enabled)
        value |= sum(1 << bit for bit, number in _SHCSR_ACTIVE.items() if number in nvic.active)
        return value | sum(1 << bit for bit, number in _SHCSR_PENDED.items() if number in nvic.pending)

    def _write_shcsr(self, value: int) -> None:
        for bit, number in _SHCSR_ENABLES.items():
            self._nvic.enable(number, bool(value >> bit & 1))
        for bits, numbers in ((_SHCSR_ACTIVE, self._nvic.active), (_SHCSR_PENDED, self._nvic.pending)):
            for bit, number in bits.items():
                (numbers.add if value >> bit & 1 else numbers.discard)(number)

    def _write_aircr(self, value: int) -> None:
        if value >> 16 != _VECTKEY:
            return
        self._nvic.priority_group = field(value, 8, 3)
        if value & (_SYSRESETREQ | _VECTRESET):
            self._request_reset()
