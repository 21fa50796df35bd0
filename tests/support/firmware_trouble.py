"""Requests that make engine ``test`` misbehave."""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from renode_mnist.wire import frame, messages


class Trouble(IntEnum):
    """What the first pixel asks of engine ``test`` (firmware/tests/engine/engine.cpp)."""

    READ_NOWHERE = 1
    WRITE_NOWHERE = 2
    UNDEFINED = 3
    STACK_OVERFLOW = 4
    TAKE_LONG = 5
    TURN_DEAF = 6


def trouble(request: int, kind: Trouble) -> bytes:
    """A request that makes the engine misbehave."""
    reals = np.zeros(784, np.float32)
    reals[0] = kind
    return frame.encode(messages.encode_digit(request, reals))
