"""Networks that take no picture: tensors in and out of the firmware, on the embedded emulator and on this PC."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_micro import runtime

import edge_networks
from network_files import network_file
from renode_mnist import codegen
from renode_mnist.errors import FirmwareError, ModelError
from renode_mnist.images import BuildConfig, build
from renode_mnist.report import identity
from renode_mnist.session import recording
from renode_mnist.session.opening import machine_of, open_session
from renode_mnist.session.session import Session
from renode_mnist.stream import Deadline
from renode_mnist.targets.base import HasConsole
from renode_mnist.wire import frame
from renode_mnist.wire.client import Observer
from renode_mnist.wire.messages import ArenaRegion, ErrorCode, OutputPiece, decode_reply
from runtimes import tflite_micro_on

BOTH = pytest.mark.parametrize("target", ["embedded", "host"])


@contextmanager
def opened(name: str, target: str, observer: Observer | None = None) -> Iterator[Session]:
    # One of them is built for traces, so that no other image has to be.
    trace = name == "two_inputs_three_outputs"
    config = BuildConfig(network_file(name), machine=machine_of(target), trace=trace)
    with open_session(target, build(config).elf, observer=observer) as session:
        yield session


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("two_inputs_three_outputs", "embedded"),
        ("two_inputs_three_outputs", "host"),
        ("of_types", "host"),
        ("large_picture", "embedded"),
    ],
)
def test_outputs_are_those_of_tensorflow_lite_micro(name: str, target: str) -> None:
    graph = codegen.load(network_file(name))
    given = list(edge_networks.inputs(graph, count=2))
    answers = tflite_micro_on(network_file(name).read_bytes(), given)
    with opened(name, target) as session:
        assert [info.name for info in session.firmware.inputs] == [tensor.name for tensor in graph.inputs]
        assert [info.name for info in session.firmware.outputs] == [tensor.name for tensor in graph.outputs]
        for inputs, wanted in zip(given, answers, strict=True):
            record = session.infer(inputs, "random")
            for mine, theirs in zip(record.outputs, wanted, strict=True):
                assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape)
                np.testing.assert_array_equal(mine, theirs)
            assert record.inputs[0] is inputs[0]
            assert len(record.inference.layers) == session.firmware.layer_count
            assert record.reals[0].dtype == np.float32
            assert record.to_json()["inputs_sha256"]


def test_buffers_of_the_wire_are_those_of_pieces_where_no_picture_is_taken() -> None:
    with opened("large_picture", "embedded") as session:
        firmware = session.firmware
        assert firmware.inputs[0].byte_count == 37_632
        assert firmware.piece_bytes == 1024
        assert firmware.wire_bytes < 5000
        assert firmware.ram_static_bytes < 37_632 + 10_000


@BOTH
def test_state_lives_between_inferences_until_it_is_reset(target: str) -> None:
    file = network_file("svdf")
    interpreter = runtime.Interpreter.from_bytes(file.read_bytes(), arena_size=1 << 16)
    given = list(edge_networks.inputs(codegen.load(file), count=5))
    with opened("svdf", target) as session:
        assert session.firmware.state_bytes == 48
        for begin_anew in (session.reset_state, session.reset, lambda: None):
            for inputs in given:
                interpreter.set_input(inputs[0], 0)
                interpreter.invoke()
                np.testing.assert_array_equal(session.infer(inputs).outputs[0], interpreter.get_output(0))
            begin_anew()
            interpreter.reset()


def test_what_the_model_does_not_take_is_refused_before_it_is_sent() -> None:
    with opened("two_inputs_three_outputs", "host") as session:
        right = np.zeros((1, 6, 5, 3), np.int8)
        for tensors in ((right,), (right, right, right), (right, right.astype(np.uint8)), (right, right[0])):
            with pytest.raises(ModelError, match=r"takes int8 1x6x5x3, int8 1x6x5x3; given were "):
                session.infer(tensors)


def test_a_byte_that_is_no_bool_is_refused() -> None:
    tensors = [bytes(size) for size in (7, 10, 28, 6, 8)]
    with opened("of_types", "host") as session:
        assert session.client.infer(tensors).layers
        tensors[3] = bytes([0, 1, 1, 2, 0, 1])
        with pytest.raises(FirmwareError, match="a bool other than 0 and 1") as caught:
            session.client.infer(tensors)
        assert caught.value.code == ErrorCode.BAD_VALUE


def test_a_picture_is_answered_by_the_commands_that_do() -> None:
    pixels = np.zeros((28, 28), np.uint8)
    with opened("two_inputs_three_outputs", "host") as session:
        with pytest.raises(ModelError, match=r"Session\.infer"):
            session.classify(pixels)
        with pytest.raises(FirmwareError, match="CMD_WRITE_TENSOR, CMD_RUN and CMD_READ_TENSOR") as caught:
            session.client.classify(pixels[:4])
        assert caught.value.code == ErrorCode.WRONG_SIZE


@BOTH
def test_a_trace_reads_the_arena_between_layers_and_costs_the_layers_nothing(target: str) -> None:
    plan = codegen.plan(codegen.load(network_file("two_inputs_three_outputs")), "m7")
    (first, second) = next(edge_networks.inputs(plan.graph))
    steps = [step.writes[0] for step in plan.steps]
    regions = [
        ArenaRegion(number, plan.placement(buffer).offset, buffer.byte_count) for number, buffer in enumerate(steps)
    ]
    with opened("two_inputs_three_outputs", target) as session:
        tensors = (first.tobytes(), second.tobytes())
        plain = session.client.infer(tensors)
        traced, read = session.client.run_traced(tensors, [*reversed(regions), ArenaRegion(1, 0, 0)])
        assert traced.tensors == plain.tensors
        scores, clipped, total = plain.tensors
        assert read == (scores, total, clipped, b"")
        if target == "embedded":  # sending takes half a million instructions
            assert traced.counter == pytest.approx(plain.counter, abs=100)
        for wrong in (ArenaRegion(3, 0, 4), ArenaRegion(0, plan.arena_bytes, 1), ArenaRegion(0, 0, 1 << 31)):
            with pytest.raises(FirmwareError) as caught:
                session.client.run_traced(tensors, [wrong])
            assert caught.value.code == ErrorCode.WRONG_SIZE


def test_ram_is_one_figure_with_its_parts_asked_after_the_work() -> None:
    (inputs,) = edge_networks.inputs(codegen.load(network_file("svdf")), count=1)
    with opened("svdf", "embedded") as session:
        before = session.firmware
        after = session.infer(inputs).firmware
        assert after.stack_used_bytes > before.stack_used_bytes
        assert after.ram_bytes == after.ram_static_bytes + after.stack_used_bytes
        parts = (after.arena_bytes, after.state_bytes, after.wire_bytes, after.ram_rest_bytes)
        assert sum(parts) == after.ram_static_bytes
        assert 0 < after.ram_rest_bytes < 3000
        assert session.client.stats() == after
        assert isinstance(session.target, HasConsole)
        console = session.target.console
        console.send(b"CMD=1\n")
        said = b""
        while b"RAM: " not in said or not said.endswith(b"\r\n"):
            said += console.receive(Deadline.after(console, 5))
        (line,) = (text for text in said.decode().splitlines() if text.startswith("RAM: "))
        assert line == "RAM: " + re.sub(r"(?<=\d),(?=\d)", "", identity.ram(after))


def test_a_recording_of_tensors_replays_and_a_changed_byte_is_found(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    given = list(edge_networks.inputs(codegen.load(network_file("svdf")), count=2))
    with recording.Recorder(file) as recorder, opened("svdf", "host", recorder.observe) as session:
        recorder.identify(session)
        for inputs in given:
            session.infer(inputs)
        session.reset_state()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    place, payload, piece = next(found for found in map(_output_in, range(len(lines)), lines) if found)
    changed = piece.content[:1] + bytes([piece.content[1] ^ 1]) + piece.content[2:]
    lines[place]["bytes"] = frame.encode(payload.replace(piece.content, changed)).hex()
    with opened("svdf", "host") as session:
        assert list(recording.replay(recording.load(file), session)) == []
        file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        (difference,) = recording.replay(recording.load(file), session)
        assert difference.what.startswith("output 0 from byte 1 on: ")


def _output_in(place: int, line: dict[str, Any]) -> tuple[int, bytes, OutputPiece] | None:
    """The first of a recording's lines that is an output, with its payload."""
    if line.get("direction") != "received":
        return None
    payload = frame.decode(bytes.fromhex(line["bytes"])[:-1])
    assert isinstance(payload, bytes)
    body = decode_reply(payload).body
    return (place, payload, body) if isinstance(body, OutputPiece) else None
