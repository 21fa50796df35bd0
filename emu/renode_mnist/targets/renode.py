"""The firmware in Renode: a proxy for the worker process that holds it (``renode_worker``).

Virtual time only goes on while a call asks for it, in fixed steps, so that the host's load cannot change a
result.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from renode_mnist import paths
from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.renode_install import locate
from renode_mnist.stm32f746 import elf
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets import renode_worker
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.targets.renode_process import WorkerProcess

COUNTER_STEP_INSTRUCTIONS = 27
"""Step of DWT.CYCCNT: virtual time has whole nanoseconds, and 27 instructions at 216 MHz are 125 of them."""

_SILENCE_SECONDS = 60.0
"""Of host time without an answer that count as a hang. A request runs at most 50 ms of virtual time, which
takes 9 s at the slowest rate known (a UART polled at 1.2 MIPS)."""

_START_SECONDS = 180.0
"""The same for the start, which takes 2 s of processor time: an overloaded machine is no hang."""

_NANOSECONDS = 1_000_000_000


class RenodeTarget:
    """An STM32F746 in Renode.

    The binary line is whichever of USART1, USART3 and UART7 the firmware sets up, the console USART6. Characters to
    the chip arrive at the baud rate that the firmware has set; those from it are not paced (Renode's model sends at
    once). Time follows the clock that the firmware sets, in whole megahertz.

    Args:
        elf_path: Of the firmware.
        installation: The Renode to use; by default what ``locate.find`` finds when the target is entered.
        gdb_port: Serves GDB there. Entering the target then waits for the debugger, the emulation runs freely
            instead of by the call, and its times are no longer reproducible.
        on_waiting: Called once it serves the debugger and waits.
        silence_seconds: Host time without an answer after which a running Renode counts as hung; no limit with GDB.
    """

    def __init__(
        self,
        elf_path: Path,
        *,
        installation: locate.Installation | None = None,
        gdb_port: int | None = None,
        on_waiting: Callable[[], None] | None = None,
        silence_seconds: float = _SILENCE_SECONDS,
    ) -> None:
        self._elf_path = elf_path
        self._installation = installation
        self._gdb_port = gdb_port
        self._on_waiting = on_waiting
        self._silence_seconds = silence_seconds
        self._worker: WorkerProcess | None = None
        self._version = ""
        self._now_ns = 0
        self._instructions = 0
        self._received = {name: bytearray() for name in renode_worker.LINES}
        self._binary = _Line(self, "binary")
        self._console = _Line(self, "console")

    def __enter__(self) -> Self:
        """Starts Renode and runs the ELF until it listens on the binary line, or for 0.1 s of virtual time.

        Raises:
            ElfError: The chip cannot run it.
            EnvironmentProblem: There is no Renode, or it cannot be driven.
            TargetError: It does not start.
        """
        image = elf.load(self._elf_path)  # Renode itself takes whatever can be loaded somewhere
        installation = self._installation or locate.find()
        self._worker = WorkerProcess(installation)
        try:
            answer = self._ask(
                _START_SECONDS,
                elf=str(self._elf_path.absolute()),
                platform=str(paths.platform_description()),
                log=str(self._worker.renode_log),
                pyrenode3=str(installation.pyrenode3 or ""),
                gdb_port=self._gdb_port or 0,
                boot_address=image.boot_address,
            )
        except BaseException as error:
            self._stop(keep_logs=isinstance(error, TargetError))
            raise
        self._version = str(answer["version"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends Renode; its logs stay where an error that leaves the ``with`` statement points to them."""
        self._stop(keep_logs=isinstance(error, TargetError))

    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._now_ns / _NANOSECONDS

    def send(self, data: bytes) -> None:
        """Hands ``data`` to the binary line; see ``ByteStream.send``."""
        self._binary.send(data)

    def receive(self, deadline: Deadline) -> bytes:
        """Runs until the binary line has bytes; see ``ByteStream.receive``."""
        return self._binary.receive(deadline)

    def take_arrived(self) -> bytes:
        """See `TakenAtOnce`."""
        return self._take("binary")

    @property
    def console(self) -> ByteStream:
        """The line of the text console."""
        return self._console

    def reset(self) -> None:
        """Resets the chip and lets the firmware start; bytes not yet received are dropped."""
        for received in self._received.values():
            received.clear()
        self._ask(do="reset")

    def identity(self) -> TargetIdentity:
        """Renode's release, build and runtime."""
        return TargetIdentity(
            "renode",
            self._version,
            CounterUnit.INSTRUCTIONS,
            deterministic=not self._gdb_port,
            counter_step=COUNTER_STEP_INSTRUCTIONS,
        )

    def log(self) -> str:
        """Renode's warnings and errors: accesses to nothing, registers that a model does not know, faults."""
        worker = self._running()
        with suppress(TargetError):  # it may have died: then the file holds all there will be
            self._ask(do="flush")
        return worker.warnings()

    def run_for(self, virtual_seconds: float) -> None:
        """Runs for an exact virtual time, to the nanosecond."""
        self._run_until(self._now_ns + round(virtual_seconds * _NANOSECONDS))

    def instructions(self) -> int:
        """Executed since the last reset."""
        return self._instructions

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """See ``ReachesMemory``."""
        return bytes.fromhex(self._ask(do="read", address=address, size_bytes=size_bytes)["data"])

    def write_memory(self, address: int, data: bytes) -> None:
        """See ``ReachesMemory``."""
        self._ask(do="write", address=address, data=data.hex())

    def monitor(self, command: str) -> str:
        """The output of one command of Renode's monitor (``sysbus ReadDoubleWord 0x20000000``).

        Raises:
            TargetError: The monitor refused it.
        """
        return str(self._ask(do="monitor", command=command)["output"])

    def _stop(self, *, keep_logs: bool) -> None:
        if self._worker is not None:
            self._worker.stop(keep_logs=keep_logs)
            self._worker = None

    def _take(self, line: str) -> bytes:
        taken = bytes(self._received[line])
        self._received[line].clear()
        return taken

    def _send(self, line: str, data: bytes) -> None:
        self._ask(do="send", line=line, data=data.hex())

    def _receive(self, line: str, deadline: Deadline) -> bytes:
        if not self._received[line]:
            self._run_until(round(deadline.at_seconds * _NANOSECONDS), line)
        if not self._received[line]:
            raise TargetTimeout(
                f"nothing came on the {line} line in {deadline.allowed_seconds:g} s of virtual time",
                f"Check that the firmware runs and listens. {self._running().pointer()}",
            )
        return self._take(line)

    def _run_until(self, at_ns: int, line: str = "") -> None:
        while self._now_ns < at_ns and not (line and self._received[line]):
            self._ask(do="run", until_ns=at_ns, line=line)

    def _ask(self, silence_seconds: float | None = None, **request: Any) -> dict[str, Any]:
        worker = self._running()
        limit_seconds = None if self._gdb_port else silence_seconds or self._silence_seconds
        answer = worker.ask(request, limit_seconds, self._on_waiting)
        if "error" in answer:
            remedy = answer.get("remedy", "Check the firmware and the call.")
            raise TargetError(answer["error"], f"{remedy} {worker.pointer()}")
        self._now_ns = answer["now_ns"]
        self._instructions = answer["instructions"]
        for line, data in answer["received"].items():
            self._received[line] += bytes.fromhex(data)
        if answer["halted"]:
            raise TargetError(
                f"the core was halted at {self.now():.6f} s of virtual time",
                f"Look for the cause with --gdb. {worker.pointer()}",
            )
        return answer

    def _running(self) -> WorkerProcess:
        if self._worker is None:
            raise TargetError("Renode is not running", "Use the target in a `with` statement.")
        return self._worker


class _Line:
    """One of the target's lines as a stream of its own."""

    def __init__(self, target: RenodeTarget, name: str) -> None:
        self._target = target
        self._name = name

    def now(self) -> float:
        return self._target.now()

    def send(self, data: bytes) -> None:
        self._target._send(self._name, data)

    def receive(self, deadline: Deadline) -> bytes:
        return self._target._receive(self._name, deadline)

    def take_arrived(self) -> bytes:
        return self._target._take(self._name)
