"""A byte stream over a serial port, or whatever pyserial's URLs reach: ``socket://``, ``rfc2217://``."""

from __future__ import annotations

import errno
import hashlib
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import serial
from filelock import FileLock, Timeout

from renode_mnist import paths
from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.stream import Deadline

try:
    from termios import error as _TermiosError
except ImportError:  # not on Windows, where pyserial raises its own

    class _TermiosError(Exception):  # type: ignore[no-redef]
        pass


DEFAULT_BAUD = 115200

_PORT_ERRORS = (serial.SerialException, OSError, ValueError, _TermiosError)

_IN_USE = "Close the program that holds the port (`fuser -v PORT` names it), or name another board's port."
_REMEDIES = {
    errno.EACCES: "Join the group that owns the port (Debian: `adduser $USER dialout`, then log in again).",
    errno.ENOENT: "Plug the board in, or name its port: `--port`.",
    errno.EBUSY: _IN_USE,
    errno.EAGAIN: _IN_USE,  # what a port says that another program has locked (flock)
}
_URL_REMEDY = "Check the address and that its server runs."

_POLL_SECONDS = 0.05
"""Of one read. Fixed at opening: pyserial sets a port up anew for each change, over RFC 2217 by the network."""

_SEND_SECONDS = 5.0
"""For `_SEND_BYTES` that the port does not take; at 1200 baud they need 2.1 s."""
_SEND_BYTES = 256


class SerialLine:
    """One serial port, locked for as long as it is open; a context manager.

    A device is locked by the system (flock), so that no user's job and no terminal that heeds it can share it; what
    a URL reaches is locked by a file among this user's jobs.

    Args:
        port: Device or pyserial URL.
        baud: Bits a second; 8 data bits, no parity, 1 stop bit.
    """

    def __init__(self, port: str, baud: int = DEFAULT_BAUD) -> None:
        self.port = port
        self.baud = baud
        self._lock = FileLock(_lock_file(port))
        self._serial: serial.Serial | None = None

    def __enter__(self) -> Self:
        """Locks and opens the port.

        Raises:
            TargetError: It is in use, does not exist, or may not be opened.
            EnvironmentProblem: The cache, where its lock is, cannot be written.
        """
        self._acquire()
        try:
            self._serial = serial.serial_for_url(
                self.port,
                baudrate=self.baud,
                timeout=_POLL_SECONDS,
                # pyserial's RFC 2217 client refuses a write timeout; it has one of its own.
                write_timeout=None if self.port.startswith("rfc2217:") else _SEND_SECONDS,
                exclusive=True,
            )
        except _PORT_ERRORS as error:
            self._lock.release()
            raise self._cannot_open(error) from error
        return self

    def _acquire(self) -> None:
        paths.made(Path(self._lock.lock_file).parent)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise TargetError(
                f"{self.port} is in use by another renode-mnist", "Wait for it, or name another board's port."
            ) from None
        except OSError as error:
            raise TargetError(
                f"cannot lock {self.port}: {error}",
                f"Remove that file, or set {paths.CACHE_VARIABLE} to a folder of yours.",
            ) from error

    def _cannot_open(self, error: Exception) -> TargetError:
        if "://" in self.port:
            return TargetError(f"cannot open {self.port}: {error}", _URL_REMEDY)
        number = getattr(error, "errno", None)
        if number not in _REMEDIES:
            return TargetError(f"cannot open {self.port}: {error}", "Check that it is a serial port, and its rate.")
        what = "it is in use by another program" if _REMEDIES[number] is _IN_USE else os.strerror(number)
        return TargetError(f"cannot open {self.port}: {what}", _REMEDIES[number])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the port and gives it free."""
        if self._serial is not None:
            self._serial.close()
            self._serial = None
        self._lock.release()

    def now(self) -> float:
        """Seconds on this machine's monotonic clock."""
        return time.monotonic()

    def send(self, data: bytes) -> None:
        """See ``ByteStream.send``."""
        try:
            for at in range(0, len(data), _SEND_BYTES):
                self._opened.write(data[at : at + _SEND_BYTES])
        except serial.SerialTimeoutException as error:
            raise TargetTimeout(
                f"{self.port} takes no bytes for {_SEND_SECONDS:g} s",
                "Check what is behind it, and its flow control.",
            ) from error
        except _PORT_ERRORS as error:
            raise self._lost(error) from error

    def receive(self, deadline: Deadline) -> bytes:
        """See ``ByteStream.receive``."""
        try:
            while True:
                data: bytes = self._opened.read(1)
                if data:
                    return data + self._opened.read(self._opened.in_waiting)
                if self.now() >= deadline.at_seconds:
                    break
        except _PORT_ERRORS as error:
            raise self._lost(error) from error
        raise TargetTimeout(
            f"{self.port} was silent for {deadline.allowed_seconds:g} s at {self.baud} baud",
            "Check that the board has power and this firmware (`--flash openocd`), and that --baud is its rate.",
        )

    def take_arrived(self) -> bytes:
        """See `TakenAtOnce`."""
        try:
            data: bytes = self._opened.read(self._opened.in_waiting)
        except _PORT_ERRORS as error:
            raise self._lost(error) from error
        return data

    def drop_input(self) -> None:
        """Forgets what has come and was not read."""
        try:
            self._opened.reset_input_buffer()
        except _PORT_ERRORS as error:
            raise self._lost(error) from error

    @property
    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise TargetError(f"{self.port} is not open", "Use the line as a context manager.")
        return self._serial

    def _lost(self, error: Exception) -> TargetError:
        return TargetError(f"lost {self.port}: {error}", "Check the cable and plug the board in again.")


def _lock_file(port: str) -> str:
    # A board has several names: /dev/ttyACM0 and links to it.
    name = port if "://" in port else os.path.realpath(port)
    return str(paths.cache() / "ports" / f"{hashlib.sha256(name.encode()).hexdigest()[:16]}.lock")
