"""The Cortex-M7: Unicorn's translator, and around it what Unicorn 2.1.4 leaves to its user.

What `Core` does is written against these properties of 2.1.4, each met in practice:

* ``UC_MODE_MCLASS`` makes a Cortex-M33 of any model: the engine opens in Thumb mode and takes the M7 by name.
* ``emu_stop`` from an MMIO callback leaves PC on the access, which then repeats: only the block hook stops a run.
* A hook on valid memory accesses slows each of them down, so there is one only while somebody observes data. What is
  to be asked comes as an *invalid* access (see `address_space`), with PC brought up to date.
* Bringing PC up to date also writes ITSTATE, which stays set behind the IT block (unicorn issue 2309): taken back.
* Writing IPSR leaves cached flags stale, so that EXC_RETURN is missed (unicorn PR 2268): APSR_NZCV is written last.
* A store that is refused within an IT block does not end it: what follows in the block runs (``no_exit_request``).
  The registers are put back afterwards, and further accesses to the bus refused; stores to RAM have happened.
* WFE and YIELD come as invalid instructions; both end their block, a real invalid instruction lies within its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import unicorn
from unicorn import arm_const as arm
from unicorn.unicorn_py3.unicorn import uclib

from renode_mnist.stm32f746 import blockcounter, memory_map
from renode_mnist.stm32f746.address_space import AddressSpace, BusRead, BusWrite
from renode_mnist.stm32f746.blockcounter import BlockCounter, TimesMemory, Timing
from renode_mnist.stm32f746.chip import Chip
from renode_mnist.stm32f746.counts import Counts
from renode_mnist.stm32f746.memory_timing import MemorySettings
from renode_mnist.stm32f746.observer import BlockObserver, DataObserver, FlowBreak
from renode_mnist.stm32f746.pages import EPSR_IT, EPSR_T, Pages
from renode_mnist.stm32f746.registers import RegisterSet, check
from renode_mnist.stm32f746.stop import Stop, StopKind

_EXCP_SVC = 2
_EXCP_PREFETCH_ABORT = 3
_EXCP_BKPT = 7
_EXCP_EXCEPTION_EXIT = 8
_EXCP_NOCP = 17
"""Numbers that Unicorn passes to an interrupt hook (QEMU's target/arm/cpu.h)."""

_TORN = (
    *(arm.UC_ARM_REG_R0 + index for index in range(13)), arm.UC_ARM_REG_SP, arm.UC_ARM_REG_LR,
    *(arm.UC_ARM_REG_S0 + index for index in range(32)),
)  # fmt: skip
_READ_TORN = (*_TORN, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_EPSR, arm.UC_ARM_REG_PC)
_WRITTEN_TORN = (*_TORN, arm.UC_ARM_REG_XPSR_NZCVQG, arm.UC_ARM_REG_EPSR, arm.UC_ARM_REG_PC)
"""What a refused store within an IT block must not have changed: ``Torn`` of native/chip.h."""

_WFE = (b"\x20\xbf", b"\xaf\xf3\x02\x80")
_SEV = b"\x40\xbf"

_WRITES = (unicorn.UC_MEM_WRITE, unicorn.UC_MEM_WRITE_UNMAPPED, unicorn.UC_MEM_WRITE_PROT)
_FETCHES = (unicorn.UC_MEM_FETCH, unicorn.UC_MEM_FETCH_UNMAPPED, unicorn.UC_MEM_FETCH_PROT)

MayAccess = Callable[[int, int, bool], bool]
"""(address, size in bytes, whether it stores) -> whether the bus answers."""
ReadCode = Callable[[int, int], bytes]
"""(address, size in bytes) -> the code that stands there."""
ClockModel = Callable[[ReadCode], Timing]
"""From what reads code by address and size to what times it (``renode_mnist.timing.LiveCosts``)."""


class Core:
    """Registers and the run loop of one Cortex-M7.

    Args:
        clock_model: Makes the timing of blocks from what reads their code; None: one cycle an instruction.
        python_hook: Counts in Python even where the C hook was built.

    Attributes:
        memory: What its addresses lead to.
        counter: Counts blocks and stops runs.
        counts: What it has executed so far.
        store_to_flash: Called with address, size in bytes and value of a store to the flash that is allowed.
    """

    def __init__(self, clock_model: ClockModel | None = None, *, python_hook: bool = False) -> None:
        engine = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
        engine.ctl_set_cpu_model(arm.UC_CPU_ARM_CORTEX_M7)
        engine.ctl_exits_enabled(True)  # with none set: emu_start's end address would be one
        self._engine = engine
        self._pages = Pages(engine, in_python=python_hook)
        self.memory = AddressSpace(engine)
        self._may_access: MayAccess = lambda _address, _size, _store: False
        self.store_to_flash: Callable[[int, int, int], None] = lambda _address, _size, _value: None
        self._stop: Stop | None = None
        timing = clock_model(self.memory.read_code) if clock_model else None
        self._times_memory = timing if isinstance(timing, TimesMemory) else None
        self.counter: BlockCounter = blockcounter.hook_blocks(
            engine, timing, self.memory.places(), python_hook=python_hook
        )
        self.counts = Counts(self.counter, self.memory)
        self._observers: list[BlockObserver] = []
        self._traps: list[int] = []
        self._trap_to_pass: int | None = None
        self._chip: Chip | None = None
        engine.hook_add(unicorn.UC_HOOK_INSN_INVALID, self._on_invalid_instruction)
        self._cleared_at_reset = RegisterSet(
            engine,
            (
                *(arm.UC_ARM_REG_R0 + index for index in range(13)),
                *(arm.UC_ARM_REG_S0 + index for index in range(32)),
                *blockcounter.MASK_REGISTERS,
                arm.UC_ARM_REG_FPSCR,
                arm.UC_ARM_REG_APSR_NZCVQG,
            ),
        )
        self._pc_and_epsr = RegisterSet(engine, (arm.UC_ARM_REG_PC, arm.UC_ARM_REG_EPSR))
        self._may_tear, self._mended = RegisterSet(engine, _READ_TORN), RegisterSet(engine, _WRITTEN_TORN)
        self._torn: list[int] | None = None

    def map_bus(self, windows: Sequence[tuple[int, int]], read: BusRead, write: BusWrite, may: MayAccess) -> None:
        """Leads accesses to ``windows`` of (base, size in bytes) to ``read`` and ``write``, if ``may`` allows."""
        self._may_access = may
        self._engine.hook_add(unicorn.UC_HOOK_INTR, self._on_interrupt)
        invalid = unicorn.UC_HOOK_MEM_INVALID
        self.memory.ask(
            lambda begin, last: self._engine.hook_add(invalid, self._on_invalid_access, begin=begin, end=last)
        )
        self.memory.map_bus(windows, read, write)

    def map_chip(self, windows: Sequence[tuple[int, int]], chip: Chip) -> None:
        """Leads accesses to ``windows``, and what Unicorn tells of the core, to ``chip``; it may run the core now."""
        self._chip = chip
        self.memory.ask(chip.connect(self._engine, windows))
        self.memory.bus_access = self.counts.access = chip.access

    def load(self, address: int, data: bytes) -> None:
        """Puts code or data into a memory, read-only or not, as a debugger would."""
        self.memory.poke(address, data)
        self.code_changed()

    def code_changed(self) -> None:
        """To be called when memories were filled with other code from outside."""
        self.counts.forget_code()
        self._engine.ctl_flush_tb()

    def set_memory(self, settings: MemorySettings) -> None:
        """To be called when the program has changed how memories are reached or cached."""
        if self._times_memory is not None:
            self.counter.set_memory(
                *self._times_memory.memory_costs(settings), *settings[3:5], *settings[1:3], settings.stretches
            )

    # Registers

    def register_set(self, *registers: int) -> RegisterSet:
        """Registers (``arm_const``) to be read and written together."""
        return RegisterSet(self._engine, registers)

    def read(self, register: int) -> int:
        """A register by its number in ``arm_const``."""
        return int(self._engine.reg_read(register)) & 0xFFFF_FFFF

    def write(self, register: int, value: int) -> None:
        """Sets a register by its number in ``arm_const``."""
        self._engine.reg_write(register, value)

    def reset_registers(self) -> None:
        """Thread mode, privileged, on the main stack, no masks; all else 0."""
        self.write(arm.UC_ARM_REG_IPSR, 3)  # a handler is privileged, which the next line needs
        self.write(arm.UC_ARM_REG_CONTROL, 0)
        self.write(arm.UC_ARM_REG_IPSR, 0)
        self.write(arm.UC_ARM_REG_CONTROL, 0)
        self._cleared_at_reset.write([0] * 50)
        self.write(arm.UC_ARM_REG_EPSR, EPSR_T)

    def rebuild_flags(self) -> None:
        """To be called after IPSR or CONTROL were written: Unicorn caches what mode the core is in."""
        self.write(arm.UC_ARM_REG_APSR_NZCV, self.read(arm.UC_ARM_REG_APSR_NZCV))

    @property
    def times_memory(self) -> bool:
        """Whether the clock model times memory too."""
        return self._times_memory is not None

    @property
    def engine(self) -> unicorn.Uc:
        """Unicorn's, for who goes around this class."""
        return self._engine

    @property
    def pc(self) -> int:
        """Address of the next instruction."""
        return self.read(arm.UC_ARM_REG_PC)

    # Running

    def run(self, limit_cycles: int) -> Stop:
        """Runs from PC until the clock model says ``limit_cycles``, or something happens."""
        self.begin()
        if self._chip:
            self._chip.begin()
        self.counter.begin(limit_cycles)
        pc, epsr = self._pc_and_epsr.read()
        # Not engine.emu_start: it makes an exception of what `_stop` tells already.
        status = uclib.uc_emu_start(self._engine._uch, pc | (1 if epsr & EPSR_T else 0), 0, 0, 0)
        self.memory.bus_access.active = False
        if self._torn:
            *values, pc = self._torn
            self._mended.write([*values, pc | 1])
            self._torn = None
        return self.stopped(status)

    def begin(self) -> None:
        """To be called before `Chip.run`."""
        self._stop = None
        self._engine._hook_exception = None

    def raise_seen(self) -> None:
        """Raises what a hook in Python raised during the run."""
        if self._engine._hook_exception is not None:
            raise self._engine._hook_exception

    def stopped(self, status: int = unicorn.UC_ERR_OK) -> Stop:
        """Why the core stopped, after `Chip.run`.

        Args:
            status: Of a run that was not the chip's.
        """
        self.raise_seen()
        if self._chip:
            seen, chip_status = self._chip.stopped()
            self._stop = self._stop or seen
            status = status or chip_status
        if self._stop is None:
            check(status)
        self.counter.raise_pending()
        if self._stop:
            if self._stop.kind is StopKind.BREAKPOINT:
                self.cut_short(repeat=True)
            return self._stop
        if self.counter.at_breakpoint:
            return Stop(StopKind.BREAKPOINT)
        return Stop(StopKind.LIMIT if self.counter.stopped else StopKind.WAIT_FOR_INTERRUPT)

    def set_traps(self, addresses: Collection[int] | None) -> None:
        """From now on runs end before the instructions at ``addresses``; None: before each instruction.

        Unlike `BlockCounter.set_breakpoints` they may lie anywhere but inside IT blocks, where Unicorn has no hooks;
        the price is a translation anew. Counts stay exact: a block that a trap divides counts as two.
        """
        self._runs_in_python()
        for trap in self._traps:
            self._engine.hook_del(trap)
        ranges = [(1, 0)] if addresses is None else [(address, address) for address in addresses]
        self._traps = [
            self._engine.hook_add(unicorn.UC_HOOK_CODE, self._on_trap, begin=begin, end=end) for begin, end in ranges
        ]
        self._engine.ctl_flush_tb()

    def pass_trap(self) -> None:
        """The next run executes the instruction at PC, trap or not."""
        self._trap_to_pass = self.pc

    def _on_trap(self, _engine: unicorn.Uc, address: int, _size: int, _user_data: object) -> None:
        if self.counter.stopped:
            return  # the run ends before this block
        to_pass, self._trap_to_pass = self._trap_to_pass, None
        if address != to_pass:
            self._end(Stop(StopKind.BREAKPOINT))

    def observe(self, observer: BlockObserver) -> None:
        """From now on ``observer`` sees all that is counted."""
        counter = self.counter

        def on_block(_engine: unicorn.Uc, address: int, size: int, _user_data: object) -> None:
            if not counter.stopped:  # else the block has not begun: the run ends before it
                observer.block(address, size)

        self._observers.append(observer)
        self._runs_in_python()
        self._engine.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
        self._engine.ctl_flush_tb()  # what is translated already calls the counter alone

    def observe_data(self, observer: DataObserver) -> None:
        """From now on ``observer`` sees each access to memory, LDM word by word; the run is ten times slower."""

        def on_access(
            _engine: unicorn.Uc, access: int, address: int, size: int, _value: int, _user_data: object
        ) -> None:
            self._take_back_it_state()
            observer(address, size, access in _WRITES)

        self._runs_in_python()
        self._engine.hook_add(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, on_access)
        self._engine.ctl_flush_tb()

    def _runs_in_python(self) -> None:
        """Somebody wants to see more than the loop in C shows."""
        if self._chip:
            self._chip.observe()

    def _take_back_it_state(self) -> int:
        """Undoes what bringing PC up to date did to ITSTATE within an IT block; tells PC."""
        pc, epsr = self._pc_and_epsr.read()
        if epsr & EPSR_IT:
            self.write(arm.UC_ARM_REG_EPSR, EPSR_T)
        return pc

    def break_flow(self, how: FlowBreak) -> None:
        """To be called when what comes next does not follow from the block before."""
        self.counter.forget_previous()
        for observer in self._observers:
            observer.break_flow(how)

    def cut_short(self, *, repeat: bool = False) -> None:
        """Takes back what was counted of the block behind the instruction at PC, which faulted.

        Args:
            repeat: Takes back that instruction too: it will run again.
        """
        address, size, _, _ = self.counter.current()
        pc = self.pc
        if address <= pc < address + size:
            before, end = self.counts.position_in_block(pc)
            size, instructions = (pc - address, before) if repeat else (end, before + 1)
            self.counter.cut_short(size, instructions)
            for observer in self._observers:
                observer.cut_short(size)

    def _end(self, stop: Stop) -> None:
        if self._chip is None or self._chip.comes_first():
            self._stop = self._stop or stop
        self._engine.emu_stop()

    def _on_interrupt(self, _engine: unicorn.Uc, number: int, _user_data: object) -> None:
        kinds = {
            _EXCP_SVC: StopKind.SUPERVISOR_CALL,
            _EXCP_BKPT: StopKind.BKPT_INSTRUCTION,
            _EXCP_EXCEPTION_EXIT: StopKind.EXCEPTION_RETURN,
            _EXCP_NOCP: StopKind.NO_COPROCESSOR,
            _EXCP_PREFETCH_ABORT: StopKind.BAD_FETCH,
        }
        self._end(Stop(kinds.get(number, StopKind.UNDEFINED_INSTRUCTION)))

    def _on_invalid_instruction(self, _engine: unicorn.Uc, _user_data: object) -> bool:
        pc, epsr = self._pc_and_epsr.read()
        address, size, _, _ = self.counter.current()
        if not epsr & EPSR_T:
            self._end(Stop(StopKind.INVALID_STATE))
        elif pc == address + size:
            code = self.memory.peek(address, size) or b""
            if not code.endswith(_WFE):
                return True  # YIELD: nothing to give way to
            self._end(Stop(StopKind.WAIT_FOR_EVENT, event_sent=_SEV in code))
        else:
            self._end(Stop(StopKind.UNDEFINED_INSTRUCTION))
        return True

    def _on_invalid_access(
        self, _engine: unicorn.Uc, access: int, address: int, size: int, value: int, _user_data: object
    ) -> bool:
        if access in _FETCHES:
            self._stop = self._stop or Stop(StopKind.BAD_FETCH, address)
            return False
        if self._torn:
            return False  # it does not happen
        store = access in _WRITES
        if self._may_access(address, size, store):
            under_way = self.memory.bus_access
            under_way.active = True
            under_way.pc = self._take_back_it_state()
            if store and memory_map.FLASH.holds(address):
                self.store_to_flash(address, size, value & (1 << 8 * size) - 1)
                under_way.active = False
            return True
        self._stop = self._stop or Stop(StopKind.BAD_STORE if store else StopKind.BAD_LOAD, address)
        if store and self.read(arm.UC_ARM_REG_EPSR) & EPSR_IT:
            self._torn = self._may_tear.read()
        return False
