"""Any program in Renode: see ``renode`` for the worker process behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from renode_mnist import paths
from renode_mnist.errors import TargetError
from renode_mnist.renode_install import locate
from renode_mnist.stm32f746 import elf
from renode_mnist.stm32f746.pads import Pin
from renode_mnist.targets.any_elf import HANDLED_SECONDS, ITM, SEMIHOSTING, Count, End, EndKind, Heard, Stopped
from renode_mnist.targets.renode_findings import Findings
from renode_mnist.targets.renode_process import WorkerProcess

UARTS = ("USART1", "USART2", "USART3", "UART4", "UART5", "USART6", "UART7", "UART8")

_BKPT_CALL = b"\xab\xbe"
_START_SECONDS = 180.0
_SILENCE_SECONDS = 60.0
_NANOSECONDS = 1_000_000_000
_FAULTS = {3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}


class RenodeElf:
    """See ``AnyElf``. Renode knows no end but semihosting's and a fault's: what waits for ever goes on doing so.

    Args:
        elf_path: The program.
        heard: Told what it says.
        files: Folder for files that it opens by semihosting; None refuses them.
        gdb_port: As ``RenodeTarget`` has it; there is no semihosting then.
        on_waiting: Likewise.
        trace_locked: DWT and ITM are locked after a reset.
        installation: Likewise.
    """

    name = "renode"

    def __init__(
        self,
        elf_path: Path,
        heard: Heard,
        *,
        files: Path | None = None,
        gdb_port: int | None = None,
        on_waiting: Callable[[], None] | None = None,
        trace_locked: bool = False,
        installation: locate.Installation | None = None,
    ) -> None:
        self.version = ""
        self._elf_path = elf_path
        self._heard = heard
        self._files = files
        self._gdb_port = gdb_port
        self._on_waiting = on_waiting
        self._trace_locked = trace_locked
        self._installation = installation
        self._image = elf.load(elf_path)
        self._worker: WorkerProcess | None = None
        self._state: dict[str, Any] = {}
        self._notes: list[str] = []
        self._fault: tuple[int, float] | None = None
        self._exit: End | None = None
        self._to_come: list[tuple[int, Pin, bool]] = []
        self._last_findings = Findings((), ())

    def __enter__(self) -> Self:
        """Starts Renode with the program at its first instruction.

        Raises:
            EnvironmentProblem: There is no Renode, or it cannot be driven.
            TargetError: It does not start.
        """
        installation = self._installation or locate.find()
        self._worker = WorkerProcess(installation)
        try:
            self._ask(
                _START_SECONDS,
                elf=str(self._elf_path.absolute()),
                platform=str(paths.platform_description()),
                log=str(self._worker.renode_log),
                pyrenode3=str(installation.pyrenode3 or ""),
                gdb_port=self._gdb_port or 0,
                lines={name: [name.lower()] for name in UARTS},
                program={
                    "vector_table": self._image.vector_table,
                    "calls": list(self._semihosting_calls()),
                    "files": str(self._files.absolute()) if self._files else "",
                    "trace_locked": self._trace_locked,
                },
            )
        except BaseException as error:
            self._stop(keep_logs=isinstance(error, TargetError))
            raise
        self.version = str(self._state["version"])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends Renode."""
        self._findings()  # for who asks afterwards
        self._stop(keep_logs=isinstance(error, TargetError))

    def _stop(self, *, keep_logs: bool) -> None:
        if self._worker is not None:
            self._worker.stop(keep_logs=keep_logs)
            self._worker = None

    def _semihosting_calls(self) -> Iterator[int]:
        """Where the program may hold BKPT 0xAB; what is data there is never executed."""
        for address, data in elf.loaded(self._elf_path):
            at = data.find(_BKPT_CALL)
            while at >= 0:
                if not (address + at) % 2:
                    yield address + at
                at = data.find(_BKPT_CALL, at + 1)

    def _ask(self, silence_seconds: float = _SILENCE_SECONDS, **request: Any) -> dict[str, Any]:
        if self._worker is None:
            raise TargetError("Renode is not running", "Use the program in a `with` statement.")
        limit = None if self._gdb_port else silence_seconds
        answer = self._worker.ask(request, limit, self._on_waiting)
        if "error" in answer:
            remedy = answer.get("remedy", "Check the program and the call.")
            raise TargetError(answer["error"], f"{remedy} {self._worker.pointer()}")
        self._state = self._state | answer
        for name, data in (*answer["received"].items(), (SEMIHOSTING, answer["semihosting"]), (ITM, answer["itm"])):
            if data:
                self._heard(name, bytes.fromhex(data))
        self._notes += answer["notes"]
        return answer

    @property
    def uarts(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return UARTS

    def run(self, until_seconds: float, done: Callable[[], bool]) -> Stopped | End:
        """See ``AnyElf``; stops come at the end of a millisecond of virtual time, in which no more is executed."""
        if self._exit is not None:
            return self._exit
        until_ns = round(until_seconds * _NANOSECONDS)
        while self._state["now_ns"] < until_ns:
            answer = self._ask(do="run", until_ns=self._next_ns(until_ns), line="")
            if (status := answer["exit_status"]) is not None:
                self._exit = End(EndKind.EXIT, f"it ended with status {status} (semihosting)", status)
                return Stopped.CONDITION if done() else self._exit
            if answer["function_entered"]:
                return Stopped.FUNCTION
            if done():
                return Stopped.CONDITION
            if (end := self._end(answer)) is not None:
                return end
        return Stopped.TIME

    def _end(self, answer: dict[str, Any]) -> End | None:
        exception = answer["exception"]
        if exception not in _FAULTS:
            self._fault = None
            return None
        if self._fault is None or self._fault[0] != exception:
            self._fault = (exception, self.now())
        if self.now() < self._fault[1] + HANDLED_SECONDS:
            return None
        return End(EndKind.FAULT, f"it is in the handler of {_FAULTS[exception]}; the core {self.whereabouts()}")

    def stop_at(self, address: int | None) -> None:
        """See ``AnyElf``."""
        self._ask(do="stop_at", address=address)

    def send(self, uart: str, data: bytes) -> None:
        """See ``AnyElf``."""
        self._ask(do="send", line=uart, data=data.hex())

    def drive(self, pin: Pin, high: bool | None, at_seconds: float | None = None) -> None:
        """See ``AnyElf``; at a moment to come means at the end of its millisecond.

        Raises:
            TargetError: ``high`` is None, which Renode's model of a port does not know.
        """
        if high is None:
            raise TargetError(
                f"Renode cannot release {pin}: its ports know high and low",
                "Drive it as its pull would.",
            )
        if at_seconds is not None and at_seconds > self.now():
            self._to_come.append((round(at_seconds * _NANOSECONDS), pin, high))
            self._to_come.sort()
        else:
            self._ask(do="drive", port=pin.port, pin=pin.number, high=high)

    def is_high(self, pin: Pin) -> bool:
        """See ``AnyElf``; what the program or `drive` gave it, not what other peripherals drive."""
        return bool(self._ask(do="pin", port=pin.port, pin=pin.number)["high"])

    def _next_ns(self, until_ns: int) -> int:
        """How far to run now: what is to be driven by now is."""
        while self._to_come and self._to_come[0][0] <= self._state["now_ns"]:
            _, pin, high = self._to_come.pop(0)
            self._ask(do="drive", port=pin.port, pin=pin.number, high=high)
        return min(until_ns, self._to_come[0][0]) if self._to_come else until_ns

    def now(self) -> float:
        """See ``AnyElf``."""
        return float(self._state["now_ns"] / _NANOSECONDS)

    def count(self) -> Count:
        """See ``AnyElf``."""
        return Count(int(self._state["instructions"]), None)

    def registers(self) -> tuple[int, int, int]:
        """See ``AnyElf``."""
        return self._state["pc"], self._state["lr"], self._state["sp"]

    def read_memory(self, address: int, size_bytes: int) -> bytes:
        """See ``AnyElf``."""
        return bytes.fromhex(self._ask(do="read", address=address, size_bytes=size_bytes)["data"])

    def write_memory(self, address: int, data: bytes) -> None:
        """See ``AnyElf``."""
        self._ask(do="write", address=address, data=data.hex())

    def whereabouts(self) -> str:
        """See ``AnyElf``."""
        pc = self._state["pc"]
        return f"runs or sleeps at {pc:#010x}{self._image.symbol_at(pc)}"

    def lacking(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return self._findings().lacking

    def remarks(self) -> tuple[str, ...]:
        """See ``AnyElf``."""
        return (*self._notes, *self._findings().remarks)

    def _findings(self) -> Findings:
        if self._worker is not None:
            with suppress(TargetError):
                self._ask(do="flush")
            self._last_findings = Findings.of(self._worker.warnings(), self._image.symbol_at)
        return self._last_findings
