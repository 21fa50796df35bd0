"""Packets of GDB's remote protocol over a socket (GDB manual, appendix E, "Overview")."""

from __future__ import annotations

import select
import socket

INTERRUPT = b"\x03"
"""What `Link.receive` returns for Ctrl-C, which comes outside of packets."""

_CHUNK_BYTES = 1 << 14
_ESCAPE, _ESCAPED = 0x7D, 0x20
_TO_ESCAPE = b"#$}*"


class Link:
    """The stub's end of a connection.

    Every method raises ``ConnectionError`` once the debugger is gone.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = bytearray()
        self.acknowledges = True

    def receive(self) -> bytes:
        """Waits for the next packet whose checksum is right; returns its content, or `INTERRUPT`."""
        while True:
            first = self._byte()
            if first == INTERRUPT[0]:
                return INTERRUPT
            if first != ord("$"):
                continue  # an acknowledgement; over TCP nothing has to be sent again
            content = bytearray()
            while (byte := self._byte()) != ord("#"):
                content.append(byte)
            told = bytes((self._byte(), self._byte()))
            right = told.lower() == _checksum(content)
            if self.acknowledges:
                self._socket.sendall(b"+" if right else b"-")
            if right:
                return _unescape(content)

    def send(self, content: bytes) -> None:
        """Sends one packet."""
        escaped = bytearray()
        for byte in content:
            escaped += bytes((_ESCAPE, byte ^ _ESCAPED)) if byte in _TO_ESCAPE else bytes((byte,))
        self._socket.sendall(b"$" + escaped + b"#" + _checksum(escaped))

    def has_something(self) -> bool:
        """Whether the debugger has sent something that was not received yet, without waiting for it."""
        return bool(self._unread) or bool(select.select([self._socket], [], [], 0)[0])

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    def _byte(self) -> int:
        if not self._unread:
            self._unread += self._socket.recv(_CHUNK_BYTES)
            if not self._unread:
                raise ConnectionResetError("the debugger has closed the connection")
        return self._unread.pop(0)


def _checksum(content: bytes | bytearray) -> bytes:
    return b"%02x" % (sum(content) & 0xFF)


def _unescape(content: bytearray) -> bytes:
    found = bytearray()
    escaped = False
    for byte in content:
        if byte == _ESCAPE and not escaped:
            escaped = True
        else:
            found.append(byte ^ _ESCAPED if escaped else byte)
            escaped = False
    return bytes(found)
