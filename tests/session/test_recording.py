"""Replays against firmware that answers otherwise, with noise, or not at all: each is told, at the request's line."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from renode_mnist.errors import TargetTimeout, WireError
from renode_mnist.session import recording
from renode_mnist.session.recording import Difference, Exchange, Recording
from renode_mnist.session.session import Session
from renode_mnist.wire import frame
from renode_mnist.wire.messages import ErrorReport, Reply, StateReset, decode_reply, encode_reset_state

REQUEST = frame.encode(encode_reset_state(4))
ANSWER = REQUEST  # a state that was reset is answered by the same command
DAMAGED = frame.encode(b"")[:-2] + b"\x07\x00"


class Firmware:
    """A session of which a replay knows the client and the reset; each answer is returned or raised."""

    def __init__(self, *answers: object) -> None:
        self.sent: list[bytes] = []
        self.resets = 0
        self._answers = iter(answers)
        self.client = SimpleNamespace(send_raw=self.sent.append, next_reply=self._next)

    def reset(self) -> None:
        self.resets += 1

    def _next(self) -> Reply:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return Reply(4, cast(Any, answer))


def replayed(firmware: Firmware, *exchanges: Exchange) -> list[Difference]:
    kept = Recording({}, exchanges, None)
    return list(recording.replay(kept, cast(Session, firmware)))


def test_the_same_answer_is_no_difference_and_a_reset_sends_nothing() -> None:
    assert isinstance(decode_reply(cast(bytes, frame.decode(ANSWER[:-1]))).body, StateReset)
    firmware = Firmware(StateReset())
    assert replayed(firmware, Exchange(2, b"", (), reset=True), Exchange(3, REQUEST, (ANSWER,))) == []
    assert firmware.sent == [REQUEST]
    assert firmware.resets == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (TargetTimeout("no answer", "Wait."), "StateReset against no answer"),
        (WireError("a reply that is short", "Look."), "StateReset against a reply that is short"),
        (ErrorReport(7, "", 0, 0), "StateReset against error BUSY"),
    ],
)
def test_silence_noise_and_errors_are_differences(answer: object, said: str) -> None:
    (found,) = replayed(
        Firmware(answer, StateReset()), Exchange(3, REQUEST, (ANSWER,)), Exchange(5, REQUEST, (ANSWER,))
    )
    assert found.line == 3
    assert found.what.startswith(said)


def test_noise_that_was_recorded_is_expected_again() -> None:
    noise = frame.decode(DAMAGED[:-1])
    assert isinstance(noise, frame.BadFrame)
    (found,) = replayed(Firmware(StateReset()), Exchange(3, REQUEST, (DAMAGED,)))
    assert found.what == f"a reply that is {noise.reason} against StateReset"
    assert replayed(Firmware(WireError("other noise", "Look.")), Exchange(3, REQUEST, (DAMAGED,))) != []


def test_each_of_several_answers_is_held_against_its_own() -> None:
    firmware = Firmware(StateReset(), TargetTimeout("no answer", "Wait."))
    (found,) = replayed(firmware, Exchange(9, REQUEST, (ANSWER, ANSWER)))
    assert (found.line, found.what.startswith("StateReset against no answer")) == (9, True)
