"""A byte stream over a serial port, or whatever pyserial's URLs reach: ``socket://``, ``rfc2217://``."""

from __future__ import annotations

import errno
import hashlib
import time
from types import TracebackType
from typing import Self

import serial
from filelock import FileLock, Timeout

from renode_mnist import paths
from renode_mnist.errors import TargetError, TargetTimeout
from renode_mnist.stream import Deadline

DEFAULT_BAUD = 115200

_REMEDIES = {
    errno.EACCES: "Join the group that owns the port (Debian: `adduser $USER dialout`, then log in again).",
    errno.ENOENT: "Plug the board in, or name its port: `--port`.",
    errno.EBUSY: "Close the program that holds the port.",
}


class SerialLine:
    """One serial port, locked for as long as it is open; a context manager.

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
        """
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise TargetError(
                f"{self.port} is in use by another renode-mnist", "Wait for it, or name another board's port."
            ) from None
        try:
            self._serial = serial.serial_for_url(self.port, baudrate=self.baud)
        except (serial.SerialException, ValueError, OSError) as error:
            self._lock.release()
            number = getattr(error, "errno", None)
            raise TargetError(
                f"cannot open {self.port}: {error}",
                _REMEDIES.get(number or 0, "Check the name of the port and that nothing else holds it."),
            ) from error
        return self

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
            self._opened.write(data)
            self._opened.flush()
        except (serial.SerialException, OSError) as error:
            raise self._lost(error) from error

    def receive(self, deadline: Deadline) -> bytes:
        """See ``ByteStream.receive``."""
        try:
            self._opened.timeout = max(0.0, deadline.at_seconds - self.now())
            data: bytes = self._opened.read(1)
            if data:
                return data + self._opened.read(self._opened.in_waiting)
        except (serial.SerialException, OSError) as error:
            raise self._lost(error) from error
        raise TargetTimeout(
            f"{self.port} was silent for {deadline.allowed_seconds:g} s at {self.baud} baud",
            "Check that the board has power and this firmware (`--flash openocd`), and that --baud is its rate.",
        )

    def drop_input(self) -> None:
        """Forgets what has come and was not read."""
        try:
            self._opened.reset_input_buffer()
        except (serial.SerialException, OSError) as error:
            raise self._lost(error) from error

    @property
    def _opened(self) -> serial.Serial:
        if self._serial is None:
            raise TargetError(f"{self.port} is not open", "Use the line as a context manager.")
        return self._serial

    def _lost(self, error: Exception) -> TargetError:
        return TargetError(f"lost {self.port}: {error}", "Check the cable and plug the board in again.")


def _lock_file(port: str) -> str:
    folder = paths.cache() / "ports"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder / f"{hashlib.sha256(port.encode()).hexdigest()[:16]}.lock")
