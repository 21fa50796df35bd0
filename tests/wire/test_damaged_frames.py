"""100,000 damaged frames each way: none is taken for a good one with other content."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from renode_mnist.measure.faults.draw import LINE_KINDS
from renode_mnist.measure.faults.fault import Fault, Place
from renode_mnist.measure.faults.line import damaged
from renode_mnist.session.opening import open_session
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorCode, ErrorReport, LayerPage

FRAMES = 100_000
TOGETHER = 4
"""Before the firmware is asked something: fewer than it remembers events."""
A_TALK = 1000
DAMAGE = {ErrorCode.FRAME_MALFORMED, ErrorCode.BAD_CHECKSUM, ErrorCode.FRAME_TOO_LONG}


def some_damage(random: np.random.Generator, good: bytes) -> bytes:
    """One fault of the line; the closing zero is neither doubled nor dropped, as another follows it here."""
    kind = LINE_KINDS[int(random.integers(len(LINE_KINDS)))]
    at = int(random.integers(len(good) - (kind in ("drop", "duplicate"))))
    bit, salt, length = int(random.integers(8)), int(random.integers(1 << 31)), int(random.integers(2, 17))
    return damaged(good, at, Fault(0, Place.REQUEST, kind, "", 0, at, bit=bit, length=length, salt=salt))


@pytest.mark.long
def test_no_damaged_request_is_carried_out(host_program: Path) -> None:
    random = np.random.default_rng(1)
    right, wrong = bytes(784), random.integers(0, 256, 784, np.uint8).tobytes()
    codes: Counter[int] = Counter()
    with open_session("host", host_program) as session:
        client, line = session.client, session.target
        expected = client.infer(right).tensors
        assert client.infer(wrong).tensors != expected, "an input that got through would show"
        write = frame.encode(messages.encode_write(7, 0, 0, wrong))
        asked = frame.encode(messages.encode_get_layers(9, 1 << 20))
        for number in range(0, FRAMES, TOGETHER):
            if number % A_TALK == 0:
                client.write([right])
            for _ in range(TOGETHER):
                line.send(some_damage(random, write) + b"\0")
            line.send(asked)
            while True:
                reply = client.next_reply(5)
                if isinstance(reply.body, LayerPage):
                    break
                assert isinstance(reply.body, ErrorReport), f"{number}: {reply}"
                codes[reply.body.code] += 1
            if number % A_TALK == A_TALK - TOGETHER:
                assert client.run().tensors == expected, f"one of the {A_TALK} before {number} was carried out"
    assert set(codes) <= DAMAGE
    assert sum(codes.values()) >= FRAMES


@pytest.mark.long
def test_no_damaged_reply_is_taken_for_an_answer() -> None:
    random = np.random.default_rng(2)
    builder = messages.encode_write(7, 0, 0, random.integers(0, 256, 96, np.uint8).tobytes())
    payload = bytearray(builder)
    good = frame.encode(bytes(payload))
    refused = 0
    for _ in range(FRAMES):
        for found in frame.FrameDecoder().feed(some_damage(random, good) + b"\0"):
            assert isinstance(found, frame.BadFrame)
            refused += 1
    assert refused >= FRAMES
