"""The firmware on the embedded emulator: an STM32F746 inside this process, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from renode_mnist import remedies
from renode_mnist.errors import EnvironmentProblem, TargetError, TargetTimeout
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets.base import CounterUnit, TargetIdentity

if TYPE_CHECKING:
    from renode_mnist.timing import AdjustedParameters

try:
    from renode_mnist.stm32f746 import chip_id
    from renode_mnist.stm32f746.blockcounter import BlockCount, EdgeCount
    from renode_mnist.stm32f746.clock import PICOSECONDS
    from renode_mnist.stm32f746.core import ClockModel
    from renode_mnist.stm32f746.gdb_server import GdbServer
    from renode_mnist.stm32f746.machine import Halt, Machine
    from renode_mnist.stm32f746.memory_timing import CycleSplit
    from renode_mnist.stm32f746.usart import Received, Usart
    from renode_mnist.stm32f746.whereabouts import whereabouts
except ModuleNotFoundError as missing:
    if missing.name != "unicorn":
        raise
    raise EnvironmentProblem(
        "the embedded emulator needs the package unicorn, which an installation brings",
        f"Run `{remedies.pip_install('unicorn==2.1.4')}`.",
    ) from missing

BINARY_LINES = {"disco-f746ng": "USART1", "nucleo-f746zg": "USART3", "article": "UART7"}
"""By the board that an image was built for; the console is USART6 on each (firmware/board/wiring.hpp)."""

CONSOLE_LINE = "USART6"

_HSE_HERTZ = {"nucleo-f746zg": 8_000_000}
"""Crystals other than the 25 MHz of the 32F746GDISCOVERY (UM1907, UM1974)."""

LINE_BAUD = 115_200
BOOT_SECONDS = 0.1
"""Virtual time that the firmware has to switch its receiver on, before the target counts as started."""


class _Line:
    """One serial line of a target: a ``ByteStream``."""

    def __init__(self, target: EmbeddedTarget, name: str) -> None:
        self._target = target
        self._name = name
        self._received = Received()

    def connect(self, usart: Usart) -> None:
        self._received.clear()
        usart.transmitted = self._received.append

    def clear(self) -> None:
        self._received.clear()

    def now(self) -> float:
        return self._target.now()

    def send(self, data: bytes) -> None:
        self._target.machine.usarts[self._name].feed(data)

    def receive(self, deadline: Deadline, until: int = -1) -> bytes:
        self._received.until = until
        halt = self._target.run_until(round(deadline.at_seconds * PICOSECONDS), self._received)
        if halt is not Halt.CONDITION and not self._received:
            raise TargetTimeout(self._why(deadline), f"{self._hint()}{self._target.machine.log.end()}")
        return self.take_arrived()

    def take_arrived(self) -> bytes:
        data = bytes(self._received)
        self._received.clear()
        return data

    def set_line_baud(self, baud: int) -> None:
        self._target.machine.usarts[self._name].line_baud = baud

    def _hint(self) -> str:
        """Where the firmware listens on another board's line: which board to name."""
        usarts = self._target.machine.usarts
        if usarts[self._name].receiver_on or self._name == CONSOLE_LINE:
            return ""
        boards = [board for board, line in BINARY_LINES.items() if usarts[line].receiver_on]
        return "".join(
            f"It listens on {BINARY_LINES[board]}, as for `--board {board}`: name that. " for board in boards
        )

    def _why(self, deadline: Deadline) -> str:
        machine = self._target.machine
        usart = machine.usarts[self._name]
        text = (
            f"No byte came on {self._name} within {deadline.allowed_seconds:g} s of virtual time, now "
            f"{machine.clock.now_seconds():.6f} s; the core {whereabouts(machine)}"
        )
        if usart.incoming:
            text += f"; {usart.incoming} bytes sent to it have not arrived yet"
        elif not usart.receiver_on:
            text += f"; the firmware has not switched the receiver of {self._name} on"
        return text


class EmbeddedTarget:
    """Runs an ELF on an emulated STM32F746; time passes only while something is waited for.

    Args:
        elf_path: Of any program for the STM32F746.
        board: For which it was built: says which USART carries the binary line, and the crystal.
        clock_model: What a cycle is: an instruction, or what the model of the Cortex-M7's pipeline says; or a model
            of one's own, as `Machine` takes it.
        parameters: Figures in the place of those of clock model ``m7``.
        python_hook: Counts in Python even where the C hook was built: slower, the same counts.
        line_baud: Rate of the other ends of the lines; None follows what the firmware sets.
        gdb_port: Serves GDB there. Entering the target then waits for the debugger, which has the core stopped at its
            first instruction.
        on_waiting: Called once it serves the debugger and waits.
    """

    def __init__(
        self,
        elf_path: Path | str,
        *,
        board: str = "disco-f746ng",
        clock_model: Literal["instructions", "m7"] | ClockModel = "instructions",
        parameters: AdjustedParameters | None = None,
        python_hook: bool = False,
        line_baud: int | None = LINE_BAUD,
        gdb_port: int | None = None,
        on_waiting: Callable[[], None] | None = None,
    ) -> None:
        if board not in BINARY_LINES:
            raise TargetError(f"There is no board '{board}'", f"Choose one of: {', '.join(BINARY_LINES)}.")
        self._elf_path = elf_path
        self._board = board
        self._clock_model = clock_model_of(clock_model, parameters)
        self._parameters = parameters
        self._python_hook = python_hook
        self._line_baud = line_baud
        self._gdb_port = gdb_port
        self._on_waiting = on_waiting
        self._debugger: GdbServer | None = None
        self._machine: Machine | None = None
        self._binary = _Line(self, BINARY_LINES[board])
        self._console = _Line(self, CONSOLE_LINE)

    def __enter__(self) -> Self:
        """Loads the ELF and runs it until it listens on the binary line, or for `BOOT_SECONDS`.

        Raises:
            ElfError: The chip cannot run it.
            TargetError: It locked up.
        """
        self._machine = Machine(
            self._elf_path,
            clock_model=self._clock_model,
            python_hook=self._python_hook,
            hse_hertz=hse_hertz_of(self._board),
            line_baud=self._line_baud,
            unique_id=self._unique_id(),
        )
        self._binary.connect(self._machine.usarts[BINARY_LINES[self._board]])
        self._console.connect(self._machine.usarts[CONSOLE_LINE])
        if self._gdb_port is not None:
            self._debugger = GdbServer(self._machine, self._gdb_port)
        try:
            if self._debugger is not None:
                if self._on_waiting is not None:
                    self._on_waiting()
                self._debugger.wait()
            self._boot()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Drops the machine."""
        self._close()

    def _close(self) -> None:
        if self._debugger is not None:
            self._debugger.close()
            self._debugger = None
        self._machine = None

    def _unique_id(self) -> bytes:
        if self._clock_model is None:
            return chip_id.EMBEDDED
        return chip_id.embedded_m7(self._parameters.identity if self._parameters else "")

    def _boot(self) -> None:
        usart = self.machine.usarts[BINARY_LINES[self._board]]
        until_ps = self.machine.clock.now_ps() + round(BOOT_SECONDS * PICOSECONDS)
        self.run_until(until_ps, lambda: usart.receiver_on)

    @property
    def machine(self) -> Machine:
        """The emulated chip.

        Raises:
            TargetError: The target is not open.
        """
        if self._machine is None:
            raise TargetError("The embedded target is not open", "Use it in a with statement.")
        return self._machine

    @property
    def console(self) -> ByteStream:
        """The text console's line."""
        return self._console

    def now(self) -> float:
        """Virtual seconds since power-on."""
        return self.machine.clock.now_seconds()

    def send(self, data: bytes) -> None:
        """Puts ``data`` on the binary line; it arrives byte by byte at the line's baud rate."""
        self._binary.send(data)

    def receive(self, deadline: Deadline) -> bytes:
        """Runs until a byte comes on the binary line.

        Raises:
            TargetTimeout: None came in time; the message says where the core stands.
            TargetError: The core locked up.
        """
        return self._binary.receive(deadline)

    def receive_frame(self, deadline: Deadline) -> bytes:
        """See `FramedStream`."""
        return self._binary.receive(deadline, until=0)

    def take_arrived(self) -> bytes:
        """See `TakenAtOnce`."""
        return self._binary.take_arrived()

    def set_line_baud(self, baud: int) -> None:
        """Sets the rate at which the other end of the binary line sends and reads."""
        self._binary.set_line_baud(baud)

    def run_for(self, virtual_seconds: float) -> None:
        """Runs for a virtual time, to the end of the block under way."""
        self.run_until(self.machine.clock.now_ps() + round(virtual_seconds * PICOSECONDS))

    def run_until(self, time_ps: int, condition: Callable[[], bool] | None = None) -> Halt:
        """`Machine.run_until`, stopped in between where a debugger wants it."""
        return (self._debugger or self.machine).run_until(time_ps, condition)

    def reset(self) -> None:
        """Resets the chip and starts it as ``__enter__`` does; bytes on the way are dropped."""
        self.machine.reset()
        self._binary.clear()
        self._console.clear()
        self._boot()

    def identity(self) -> TargetIdentity:
        """Which emulator this is."""
        unit = CounterUnit.CYCLES_MODELLED if self._clock_model else CounterUnit.INSTRUCTIONS
        return TargetIdentity(
            "embedded",
            f"Unicorn {unicorn_version()}",
            unit,
            deterministic=self._gdb_port is None,
            cycle_parameters=str(self._parameters or ""),
        )

    def log(self) -> str:
        """What the machine met: unmodelled peripherals, clocks out of limits, faults."""
        return self._machine.log.text() if self._machine else ""

    def instructions(self) -> int:
        """Executed since the last reset."""
        return self.machine.instructions()

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """See `ReachesMemory`."""
        data = self.machine.read_memory(address, size_bytes)
        if data is None:
            raise nothing_at(address, size_bytes)
        return data

    def write_memory(self, address: int, data: bytes) -> None:
        """See `ReachesMemory`."""
        if not self.machine.write_memory(address, data):
            raise nothing_at(address, len(data))

    def block_counts(self) -> list[BlockCount]:
        """How often each block of code ran since the last reset."""
        return self.machine.block_counts()

    def edge_counts(self) -> list[EdgeCount]:
        """How often each block followed each other since the last reset."""
        return self.machine.edge_counts()

    @contextmanager
    def counter_reads(self) -> Iterator[list[dict[int, int]]]:
        """See `renode_mnist.targets.base.NotesCounterReads`."""
        reads: list[dict[int, int]] = []
        counts = self.machine.core.counts
        with self.at_counter_reads(lambda: reads.append(counts.instructions_by_block())):
            yield reads

    @contextmanager
    def cycle_splits(self) -> Iterator[list[CycleSplit]]:
        """See `renode_mnist.targets.base.SplitsCycles`; instructions are all that there is without clock model m7."""
        splits: list[CycleSplit] = []
        with self.at_counter_reads(lambda: splits.append(self.machine.core.counts.split_now())):
            yield splits

    @contextmanager
    def at_counter_reads(self, look: Callable[[], None]) -> Iterator[None]:
        """See `renode_mnist.targets.base.StopsAtCounterReads`."""
        dwt = self.machine.dwt
        before = dwt.on_count_read
        dwt.on_count_read = look
        try:
            yield
        finally:
            dwt.on_count_read = before


def hse_hertz_of(board: str) -> int:
    """The crystal of a board."""
    return _HSE_HERTZ.get(board, 25_000_000)


@cache
def unicorn_version() -> str:
    """Of the translator."""
    try:
        return version("unicorn")
    except PackageNotFoundError:  # a build of one's own
        return "of unknown version"


def nothing_at(address: int, size_bytes: int) -> TargetError:
    """Nothing answers there."""
    return TargetError(
        f"no memory or peripheral holds all of the {size_bytes} bytes at {address:#010x}", "Check the address."
    )


def clock_model_of(model: str | ClockModel, parameters: AdjustedParameters | None) -> ClockModel | None:
    """As `Machine` takes it, of a name.

    Raises:
        TargetError: There is none of that name, or it takes no parameters.
    """
    if parameters is not None:
        if model != "m7":
            raise TargetError(
                "parameters are of modelled cycles, and this target counts otherwise", "Add `--clock-model m7`."
            )
        return parameters.costs
    if not isinstance(model, str):
        return model
    if model == "instructions":
        return None
    if model == "m7":
        from renode_mnist.timing import LiveCosts  # brings the disassembler, which nothing else here needs

        return LiveCosts
    raise TargetError(f"There is no clock model '{model}'", "Choose one of: instructions, m7.")
