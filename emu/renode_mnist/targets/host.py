"""The same app and engine as a program on this PC, over TCP on the loopback address."""

from __future__ import annotations

import platform
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets.base import CounterUnit, TargetIdentity

_STOP_SECONDS = 5
_CHUNK_BYTES = 4096
_LAST_LINES = 10


class _TcpLine:
    """A line of the program: a ``ByteStream``.

    Not pyserial's ``socket://``, which drops on opening what has come by then: the console's first line.
    """

    def __init__(self, host: str, port: int, log: Callable[[], str]) -> None:
        self._log = log
        self._address = f"{host}:{port}"
        self._socket = socket.create_connection((host, port))

    def close(self) -> None:
        self._socket.close()

    def now(self) -> float:
        return time.monotonic()

    def send(self, data: bytes) -> None:
        try:
            self._socket.settimeout(None)
            self._socket.sendall(data)
        except OSError as error:
            raise self._gone(str(error)) from error

    def receive(self, deadline: Deadline) -> bytes:
        try:
            # A timeout of zero would mean "do not wait", and miss what is on its way through the kernel.
            self._socket.settimeout(max(1e-6, deadline.at_seconds - self.now()))
            data = self._socket.recv(_CHUNK_BYTES)
        except TimeoutError as error:
            raise TargetTimeout(
                f"the program was silent for {deadline.allowed_seconds:g} s on {self._address}",
                self._said(),
            ) from error
        except OSError as error:
            raise self._gone(str(error)) from error
        if not data:
            raise self._gone("it closed the connection")
        return data

    def take_arrived(self) -> bytes:
        self._socket.setblocking(False)
        try:
            return self._socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(str(error)) from error

    def _gone(self, why: str) -> TargetError:
        return TargetError(f"lost the program at {self._address}: {why}", self._said())

    def _said(self) -> str:
        """What it wrote to its error stream, as a sentence."""
        lines = self._log().strip().splitlines()[-_LAST_LINES:]
        return "".join(["It said", *(f"\n  | {line}" for line in lines)]) if lines else "It said nothing."


class HostTarget:
    """Starts the program on free ports and speaks to it; a reset starts it anew.

    Args:
        program: ``firmware-host`` of a build for this machine.
    """

    def __init__(self, program: Path) -> None:
        self._program = program.resolve()  # a bare name would be looked for on the PATH
        self._process: subprocess.Popen[str] | None = None
        self._log: IO[str] | None = None
        self._lines: dict[str, _TcpLine] = {}

    def __enter__(self) -> Self:
        """Starts the program.

        Raises:
            TargetError: It does not start.
        """
        self._log = tempfile.TemporaryFile("w+")
        try:
            self._start()
        except BaseException as error:  # a signal while it is waited for, too
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends it."""
        self._stop()
        if self._log is not None:
            self._log.close()
            self._log = None

    def now(self) -> float:
        """See ``Timed.now``."""
        return self._lines["binary"].now()

    def send(self, data: bytes) -> None:
        """See ``ByteStream.send``."""
        self._lines["binary"].send(data)

    def receive(self, deadline: Deadline) -> bytes:
        """See ``ByteStream.receive``."""
        return self._lines["binary"].receive(deadline)

    def take_arrived(self) -> bytes:
        """See `TakenAtOnce`."""
        return self._lines["binary"].take_arrived()

    @property
    def console(self) -> ByteStream:
        """See ``HasConsole``."""
        return self._lines["console"]

    def reset(self) -> None:
        """Starts the program anew: nothing of the old one is left."""
        self._stop()
        self._start()

    def identity(self) -> TargetIdentity:
        """See ``Target.identity``."""
        machine = f"{platform.machine()} {platform.system()}"
        return TargetIdentity("host", machine, CounterUnit.NANOSECONDS, deterministic=False)

    def log(self) -> str:
        """What the program wrote to its error stream."""
        if self._log is None:
            return ""
        self._log.seek(0)
        return self._log.read()

    def _start(self) -> None:
        try:
            self._process = subprocess.Popen(
                [str(self._program), "--port", "0", "--console-port", "0"],
                stdout=subprocess.PIPE,
                stderr=self._log,
                text=True,
            )
        except OSError as error:
            raise TargetError(
                f"cannot run {self._program}: {error}", "Build it for this machine: `renode-mnist build --host`."
            ) from error
        assert self._process.stdout is not None
        # It prints a line for each of its two ports, "binary 127.0.0.1:40001", and nothing more.
        for _ in range(2):
            role, _, address = self._process.stdout.readline().strip().partition(" ")
            if not address:
                status = self._process.wait()
                said = " ".join(self.log().split()) or "it said nothing"
                self._stop()
                raise TargetError(
                    f"{self._program.name} ended at once with status {status}: {said}",
                    "Give the program that `renode-mnist build --host` makes.",
                )
            host, _, port = address.rpartition(":")
            self._lines[role] = _TcpLine(host, int(port), self.log)

    def _stop(self) -> None:
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None
