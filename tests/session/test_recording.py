"""Replays against firmware that answers otherwise, with noise, or not at all: each is told, at the request's line."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from renode_mnist.errors import TargetTimeout, WireError
from renode_mnist.session import recording
from renode_mnist.session.recording import Damaged, Difference, Exchange, Recorder, Recording, RecordingError
from renode_mnist.session.session import Session
from renode_mnist.wire import frame
from renode_mnist.wire.messages import ErrorReport, Reply, StateReset, decode_reply, encode_reset_state
from served import call

REQUEST = frame.encode(encode_reset_state(4))
ANSWER = REQUEST  # a state that was reset is answered by the same command
DAMAGED = frame.encode(b"")[:-2] + b"\x07\x00"


class Firmware:
    """A session of which a replay knows the client and the reset; each answer is returned or raised."""

    def __init__(self, *answers: object) -> None:
        self.sent: list[bytes] = []
        self.resets = 0
        self.waited: list[float | None] = []
        self._answers = iter(answers)
        self.client = SimpleNamespace(send_raw=self.sent.append, next_reply=self._next)

    def reset(self) -> None:
        self.resets += 1

    def _next(self, timeout_seconds: float | None = None) -> Reply:
        self.waited.append(timeout_seconds)
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return Reply(4, cast(Any, answer))


def replayed(firmware: Firmware, *exchanges: Exchange) -> list[Difference | Damaged]:
    kept = Recording({}, exchanges, None)
    return list(recording.replay(kept, cast(Session, firmware)))


def test_what_is_no_recording_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"cannot read .*none\.jsonl: No such file"):
        recording.load(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(RecordingError, match=r"bytes\.jsonl is no recording, but bytes"):
        recording.load(tmp_path / "bytes.jsonl")
    with (
        pytest.raises(RecordingError, match=r"cannot write .*new\.jsonl: (Not a directory|File exists)"),
        Recorder(tmp_path / "bytes.jsonl" / "new.jsonl"),
    ):
        pass


def test_a_recording_makes_its_folder_and_tells_times_to_the_nanosecond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "firmware_json", lambda firmware: {})
    file = tmp_path / "some" / "where" / "session.jsonl"
    identity = SimpleNamespace(target="host", counter_unit="nanoseconds")
    session = SimpleNamespace(identity=lambda: identity, firmware=None)
    with Recorder(file) as recorder:
        recorder.observe("sent", b"\x01\x00", 0.123_456_789_4)
        recorder.identify(cast(Session, session))
        recorder.observe("received", b"", 1 / 3)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line["seconds"] for line in lines[1:]] == [0.123456789, 0.333333333]
    assert lines[1] == {"direction": "sent", "seconds": 0.123456789, "bytes": "0100"}


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


SILENCE = TargetTimeout("no answer", "Wait.")
THEN = f"{cast(frame.BadFrame, frame.decode(DAMAGED[:-1])).reason}, {len(DAMAGED)} B"


def test_a_damaged_reply_is_compared_with_nothing_but_one_must_come() -> None:
    firmware = Firmware(StateReset(), SILENCE)
    assert replayed(firmware, Exchange(3, REQUEST, (DAMAGED,))) == [
        Damaged(3, f"the recorded reply was damaged ({THEN}); now came StateReset")
    ]
    assert firmware.waited == [None, 0.5]
    assert replayed(Firmware(SILENCE), Exchange(3, REQUEST, (DAMAGED,))) == [
        Difference(3, f"a damaged reply ({THEN}) against no answer. Wait.")
    ]


def test_a_reply_that_a_zero_has_cut_is_one_reply_now() -> None:
    firmware = Firmware(StateReset(), SILENCE, StateReset())
    cut, behind = Exchange(3, REQUEST, (DAMAGED, DAMAGED)), Exchange(6, REQUEST, (ANSWER,))
    assert replayed(firmware, cut, behind) == [
        Damaged(3, f"the recorded reply was damaged ({THEN}, {THEN}); now came StateReset")
    ]


def test_good_replies_beside_a_damaged_one_must_come_again() -> None:
    busy = ErrorReport(7, "", 0, 0)
    mixed = Exchange(3, REQUEST, (DAMAGED, ANSWER))
    assert replayed(Firmware(busy, StateReset(), SILENCE), mixed) == [
        Damaged(3, f"the recorded reply was damaged ({THEN}); now came ErrorReport")
    ]
    # A zero that was lost had made one damaged frame of two.
    assert replayed(Firmware(busy, busy, StateReset(), SILENCE), mixed) == [
        Damaged(3, f"the recorded reply was damaged ({THEN}); now came ErrorReport, ErrorReport")
    ]
    assert replayed(Firmware(busy, SILENCE), mixed) == [
        Difference(3, f"StateReset beside a damaged reply ({THEN}) against ErrorReport")
    ]
    assert replayed(Firmware(StateReset(), SILENCE), mixed) == [
        Damaged(3, f"the recorded reply was damaged ({THEN}); now came nothing in its place")
    ]


def test_noise_without_end_ends_a_replay_all_the_same() -> None:
    noise = [WireError("noise", "Look.")] * 100
    (found,) = replayed(Firmware(*noise), Exchange(3, REQUEST, (DAMAGED,)))
    assert found.what.endswith("now came noise. Look., noise. Look., noise. Look.")


def test_a_session_with_a_damaged_reply_is_replayed(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    assert call("run", "--target", "host", "--record", file).returncode == 0
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    number = max(at for at, line in enumerate(lines) if line.get("direction") == "received")
    content = bytearray.fromhex(lines[number]["bytes"])
    content[-2] ^= 0x40
    lines[number]["bytes"] = content.hex()
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = call("replay", file, "--target", "host")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sent again to host: 0 difference(s), 1 not compared\n" in done.stdout
    assert f"line {number}, not compared: the recorded reply was damaged (bad checksum" in done.stdout
    assert done.stdout.rstrip().endswith("now came Stats")


def test_each_of_several_answers_is_held_against_its_own() -> None:
    firmware = Firmware(StateReset(), TargetTimeout("no answer", "Wait."))
    (found,) = replayed(firmware, Exchange(9, REQUEST, (ANSWER, ANSWER)))
    assert (found.line, found.what.startswith("StateReset against no answer")) == (9, True)
