"""Makes an emulated board reachable as a real one: its lines as pseudo-terminals or TCP ports, in real time."""

from __future__ import annotations

import os
import select
import socket
import termios
import time
import tty
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from renode_mnist.errors import TargetError
from renode_mnist.stream import TakenAtOnce
from renode_mnist.targets.base import HasLineBaud, RunsVirtualTime

LOOPBACK = "127.0.0.1"

_STEP_SECONDS = 0.005
"""How far virtual time may be ahead: 58 characters at 115200 baud, below what a person or a driver notices."""

_MOST_BEHIND_SECONDS = 0.5
"""An emulator slower than the chip falls behind; beyond this it does not try to catch up."""

_MOST_RUN_SECONDS = 4 * _STEP_SECONDS

_LEAST_SECONDS = 1e-6
"""What is not worth running for; below it a target's own rounding may stand still."""

_CHUNK_BYTES = 4096

_METHODS = "GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH"
_HTTP_METHODS = tuple(f"{method} ".encode() for method in _METHODS.split())
"""What a browser's connection begins with (RFC 9110 9.3, RFC 5789), in its first segment."""
_HTTP_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

_ISPEED, _OSPEED = 4, 5  # in what termios.tcgetattr returns
_BAUD_RATES = {
    getattr(termios, name): int(name[1:]) for name in dir(termios) if name.startswith("B") and name[1:].isdigit()
}


class Door(Protocol):
    """One end of a line on this machine."""

    @property
    def address(self) -> str:
        """What ``--port`` takes to reach it."""
        ...

    def read(self) -> bytes:
        """What has come, without waiting; may be empty."""
        ...

    def write(self, data: bytes) -> None:
        """Hands bytes over; what nobody takes is lost, as on a line that nobody listens to."""
        ...

    def fileno(self) -> int:
        """What becomes readable when something has come."""
        ...

    def close(self) -> None:
        """Gives it free."""
        ...


class PseudoTerminal:
    """A device file, as a USB serial adapter would be.

    Args:
        baud: What it is set to until a client sets it.
    """

    def __init__(self, baud: int) -> None:
        # This end of the client's side stays open, so that a client may go and another come.
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        settings = termios.tcgetattr(self._theirs)
        settings[_ISPEED] = settings[_OSPEED] = getattr(termios, f"B{baud}")
        termios.tcsetattr(self._theirs, termios.TCSANOW, settings)
        os.set_blocking(self._ours, False)

    @property
    def baud(self) -> int:
        """The rate that the client has set; 0 where it is none of the standard ones."""
        return _BAUD_RATES.get(termios.tcgetattr(self._theirs)[_OSPEED], 0)

    @property
    def address(self) -> str:
        """The device."""
        return os.ttyname(self._theirs)

    def read(self) -> bytes:
        """See ``Door``."""
        with suppress(BlockingIOError):
            return os.read(self._ours, _CHUNK_BYTES)
        return b""

    def write(self, data: bytes) -> None:
        """See ``Door``."""
        with suppress(BlockingIOError):
            os.write(self._ours, data)

    def fileno(self) -> int:
        """See ``Door``."""
        return self._ours

    def close(self) -> None:
        """See ``Door``."""
        os.close(self._ours)
        os.close(self._theirs)


class TcpPort:
    """A TCP port on the loopback address, for one client at a time.

    A browser is sent away: else any web page that is open on this machine could post lines to the board.

    Args:
        port: 0 is a free one.

    Raises:
        TargetError: The port is taken.
    """

    def __init__(self, port: int) -> None:
        try:
            self._door = socket.create_server((LOOPBACK, port))
        except OSError as error:
            raise TargetError(f"cannot listen on {LOOPBACK}:{port}: {error}", "Give another port, or 0.") from error
        self._door.setblocking(False)
        self._client: socket.socket | None = None
        self._is_new = False

    @property
    def address(self) -> str:
        """A pyserial URL."""
        return f"socket://{LOOPBACK}:{self._door.getsockname()[1]}"

    def read(self) -> bytes:
        """See ``Door``."""
        while True:  # past all who have gone again before their turn came
            if self._client is None:
                try:
                    self._client, _ = self._door.accept()
                except OSError:  # nobody is there, or was and is not any more
                    return b""
                self._client.setblocking(False)
                self._is_new = True
            try:
                data = self._client.recv(_CHUNK_BYTES)
            except BlockingIOError:
                return b""
            except OSError:
                data = b""
            if self._is_new and data.startswith(_HTTP_METHODS):
                self.write(_HTTP_REFUSAL)
                data = b""
            if data:
                self._is_new = False
                return data
            self._hang_up()

    def write(self, data: bytes) -> None:
        """See ``Door``."""
        if self._client is None:
            return
        try:
            self._client.sendall(data)
        except BlockingIOError:
            pass
        except OSError:
            self._hang_up()

    def fileno(self) -> int:
        """See ``Door``."""
        return (self._client or self._door).fileno()

    def close(self) -> None:
        """See ``Door``."""
        self._hang_up()
        self._door.close()

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


class Clock(Protocol):
    """Real time, as far as the service sees it."""

    def now(self) -> float:
        """Seconds since an arbitrary start."""
        ...

    def wait(self, doors: Sequence[Door], seconds: float) -> None:
        """Until a byte has come to a door, or so long."""
        ...


class SystemClock:
    """That of this machine."""

    def now(self) -> float:
        """See ``Clock``."""
        return time.monotonic()

    def wait(self, doors: Sequence[Door], seconds: float) -> None:
        """See ``Clock``."""
        select.select([door.fileno() for door in doors], [], [], seconds)


@runtime_checkable
class Emulated(TakenAtOnce, RunsVirtualTime, Protocol):
    """A target that can be told how far to run."""


@dataclass(frozen=True)
class Behind:
    """Virtual time that could not follow.

    Attributes:
        seconds: By how much it was behind.
        after_seconds: How long it had been followed by then.
    """

    seconds: float
    after_seconds: float


def serve(
    target: Emulated,
    lines: Mapping[Door, TakenAtOnce],
    until: Callable[[], bool],
    *,
    behind: Callable[[Behind], None] = lambda found: None,
    clock: Clock | None = None,
) -> None:
    """Moves bytes between doors and lines while virtual time follows real time.

    Args:
        target: Opened.
        lines: Each of its lines behind the door that stands for it.
        until: Asked every few milliseconds; ends the service when true.
        behind: Called once, where virtual time has fallen behind by more than can be caught up.
        clock: Real time; this machine's without it.
    """
    clock = clock or SystemClock()
    doors = list(lines)
    begun = real = clock.now()
    virtual = target.now()
    is_told = False
    while not until():
        step_at = clock.now() + _STEP_SECONDS
        for door, line in lines.items():
            if isinstance(door, PseudoTerminal) and isinstance(line, HasLineBaud) and door.baud:
                line.set_line_baud(door.baud)
            if data := door.read():
                line.send(data)
        due = virtual + clock.now() - real
        if (late := due - target.now()) > _MOST_BEHIND_SECONDS:
            real, virtual = clock.now(), target.now()
            due = virtual
            if not is_told:
                behind(Behind(late, real - begun))
                is_told = True
        # Catching up, it looks after its clients now and then.
        _run_until(target, min(due, target.now() + _MOST_RUN_SECONDS), lines)
        # Bytes that come meanwhile are worth waking up for; otherwise the next step is soon enough.
        clock.wait(doors, max(0.0, step_at - clock.now()))


def _run_until(target: Emulated, due: float, lines: Mapping[Door, TakenAtOnce]) -> None:
    """In steps, whose bytes go out together: a return for each byte takes longer than the byte does."""
    while (left := due - target.now()) > _LEAST_SECONDS:
        target.run_for(min(left, _STEP_SECONDS))
        for door, line in lines.items():
            if data := line.take_arrived():
                door.write(data)
