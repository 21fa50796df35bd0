"""Whether a run repeats: one digest over all that can be told of it from outside."""

from __future__ import annotations

import hashlib

from renode_mnist.errors import TargetError
from renode_mnist.session.session import Session
from renode_mnist.targets.base import CountsInstructions
from renode_mnist.wire.client import Direction


class Digest:
    """Takes in every byte on the line with its time; use ``observe`` as the session's observer."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()

    def observe(self, direction: Direction, data: bytes, seconds: float) -> None:
        """An observer for ``Client``."""
        self._sum.update(f"{direction} {seconds!r} {data.hex()}\n".encode())

    def close(self, session: Session) -> str:
        """Takes in the virtual time and the instruction count at the end.

        Returns:
            SHA-256, hexadecimal.

        Raises:
            TargetError: The target's time is not its own, so that no two runs are the same.
        """
        identity = session.target.identity()
        if not identity.deterministic:
            raise TargetError(
                f"target {identity.target} runs in real time, so no two runs are the same",
                "Repeat on the embedded target or on Renode.",
            )
        self._sum.update(f"ended {session.target.now()!r}\n".encode())
        if isinstance(session.target, CountsInstructions):
            self._sum.update(f"instructions {session.target.instructions()}\n".encode())
        return self._sum.hexdigest()
