"""The process that holds Renode: one request a line on standard input, one answer a line on standard output.

It is run by its path, and imports of this package only what serves programs of others, where one is run; pyrenode3
loads at import, keeps one emulation a process and may hang at exit, so a process of its own is what makes it safe to
use. Requests and answers are
JSON objects, bytes are hexadecimal. What the runtimes print goes to standard error, which the parent keeps.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

STEP_SECONDS = 0.001
"""Virtual time between two looks at the lines. Fixed: the same run takes the same steps on every machine."""

QUANTUM_SECONDS = 0.0001
"""Of Renode's time framework. A WFI that meets an interrupt already pending, which a core passes at once, sleeps to
the end of the quantum in Renode. Firmware that sends by interrupt so sends a character a quantum: with this one
about as fast as a UART does at 115200 baud (87 µs)."""

WAITING = '{"waiting": true}\n'
"""Said before the answer to the first request, where that waits for a debugger."""

BOOT_SECONDS = 0.1
"""Virtual time that the firmware has to switch a receiver on, before the target counts as started."""

SLICE_SECONDS = 0.050
"""The most virtual time one request runs, so that the parent hears of the worker often."""

LINES = {"binary": ("usart1", "usart3", "uart7"), "console": ("usart6",)}
"""The firmware's lines. Which of the three is the binary one depends on the board that it is built for; it sets up
no other of them, and a UART that is not enabled drops what comes."""

_CR1, _UE_RE = 0x00, 0b101
"""USART_CR1: UART and receiver enabled (RM0385, USART registers)."""

_BITS_PER_CHARACTER = 10
"""8N1: start, eight data, stop."""

_DEFAULT_BAUD = 115200
_NANOSECONDS = 1_000_000_000


class _Line:
    """One line: collects what the chip sends, feeds it at the baud rate that the firmware has set."""

    def __init__(self, uarts: list[Any], clock_source: Any) -> None:
        import clr
        from System import Action, Byte, Delegate
        from System.Collections.Concurrent import ConcurrentQueue

        self._uarts = uarts
        self._clock_source = clock_source
        self._pending: deque[int] = deque()
        self._on_character_time = Action(self._feed)
        # .NET on both sides (`+=` would put Python in between): the core's thread does not wait for Python's lock.
        self._received = ConcurrentQueue[Byte]()
        on_sent = Delegate.CreateDelegate(clr.GetClrType(Action[Byte]), self._received, "Enqueue")
        for uart in uarts:
            uart.GetType().GetEvent("CharReceived").AddEventHandler(uart, on_sent)

    @property
    def has_bytes(self) -> bool:
        """Whether the chip has sent something that was not taken yet."""
        return not self._received.IsEmpty

    def listens(self) -> bool:
        """Whether the firmware has switched a receiver on."""
        return any(uart.ReadDoubleWord(_CR1) & _UE_RE == _UE_RE for uart in self._uarts)

    def send(self, data: bytes) -> None:
        """Hands over ``data``, a character at a time as the virtual time goes on."""
        from Antmicro.Renode.Time import ClockEntry

        if data and not self._pending:
            period = _BITS_PER_CHARACTER, self._baud()
            entry = ClockEntry(*period, self._on_character_time, self._uarts[0], "characters from outside")
            self._clock_source.AddClockEntry(entry)
        self._pending.extend(data)

    def send_at_once(self, data: bytes) -> None:
        """Hands over ``data`` without pacing: a running emulation's clock cannot be touched from here."""
        for byte in data:
            self._put(byte)

    def take(self) -> bytes:
        """What the chip has sent since the last call."""
        taken = bytearray()
        while self.has_bytes:
            _, byte = self._received.TryDequeue()
            taken.append(byte)
        return bytes(taken)

    def clear(self) -> None:
        """Drops what is under way in either direction."""
        if self._pending:
            self._clock_source.TryRemoveClockEntry(self._on_character_time)
        self._pending.clear()
        self.take()

    def _feed(self) -> None:
        # Called by the core's clock, between two instructions.
        self._put(self._pending.popleft())
        if not self._pending:
            self._clock_source.TryRemoveClockEntry(self._on_character_time)

    def _put(self, byte: int) -> None:
        for uart in self._uarts:
            uart.WriteChar(byte)

    def _baud(self) -> int:
        from System import DivideByZeroException

        for uart in self._uarts:
            with contextlib.suppress(DivideByZeroException):  # BRR is 0: the firmware has not set this one up
                return int(uart.BaudRate)
        return _DEFAULT_BAUD


class Emulation:
    """An STM32F746 in Renode, paused but for the time that ``run`` is asked for.

    Args:
        options: ``elf``, ``platform`` and ``log`` (paths), ``pyrenode3`` (a folder that holds it, or empty)
            and ``gdb_port`` (0 for none); ``lines`` where they are others than `LINES`, and ``program`` for one that
            knows nothing of this project, which then is not run to where it listens (`renode_program`).
        on_abort: Called, on a thread of Renode's, when the core cannot go on (it runs where no memory is). Virtual
            time stands still from then on: whatever waits for it waits for ever.
        on_waiting: Called once GDB is served and waited for.

    With a debugger the emulation runs freely, at the pace of real time: stopping it for each request would
    look like a breakpoint there. No thread of Renode's then calls Python. It would wait for Python's lock, which
    this thread holds while .NET collects garbage, which waits for that thread.
    """

    def __init__(self, options: dict[str, Any], on_abort: Callable[[], None], on_waiting: Callable[[], None]) -> None:
        if options["pyrenode3"]:
            sys.path.insert(0, options["pyrenode3"])
        from pyrenode3.wrappers import Emulation as Renode
        from pyrenode3.wrappers import Monitor

        # The monitor first: it runs the platform's `reset` sections for the machines that come after it.
        self._monitor = Monitor()
        self._renode = Renode()
        self._free_running = bool(options["gdb_port"])
        _log_to(options["log"])
        self.monitor("logLevel 2")  # warnings and errors: what the firmware does that the platform does not know
        self.monitor(f"emulation SetGlobalAdvanceImmediately {str(not self._free_running).lower()}")
        self.monitor("emulation SetGlobalSerialExecution true")
        self.monitor(f'emulation SetGlobalQuantum "{QUANTUM_SECONDS}"')
        self.monitor("emulation SetSeed 1")
        self._machine = self._renode.add_mach("stm32f746")
        self._machine.load_repl(options["platform"])
        self.monitor('macro reset ""')  # a machine without this macro warns at every reset
        self._machine.load_elf(options["elf"])
        self._core = self._machine.sysbus.cpu.internal
        self._on_abort = on_abort
        if not self._free_running:
            self._core.StateChanged += self._core_state_changed
        clock_source = self._machine.internal.ClockSource
        self.lines = {
            line: _Line([getattr(self._machine.sysbus, name).internal for name in names], clock_source)
            for line, names in options.get("lines", LINES).items()
        }
        self.program: Any = None
        if "program" in options:
            from renode_mnist.targets.renode_program import Program

            self.program = Program(self._machine, options["program"], hooks=not self._free_running)
        if self._free_running:
            self._wait_for_debugger(options["gdb_port"], on_waiting)
        if self.program is None:
            self._boot()

    def monitor(self, command: str) -> str:
        """Executes one command of Renode's monitor.

        Raises:
            RuntimeError: The monitor refused it.
        """
        output, error = self._monitor.execute(command)
        if error.strip():
            raise RuntimeError(f"Renode's monitor refused `{command}`: {error.strip()}")
        return str(output).strip()

    def run(self, until_ns: int, line: str) -> None:
        """Runs to ``until_ns``, at most ``SLICE_SECONDS``, and with a ``line`` only until that has bytes."""
        end_ns = min(until_ns, self.now_ns() + round(SLICE_SECONDS * _NANOSECONDS))
        if self.program is not None:
            self.program.go_on()
            self._run_until(end_ns, lambda: self.program.stopped)
        elif line:
            self._run_until(end_ns, lambda: self.lines[line].has_bytes)
        elif self._free_running:
            self._run_until(end_ns, lambda: False)
        else:
            self._run_for(end_ns - self.now_ns())

    def send(self, data: bytes, line: str) -> None:
        """Hands ``data`` to a line."""
        if self._free_running:
            self.lines[line].send_at_once(data)
        else:
            self.lines[line].send(data)

    def read(self, address: int, size_bytes: int) -> bytes:
        """What a debugger sees: memories as they are, peripherals by words.

        Raises:
            RuntimeError: Nothing is there.
        """
        from System import UInt64

        bus = self._machine.sysbus.internal
        if self._is_memory(address, size_bytes):
            return bytes(bus.ReadBytes(UInt64(address), size_bytes, True))
        words = range(address & ~3, address + size_bytes, 4)
        data = b"".join(int(bus.ReadDoubleWord(UInt64(word))).to_bytes(4, "little") for word in words)
        return data[address & 3 :][:size_bytes]

    def write(self, address: int, data: bytes) -> None:
        """Puts data there.

        Raises:
            RuntimeError: Nothing is there.
        """
        from System import Array, Byte, UInt32, UInt64

        bus = self._machine.sysbus.internal
        if self._is_memory(address, len(data)):
            bus.WriteBytes(Array[Byte](data), UInt64(address), True)
        elif address % 4 or len(data) % 4:
            raise RuntimeError(f"registers are written by words, not {len(data)} bytes at {address:#010x}")
        else:
            for at in range(0, len(data), 4):
                bus.WriteDoubleWord(UInt64(address + at), UInt32(int.from_bytes(data[at : at + 4], "little")))

    def _is_memory(self, address: int, size_bytes: int) -> bool:
        """By what is at both ends; else a peripheral is."""
        from System import UInt64

        bus = self._machine.sysbus.internal
        ends = UInt64(address), UInt64(address + size_bytes - 1)
        if any(bus.WhatPeripheralIsAt(end) is None for end in ends):
            raise RuntimeError(f"no memory or peripheral holds all of the {size_bytes} bytes at {address:#010x}")
        return all(bus.IsMemory(end) for end in ends)

    def reset(self) -> None:
        """Resets the chip and lets it start; drops the bytes under way on either side."""
        for line in self.lines.values():
            line.clear()
        self._machine.internal.Reset()
        self._boot()

    def now_ns(self) -> int:
        """Virtual time since the start."""
        return int(self._renode.internal.MasterTimeSource.ElapsedVirtualTime.TotalNanoseconds)

    def state(self) -> dict[str, Any]:
        """What every answer carries."""
        return {
            "now_ns": self.now_ns(),
            "instructions": int(self._core.ExecutedInstructions),
            "halted": bool(self._core.IsHalted),
            "received": {name: line.take().hex() for name, line in self.lines.items()},
        } | ({} if self.program is None else self.program.state())

    def _core_state_changed(self, core: Any, before: Any, after: Any) -> None:
        if str(after) == "Aborted":
            self._on_abort()

    def _run_for(self, nanoseconds: int) -> None:
        from Antmicro.Renode.Time import TimeInterval

        self._renode.internal.RunFor(TimeInterval.FromNanoseconds(nanoseconds))

    def _run_until(self, at_ns: int, done: Callable[[], bool]) -> None:
        step_ns = round(STEP_SECONDS * _NANOSECONDS)
        while (left_ns := at_ns - self.now_ns()) > 0 and not done():
            if self._free_running:
                time.sleep(STEP_SECONDS)
            else:
                self._run_for(min(left_ns, step_ns))

    def _boot(self) -> None:
        self._run_until(self.now_ns() + round(BOOT_SECONDS * _NANOSECONDS), self.lines["binary"].listens)

    def _wait_for_debugger(self, port: int, on_waiting: Callable[[], None]) -> None:
        self.monitor(f"machine StartGdbServer {port} false")
        on_waiting()
        while not self._machine.internal.IsGdbConnectedToServer(port):
            time.sleep(0.05)
        self._renode.internal.StartAll()


def _log_to(path: str) -> None:
    from Antmicro.Renode.Logging import FileBackend, Logger
    from Antmicro.Renode.Utilities import SequencedFilePath

    flush_each_line = True
    Logger.AddBackend(FileBackend(SequencedFilePath(path), flush_each_line), "file", True)


def _flush_log() -> None:
    """Waits for Renode's logging thread, which is behind what has happened."""
    from Antmicro.Renode.Logging import Logger

    Logger.Flush()


def version() -> str:
    """Release, build and runtime of the Renode in this process."""
    import clr
    from System import AppDomain
    from System.Reflection import AssemblyInformationalVersionAttribute

    runtime = os.environ.get("PYRENODE_RUNTIME", "mono")
    for assembly in AppDomain.CurrentDomain.GetAssemblies():
        if assembly.GetName().Name == "Renode":
            number = assembly.GetName().Version
            attribute = clr.GetClrType(AssemblyInformationalVersionAttribute)
            build = assembly.GetCustomAttributes(attribute, False)[0].InformationalVersion
            return f"{number.Major}.{number.Minor}.{number.Build} ({build}, {runtime})"
    return f"unknown ({runtime})"


def _execute(emulation: Emulation, request: dict[str, Any]) -> dict[str, Any]:
    match request["do"]:
        case "run":
            emulation.run(request["until_ns"], request["line"])
        case "stop_at":
            emulation.program.stop_at(request["address"])
        case "drive":
            emulation.program.drive(request["port"], request["pin"], request["high"])
        case "pin":
            return {"high": emulation.program.is_high(request["port"], request["pin"])}
        case "send":
            emulation.send(bytes.fromhex(request["data"]), request["line"])
        case "reset":
            emulation.reset()
        case "read":
            return {"data": emulation.read(request["address"], request["size_bytes"]).hex()}
        case "write":
            emulation.write(request["address"], bytes.fromhex(request["data"]))
        case "monitor":
            return {"output": emulation.monitor(request["command"])}
        case "flush":
            _flush_log()
    return {}


def _read_requests(requests: queue.SimpleQueue[str]) -> NoReturn:
    for line in sys.stdin:
        requests.put(line)
    os._exit(0)  # the parent is gone; whatever Renode is at can be dropped


def _serve(replies: TextIO) -> None:
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(requests,), daemon=True).start()

    def reply(answer: dict[str, Any]) -> None:
        print(json.dumps(answer), file=replies, flush=True)

    def give_up() -> None:
        _flush_log()
        reply({"error": "the core cannot go on where it is"})
        os._exit(0)

    try:
        emulation = Emulation(
            json.loads(requests.get()), give_up, lambda: print(WAITING, end="", file=replies, flush=True)
        )
        reply({"version": version()} | emulation.state())
    except BaseException as error:  # pyrenode3 leaves by sys.exit where it finds no Renode
        remedy = "Check the Renode that `renode-mnist renode where` names."
        reply({"error": f"Renode does not start: {_describe(error)}", "remedy": remedy})
        return
    while (request := json.loads(requests.get()))["do"] != "close":
        try:
            reply(_execute(emulation, request) | emulation.state())
        except Exception as error:
            reply({"error": _describe(error)})


def _describe(error: BaseException) -> str:
    if isinstance(error, RuntimeError):
        return " ".join(str(error).split())
    # .NET's exceptions print their cause after an arrow and then the stack.
    lines = str(error).split(" ---> ")[0].splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def main() -> NoReturn:
    """Serves requests until it is told to close or its parent is gone."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="ascii")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with contextlib.suppress(BrokenPipeError):
        _serve(replies)
    os._exit(0)  # Renode's own way out may hang


if __name__ == "__main__":
    main()
