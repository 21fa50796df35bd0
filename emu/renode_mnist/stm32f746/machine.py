"""An STM32F746 that runs an ELF in virtual time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from unicorn import arm_const as arm

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746 import chip_id, elf, factory, memory_map, peripherals, rcc, slot, wiring
from renode_mnist.stm32f746.blockcounter import BlockCount, EdgeCount
from renode_mnist.stm32f746.bus import Bus
from renode_mnist.stm32f746.chip import Ran
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.core import ClockModel, Core
from renode_mnist.stm32f746.dwt import Dwt
from renode_mnist.stm32f746.exceptions import Exceptions
from renode_mnist.stm32f746.external import ExternalMemory
from renode_mnist.stm32f746.flash import HERTZ_A_WAIT_STATE, FlashInterface
from renode_mnist.stm32f746.itm import Itm
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.low_power import LowPower
from renode_mnist.stm32f746.memory_settings import memory_settings
from renode_mnist.stm32f746.mpu import Mpu
from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.stm32f746.pads import Pads
from renode_mnist.stm32f746.parts import build_parts
from renode_mnist.stm32f746.peripheral import InBackupDomain, Peripheral, Registers
from renode_mnist.stm32f746.peripherals.own import Guarded, OwnPeripheral, place_of
from renode_mnist.stm32f746.power import Pwr
from renode_mnist.stm32f746.program_access import ProgramAccess
from renode_mnist.stm32f746.protection import Protection
from renode_mnist.stm32f746.rcc import Rcc
from renode_mnist.stm32f746.scs import CCR, SCR, SCR_SLEEPDEEP, SCR_SLEEPONEXIT, SystemControlSpace
from renode_mnist.stm32f746.semihosting import BKPT, Semihosting
from renode_mnist.stm32f746.slot import Effects, ResetCause, Slot
from renode_mnist.stm32f746.stop import Stop, StopKind
from renode_mnist.stm32f746.surroundings import NOTHING, Surroundings
from renode_mnist.stm32f746.trace_lock import TraceLock
from renode_mnist.stm32f746.wires import Wires

_IDCODE, _STM32F746_REVISION_Z = 0x00, 0x1001_6449
"""RM0385 40.6.1: DBGMCU_IDCODE; its reserved bits read 6 on silicon."""

_OF_NO_USE = b"\x5a\xc3\xa5\x3c"
"""What RAM holds behind standby, on silicon anything: as `stack_room` paints it, which so finds a stack's depth."""


class Halt(Enum):
    """Why `Machine.run_until` returned."""

    TIME = auto()
    BREAKPOINT = auto()
    """At an address of `Machine.set_breakpoints`, or at a BKPT while `Machine.stop_at_bkpt` is set."""
    WATCHPOINT = auto()
    """Before an access that a debugger watches for: `Protection.watchpoints` has it."""
    CONDITION = auto()
    EXIT = auto()
    """The program has ended by semihosting: `Semihosting.exit_status`."""


class Counts(NamedTuple):
    """What a stretch of a run took."""

    instructions: int
    cycles: int


class Loop(NamedTuple):
    """Where the core waits without sleeping.

    Attributes:
        pc: In the loop.
        register: Address of the peripheral's register that it polls; None if it polls none.
        value: What it reads there.
        endless: No event is to come that could end it.
    """

    pc: int
    register: int | None
    value: int
    endless: bool


class Machine:
    """Core, memories and peripherals, and the loop that runs them.

    Args:
        elf_path: The program, or one that was read before; it is loaded as a debugger would and started from its
            vector table.
        clock_model: Makes what tells how many cycles a block takes after another
            (``renode_mnist.timing.LiveCosts``). None: one cycle an instruction.
        python_hook: Counts blocks in Python even where the C hook was built; takes the models in Python too.
        python_models: Takes those of time, exceptions, SysTick and USARTs even where there are the same in C.
        hse_hertz: Crystal on the board (25 MHz on the 32F746GDISCOVERY).
        line_baud: Rate of the other ends of the serial lines; None follows what the program sets.
        unique_id: 12 bytes, which tell a program where it is (``chip_id``).
        semihosting: Answers BKPT 0xAB as a debugger does; without it that is a fault.
        trace_locked: DWT and ITM are locked after a reset, as without a probe; else as one leaves them.
        own_peripherals: A user's, at addresses of their own or in place of the chip's.
        surroundings: What is wired to the chip.

    Attributes:
        own: A user's peripherals, by name.

    Raises:
        ElfError: The chip cannot run that ELF.
        TargetError: A user's peripheral cannot be made, or not be where it is to be.
    """

    def __init__(
        self,
        elf_path: Path | str | elf.Image,
        *,
        clock_model: ClockModel | None = None,
        python_hook: bool = False,
        python_models: bool = False,
        hse_hertz: int = 25_000_000,
        line_baud: int | None = None,
        unique_id: bytes = chip_id.EMBEDDED,
        semihosting: Semihosting | None = None,
        trace_locked: bool = False,
        own_peripherals: Sequence[OwnPeripheral] = (),
        surroundings: Surroundings = NOTHING,
    ) -> None:
        self._unique_id = unique_id
        self.semihosting = semihosting
        self._like: dict[str, Any] = {
            "clock_model": clock_model,
            "python_hook": python_hook,
            "python_models": python_models,
            "hse_hertz": hse_hertz,
            "line_baud": line_baud,
            "unique_id": unique_id,
            "trace_locked": trace_locked,
            "own_peripherals": own_peripherals,
            "surroundings": surroundings,
        }
        self.image = elf_path if isinstance(elf_path, elf.Image) else elf.load(elf_path)
        self.core = Core(clock_model, python_hook=python_hook)
        self.parts = made = build_parts(self.core, rcc.HSI_HERTZ, in_python=python_models)
        self.clock, self.scheduler, self.nvic, self.systick = made.clock, made.scheduler, made.nvic, made.systick
        self._state = made.state
        self.log = EventLog(self.clock.now_seconds)
        self.mpu = Mpu(lambda: self.protection.changed())
        self.scs = SystemControlSpace(
            self.nvic,
            self.systick,
            self.mpu,
            self.log,
            exception_number=lambda: self.core.read(arm.UC_ARM_REG_IPSR) & 0x1FF,
            request_reset=self.request_reset,
            before_trace_changes=lambda: self.dwt.settle(),
            caches_changed=self.memory_changed,
            invalidate=lambda instructions, data: self.core.counter.invalidate(instructions, data),
            vector_table=self.image.boot_address,
        )
        self.pwr = Pwr()
        self.rcc = Rcc(
            self.scheduler,
            self.log,
            hse_hertz,
            self._hclk_changed,
            partial(self.nvic.set_line, wiring.POSITIONS["RCC"]),
            lambda: self.pwr.backup_writable,
        )
        self.flash = FlashInterface(
            self.log,
            self.core.memory,
            self.memory_changed,
            lambda: self.protection.changed(),
            self._flash_changed,
        )
        self._code_is_stale = False
        self.core.store_to_flash = self.flash.store

        access = ProgramAccess(self.core, self.image, self.log)

        def lock(name: str) -> TraceLock:
            return TraceLock(starts_locked=trace_locked, ignored=partial(access.tell_locked, name))

        self.dwt = Dwt(self.core.counts.cycles_now, lambda: self.scs.trace_enabled, lock("DWT"))
        self.itm = Itm(self.log, lock("ITM"), lambda: self.scs.trace_enabled)
        self.usarts = {
            name: made.usart(name, self.log, partial(self.rcc.kernel_hertz, name), line_baud)
            for name in wiring.USARTS
        }
        self.bus = Bus(self.log, self.rcc.is_clocked, access.who)
        self.gpios = {port: made.gpio(f"GPIO{port}") for port in "ABCDEFGHIJK"}
        self.dmas = {
            name: made.dma(name, self.log, self.bus, partial(self.rcc.is_clocked, name)) for name in wiring.DMAS
        }
        debug = Registers("DBGMCU", {_IDCODE: _STM32F746_REVISION_Z})
        core_side = [self.scs, self.dwt, self.itm, Registers("TPIU"), debug]
        on_buses = [*self.usarts.values(), *self.dmas.values()]
        for model in (*core_side, self.rcc, *on_buses):
            self.bus.add(model)
        self.wires = Wires(self.nvic.set_line)
        self.slots: dict[str, Slot] = {}
        self._effects = Effects(
            self._reset_because,
            self._take_event,
            self.rcc.force_lsi,
            lambda: self.pwr.backup_writable,
            self._show_memory,
        )
        self._plugged: list[Peripheral] = []
        self.low_power = LowPower(self.rcc, self.pwr, self.systick, self._power_down)
        for model in (self.pwr, self.flash, *self.gpios.values(), *peripherals.built_in(surroundings)):
            self._plug(model, None)
        self.own: dict[str, Peripheral] = {}
        self._own_places: list[tuple[str, memory_map.PeripheralRange]] = []
        for place in own_peripherals:
            self._plug_own(place)
        self.pads = Pads(self.gpios, self.wires, self.bus)
        self.rcc.reset_peripheral = self._reset_peripheral
        self.rcc.reset_backup = self._reset_backup
        for dma in self.dmas.values():
            dma.is_modelled = lambda request: self.bus.model(request.peripheral) is not None
        self.protection = Protection(self.core, self.mpu, self.nvic, self.bus, made.chip, lambda: self.flash.is_open)
        made.connect(self.bus, self.protection, self.scs, self.dwt)
        made.clocks_changed(self.rcc)
        self.exceptions = Exceptions(self.core, self.nvic, self.scs, self.protection.stack_refusal, self.log)
        self.stop_at_bkpt = False
        self.resets = 0
        self.reset_causes: Counter[ResetCause] = Counter()
        if semihosting is not None:
            semihosting.attach(self.core.memory, self.clock.now_seconds, self.log.add)
        self._load()
        self._start()
        self.memory_changed()
        for warning in self.image.warnings:
            self.log.add(warning)

    def _plug_own(self, own: OwnPeripheral) -> None:
        model = own.make()
        if model.name in self.own:
            model.name = f"{model.name}@{own.base:#010x}"  # another of the same class
        place = place_of(model, own.base)
        for other, taken in self._own_places:
            if place.base < taken.base + taken.size_bytes and taken.base < place.base + place.size_bytes:
                raise TargetError(
                    f"{model.name} cannot be at {place.base:#010x}: {other} is there", "Choose another address."
                )
        self._own_places.append((model.name, place))
        self.own[model.name] = model
        self._plug(Guarded(model), place)

    def _plug(self, model: Peripheral, place: memory_map.PeripheralRange | None) -> None:
        """Connects a model at its place in the chip, or at another one."""
        lines = wiring.interrupts(model.name) if model.interrupts is None else model.interrupts
        place_in_chip = Slot(
            model,
            self.scheduler,
            self.log,
            partial(self.rcc.kernel_hertz, model.name),
            partial(self.rcc.is_clocked, model.name),
            lines,
            self.wires,
            self.parts,
            self._effects,
            self.parts,
        )
        model.connected(place_in_chip)
        self.slots[model.name] = place_in_chip
        if place is None:
            self.bus.add(model)
        else:
            self.bus.add_at(model, place)
        self._plugged.append(model)

    def _follow_deep_sleep(self) -> None:
        state = self._state
        deep = state.asleep and (state.deep or bool(self.scs.registers[SCR] & SCR_SLEEPDEEP))
        if deep != state.deep:
            state.deep = deep
            (self.low_power.enter if deep else self.low_power.leave)()
            self.parts.synchronise()

    def _power_down(self) -> None:
        """Standby: registers and RAM lose what they hold, but in the backup domain; the watchdog goes on."""
        self.rcc.power_down()
        self.bus.reset(but=("RCC", "IWDG"))
        for unit in (self.systick, self.nvic, self.wires, self.mpu):
            unit.reset()
        for memory in memory_map.MEMORIES:
            if memory.writable:
                self.core.memory.poke(memory.base, memory.size_bytes // len(_OF_NO_USE) * _OF_NO_USE)
        self.core.code_changed()

    def _take_event(self) -> None:
        """An event has come that ends WFE (DDI 0403E B1.5.18)."""
        if self._state.asleep and self._state.waits_for_event:
            self._state.asleep = False
        else:
            self._state.event_register = True

    def _show_memory(self, memory: slot.ExternalMemory, base: int | None) -> None:
        assert isinstance(memory, ExternalMemory)
        if base is None:
            self.bus.hide(memory)
        else:
            self.bus.show(memory, base)
        self.parts.pages_changed(self.bus)
        self.protection.changed()

    def _reset_because(self, cause: ResetCause) -> None:
        self.rcc.reset_cause = cause
        self.request_reset()

    def _reset_peripheral(self, name: str) -> None:
        if (model := self.bus.model(name)) is not None:
            model.reset()

    def _reset_backup(self) -> None:
        for model in self._plugged:
            if isinstance(model, InBackupDomain):
                model.reset_backup()

    def another(self) -> Machine:
        """A machine of the same kind, with the same program, out of reset."""
        return Machine(self.image, **self._like)

    # Start and reset

    def _load(self) -> None:
        for address, data in factory.contents(self._unique_id):
            self.core.memory.poke(address, data)
        for segment in self.image.segments:
            self.core.load(segment.address, segment.data)

    def _start(self) -> None:
        """What the core does out of reset (DDI 0403E B1.5.5)."""
        core = self.core
        state = self._state
        state.asleep = state.deep = state.event_register = state.reset_requested = False
        core.reset_registers()
        vectors = core.memory.peek(self.image.vector_table, 8)
        assert vectors is not None  # the image was checked
        core.write(arm.UC_ARM_REG_SP, int.from_bytes(vectors[:4], "little") & ~3)
        core.write(arm.UC_ARM_REG_LR, 0xFFFF_FFFF)
        core.write(arm.UC_ARM_REG_PC, int.from_bytes(vectors[4:], "little"))
        core.rebuild_flags()

    def request_reset(self) -> None:
        """A system reset before the next block."""
        self._state.reset_requested = True
        self.core.counter.request_stop()

    def reset(self) -> None:
        """A system reset now: registers and peripherals, not memories; time goes on, counts start at zero."""
        self.resets += 1
        self.reset_causes[self.rcc.reset_cause] += 1
        if self.semihosting is not None:
            self.semihosting.reset()
        self.parts.synchronise()
        self.scheduler.clear()
        self.bus.reset()
        self.systick.reset()
        self.nvic.reset()
        self.wires.reset()
        self.mpu.reset()
        self.low_power.reset()
        self.parts.synchronise()
        self.exceptions.reset()
        self.core.counter.unwatch_masks()
        self.core.break_flow(FlowBreak.RESET)
        self.core.counter.clear_counts()
        self.protection.follow()
        self.memory_changed()
        self._start()

    def memory_changed(self) -> None:
        """To be called when flash, caches or the MPU were set up: what memory costs follows."""
        self.core.set_memory(memory_settings(self.flash, self.mpu, self.scs.registers[CCR]))

    def _flash_changed(self) -> None:
        self._code_is_stale = True
        self.protection.changed()  # ends the run

    def _settle_flash(self) -> None:
        if self._code_is_stale:
            self._code_is_stale = False
            self.flash.settle()
            self.core.code_changed()

    # The clock

    def _hclk_changed(self, hertz: int) -> None:
        self.parts.clocks_changed(self.rcc)
        if hertz != self.clock.hertz:
            self._hclk_becomes(hertz)
        for model in self._plugged:
            model.clock_changed()

    def _hclk_becomes(self, hertz: int) -> None:
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
            condition: Asked after each event and exception; ends the run when true. A `Received` is asked fastest.

        Returns:
            What ended the run.

        Raises:
            TargetError: The core locked up.
        """
        while True:
            match self.parts.run(time_ps, condition) if not self.exceptions.lockup else Ran.DECLINED:
                case Ran.TO_CONDITION:
                    return Halt.CONDITION
                case Ran.TO_TIME:
                    return Halt.TIME
                case Ran.TO_STOP:
                    halt = self._handle(self.core.stopped())
                case Ran.DECLINED:
                    halt = self._round(time_ps, condition)
            if halt is not None:
                return halt
            self._settle_flash()
            if not self.protection.stale:
                self.protection.follow()  # HardFault may have begun or ended

    def _round(self, time_ps: int, condition: Callable[[], bool] | None) -> Halt | None:
        """What is due now, then the core to the next event or to what it stops at."""
        self._settle_flash()
        self.scheduler.run_due()
        if self._state.reset_requested:
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
        if self._state.asleep and self.exceptions.wakes():
            self._state.asleep = False
        self._follow_deep_sleep()
        if not self._state.hold_exceptions and self.exceptions.take_pending():
            self._state.asleep = False
            self._state.event_register = True
        if self.protection.stale:
            self.memory_changed()
        self.protection.follow()
        next_ps = self.scheduler.next_ps()
        until_ps = time_ps if next_ps is None else min(time_ps, next_ps)
        if self._state.asleep:
            self.clock.sleep_until(until_ps)
        else:
            return self._handle(self.core.run(self.clock.cycles_at(until_ps)))
        return None

    def _handle(self, stop: Stop) -> Halt | None:
        """Deals with what stopped the core; why the run is over if it is."""
        match stop.kind:
            case StopKind.LIMIT:
                pass
            case StopKind.BREAKPOINT:
                return Halt.BREAKPOINT
            case StopKind.WAIT_FOR_INTERRUPT:
                self._state.asleep = True
                self._state.waits_for_event = False
            case StopKind.WAIT_FOR_EVENT:
                self._state.asleep = not (self._state.event_register or stop.event_sent)
                self._state.waits_for_event = self._state.asleep
                self._state.event_register = False
            case StopKind.SUPERVISOR_CALL:
                self.exceptions.supervisor_call()
            case StopKind.EXCEPTION_RETURN:
                in_thread_mode = self.exceptions.leave()
                self._state.event_register = True
                self._state.asleep = in_thread_mode and bool(self.scs.read(SCR) & SCR_SLEEPONEXIT)
                self._state.waits_for_event = False
            case StopKind.BKPT_INSTRUCTION if self.semihosting is not None and self._at_semihosting_call():
                return self._serve(self.semihosting)
            case StopKind.BKPT_INSTRUCTION if self.stop_at_bkpt:
                return Halt.BREAKPOINT
            case StopKind.BAD_LOAD | StopKind.BAD_STORE if self.protection.watchpoints.hit:
                self.core.cut_short(repeat=True)
                return Halt.WATCHPOINT
            case StopKind.BAD_LOAD | StopKind.BAD_STORE if self.protection.stale:
                # The MPU was written in this very block, and no ISB came between: look again.
                self.core.cut_short(repeat=True)
            case _:
                self.exceptions.fault(stop, self.protection.forbids(stop))
        return None

    def _at_semihosting_call(self) -> bool:
        return self.core.memory.peek(self.core.pc, 2) == BKPT

    def _serve(self, semihosting: Semihosting) -> Halt | None:
        """The call at PC; the BKPT does not run, and does not count."""
        core = self.core
        core.cut_short(repeat=True)
        core.write(arm.UC_ARM_REG_R0, semihosting.call(core.read(arm.UC_ARM_REG_R0), core.read(arm.UC_ARM_REG_R1)))
        self.skip_bkpt()
        return None if semihosting.exit_status is None else Halt.EXIT

    def run_for(self, virtual_seconds: float) -> None:
        """Runs for a virtual time, to the end of the block under way."""
        self.run_until(self.clock.now_ps() + round(virtual_seconds * PICOSECONDS))

    def finish_lines(self) -> None:
        """Time goes on without the core until the USARTs have sent what they hold: a frame under way and one more.

        So long DMA goes on too, as it does while a debugger holds the core.
        """
        frames_ps = [usart.frame_ps for usart in self.usarts.values() if usart.sends]
        end_ps = self.clock.now_ps() + 2 * max(frames_ps, default=0)
        while any(usart.sends for usart in self.usarts.values()):
            next_ps = self.scheduler.next_ps()
            if next_ps is None or next_ps > end_ps:
                break
            self.clock.sleep_until(next_ps)
            self.scheduler.run_due()

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
        self.parts.synchronise()
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
        self.parts.synchronise()
        return True

    @property
    def models_in_c(self) -> bool:
        """Whether time, exceptions, SysTick and USARTs run in C."""
        return self.parts.chip is not None

    @property
    def loop(self) -> Loop | None:
        """Where the core waits without sleeping, as far as that was seen: never by the models in Python."""
        found = self.parts.chip.loop() if self.parts.chip else None
        if found is None or not found.goes_on:
            return None
        endless = self.scheduler.next_ps() is None and self.nvic.best_pending() is None
        return Loop(found.pc, found.register, found.value, endless)

    @property
    def hold_exceptions(self) -> bool:
        """What is pending stays so (a debugger's step)."""
        return self._state.hold_exceptions

    @hold_exceptions.setter
    def hold_exceptions(self, held: bool) -> None:
        self._state.hold_exceptions = held

    @property
    def asleep(self) -> bool:
        """Whether the core waits for an interrupt or event."""
        return self._state.asleep

    @property
    def sleeps_for_ever(self) -> bool:
        """Whether the core sleeps and neither an event nor an exception is to come."""
        return self.asleep and self.scheduler.next_ps() is None and not self.exceptions.wakes()

    def instructions(self) -> int:
        """Executed since the last reset."""
        return self.core.counts.instructions_now()

    def block_counts(self) -> list[BlockCount]:
        """How often each block ran since the last reset."""
        return self.core.counts.block_counts()

    def edge_counts(self) -> list[EdgeCount]:
        """How often each block followed each other since the last reset."""
        return self.core.counts.edge_counts()
