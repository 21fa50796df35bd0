"""Exception entry and return, faults and their escalation (DDI 0403E B1.5)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from unicorn import arm_const as arm

from renode_mnist.plain_text import one_line
from renode_mnist.stm32f746 import nvic as nvic_module
from renode_mnist.stm32f746 import scs as scs_module
from renode_mnist.stm32f746 import semihosting
from renode_mnist.stm32f746.core import Core
from renode_mnist.stm32f746.log import EventLog
from renode_mnist.stm32f746.nvic import Nvic, SystemException
from renode_mnist.stm32f746.observer import FlowBreak
from renode_mnist.stm32f746.scs import FaultStatus, HardFaultStatus, SystemControlSpace
from renode_mnist.stm32f746.stop import Stop, StopKind

_CONTROL_NPRIV, _CONTROL_SPSEL, _CONTROL_FPCA = 1, 2, 4
_XPSR_T = 1 << 24
_XPSR_ALIGNED = 1 << 9
"""In the frame: 4 bytes were skipped to bring SP to a multiple of 8."""

_BASIC_FRAME_BYTES = 0x20
_FP_FRAME_BYTES = 0x68
_SINGLES = tuple(arm.UC_ARM_REG_S0 + index for index in range(16))

EXC_RETURN = 0xFFFF_FFE1
"""Bit 4: no FP state in the frame; bit 3: to thread mode; bit 2: frame on PSP (DDI 0403E table B1-8)."""
_NO_FP, _THREAD, _PSP = 1 << 4, 1 << 3, 1 << 2


@dataclass(frozen=True)
class Lockup:
    """The core stopped for good: a fault in HardFault or NMI (DDI 0403E B1.5.15).

    Attributes:
        pc: Where the last fault was.
        reason: What it was.
    """

    pc: int
    reason: str


class Exceptions:
    """What the core does between two instructions.

    FP state is stacked at once where silicon reserves the space and stacks it when it is first needed (lazy
    stacking): the registers a handler sees and restores are the same.

    Args:
        core: Registers and memory.
        nvic: State of the exceptions.
        scs: Fault status, VTOR.
        may_write: (address, size in bytes): 0, or the `FaultStatus` bit (``STKERR``, ``MSTKERR``) for why not.
        log: Where faults are named.

    Attributes:
        lockup: Set once it is locked up.
        last_fault: The fault that was taken last, as the log has it; empty if none was.
        faults: How many were taken since power-on.
    """

    def __init__(
        self,
        core: Core,
        nvic: Nvic,
        scs: SystemControlSpace,
        may_write: Callable[[int, int], int],
        log: EventLog,
    ) -> None:
        self._core = core
        self._nvic = nvic
        self._scs = scs
        self._may_write = may_write
        self._log = log
        self.lockup: Lockup | None = None
        self.last_fault = ""
        self.faults = 0
        self._masks = core.register_set(arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK)
        self._context = core.register_set(
            arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12,
            arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR, arm.UC_ARM_REG_SP, arm.UC_ARM_REG_CONTROL,
        )  # fmt: skip
        self._entered = core.register_set(
            arm.UC_ARM_REG_SP, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_EPSR, arm.UC_ARM_REG_IPSR, arm.UC_ARM_REG_LR,
        )  # fmt: skip
        self._jump = core.register_set(arm.UC_ARM_REG_PC, arm.UC_ARM_REG_APSR_NZCV)
        self._leaving = core.register_set(
            arm.UC_ARM_REG_IPSR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_MSP, arm.UC_ARM_REG_PSP,
        )  # fmt: skip
        # CONTROL comes first to be privileged until all is in place, then as it is to be; SP after both.
        self._left = core.register_set(
            arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_IPSR, arm.UC_ARM_REG_CONTROL, arm.UC_ARM_REG_SP,
            arm.UC_ARM_REG_R0, arm.UC_ARM_REG_R1, arm.UC_ARM_REG_R2, arm.UC_ARM_REG_R3, arm.UC_ARM_REG_R12,
            arm.UC_ARM_REG_LR, arm.UC_ARM_REG_PC, arm.UC_ARM_REG_XPSR_NZCVQG, arm.UC_ARM_REG_APSR_NZCV,
        )  # fmt: skip
        self._floats = core.register_set(*_SINGLES, arm.UC_ARM_REG_FPSCR)

    def reset(self) -> None:
        """Leaves lockup."""
        self.lockup = None
        self.last_fault = ""

    def masks(self) -> tuple[int, int, int]:
        """PRIMASK, BASEPRI, FAULTMASK."""
        primask, basepri, faultmask = self._masks.read()
        return primask, basepri, faultmask

    def execution_priority(self) -> int:
        """What an exception has to beat now."""
        return self._nvic.execution_priority(*self.masks())

    # Asynchronous exceptions

    def take_pending(self) -> bool:
        """Enters the pending exception that comes first, if it may run; whether it did.

        If one has to wait for a mask register, the core is told to stop when one of them changes.
        """
        number = self._nvic.best_pending()
        if number is None:
            self._core.counter.unwatch_masks()
            return False
        masks = self.masks()
        taken = self._nvic.group_priority(number) < self._nvic.execution_priority(*masks)
        if taken:
            self._enter(number)
            number = self._nvic.best_pending()
        if number is None:
            self._core.counter.unwatch_masks()
        else:
            self._core.counter.watch_masks(*masks)
        return taken

    def wakes(self) -> bool:
        """Whether what is pending ends WFI; PRIMASK does not keep it from it (DDI 0403E B1.5.19)."""
        number = self._nvic.best_pending()
        if number is None:
            return False
        _, basepri, faultmask = self.masks()
        return self._nvic.group_priority(number) < self._nvic.execution_priority(0, basepri, faultmask)

    # Synchronous exceptions

    def supervisor_call(self) -> None:
        """SVC."""
        if self._nvic.group_priority(SystemException.SVCALL) < self.execution_priority():
            self._enter(SystemException.SVCALL)
        else:
            self._escalate("SVC while its priority does not suffice", HardFaultStatus.FORCED)

    def fault(self, stop: Stop, forbidden_by_mpu: bool) -> None:
        """What the core stopped at is a fault at PC.

        Args:
            stop: The reason.
            forbidden_by_mpu: A bad access was to memory that exists.
        """
        core, address = self._core, stop.address
        core.cut_short()
        pc = core.pc
        if stop.kind in (StopKind.BAD_LOAD, StopKind.BAD_STORE):
            verb = "load from" if stop.kind is StopKind.BAD_LOAD else "store to"
            if forbidden_by_mpu:
                self._scs.blame(FaultStatus.DACCVIOL, memory=address)
                self._raise(SystemException.MEM_MANAGE, f"{verb} {address:#010x}, forbidden by the MPU")
            else:
                self._scs.blame(FaultStatus.PRECISERR, bus=address)
                self._raise(SystemException.BUS_FAULT, f"{verb} {address:#010x}")
        elif stop.kind is StopKind.BAD_FETCH:
            if forbidden_by_mpu:
                self._scs.blame(FaultStatus.IACCVIOL)
                self._raise(SystemException.MEM_MANAGE, f"fetch from {pc:#010x}, forbidden by the MPU")
            else:
                self._scs.blame(FaultStatus.IBUSERR)
                self._raise(SystemException.BUS_FAULT, f"fetch from {pc:#010x}")
        elif stop.kind is StopKind.BKPT_INSTRUCTION:
            self._escalate(self._bkpt_text(pc), HardFaultStatus.DEBUGEVT)
        else:
            bit, text = {
                StopKind.NO_COPROCESSOR: (FaultStatus.NOCP, "FPU instruction while CPACR forbids it"),
                StopKind.INVALID_STATE: (FaultStatus.INVSTATE, "branch to an address with bit 0 clear"),
            }.get(stop.kind, (FaultStatus.UNDEFINSTR, "undefined instruction"))
            self._scs.blame(bit)
            self._raise(SystemException.USAGE_FAULT, text)

    def _bkpt_text(self, pc: int) -> str:
        if self._core.memory.peek(pc, 2) != semihosting.BKPT:
            return "BKPT without a debugger"
        number, argument = self._core.read(arm.UC_ARM_REG_R0), self._core.read(arm.UC_ARM_REG_R1)
        said = semihosting.text_of(self._core.memory, number, argument)
        text = f" of {one_line(said.decode('latin-1'))!r}" if said else ""
        return f"BKPT without a debugger, a semihosting call: {semihosting.operation_name(number)}{text}"

    def _raise(self, number: SystemException, text: str) -> None:
        """Enters a configurable fault, or HardFault where it cannot run (DDI 0403E B1.5.11)."""
        enabled = number in self._nvic.enabled
        if enabled and self._nvic.group_priority(number) < self.execution_priority():
            self._note(f"{number.name} at {self._core.pc:#010x}: {text}")
            self._enter(number)
        else:
            self._escalate(text, HardFaultStatus.FORCED)

    def _note(self, fault: str) -> None:
        self.last_fault = fault
        self.faults += 1
        self._log.add(fault)

    def _escalate(self, text: str, status: HardFaultStatus) -> None:
        pc = self._core.pc
        if self.execution_priority() <= -1:
            self.lockup = Lockup(pc, text)
            self._log.add(f"lockup at {pc:#010x}: {text}")
            return
        self._scs.registers[scs_module.HFSR] |= status
        self._note(f"HARD_FAULT at {pc:#010x}: {text}")
        self._enter(SystemException.HARD_FAULT)

    # Entry (DDI 0403E B1.5.6)

    def _enter(self, number: int) -> None:
        core = self._core
        *_, xpsr, sp, control = context = self._context.read()
        with_fp = bool(control & _CONTROL_FPCA)
        size = _FP_FRAME_BYTES if with_fp else _BASIC_FRAME_BYTES
        frame = (sp - size) & ~7
        thread = not xpsr & 0x1FF
        lr = EXC_RETURN | (0 if with_fp else _NO_FP) | (_THREAD if thread else 0)
        lr |= _PSP if thread and control & _CONTROL_SPSEL else 0
        refused = self._may_write(frame, size)
        if not refused:
            stacked_xpsr = xpsr & ~_XPSR_ALIGNED | (_XPSR_ALIGNED if sp & 4 else 0)
            words = [*context[:7], stacked_xpsr]
            if with_fp:
                words += [*self._floats.read(), 0]
            core.memory.poke(frame, struct.pack(f"<{len(words)}I", *words))
            if with_fp:
                self._scs.registers[scs_module.FPCAR] = frame + _BASIC_FRAME_BYTES
        self._entered.write((frame, control & _CONTROL_NPRIV, _XPSR_T, number, lr))
        self._nvic.activate(number)
        core.break_flow(FlowBreak.EXCEPTION_ENTRY)
        self._jump_to_vector(number)
        if refused:
            self._stacking_failed(number, refused, frame)

    def _jump_to_vector(self, number: int) -> None:
        vector = self._core.memory.peek(self._scs.read(scs_module.VTOR) + 4 * number, 4)
        if vector is None:
            self._scs.registers[scs_module.HFSR] |= HardFaultStatus.VECTTBL
            self.lockup = Lockup(self._core.pc, f"no vector table for {nvic_module.name(number)}")
            self._log.add(f"lockup: {self.lockup.reason}")
            return
        target = int.from_bytes(vector, "little")
        self._jump.write((target, self._core.read(arm.UC_ARM_REG_APSR_NZCV)))

    def _stacking_failed(self, number: int, status: int, frame: int) -> None:
        """A derived exception (DDI 0403E B1.5.12); the frame is lost, as is the way back."""
        self._scs.blame(status)
        text = f"stack pointer {frame:#010x} while {nvic_module.name(number)} was entered"
        if number < 0 or self.execution_priority() <= -1:
            return  # HardFault and NMI go on without their frame
        fault = SystemException.MEM_MANAGE if status == FaultStatus.MSTKERR else SystemException.BUS_FAULT
        self._nvic.deactivate(number)
        if number >= nvic_module.FIRST_INTERRUPT:
            self._nvic.pend(number)
        allowed = fault in self._nvic.enabled and self._nvic.group_priority(fault) < self.execution_priority()
        chosen = fault if allowed else SystemException.HARD_FAULT
        if not allowed:
            self._scs.registers[scs_module.HFSR] |= HardFaultStatus.FORCED
        self._note(f"{chosen.name}: {text}")
        self._nvic.activate(chosen)
        self._core.write(arm.UC_ARM_REG_IPSR, chosen)
        self._jump_to_vector(chosen)

    # Return (DDI 0403E B1.5.8)

    def leave(self) -> bool:
        """PC holds EXC_RETURN; whether thread code runs again."""
        core, nvic = self._core, self._nvic
        number, exc_return, control, msp, psp = self._leaving.read()
        exc_return |= 1
        if number != SystemException.NMI:
            core.write(arm.UC_ARM_REG_FAULTMASK, 0)
        nvic.deactivate(number)
        valid = exc_return & ~(_NO_FP | _THREAD | _PSP) == EXC_RETURN and not (
            exc_return & _PSP and not exc_return & _THREAD
        )
        frame = psp if exc_return & _PSP else msp
        size = _BASIC_FRAME_BYTES if exc_return & _NO_FP else _FP_FRAME_BYTES
        data = core.memory.peek(frame, size)
        words = struct.unpack(f"<{size // 4}I", data) if data else ()
        if not valid or not words or bool(exc_return & _THREAD) != (not words[7] & 0x1FF):
            self._return_failed(valid, bool(words), exc_return, frame)
            return False
        xpsr = words[7]
        control &= _CONTROL_NPRIV
        control |= (0 if exc_return & _NO_FP else _CONTROL_FPCA) | (_CONTROL_SPSEL if exc_return & _PSP else 0)
        sp = frame + size + (4 if xpsr & _XPSR_ALIGNED else 0)
        self._left.write((0, xpsr & 0x1FF, control, sp, *words[:7], xpsr, xpsr))
        if not exc_return & _NO_FP:
            self._floats.write(words[8:25])
        core.break_flow(FlowBreak.EXCEPTION_RETURN)
        return bool(exc_return & _THREAD)

    def _return_failed(self, valid: bool, frame_there: bool, exc_return: int, frame: int) -> None:
        if valid and not frame_there:
            self._scs.blame(FaultStatus.UNSTKERR)
            self._raise(SystemException.BUS_FAULT, f"return from an exception with SP {frame:#010x}")
        else:
            self._scs.blame(FaultStatus.INVPC)
            self._raise(SystemException.USAGE_FAULT, f"EXC_RETURN {exc_return:#010x} does not fit the frame")
