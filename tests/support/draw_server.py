"""``renode-mnist draw`` as a process of its own, for tests that speak to it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 120
"""For what must come; only a build from nothing on a busy machine takes minutes."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def value(self) -> Any:
        return json.loads(self.content)


@dataclass(frozen=True)
class DrawServer:
    """A running server; ``headers`` in its calls come on top of what the page would send."""

    process: subprocess.Popen[str]
    port: int
    _connections: list[http.client.HTTPConnection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def begin(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> http.client.HTTPConnection:
        """Sends a request; ``finish`` takes the reply."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        self._connections.append(connection)
        own = {"Host": f"127.0.0.1:{self.port}"}
        connection.request(method, path, body, own | (headers or {}), encode_chunked=isinstance(body, Iterator))
        return connection

    @staticmethod
    def finish(connection: http.client.HTTPConnection) -> Reply:
        response = connection.getresponse()
        reply = Reply(
            response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        )
        connection.close()
        return reply

    def get(self, path: str, **headers: str) -> Reply:
        return self.finish(self.begin("GET", path, headers=_spelled(headers)))

    def post(self, path: str, value: object, **headers: str) -> Reply:
        return self.finish(self.begin_post(path, value, **headers))

    def begin_post(self, path: str, value: object, **headers: str) -> http.client.HTTPConnection:
        body = json.dumps(value).encode()
        return self.begin("POST", path, body, {"Content-Type": "application/json"} | _spelled(headers))

    def post_picture(self, picture: bytes, kind: str = "image/png") -> Reply:
        return self.finish(self.begin("POST", "/api/preprocess", picture, {"Content-Type": kind}))

    def states(self) -> Iterator[dict[str, Any]]:
        """What the page is told, from now on."""
        response = self.begin("GET", "/api/events").getresponse()
        assert response.status == 200
        for line in response:
            if line.startswith(b"data: "):
                yield json.loads(line.removeprefix(b"data: "))

    def wait_for(self, *states: str) -> dict[str, Any]:
        """The first state that is one of these."""
        return next(told for told in self.states() if told["state"] in states)

    def worker(self) -> int:
        """The process that owns the target."""
        (pid,) = children(self.process.pid)
        return pid

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit status after a signal."""
        for connection in self._connections:
            connection.close()
        self.process.send_signal(number)
        return self.process.wait(60)


@contextmanager
def draw_server(*arguments: str | Path, target: str = "embedded") -> Iterator[DrawServer]:
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from renode_mnist.cli import main; main()",
            "draw", "--target", target, "--http-port", "0", "--no-browser", *map(str, arguments),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split()[0]
        server = DrawServer(process, int(address.rstrip("/").rpartition(":")[2]))
        yield server
        if process.poll() is None:
            assert server.stop() == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def children(pid: int) -> list[int]:
    """Processes that this one has started."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def _spelled(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
