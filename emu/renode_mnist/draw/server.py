"""Serves the page on the loopback address until SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn

from renode_mnist.draw.app import application
from renode_mnist.draw.choice import Offers
from renode_mnist.draw.supervisor import Supervisor
from renode_mnist.errors import EnvironmentProblem

LOOPBACK = "127.0.0.1"

_CONNECTIONS = 64
"""More than the six that a browser opens for each of ten pages."""

_GRACE_SECONDS = 2


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
    # uvicorn raises the signal that has ended it once more when it is done; here that is no news.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, lambda *_: None)
    asyncio.run(_serve(door, offers, deadline_seconds))


async def _serve(door: socket.socket, offers: Offers, deadline_seconds: float) -> None:
    supervisor = Supervisor(offers.first, offers.job(offers.first), deadline_seconds)
    settings = uvicorn.Config(
        application(offers, supervisor, door.getsockname()[1]),
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    await _Server(settings, supervisor).serve([door])


class _Server(uvicorn.Server):
    """Ends the event streams first: they have no end of their own to wait for."""

    def __init__(self, config: uvicorn.Config, supervisor: Supervisor) -> None:
        super().__init__(config)
        self._supervisor = supervisor

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._supervisor.close()
        await super().shutdown(sockets)
