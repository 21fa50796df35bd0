"""A real board over its serial port."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from renode_mnist.errors import FirmwareError, TargetError, TargetTimeout, WireError
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.targets.serial_line import DEFAULT_BAUD, SerialLine
from renode_mnist.wire import frame
from renode_mnist.wire.client import Client

_ST_VENDOR = 0x0483
# ST-LINK/V2-1 with and without mass storage, and V3 (RN0093).
_ST_LINK_PRODUCTS = {0x374B, 0x3752, 0x374E, 0x374F, 0x3753, 0x3754}
_RESET_SECONDS = 10.0
"""An inference of the slowest build takes 3 s (the article's first table), and is not interrupted."""
_RESET_TURN_SECONDS = 0.5


def find_port() -> str:
    """The port of the one ST-LINK that is plugged in.

    Raises:
        TargetError: There is none, or more than one, which is for the user to decide.
    """
    found = _st_links()
    if not found:
        raise TargetError("no ST-LINK is plugged in", "Plug the board in, or name its port: `--port`.")
    if len(found) > 1:
        listed = ", ".join(f"{port.device} (serial number {port.serial_number})" for port in found)
        raise TargetError(f"{len(found)} ST-LINKs are plugged in: {listed}", "Choose one: `--port`.")
    return str(found[0].device)


def probe_of(port: str) -> str | None:
    """Serial number of the ST-LINK that a port belongs to; None where it is no ST-LINK's."""
    place = os.path.realpath(port)
    return next((found.serial_number for found in _st_links() if os.path.realpath(found.device) == place), None)


def _st_links() -> list[ListPortInfo]:
    return [port for port in list_ports.comports() if port.vid == _ST_VENDOR and port.pid in _ST_LINK_PRODUCTS]


class BoardTarget:
    """A board as it stands there: it runs what its flash holds (see ``flasher`` for changing that).

    Args:
        port: Device or pyserial URL of the binary line; None looks for the ST-LINK.
        baud: Of the line.
    """

    def __init__(self, port: str | None = None, baud: int = DEFAULT_BAUD) -> None:
        self._line = SerialLine(port or find_port(), baud)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        """Locks and opens the port; a frame that somebody left half sent is closed."""
        self._open.enter_context(self._line)
        self._line.drop_input()
        self._line.send(bytes([frame.DELIMITER]))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the port; the board goes on."""
        self._open.__exit__(kind, error, trace)

    def now(self) -> float:
        """See ``Timed.now``."""
        return self._line.now()

    def send(self, data: bytes) -> None:
        """See ``ByteStream.send``."""
        self._line.send(data)

    def receive(self, deadline: Deadline) -> bytes:
        """See ``ByteStream.receive``."""
        return self._line.receive(deadline)

    def take_arrived(self) -> bytes:
        """See `TakenAtOnce`."""
        return self._line.take_arrived()

    def reset(self) -> None:
        """Asks the firmware to reset, the only way without a probe, and waits until it is there again.

        Raises:
            TargetError: It did not agree, or did not come back, within `_RESET_SECONDS`.
        """
        self.send(bytes([frame.DELIMITER]))
        deadline = Deadline.after(self, _RESET_SECONDS)
        client = Client(self, timeout_seconds=_RESET_TURN_SECONDS)
        # What else is on its way answers what was asked before; the client passes over it, which drops it.
        self._insist(client.reset, deadline)
        self._insist(client.stats, deadline)

    def _insist(self, request: Callable[[], object], deadline: Deadline) -> None:
        while True:
            try:
                request()
                return
            except (FirmwareError, TargetTimeout, WireError) as error:  # busy with an inference, or booting
                if self.now() >= deadline.at_seconds:
                    raise TargetError(
                        f"the firmware could not be reset within {deadline.allowed_seconds:g} s: {error}",
                        "Press the board's reset button.",
                    ) from error

    def identity(self) -> TargetIdentity:
        """See ``Target.identity``."""
        return TargetIdentity("board", self._line.port, CounterUnit.CYCLES_MEASURED, deterministic=False)

    def log(self) -> str:
        """Nothing: silicon keeps none."""
        return ""


class BoardTargetWithConsole(BoardTarget):
    """A board whose text console is wired to a port of its own.

    Args:
        port: Of the binary line, as in ``BoardTarget``.
        console_port: Of the console.
        baud: Of both.
    """

    def __init__(self, port: str | None, console_port: str, baud: int = DEFAULT_BAUD) -> None:
        super().__init__(port, baud)
        self._console = SerialLine(console_port, baud)

    def __enter__(self) -> Self:
        """Opens both ports."""
        super().__enter__()
        try:
            self._open.enter_context(self._console)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    @property
    def console(self) -> ByteStream:
        """See ``HasConsole``."""
        return self._console
