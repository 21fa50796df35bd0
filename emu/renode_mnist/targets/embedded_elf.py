"""Any program on the embedded emulator."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from unicorn import arm_const as arm

from renode_mnist.errors import TargetError
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.gdb_server import GdbServer
from renode_mnist.stm32f746.machine import Halt, Machine
from renode_mnist.stm32f746.nvic import FAULTS
from renode_mnist.stm32f746.pads import Pin
from renode_mnist.stm32f746.pins import unconnected
from renode_mnist.stm32f746.semihosting import Semihosting
from renode_mnist.stm32f746.whereabouts import whereabouts
from renode_mnist.targets.any_elf import HANDLED_SECONDS, ITM, SEMIHOSTING, Count, End, EndKind, Heard, Stopped
from renode_mnist.targets.embedded import clock_model_of, hse_hertz_of, nothing_at, unicorn_version

if TYPE_CHECKING:
    from renode_mnist.timing import AdjustedParameters


class EmbeddedElf:
    """See ``AnyElf``.

    Args:
        elf_path: The program.
        heard: Told what it says.
        files: Folder for files that it opens by semihosting; None refuses them.
        board: Says which crystal there is.
        clock_model: As ``EmbeddedTarget`` has it.
        parameters: Likewise.
        gdb_port: Likewise.
        on_waiting: Likewise.
        trace_locked: DWT and ITM are locked after a reset.
    """

    name = "embedded"

    def __init__(
        self,
        elf_path: Path,
        heard: Heard,
        *,
        files: Path | None = None,
        board: str = "disco-f746ng",
        clock_model: Literal["instructions", "m7"] = "instructions",
        parameters: AdjustedParameters | None = None,
        gdb_port: int | None = None,
        on_waiting: Callable[[], None] | None = None,
        trace_locked: bool = False,
    ) -> None:
        self._modelled = clock_model == "m7"
        self._gdb_port = gdb_port
        self._on_waiting = on_waiting
        self._debugger: GdbServer | None = None
        self._heard = heard
        self._news = False
        self._fault: tuple[int, float] | None = None
        self._exit: End | None = None
        self._machine = Machine(
            elf_path,
            clock_model=clock_model_of(clock_model, parameters),
            hse_hertz=hse_hertz_of(board),
            semihosting=Semihosting(partial(self._hear, SEMIHOSTING), files),
            trace_locked=trace_locked,
        )
        self.version = f"Unicorn {unicorn_version()}"
        self._machine.itm.sent = partial(self._hear, ITM)
        self._first = set(self._machine.usarts)
        for name, usart in self._machine.usarts.items():
            usart.transmitted = partial(self._transmitted, name)

    def __enter__(self) -> Self:
        """See ``AnyElf``; with GDB waits for it."""
        if self._gdb_port is not None:
            self._debugger = GdbServer(self._machine, self._gdb_port)
            try:
                if self._on_waiting is not None:
                    self._on_waiting()
                self._debugger.wait()
            except BaseException:
                self._debugger.close()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """See ``AnyElf``."""
        if self._debugger is not None:
            self._debugger.close()
        if self._machine.semihosting is not None:
            self._machine.semihosting.reset()

    @property
    def uarts(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return tuple(self._machine.usarts)

    @property
    def machine(self) -> Machine:
        """The emulated chip."""
        return self._machine

    def _hear(self, place: str, data: bytes) -> None:
        self._news = True
        self._heard(place, data)

    def _transmitted(self, name: str, byte: int) -> None:
        if name in self._first:
            self._first.discard(name)
            if problem := unconnected(name, self._machine.gpios):
                self._machine.log.once(problem)
        self._hear(name, bytes((byte,)))

    def _asked(self, done: Callable[[], bool]) -> bool:
        news, self._news = self._news, False
        return news and done()

    def run(self, until_seconds: float, done: Callable[[], bool]) -> Stopped | End:
        """See ``AnyElf``."""
        if self._exit is not None:
            return self._exit
        machine = self._machine
        until_ps = round(until_seconds * PICOSECONDS)
        try:
            halt = (self._debugger or machine).run_until(until_ps, partial(self._asked, done))
        except TargetError:
            if machine.exceptions.lockup is None:
                raise
            return End(EndKind.FAULT, f"it locked up: the core {whereabouts(machine)}")
        if halt is Halt.EXIT:
            assert machine.semihosting is not None
            status = machine.semihosting.exit_status or 0
            self._exit = End(EndKind.EXIT, f"it ended with status {status} (semihosting)", status)
            machine.finish_lines()
            return Stopped.CONDITION if self._asked(done) else self._exit
        if halt is Halt.TIME and self._debugger is None and (end := self._end()):
            return end
        return {Halt.CONDITION: Stopped.CONDITION, Halt.BREAKPOINT: Stopped.FUNCTION}.get(halt, Stopped.TIME)

    def _end(self) -> End | None:
        """What the machine has come to, if nothing more can come of it."""
        machine = self._machine
        loop = None if machine.asleep else machine.loop
        never = (loop is not None and loop.endless) or machine.sleeps_for_ever
        if not any(fault in machine.nvic.active for fault in FAULTS):
            self._fault = None
        elif machine.exceptions.last_fault:
            faults = machine.exceptions.faults
            if self._fault is None or self._fault[0] != faults:  # another: the handler comes back, or resets the chip
                self._fault = (faults, self.now())
            if never or self.now() >= self._fault[1] + HANDLED_SECONDS:
                return End(EndKind.FAULT, f"{machine.exceptions.last_fault}; the core {whereabouts(machine)}")
        if not never:
            return None
        kind = EndKind.HANG if loop is not None and loop.register is not None else EndKind.REST
        nothing = "; nothing is to come that could wake it" if machine.asleep else ""
        return End(kind, f"the core {whereabouts(machine)}{nothing}")

    def stop_at(self, address: int | None) -> None:
        """See ``AnyElf``."""
        self._machine.set_breakpoints(*(() if address is None else (address,)))

    def send(self, uart: str, data: bytes) -> None:
        """See ``AnyElf``."""
        self._machine.usarts[uart].feed(data)

    def drive(self, pin: Pin, high: bool | None, at_seconds: float | None = None) -> None:
        """See ``AnyElf``."""
        port = self._machine.gpios[pin.port]
        if at_seconds is None:
            port.drive(pin.number, high)
        else:
            port.drive_at(round(at_seconds * PICOSECONDS), pin.number, high)

    def is_high(self, pin: Pin) -> bool:
        """See ``AnyElf``."""
        return self._machine.pads.is_high(pin)

    def now(self) -> float:
        """See ``AnyElf``."""
        return self._machine.clock.now_seconds()

    def count(self) -> Count:
        """See ``AnyElf``."""
        cycles = self._machine.core.counts.cycles_now() if self._modelled else None
        return Count(self._machine.instructions(), cycles)

    def registers(self) -> tuple[int, int, int]:
        """See ``AnyElf``."""
        core = self._machine.core
        return core.pc, core.read(arm.UC_ARM_REG_LR), core.read(arm.UC_ARM_REG_SP)

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """See ``AnyElf``."""
        data = self._machine.read_memory(address, size_bytes)
        if data is None:
            raise nothing_at(address, size_bytes)
        return data

    def write_memory(self, address: int, data: bytes) -> None:
        """See ``AnyElf``."""
        if not self._machine.write_memory(address, data):
            raise nothing_at(address, len(data))

    def whereabouts(self) -> str:
        """See ``AnyElf``."""
        return whereabouts(self._machine)

    def lacking(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return self._machine.log.lacking

    def remarks(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return (*self._resets(), *self._machine.log.others)

    def _resets(self) -> tuple[str, ...]:
        """By whom and how often the chip was reset."""
        causes = self._machine.reset_causes
        if not causes:
            return ()
        said = " and ".join(
            f"{cause.words} has reset the chip {times} time{'s' if times > 1 else ''}"
            for cause, times in sorted(causes.items(), key=lambda each: each[0].value)
        )
        return (f"{said}; what is counted is since the last",)
