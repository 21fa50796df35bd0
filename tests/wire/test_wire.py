"""Frames, messages and the client, against an answering line that lives in virtual time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from contextlib import suppress

import flatbuffers
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renode_mnist.errors import FirmwareError, ModelError, TargetTimeout, WireError
from renode_mnist.wire import frame, messages
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import ErrorCode
from renode_mnist.wire.said import frame_said
from scripted_line import (
    TENSORS,
    AnsweringLine,
    FirmwareOf102,
    ScriptedLine,
    TakenLine,
    commands,
    error_reply,
    inference_reply,
    request_number,
    tensor_info,
)


@given(st.binary(max_size=1200))
def test_a_frame_holds_any_payload_and_no_zero_but_its_last(payload: bytes) -> None:
    encoded = frame.encode(payload)
    assert encoded.index(0) == len(encoded) - 1
    assert frame.decode(encoded[:-1]) == payload


@pytest.mark.parametrize("length", [249, 250, 251, 253, 254, 255, 508, 509])
def test_runs_around_the_longest_block_survive(length: int) -> None:
    payload = b"\x01" * length
    assert frame.decode(frame.encode(payload)[:-1]) == payload


@pytest.mark.parametrize("length", [253, 254, 255, 508])
@pytest.mark.parametrize("behind", [b"", b"\x00", b"\x00\x02", b"\x00\x00"])
def test_a_zero_behind_a_longest_block_survives(length: int, behind: bytes) -> None:
    payload = b"\x01" * length + behind
    assert frame.decode(frame.encode(payload)[:-1]) == payload


def test_a_longest_block_before_a_zero_is_encoded_as_published() -> None:
    # The paper's 254 bytes without a zero: a block of code 0xFF, behind which no zero is implied.
    ones = b"\x01" * 254
    assert frame.encode(ones + b"\x00")[:256] == b"\xff" + ones + b"\x01"


def test_the_encoding_is_the_published_one() -> None:
    # Blocks as in the paper's examples, with the checksum of this protocol behind them.
    body = b"\x11\x22\x00\x33"
    checksum = struct.pack("<I", zlib.crc32(body))
    assert 0 not in checksum
    assert frame.encode(body) == b"\x03\x11\x22\x06\x33" + checksum + b"\x00"


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.data())
def test_the_decoder_does_not_care_how_bytes_arrive(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(frame.encode(payload) for payload in payloads)
    decoder = frame.FrameDecoder()
    seen: list[bytes | frame.BadFrame] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        seen += decoder.feed(stream[:size])
        stream = stream[size:]
    assert seen == payloads


@given(st.binary(min_size=1, max_size=60), st.data())
def test_no_single_flipped_bit_passes(payload: bytes, data: st.DataObject) -> None:
    encoded = bytearray(frame.encode(payload))
    at = data.draw(st.integers(0, 8 * len(encoded) - 1))
    encoded[at // 8] ^= 1 << at % 8
    for item in frame.FrameDecoder().feed(bytes(encoded) + b"\0"):
        assert isinstance(item, frame.BadFrame)


def test_an_overlong_frame_is_reported_once_and_the_next_one_is_read() -> None:
    decoder = frame.FrameDecoder(longest_bytes=16)
    items = list(decoder.feed(b"\x55" * 100 + b"\0" + frame.encode(b"good")))
    assert isinstance(items[0], frame.BadFrame)
    assert "longer than 16" in items[0].reason
    assert items[1:] == [b"good"]


def test_the_longest_frame_that_is_read_has_just_as_many_bytes() -> None:
    longest = frame.encode(b"\x01" * 11)
    assert len(longest) == 17
    assert list(frame.FrameDecoder(longest_bytes=16).feed(longest)) == [b"\x01" * 11]
    (bad,) = frame.FrameDecoder(longest_bytes=15).feed(longest)
    assert isinstance(bad, frame.BadFrame)


def test_what_came_before_counts_towards_the_longest_frame() -> None:
    decoder = frame.FrameDecoder(longest_bytes=16)
    assert list(decoder.feed(b"\x55" * 10)) == []
    (bad,) = decoder.feed(b"\x55" * 7 + b"\0")
    assert isinstance(bad, frame.BadFrame)
    assert bad == frame.BadFrame("longer than 16 bytes", b"\x55" * 16)


def test_a_line_that_never_ends_a_frame_takes_a_megabyte_at_most() -> None:
    decoder = frame.FrameDecoder()
    for _ in range(3):
        assert list(decoder.feed(b"\x55" * (1 << 20))) == []
    assert len(decoder.pending) == 1 << 20


@given(st.binary(max_size=200))
def test_garbage_with_a_good_checksum_is_an_error_not_a_crash(payload: bytes) -> None:
    try:
        reply = messages.decode_reply(payload)
    except WireError:
        return
    assert reply.body is not None


PIXELS = np.zeros((28, 28), np.uint8)


def test_an_inference_comes_back_typed() -> None:
    seen: list[str] = []
    line = ScriptedLine(lambda nth, number: frame.encode(inference_reply(number)))
    result = Client(line, observer=lambda direction, data, time: seen.append(direction)).classify(PIXELS)
    assert result.winner == 3
    assert result.scores.dtype == np.float32
    assert result.scores.tolist() == [0.125, 0.875]
    assert result.tensor == b"\x01\x07"
    assert result.layers[0].counter == 1 << 40
    assert result.counter == 1 << 41
    assert seen == ["sent", "received"]
    assert fbs.Commands.GetRootAs(line.sent[0], 0).Input().PixelsLength() == 784


@pytest.mark.parametrize("code", [ErrorCode.BAD_CHECKSUM, ErrorCode.RECEIVE_OVERRUN, ErrorCode.BUSY])
def test_a_request_that_got_lost_on_the_line_is_repeated_under_a_new_number(code: ErrorCode) -> None:
    line = ScriptedLine(
        lambda nth, number: frame.encode(error_reply(0, code) if nth == 1 else inference_reply(number))
    )
    assert Client(line).classify(PIXELS).winner == 3
    assert [request_number(payload) for payload in line.sent] == [1, 2]


def test_request_numbers_go_round_within_32_bits_and_leave_0_out() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(inference_reply(number)))
    client = Client(line, first_request=0xFFFF_FFFE)
    for _ in range(3):
        client.classify(PIXELS)
    assert [request_number(payload) for payload in line.sent] == [0xFFFF_FFFE, 0xFFFF_FFFF, 1]


def test_a_damaged_reply_is_asked_for_again() -> None:
    def answer(nth: int, number: int) -> bytes:
        good = bytearray(frame.encode(inference_reply(number)))
        if nth == 1:
            good[20] ^= 4
        return bytes(good)

    assert Client(ScriptedLine(answer)).classify(PIXELS).winner == 3


UNDECODABLE = frame.encode(b"no flatbuffer at all")
DAMAGED = b"\x05ABCD\x00"
NOISE = {
    "busy without a number": frame.encode(error_reply(0, ErrorCode.BUSY)),
    "no flatbuffer": UNDECODABLE,
    "a bad frame": DAMAGED,
    "an answer to another": frame.encode(inference_reply(77, winner=9)),
}


@pytest.mark.parametrize("kind", NOISE)
def test_noise_before_a_reply_is_passed_over(kind: str) -> None:
    line = ScriptedLine(lambda nth, number: 3 * NOISE[kind] + frame.encode(inference_reply(number, winner=4)))
    assert Client(line).classify(PIXELS).winner == 4
    assert len(line.sent) == 1


@pytest.mark.parametrize("kind", NOISE)
def test_what_has_come_before_a_request_does_not_answer_it(kind: str) -> None:
    line = TakenLine(lambda nth, number: frame.encode(inference_reply(number, winner=4)), late_seconds=1.0)
    line.arrive(3 * NOISE[kind] + frame.encode(inference_reply(1, winner=9)))
    seen: list[bytes] = []
    client = Client(line, observer=lambda direction, data, time: seen.append(data))
    assert client.classify(PIXELS).winner == 4
    assert len(line.sent) == 1
    assert seen[:3] == 3 * [NOISE[kind]], "a recording has it all the same"


def test_noise_alone_is_told_when_the_time_is_up() -> None:
    line = ScriptedLine(lambda nth, number: DAMAGED)
    with pytest.raises(WireError, match="bad checksum"):
        Client(line, timeout_seconds=2.0).stats()
    assert line.time == pytest.approx(6.0, abs=0.01)


def test_an_error_without_a_number_is_taken_once_nothing_better_comes() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(0, ErrorCode.HARD_FAULT)) + DAMAGED)
    with pytest.raises(FirmwareError, match="HARD_FAULT"):
        Client(line, timeout_seconds=10.0).stats()
    assert line.time < 0.1
    assert len(line.sent) == 1


def test_a_late_reply_is_not_taken_for_the_next_ones() -> None:
    def answer(nth: int, number: int) -> bytes:
        if nth == 1:
            return b""
        late, fresh = inference_reply(number - 1, winner=9), inference_reply(number, winner=4)
        return frame.encode(late) + frame.encode(fresh)

    line = ScriptedLine(answer)
    assert Client(line, timeout_seconds=2.0).classify(PIXELS).winner == 4
    assert line.time > 2.0


@pytest.mark.parametrize("code", [ErrorCode.WRONG_SIZE, ErrorCode.BAD_VALUE, ErrorCode.UNKNOWN_COMMAND])
def test_what_the_firmware_refuses_is_not_repeated(code: ErrorCode) -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(number, code)))
    with pytest.raises(FirmwareError, match=code.name) as caught:
        Client(line).classify(PIXELS)
    assert caught.value.code == code
    assert len(line.sent) == 1


def test_a_fault_is_told_with_its_address() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(0, ErrorCode.HARD_FAULT, 0x60000000)))
    with pytest.raises(FirmwareError, match="0x60000000"):
        Client(line).stats()
    assert len(line.sent) == 1


def test_silence_ends_in_a_timeout_of_the_lines_own_time() -> None:
    line = ScriptedLine(lambda nth, number: b"")
    with pytest.raises(TargetTimeout):
        Client(line, timeout_seconds=2.0).stats()
    assert len(line.sent) == 3
    assert line.time == pytest.approx(6.0)


def test_a_reset_is_asked_once_only() -> None:
    line = ScriptedLine(lambda nth, number: b"")
    with pytest.raises(TargetTimeout):
        Client(line).reset()
    assert len(line.sent) == 1


def test_an_answer_of_another_kind_is_an_error() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(inference_reply(number)))
    with pytest.raises(WireError, match="Stats"):
        Client(line).stats()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda answer: setattr(answer.output, "layerCounters", [7]), "tells what 1 layers took, and has 2"),
        (lambda answer: setattr(answer.output, "layerCounters", [1, 2, 3]), "tells what 3 layers took, and has 2"),
        (lambda answer: setattr(answer.piece, "bytes", [1] * 9), "the firmware sent 9 bytes of 0"),
        (lambda answer: setattr(answer.piece, "bytes", []), "the firmware sent 0 bytes of 0"),
        (lambda answer: setattr(answer.piece, "index", 1), "the firmware sent 1 bytes of 1"),
    ],
)
def test_an_answer_whose_memory_was_damaged_before_its_checksum_is_an_error_of_the_wire(
    damage: Callable[[fbs.CommandsT], None], said: str
) -> None:
    firmware = FirmwareOf102()

    def answer(request: fbs.CommandsT) -> bytes:
        whole = firmware(request)
        if request.cmd not in (fbs.Command.CMD_RUN, fbs.Command.CMD_READ_TENSOR):
            return whole
        told = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(whole, 0))
        with suppress(AttributeError):  # the other of the two has no such part
            damage(told)
        builder = flatbuffers.Builder()
        builder.Finish(told.Pack(builder))
        return bytes(builder.Output())

    with pytest.raises(WireError, match=said):
        Client(AnsweringLine(answer)).infer(TENSORS)


def test_a_last_piece_longer_than_what_is_left_is_an_error_of_the_wire() -> None:
    firmware = FirmwareOf102()

    def answer(request: fbs.CommandsT) -> bytes:
        whole = firmware(request)
        if request.cmd != fbs.Command.CMD_READ_TENSOR or request.piece.offset < 3:
            return whole
        told = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(whole, 0))
        told.piece.bytes = np.array([1, 2], np.uint8)
        builder = flatbuffers.Builder()
        builder.Finish(told.Pack(builder))
        return bytes(builder.Output())

    with pytest.raises(WireError, match="from byte 3 on, the firmware sent 2 bytes of 0 from 3 on"):
        Client(AnsweringLine(answer)).infer(TENSORS)


def test_tensors_travel_in_pieces_and_come_back_with_all_outputs() -> None:
    firmware = FirmwareOf102()
    line = AnsweringLine(firmware)
    client = Client(line)
    result = client.infer(TENSORS)
    assert firmware.written == dict(enumerate(TENSORS))
    assert result.tensors == firmware.outputs
    assert result.tensor == firmware.outputs[0]
    assert result.scores.tolist() == [1.0, 16.0, 11.0, 0.5]
    assert result.winner == 1
    assert [(layer.name, layer.macs, layer.counter) for layer in result.layers] == [("l0", 0, 10), ("l1", 1, 1 << 40)]
    assert result.counter == 30
    sizes = [len(request.piece.bytes) for request in line.requests if request.cmd == fbs.Command.CMD_WRITE_TENSOR]
    assert sizes == [4, 4, 2, 3]
    asked = [request.piece for request in line.requests if request.cmd == fbs.Command.CMD_READ_TENSOR]
    assert [(each.index, each.offset, each.count) for each in asked] == [
        (0, 0, 4), (0, 1, 3), (0, 2, 2), (0, 3, 1), (1, 0, 4),
    ]  # fmt: skip
    # What does not change is asked once.
    firmware.written = {0: b"", 1: b""}
    client.infer(TENSORS)
    asked = [request.cmd for request in line.requests]
    assert asked.count(fbs.Command.CMD_GET_STATS) == 1
    assert asked.count(fbs.Command.CMD_GET_LAYERS) == 2


def test_a_run_whose_answer_got_lost_is_asked_for_under_the_same_number() -> None:
    firmware = FirmwareOf102()
    lost = []

    def answer(request: fbs.CommandsT) -> bytes | None:
        said = firmware(request)
        if request.cmd == fbs.Command.CMD_RUN and not lost:
            lost.append(said)
            return None
        return said

    line = AnsweringLine(answer)
    Client(line, timeout_seconds=1.0).infer(TENSORS)
    assert len(firmware.runs) == 2
    assert len(set(firmware.runs)) == 1
    others = [request.request for request in line.requests if request.cmd != fbs.Command.CMD_RUN]
    assert firmware.runs[0] not in others, "the firmware would repeat what it said to that one"


@pytest.mark.parametrize("tensors", [(), TENSORS[:1], (*TENSORS, b""), (TENSORS[0][:-2], TENSORS[1])])
def test_tensors_of_another_number_or_size_are_not_sent(tensors: tuple[bytes, ...]) -> None:
    line = AnsweringLine(FirmwareOf102())
    with pytest.raises(ModelError, match=r"10 bytes \(int16 5\), 3 bytes \(bool 3\)"):
        Client(line).infer(tensors)
    assert [request.cmd for request in line.requests] == [fbs.Command.CMD_GET_STATS]


def test_firmware_of_101_gets_a_tensor_in_one_message() -> None:
    def answer(request: fbs.CommandsT) -> bytes:
        if request.cmd == fbs.Command.CMD_GET_STATS:
            stats = fbs.StatsT()
            stats.version = 101
            stats.input = tensor_info("", fbs.ElementType.UINT8, [1, 6], 0.25, 3)
            stats.output = tensor_info("", fbs.ElementType.UINT8, [1, 2], 0.5)
            return commands(request.request, cmd=request.cmd, stats=stats)
        assert request.cmd == fbs.Command.CMD_INFERENCE_INPUT
        assert bytes(request.input.tensor) == b"abcdef"
        return inference_reply(request.request)

    client = Client(AnsweringLine(answer))
    assert client.infer(b"abcdef").tensors == (b"\x01\x07",)
    stats = client.stats()
    assert [info.shape for info in (*stats.inputs, *stats.outputs)] == [(1, 6), (1, 2)]
    assert (stats.piece_bytes, stats.layer_count, stats.state_bytes) == (0, 0, 0)
    with pytest.raises(ModelError, match="6 bytes"):
        client.infer((b"abcdef", b""))


def test_the_articles_stats_are_understood() -> None:
    stats = fbs.StatsT()
    stats.version, stats.freq = 100, 216_000_000
    line = ScriptedLine(lambda nth, number: frame.encode(commands(number, stats=stats)))
    answer = Client(line).stats()
    assert (answer.protocol_version, answer.freq_hz, answer.engine) == (100, 216_000_000, "")
    assert answer.input is None


@pytest.mark.parametrize(
    ("sent", "words"), [(0, "16 MHz"), (3, "16 MHz (slow: the PLL is not ready)"), (9, "16 MHz (slow: for a reason")]
)
def test_a_clock_that_is_not_the_wanted_one_is_told_whatever_the_reason(sent: int, words: str) -> None:
    stats = fbs.StatsT()
    stats.version, stats.freq, stats.clockProblem = 103, 16_000_000, sent
    answer = Client(ScriptedLine(lambda nth, number: frame.encode(commands(number, stats=stats)))).stats()
    assert answer.clock.startswith(words)
    assert bool(answer.clock_problem) == bool(sent)


def test_a_request_takes_the_timeout_that_it_is_given_and_another_the_clients() -> None:
    line = ScriptedLine(lambda nth, number: b"")
    client = Client(line, timeout_seconds=5.0)
    with pytest.raises(TargetTimeout):
        client.stats(timeout_seconds=1.0)
    assert line.time == pytest.approx(3.0)
    with pytest.raises(TargetTimeout):
        client.next_reply()
    assert line.time == pytest.approx(8.0)
    with pytest.raises(TargetTimeout):
        client.next_reply(timeout_seconds=0.5)
    assert line.time == pytest.approx(8.5)


def test_a_request_is_tried_three_times_and_has_ten_seconds_each() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(0, ErrorCode.BUSY)))
    with pytest.raises(FirmwareError, match="BUSY"):
        Client(line).stats()
    assert len(line.sent) == 3
    silent = ScriptedLine(lambda nth, number: b"")
    with pytest.raises(TargetTimeout):
        Client(silent).stats()
    assert silent.time == pytest.approx(30.0)


def test_after_an_error_without_a_number_the_own_answer_has_a_moment_to_come() -> None:
    line = ScriptedLine(
        lambda nth, number: frame.encode(error_reply(0, ErrorCode.HARD_FAULT)) + frame.encode(inference_reply(number))
    )
    assert Client(line).classify(PIXELS).winner == 3


def test_an_answer_to_another_is_none_though_it_is_an_error() -> None:
    """Only an error without a number is about whatever was sent last."""
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(77, ErrorCode.HARD_FAULT)))
    with pytest.raises(TargetTimeout):
        Client(line, timeout_seconds=1.0).stats()


def test_a_message_without_a_number_that_is_no_error_answers_nothing() -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(inference_reply(0)))
    with pytest.raises(TargetTimeout):
        Client(line, timeout_seconds=1.0).classify(PIXELS)


def test_silence_within_a_frame_is_told_with_its_first_bytes() -> None:
    line = ScriptedLine(lambda nth, number: bytes(range(1, 21)))
    with pytest.raises(
        TargetTimeout, match=r"^20 bytes came that never became a frame \(01 02 .* 10 \.\.\.\): nothing"
    ):
        Client(line).reset()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (ErrorCode.BUSY, "Check the line"),
        (ErrorCode.WRONG_SIZE, "Send as many elements"),
        (ErrorCode.INTERNAL, "Reset the target"),
        (200, "Reset the target"),
    ],
)
def test_each_error_comes_with_what_to_do(code: int, remedy: str) -> None:
    line = ScriptedLine(lambda nth, number: frame.encode(error_reply(number, code)))
    with pytest.raises(FirmwareError) as caught:
        Client(line).reset()
    assert caught.value.code == code
    assert remedy in str(caught.value)


def test_no_tensor_is_told_as_none() -> None:
    with pytest.raises(ModelError, match="given were none"):
        Client(AnsweringLine(FirmwareOf102())).infer(())
    with pytest.raises(ModelError, match=r"given were 10 bytes\. Give"):
        Client(AnsweringLine(FirmwareOf102())).infer(TENSORS[:1])


@pytest.mark.parametrize(("piece_bytes", "sizes"), [(5, [4, 4, 2, 3]), (1, [2, 2, 2, 2, 2, 1, 1, 1])])
def test_a_piece_holds_whole_elements_and_one_at_least(piece_bytes: int, sizes: list[int]) -> None:
    firmware = FirmwareOf102()

    def answer(request: fbs.CommandsT) -> bytes:
        whole = firmware(request)
        if request.cmd != fbs.Command.CMD_GET_STATS:
            return whole
        told = fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(whole, 0))
        told.stats.pieceBytes = piece_bytes
        builder = flatbuffers.Builder()
        builder.Finish(told.Pack(builder))
        return bytes(builder.Output())

    line = AnsweringLine(answer)
    # The bool has pieces of as many bytes as the int16 would, rounded down to its own element.
    Client(line).infer(TENSORS)
    sent = [len(request.piece.bytes) for request in line.requests if request.cmd == fbs.Command.CMD_WRITE_TENSOR]
    assert sent == sizes


def test_frames_are_told_in_words() -> None:
    def reply(command: int, **fields: object) -> bytes:
        return frame.encode(messages._finish(9, command, **fields))

    error = fbs.ErrorT()
    error.code, error.text = 2, "not\x1b[31m red"
    piece = fbs.TensorPieceT()
    piece.index, piece.offset, piece.count, piece.bytes = 1, 8, 5, np.zeros(3, np.uint8)
    output = fbs.InferenceOutputT()
    output.counter = 1234567
    command = fbs.Command
    assert frame_said("sent", frame.encode(messages.encode_get_stats(5))) == "#5 GET_STATS"
    assert frame_said("sent", frame.encode(messages.encode_command(6, 99))) == "#6 command 99"
    assert (
        frame_said("sent", frame.encode(messages.encode_read(7, 1, 4, 20))) == "#7 READ_TENSOR, tensor 1, 20 B from 4"
    )
    assert frame_said("sent", b"\0\0") == "an empty frame"
    assert frame_said("sent", frame.encode(b"no flatbuffer")) == "a good frame of 13 bytes that is no message"
    assert frame_said("reset", b"") == "the chip is reset"
    assert frame_said("received", reply(command.CMD_ERROR, error=error)).startswith("#9 error FRAME_MALFORMED: not")
    assert "\x1b" not in frame_said("received", reply(command.CMD_ERROR, error=error))
    assert frame_said("received", reply(command.CMD_WRITE_TENSOR, piece=piece)) == "#9 input 1: 5 B are there"
    assert frame_said("received", reply(command.CMD_READ_TENSOR, piece=piece)) == "#9 output 1: 3 B from 8"
    assert frame_said("received", reply(command.CMD_RUN, output=output)) == "#9 run: counter 1,234,567"
    assert frame_said("received", reply(command.CMD_RESET)) == "#9 about to reset"
    assert frame_said("received", reply(command.CMD_RESET_STATE)) == "#9 state reset"
    damaged = bytearray(reply(command.CMD_RESET))
    damaged[-2] ^= 0x10
    assert frame_said("received", bytes(damaged)).startswith("no good frame: ")
