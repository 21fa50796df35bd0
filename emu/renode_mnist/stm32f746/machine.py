"""An STM32F746 that runs an ELF in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from itertools import groupby, pairwise
from pathlib import Path
from typing import NamedTuple

from unicorn import arm_const as arm

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import chip_id, elf, memory_map, rcc
from renode_mnist.stm32f746.blockcounter import BlockCount, EdgeCount
from renode_mnist.stm32f746.bus import Bus
from renode_mnist.stm32f746.clock import PICOSECONDS, Scheduler, VirtualClock
from renode_mnist.stm32f746.core import ClockModel, Core
from renode_mnist.stm32f746.dwt import Dwt
from renode_mnist.stm32f746.exceptions import Exceptions
from renode_mnist.stm32f746.gpio import Gpio
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.memory_timing import BehindBus, MemorySettings, Stretch
from renode_mnist.stm32f746.mpu import Caching, Mpu
from renode_mnist.stm32f746.nvic import Nvic, SystemException
from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.stm32f746.power import HERTZ_A_WAIT_STATE, FlashInterface, Pwr
from renode_mnist.stm32f746.protection import Protection
from renode_mnist.stm32f746.rcc import Rcc
from renode_mnist.stm32f746.scs import (
    CCR,
    CCR_DATA_CACHE,
    CCR_INSTRUCTION_CACHE,
    SCR,
    SCR_SLEEPONEXIT,
    SystemControlSpace,
)
from renode_mnist.stm32f746.stop import Stop, StopKind
from renode_mnist.stm32f746.systick import SysTick
from renode_mnist.stm32f746.usart import Usart

_BUSES = {
    memory_map.ITCM.name: BehindBus.TIGHTLY_COUPLED,
    memory_map.FLASH_ITCM.name: BehindBus.FLASH_OVER_ITCM,
    memory_map.FLASH.name: BehindBus.FLASH_OVER_AXI,
    memory_map.DEVICE_DATA.name: BehindBus.FLASH_OVER_AXI,
    memory_map.DTCM.name: BehindBus.TIGHTLY_COUPLED,
    memory_map.SRAM1.name: BehindBus.SRAM_OVER_AXI,
    memory_map.SRAM2.name: BehindBus.SRAM_OVER_AXI,
}


class Halt(Enum):
    """Why `Machine.run_until` returned."""

    TIME = auto()
    BREAKPOINT = auto()
    """At an address of `Machine.set_breakpoints`, or at a BKPT while `Machine.stop_at_bkpt` is set."""
    CONDITION = auto()


class Counts(NamedTuple):
    """What a stretch of a run took."""

    instructions: int
    cycles: int


class Machine:
    """Core, memories and peripherals, and the loop that runs them.

    Args:
        elf_path: The program; it is loaded as a debugger would and started from its vector table.
        clock_model: Makes what tells how many cycles a block takes after another
            (``renode_mnist.timing.LiveCosts``). None: one cycle an instruction.
        python_hook: Counts blocks in Python even where the C hook was built.
        hse_hertz: Crystal on the board (25 MHz on the 32F746GDISCOVERY).
        line_baud: Rate of the other ends of the serial lines; None follows what the program sets.

    Raises:
        ElfError: The chip cannot run that ELF.
    """

    def __init__(
        self,
        elf_path: Path | str,
        *,
        clock_model: ClockModel | None = None,
        python_hook: bool = False,
        hse_hertz: int = 25_000_000,
        line_baud: int | None = None,
    ) -> None:
        self.image = elf.load(elf_path)
        self.core = Core(clock_model, python_hook=python_hook)
        self.clock = VirtualClock(self.core.counts.cycles_now, rcc.HSI_HERTZ)
        self.log = EventLog(self.clock.now_seconds)
        stop = self.core.counter.request_stop
        self.scheduler = Scheduler(self.clock, stop)
        self.nvic = Nvic(stop)
        self.mpu = Mpu(lambda: self.protection.changed())
        self.systick = SysTick(self.scheduler, lambda: self.nvic.pend(SystemException.SYSTICK))
        self.scs = SystemControlSpace(
            self.nvic,
            self.systick,
            self.mpu,
            self.log,
            exception_number=lambda: self.core.read(arm.UC_ARM_REG_IPSR) & 0x1FF,
            request_reset=self.request_reset,
            before_trace_changes=lambda: self.dwt.settle(),
            caches_changed=self._memory_changed,
            invalidate=lambda instructions, data: self.core.counter.invalidate(instructions, data),
            vector_table=self.image.vector_table,
        )
        self.dwt = Dwt(self.core.counts.cycles_now, lambda: self.scs.trace_enabled)
        self.rcc = Rcc(self.scheduler, self.log, hse_hertz, self._hclk_changed)
        self.pwr = Pwr()
        self.flash = FlashInterface(self._memory_changed)
        self.usarts = {
            name: Usart(
                name,
                self.scheduler,
                self.log,
                partial(self.rcc.usart_hertz, name),
                partial(self.nvic.set_line, position),
                line_baud,
            )
            for name, position in memory_map.INTERRUPTS.items()
        }
        self.bus = Bus(self.log, self.rcc.is_clocked)
        gpios = (Gpio(f"GPIO{port}") for port in "ABCDEFGHIJK")
        peripherals = [self.scs, self.dwt, self.rcc, self.pwr, self.flash, *self.usarts.values(), *gpios]
        by_name = {peripheral.name: peripheral for peripheral in peripherals}
        for peripheral in peripherals:
            self.bus.add(peripheral)
        self.rcc.reset_peripheral = lambda name: by_name[name].reset()
        self.protection = Protection(self.core, self.mpu, self.nvic, self.bus)
        self.core.map_bus(memory_map.BUS_WINDOWS, self.bus.read, self.bus.write, self.protection.may_access)
        self.exceptions = Exceptions(self.core, self.nvic, self.scs, self.protection.stack_refusal, self.log)
        self.stop_at_bkpt = False
        self.hold_exceptions = False
        self.resets = 0
        self._asleep = False
        self._event_register = False
        self._reset_requested = False
        self._load()
        self._start()
        self._memory_changed()
        for warning in self.image.warnings:
            self.log.add(warning)

    # Start and reset

    def _load(self) -> None:
        for segment in self.image.segments:
            self.core.load(segment.address, segment.data)
        self.core.load(memory_map.FLASH_SIZE_KIB, (memory_map.FLASH.size_bytes // 1024).to_bytes(2, "little"))
        self.core.load(memory_map.UNIQUE_ID, chip_id.EMBEDDED)

    def _start(self) -> None:
        """What the core does out of reset (DDI 0403E B1.5.5)."""
        core = self.core
        self._asleep = self._event_register = self._reset_requested = False
        core.reset_registers()
        vectors = core.memory.peek(self.image.vector_table, 8)
        assert vectors is not None  # the image was checked
        core.write(arm.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little") & ~3)
        core.write(arm.UC_ARM_REG_LR, 0xFFFF_FFFF)
        core.write(arm.UC_ARM_REG_PC, int.from_bytes(vectors[4:], "little"))
        core.rebuild_flags()

    def request_reset(self) -> None:
        """A system reset before the next block."""
        self._reset_requested = True
        self.core.counter.request_stop()

    def reset(self) -> None:
        """A system reset now: registers and peripherals, not memories; time goes on, counts start at zero."""
        self.resets += 1
        self.scheduler.clear()
        self.bus.reset()
        self.systick.reset()
        self.nvic.reset()
        self.mpu.reset()
        self.exceptions.reset()
        self.core.counter.unwatch_masks()
        self.core.break_flow(FlowBreak.RESET)
        self.core.counter.clear_counts()
        self.protection.follow()
        self._memory_changed()
        self._start()

    def _memory_changed(self) -> None:
        """The program has set up flash, caches or the MPU: what memory costs follows."""
        control = self.scs.registers[CCR]
        self.core.set_memory(
            MemorySettings(
                wait_states=self.flash.wait_states,
                art=self.flash.accelerates,
                art_prefetch=self.flash.prefetches,
                instruction_cache=bool(control & CCR_INSTRUCTION_CACHE),
                data_cache=bool(control & CCR_DATA_CACHE),
                stretches=self._stretches(),
            )
        )

    def _stretches(self) -> list[Stretch]:
        borders = self.mpu.borders()
        found = []
        for memory in memory_map.MEMORIES:
            bus = _BUSES[memory.name]
            if bus is BehindBus.TIGHTLY_COUPLED:  # no cache has any of it, whatever a region says
                found.append(Stretch(memory.base, memory.end, bus, cacheable=False, write_back=False))
                continue
            marks = sorted({memory.base, memory.end, *(at for at in borders if memory.holds(at))})
            for caching, parts in groupby(pairwise(marks), lambda part: self.mpu.caching(part[0])):
                begins, ends = zip(*parts, strict=True)
                cached = caching is not Caching.NONE
                found.append(Stretch(begins[0], ends[-1], bus, cached, caching is Caching.WRITE_BACK))
        return found

    # The clock

    def _hclk_changed(self, hertz: int) -> None:
        if hertz == self.clock.hertz:
            return
        self.systick.settle()
        self.clock.set_hertz(hertz)
        self.systick.plan()
        self.core.counter.request_stop()
        megahertz = hertz / 1e6
        if hertz > rcc.MAXIMUM_HERTZ:
            self.log.once(f"HCLK is {megahertz:g} MHz: overclocked, the STM32F746 is specified to 216 MHz")
        if hertz > rcc.OVERDRIVE_ABOVE_HERTZ and not self.pwr.overdrive:
            self.log.once(f"HCLK is {megahertz:g} MHz without over-drive: silicon may fail (RM0385 4.1.4)")
        needed = min(9, (hertz - 1) // HERTZ_A_WAIT_STATE)
        if self.flash.wait_states < needed:
            self.log.once(
                f"HCLK is {megahertz:g} MHz with {self.flash.wait_states} flash wait states: silicon needs {needed} "
                f"(RM0385 table 5)"
            )

    # Running

    def run_until(self, time_ps: int, condition: Callable[[], bool] | None = None) -> Halt:
        """Runs to a moment of virtual time, or less far.

        Args:
            time_ps: When to stop; the block that began before is finished.
            condition: Asked after each event and exception; ends the run when true.

        Returns:
            What ended the run.

        Raises:
            TargetError: The core locked up.
        """
        while True:
            self.scheduler.run_due()
            if self._reset_requested:
                self.reset()
            if condition and condition():
                return Halt.CONDITION
            if self.exceptions.lockup:
                lockup = self.exceptions.lockup
                raise TargetError(
                    f"The core locked up at {lockup.pc:#010x}: {lockup.reason}",
                    f"Reset it to go on. {self.log.end()}",
                )
            if self.clock.now_ps() >= time_ps:
                return Halt.TIME
            if self._asleep and self.exceptions.wakes():
                self._asleep = False
            if not self.hold_exceptions and self.exceptions.take_pending():
                self._asleep = False
                self._event_register = True
            if self.protection.stale:
                self._memory_changed()
            self.protection.follow()
            next_ps = self.scheduler.next_ps()
            until_ps = time_ps if next_ps is None else min(time_ps, next_ps)
            if self._asleep:
                self.clock.sleep_until(until_ps)
            elif self._handle(self.core.run(self.clock.cycles_at(until_ps))):
                return Halt.BREAKPOINT

    def _handle(self, stop: Stop) -> bool:
        """Deals with what stopped the core; whether it is a breakpoint."""
        match stop.kind:
            case StopKind.LIMIT:
                pass
            case StopKind.BREAKPOINT:
                return True
            case StopKind.WAIT_FOR_INTERRUPT:
                self._asleep = True
            case StopKind.WAIT_FOR_EVENT:
                self._asleep = not (self._event_register or stop.event_sent)
                self._event_register = False
            case StopKind.SUPERVISOR_CALL:
                self.exceptions.supervisor_call()
            case StopKind.EXCEPTION_RETURN:
                in_thread_mode = self.exceptions.leave()
                self._event_register = True
                self._asleep = in_thread_mode and bool(self.scs.read(SCR) & SCR_SLEEPONEXIT)
            case StopKind.BKPT_INSTRUCTION if self.stop_at_bkpt:
                return True
            case StopKind.BAD_LOAD | StopKind.BAD_STORE if self.protection.stale:
                # The MPU was written in this very block, and no ISB came between: look again.
                self.core.cut_short(repeat=True)
            case _:
                self.exceptions.fault(stop, self.protection.forbids(stop))
        return False

    def run_for(self, virtual_seconds: float) -> None:
        """Runs for a virtual time, to the end of the block under way."""
        self.run_until(self.clock.now_ps() + round(virtual_seconds * PICOSECONDS))

    def set_breakpoints(self, *addresses: int) -> None:
        """Ends runs before the instructions at ``addresses``.

        Each must start a block: the first instruction of a function, the target of a branch, or what follows one.
        """
        self.core.counter.set_breakpoints([address & ~1 for address in addresses])

    def run_until_breakpoint(self, virtual_seconds: float = 60.0) -> Counts:
        """Runs to a breakpoint or a BKPT instruction.

        Returns:
            What was executed on the way, the BKPT not counted.

        Raises:
            TargetError: None was reached in ``virtual_seconds``, or the core locked up.
        """
        instructions, cycles = self.core.counter.instructions, self.core.counter.cycles
        self.stop_at_bkpt = True
        try:
            halt = self.run_until(self.clock.now_ps() + round(virtual_seconds * PICOSECONDS))
        finally:
            self.stop_at_bkpt = False
        if halt is not Halt.BREAKPOINT:
            raise TargetError(
                f"No breakpoint in {virtual_seconds:g} s of virtual time; PC is {self.core.pc:#010x}",
                "Is it the start of a block that the program comes to?",
            )
        counter = self.core.counter
        at_bkpt = 0 if counter.at_breakpoint else 1
        return Counts(counter.instructions - instructions - at_bkpt, counter.cycles - cycles - at_bkpt)

    def skip_bkpt(self) -> None:
        """Moves PC past the BKPT that ended a run."""
        self.core.write(arm.UC_ARM_REG_PC, self.core.pc + 2 | 1)

    # What there is to see

    def read_memory(self, address: int, size_bytes: int) -> bytes | None:
        """What a debugger sees: memories as they are, peripherals by words; None where nothing is."""
        if (data := self.core.memory.peek(address, size_bytes)) is not None:
            return data
        words = range(address & ~3, address + size_bytes, 4)
        if not all(self.bus.answers(word, 4, False) for word in words):
            return None
        data = b"".join(self.bus.read(word, 4).to_bytes(4, "little") for word in words)
        return data[address & 3 :][:size_bytes]

    def write_memory(self, address: int, data: bytes) -> bool:
        """Puts data where a debugger wants it, in read-only memories too; whether something is there."""
        if self.core.memory.peek(address, len(data)) is not None:
            self.core.load(address, data)
            return True
        unit = next(unit for unit in (4, 2, 1) if address % unit == len(data) % unit == 0)
        places = range(0, len(data), unit)
        if not all(self.bus.answers(address + at, unit, True) for at in places):
            return False
        for at in places:
            self.bus.write(address + at, unit, int.from_bytes(data[at : at + unit], "little"))
        return True

    @property
    def asleep(self) -> bool:
        """Whether the core waits for an interrupt or event."""
        return self._asleep

    def instructions(self) -> int:
        """Executed since the last reset."""
        return self.core.counts.instructions_now()

    def block_counts(self) -> list[BlockCount]:
        """How often each block ran since the last reset."""
        return self.core.counts.block_counts()

    def edge_counts(self) -> list[EdgeCount]:
        """How often each block followed each other since the last reset."""
        return self.core.counts.edge_counts()
