"""Serves the page on the loopback address until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from renode_mnist.draw.app import application
from renode_mnist.draw.choice import Offers
from renode_mnist.draw.supervisor import Supervisor
from renode_mnist.errors import EnvironmentProblem

LOOPBACK = "127.0.0.1"

_CONNECTIONS = 64
"""More than the six that a browser opens for each of ten pages."""

_GRACE_SECONDS = 2

_ASKING_SECONDS = 10
"""A connection may be without a whole request; uvicorn itself waits for ever for the first one."""


def listen(port: int) -> socket.socket:
    """A socket on the loopback address; 0 is a free port.

    Raises:
        EnvironmentProblem: The port is taken, or not for this user.
    """
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise EnvironmentProblem(
            f"cannot serve the page on {LOOPBACK}:{port}: {error.strerror}",
            "Another `renode-mnist draw` may run; give another port by --http-port, or 0 for a free one.",
        ) from error


def serve(door: socket.socket, offers: Offers, deadline_seconds: float) -> None:
    """Serves until a signal.

    Args:
        door: From ``listen``.
        offers: What the page may choose between, and with what it starts.
        deadline_seconds: See ``Supervisor``.
    """
    server = _server(door, offers, deadline_seconds)

    # For one that comes before uvicorn listens to them, and for it being raised once more when uvicorn is done.
    def stop(number: int, frame: FrameType | None) -> None:
        server.should_exit = True

    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    asyncio.run(server.serve([door]))


def _server(door: socket.socket, offers: Offers, deadline_seconds: float) -> _Server:
    supervisor = Supervisor(offers.first, offers.job(offers.first), deadline_seconds)
    settings = uvicorn.Config(
        application(offers, supervisor, door.getsockname()[1]),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        http=_Impatient,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    return _Server(settings, supervisor)


class _Impatient(H11Protocol):
    """Ends a connection that asks for nothing: enough of them, and nobody else is let in."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio."""
        super().connection_made(transport)
        self._look_again()

    def _look_again(self) -> None:
        self._look = self.loop.call_later(_ASKING_SECONDS, self._end_where_idle)

    def _end_where_idle(self) -> None:
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._look_again()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._look.cancel()
        super().connection_lost(exc)


class _Server(uvicorn.Server):
    """Ends the event streams first: they have no end of their own to wait for."""

    def __init__(self, config: uvicorn.Config, supervisor: Supervisor) -> None:
        super().__init__(config)
        self._supervisor = supervisor

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._supervisor.close()
        await super().shutdown(sockets)
