"""Files that are damaged in ways that their readers' authors did not think of."""

from __future__ import annotations

import random
import struct
import zlib

from renode_mnist import paths


def exif_damaged() -> bytes:
    """The sample of a seven with an eXIf chunk that is none (PNG 1.2, extensions, 3.7)."""
    content = (paths.digits() / "7.png").read_bytes()
    at = content.index(b"IDAT") - 4
    body = b"eXIfno TIFF at all"
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return content[:at] + chunk + content[at:]


def mutated(content: bytes, seed: int) -> bytes:
    """Some bytes changed, some taken out or put in, most near both ends, where formats have their headers."""
    rng = random.Random(seed)
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        near = min(len(found), 600)
        at = rng.choice((rng.randrange(len(found)), rng.randrange(near), len(found) - 1 - rng.randrange(near)))
        match rng.randrange(5):
            case 0:
                found[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
            case 1:
                found[at] ^= 1 << rng.randrange(8)
            case 2 if len(found) > 100:
                del found[at : at + rng.choice((1, 4, 60))]
            case 3:
                found[at:at] = rng.randbytes(rng.choice((1, 4)))
            case _ if len(found) > 10:
                found[at : at + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"[[[[", b"1e99"))
    return bytes(found)
