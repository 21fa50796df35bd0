"""Frames: COBS of (payload, CRC-32 little endian), closed by a zero byte.

Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM Trans. Networking 7(2), 1999) leaves no
zero inside a frame, so a receiver that has lost its place finds it again at the next zero.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

DELIMITER = 0
CHECKSUM_BYTES = 4
_LONGEST_RUN = 254


@dataclass(frozen=True)
class BadFrame:
    """Bytes up to a delimiter that are no frame.

    Attributes:
        reason: What is wrong with them.
        raw: The bytes, without the delimiter.
    """

    reason: str
    raw: bytes


def encode(payload: bytes) -> bytes:
    """A whole frame, its closing zero included."""
    body = payload + zlib.crc32(payload).to_bytes(CHECKSUM_BYTES, "little")
    frame = bytearray()
    for run in body.split(b"\0"):
        # A full block of 254 carries no implied zero, so what follows it opens a block of its own.
        while len(run) >= _LONGEST_RUN:
            frame.append(_LONGEST_RUN + 1)
            frame += run[:_LONGEST_RUN]
            run = run[_LONGEST_RUN:]
        frame.append(len(run) + 1)
        frame += run
    frame.append(DELIMITER)
    return bytes(frame)


def decode(raw: bytes) -> bytes | BadFrame:
    """The payload of one frame.

    Args:
        raw: What stood before the delimiter, without it.

    Returns:
        The payload, or why there is none.
    """
    body = bytearray()
    at = 0
    while at < len(raw):
        code = raw[at]
        if code == DELIMITER or at + code > len(raw):
            return BadFrame("malformed: a block runs past the end", raw)
        body += raw[at + 1 : at + code]
        at += code
        if code <= _LONGEST_RUN and at < len(raw):
            body.append(0)
    if len(body) < CHECKSUM_BYTES:
        return BadFrame(f"malformed: {len(body)} bytes are too few for a checksum", raw)
    payload, stated = bytes(body[:-CHECKSUM_BYTES]), int.from_bytes(body[-CHECKSUM_BYTES:], "little")
    computed = zlib.crc32(payload)
    if stated != computed:
        return BadFrame(f"bad checksum: 0x{stated:08x} stated, 0x{computed:08x} computed", raw)
    return payload


class FrameDecoder:
    """Cuts a stream into frames, however its bytes arrive.

    Args:
        longest_bytes: More bytes than this without a delimiter are dropped up to the next one.
    """

    def __init__(self, longest_bytes: int = 1 << 20) -> None:
        self._longest_bytes = longest_bytes
        self._pending = bytearray()
        self._overlong = False

    @property
    def pending(self) -> bytes:
        """Bytes of a frame that is not closed yet."""
        return bytes(self._pending)

    def feed(self, data: bytes) -> Iterator[bytes | BadFrame]:
        """Takes bytes and yields each frame that they close; an empty frame is ignored."""
        *closed, rest = data.split(b"\0")
        for piece in closed:
            self._take(piece)
            raw, overlong = bytes(self._pending), self._overlong
            self._pending.clear()
            self._overlong = False
            if overlong:
                yield BadFrame(f"longer than {self._longest_bytes} bytes", raw)
            elif raw:
                yield decode(raw)
        self._take(rest)

    def _take(self, piece: bytes) -> None:
        room = self._longest_bytes - len(self._pending)
        self._overlong |= len(piece) > room
        self._pending += piece[:room]
