"""Sessions, parity, recordings and the board's serial line, all against the program for this PC."""

from __future__ import annotations

import dataclasses
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from renode_mnist.errors import ModelError, TargetError, TargetTimeout
from renode_mnist.measure import parity
from renode_mnist.session import recording
from renode_mnist.session.comparison import counter_differences
from renode_mnist.session.opening import open_session
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.stream import Deadline
from renode_mnist.targets.base import CounterUnit, TargetIdentity
from renode_mnist.targets.board import BoardTarget
from renode_mnist.targets.host import HostTarget
from renode_mnist.targets.serial_line import SerialLine
from renode_mnist.wire import frame, messages

Digits = dict[str, npt.NDArray[np.uint8]]


@pytest.fixture
def session(host_program: Path) -> Iterator[Session]:
    with open_session("host", host_program) as opened:
        yield opened


@pytest.fixture
def served(host_program: Path) -> Iterator[str]:
    """The pyserial URL of a board's binary line: the program for this PC, started by nobody's target."""
    process = subprocess.Popen([host_program, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield "socket://" + process.stdout.readline().split()[1]
    process.terminate()
    process.wait()
    process.stdout.close()


def test_every_sample_digit_is_what_it_is(session: Session, digits: Digits) -> None:
    assert {name: session.classify(pixels).inference.winner for name, pixels in digits.items()} == {
        name: int(name) for name in digits
    }


def test_a_reset_loses_nothing_that_was_answered(session: Session, digits: Digits) -> None:
    before = session.classify(digits["4"]).inference.tensor
    session.client.send_raw(frame.encode(messages.encode_pixels(900, digits["4"]))[:300])
    session.target.reset()
    assert session.client.stats().build_id == session.firmware.build_id
    assert session.classify(digits["4"]).inference.tensor == before


def test_a_reset_at_any_moment_of_an_inference_loses_only_that(session: Session, digits: Digits) -> None:
    before = session.classify(digits["4"]).inference
    request = frame.encode(messages.encode_pixels(900, digits["5"]))
    for part in range(10):
        session.target.send(request)
        with suppress(TargetTimeout):  # a tenth of an inference further into it each time
            session.target.receive(Deadline.after(session.target, before.timer_ms / 1e3 * part / 10))
        session.reset()
        assert session.classify(digits["4"]).inference.tensor == before.tensor


def test_a_program_that_does_not_start_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="renode-mnist build --host"):
        HostTarget(tmp_path / "nothing").__enter__()


def test_a_program_is_run_by_its_name_in_the_working_directory(
    host_program: Path, digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(host_program.parent)
    with open_session("host", Path(host_program.name)) as opened:
        assert opened.classify(digits["7"]).winner == 7


def test_a_model_of_another_shape_takes_no_picture(session: Session, digits: Digits) -> None:
    assert session.firmware.input is not None
    session.firmware = dataclasses.replace(
        session.firmware, input=dataclasses.replace(session.firmware.input, shape=(1, 32, 32, 3))
    )
    with pytest.raises(ModelError, match="1x32x32x3"):
        session.classify(digits["1"])


# Board ------------------------------------------------------------------------------------------------------------


def test_a_board_is_reached_through_pyserial(served: str, digits: Digits) -> None:
    with Session(BoardTarget(served)) as session:
        assert session.classify(digits["6"]).inference.winner == 6
        assert session.target.identity().counter_unit is CounterUnit.CYCLES_MEASURED


def test_a_board_is_reset_by_request(served: str, digits: Digits) -> None:
    with Session(BoardTarget(served)) as session:
        session.target.reset()
        assert session.classify(digits["2"]).inference.winner == 2


def test_two_jobs_do_not_share_a_port(served: str) -> None:
    with SerialLine(served), pytest.raises(TargetError, match="in use by another renode-mnist"):
        SerialLine(served).__enter__()


def test_a_port_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="nowhere"):
        SerialLine(str(tmp_path / "nowhere")).__enter__()


def test_a_silent_board_is_told_by_its_port_and_rate() -> None:
    with SerialLine("loop://") as line, pytest.raises(TargetTimeout, match="115200 baud"):
        line.receive(Deadline.after(line, 0.05))


def test_a_board_unplugged_in_mid_reply_is_an_error(host_program: Path, digits: Digits) -> None:
    process = subprocess.Popen([host_program, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with Session(BoardTarget("socket://" + process.stdout.readline().split()[1])) as session:
        session.client.send_raw(frame.encode(messages.encode_pixels(5, digits["3"]))[:100])
        process.kill()
        process.wait()
        with pytest.raises(TargetError, match="lost socket://"):
            session.classify(digits["3"])
    process.stdout.close()


# Parity -----------------------------------------------------------------------------------------------------------


def asked(digits: Digits) -> list[Callable[[Session], Record]]:
    return [lambda session, each=each: session.classify(each[1], each[0]) for each in digits.items()]  # type: ignore[misc]


def test_a_target_agrees_with_itself(host_program: Path, digits: Digits) -> None:
    records = []
    for _ in range(2):
        with open_session("host", host_program) as session:
            records.append(parity.ask(session, asked(digits)))
    assert [comparison.differences for comparison in parity.compare(*records)] == [()] * 10


def test_a_difference_is_told_with_what_differs(session: Session, digits: Digits) -> None:
    one, other = parity.ask(session, asked({"1": digits["1"], "7": digits["7"]}))
    (comparison,) = parity.compare([one], [other])
    assert "class 1 against 7" in comparison.differences[0]


def test_counts_are_compared_by_layer_within_the_step(session: Session, digits: Digits) -> None:
    inference = session.classify(digits["1"]).inference
    slower = dataclasses.replace(inference.layers[2], counter=inference.layers[2].counter + 217)
    other = dataclasses.replace(inference, layers=(*inference.layers[:2], slower, *inference.layers[3:]))
    exact = TargetIdentity("embedded", "", CounterUnit.INSTRUCTIONS, True)
    stepping = dataclasses.replace(exact, counter_step=216)
    coarser = dataclasses.replace(exact, counter_step=217)
    assert next(counter_differences(inference, other, exact, exact)).startswith("layer 2")
    assert list(counter_differences(inference, other, exact, stepping)) != []
    assert list(counter_differences(inference, other, exact, coarser)) == []
    measured = dataclasses.replace(exact, counter_unit=CounterUnit.CYCLES_MEASURED)
    assert list(counter_differences(inference, other, exact, measured)) == []


# Recordings -------------------------------------------------------------------------------------------------------


@pytest.fixture
def recorded(host_program: Path, digits: Digits, tmp_path: Path) -> Path:
    """A session of a good request and a damaged one."""
    file = tmp_path / "session.jsonl"
    with (
        recording.Recorder(file) as recorder,
        open_session("host", host_program, observer=recorder.observe) as session,
    ):
        recorder.identify(session)
        session.classify(digits["3"])
        session.client.send_raw(b"\x05\x01\x00")
        session.client.next_reply()
    return file


def test_a_recording_begins_with_its_identity_and_replays_without_difference(
    recorded: Path, session: Session
) -> None:
    kept = recording.load(recorded)
    assert kept.identity["target"]["target"] == "host"
    assert kept.identity["firmware"]["model_sha256"] == session.firmware.model_sha256
    assert len(kept.exchanges) == 4  # greeting, picture, what the firmware says after its first work, broken frame
    assert kept.cut_off is None
    assert list(recording.replay(kept, session)) == []


def test_a_changed_answer_is_found_by_its_line(recorded: Path, session: Session) -> None:
    lines = recorded.read_text().splitlines()
    reply = json.loads(lines[4])
    assert reply["direction"] == "received"
    another = session.classify(np.zeros((28, 28), np.uint8))
    assert another.inference.winner != 3
    request = json.loads(lines[3])
    request["bytes"] = frame.encode(messages.encode_pixels(2, np.zeros((28, 28), np.uint8))).hex()
    lines[3] = json.dumps(request)
    recorded.write_text("\n".join(lines) + "\n")
    differences = list(recording.replay(recording.load(recorded), session))
    assert {difference.line for difference in differences} == {4}
    assert differences[0].what.startswith("class 3 against")


def test_a_recording_cut_off_in_mid_line_replays_up_to_there(recorded: Path, session: Session) -> None:
    whole = recorded.read_bytes()
    recorded.write_bytes(whole[:-20])
    kept = recording.load(recorded)
    assert kept.cut_off == len(whole.splitlines())
    assert list(recording.replay(kept, session)) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is empty"),
        ("{}\n", "line 1"),
        ('{"format": "renode-mnist session 1"}\n', "line 1: it has no 'target'"),
        ('{"format": "renode-mnist session 1", "target": {"target": 1, "version": "1"}}\n', "its target is not told"),
        (
            '{"format": "renode-mnist session 1", "target": {"target": "host", "version": "1"}}\n'
            '{"direction": "up"}\n{}\n',
            "line 2",
        ),
        ("no json\n", "line 1"),
    ],
)
def test_what_is_no_recording_is_refused_by_its_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text(content)
    with pytest.raises(recording.RecordingError, match=said):
        recording.load(file)
