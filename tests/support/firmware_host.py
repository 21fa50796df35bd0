"""The firmware as a program on this machine, its two lines as TCP connections."""

from __future__ import annotations

import select
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.stream import Deadline


class TcpLine:
    """A ``ByteStream`` over TCP; its clock is the machine's, for deadlines that only a failure reaches."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))

    def now(self) -> float:
        return time.monotonic()

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def receive(self, deadline: Deadline) -> bytes:
        ready, _, _ = select.select([self.socket], [], [], max(0.0, deadline.at_seconds - self.now()))
        if not ready:
            raise TargetTimeout(f"nothing came in {deadline.allowed_seconds} s")
        data = self.socket.recv(1 << 16)
        if not data:
            raise TargetError("the program closed the connection")
        return data

    def close(self) -> None:
        self.socket.close()


class HostProgram:
    """``firmware-host``, running; its ports are free ones."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen([folder / "firmware-host", "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.ports = {
            role: int(address.rsplit(":", 1)[1])
            for role, address in (self.process.stdout.readline().split() for _ in range(2))
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        status = self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        assert status == 0 or error is not None, f"firmware-host ended with status {status}"

    def binary(self) -> TcpLine:
        return TcpLine(self.ports["binary"])

    def console(self) -> TcpLine:
        return TcpLine(self.ports["console"])
