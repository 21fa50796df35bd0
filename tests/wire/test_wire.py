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
from renode_mnist.stream import Deadline
from renode_mnist.wire import frame, messages
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.client import Client
from renode_mnist.wire.messages import ErrorCode
from renode_mnist.wire.said import frame_said


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


@given(st.binary(max_size=200))
def test_garbage_with_a_good_checksum_is_an_error_not_a_crash(payload: bytes) -> None:
    try:
        reply = messages.decode_reply(payload)
    except WireError:
        return
    assert reply.body is not None


def commands(request: int, **fields: object) -> bytes:
    message = fbs.CommandsT()
    message.request = request
    for name, value in fields.items():
        setattr(message, name, value)
    builder = flatbuffers.Builder(64)
    builder.Finish(message.Pack(builder))
    return bytes(builder.Output())


def inference_reply(request: int, winner: int = 3) -> bytes:
    output = fbs.InferenceOutputT()
    output.outputF = np.array([0.125, 0.875], np.float32)
    output.outputN = winner
    output.tensor = np.array([1, 7], np.uint8)
    layer = fbs.LayerTimingT()
    layer.name, layer.op, layer.macs, layer.counter = "conv", "CONV_2D", 12, 1 << 40
    output.layers = [layer]
    output.counter = 1 << 41
    return commands(request, cmd=fbs.Command.CMD_INFERENCE_OUTPUT, output=output)


def error_reply(request: int, code: ErrorCode, address: int = 0) -> bytes:
    error = fbs.ErrorT()
    error.code, error.text, error.address = code, "as it says", address
    return commands(request, cmd=fbs.Command.CMD_ERROR, error=error)


class ScriptedLine:
    """A byte stream whose other end is a function of the request's place in the order and its number."""

    def __init__(self, answer: Callable[[int, int], bytes]) -> None:
        self.time = 0.0
        self.sent: list[bytes] = []
        self._answer = answer
        self._incoming = b""

    def now(self) -> float:
        return self.time

    def send(self, data: bytes) -> None:
        payload = frame.decode(data[:-1])
        assert isinstance(payload, bytes)
        self.sent.append(payload)
        self._incoming += self._answer(len(self.sent), request_number(payload))

    def receive(self, deadline: Deadline) -> bytes:
        if not self._incoming:
            self.time = deadline.at_seconds
            raise TargetTimeout("nothing came", "Look at the log.")
        self.time += 0.001
        data, self._incoming = self._incoming[:7], self._incoming[7:]
        return data


class TakenLine(ScriptedLine):
    """One that can be emptied at once, and whose other end takes its time."""

    def __init__(self, answer: Callable[[int, int], bytes], late_seconds: float) -> None:
        super().__init__(answer)
        self._late_seconds = late_seconds

    def send(self, data: bytes) -> None:
        super().send(data)
        self.time += self._late_seconds

    def take_arrived(self) -> bytes:
        data, self._incoming = self._incoming, b""
        return data

    def arrive(self, data: bytes) -> None:
        self._incoming += data


def request_number(payload: bytes) -> int:
    return int(fbs.Commands.GetRootAs(payload, 0).Request())


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


class AnsweringLine(ScriptedLine):
    """A byte stream whose other end is a function of the request itself; None is no answer."""

    def __init__(self, answer: Callable[[fbs.CommandsT], bytes | None]) -> None:
        super().__init__(lambda nth, number: b"")
        self.requests: list[fbs.CommandsT] = []
        self._say = answer

    def send(self, data: bytes) -> None:
        payload = frame.decode(data[:-1])
        assert isinstance(payload, bytes)
        self.requests.append(fbs.CommandsT.InitFromObj(fbs.Commands.GetRootAs(payload, 0)))
        said = self._say(self.requests[-1])
        self._incoming += b"" if said is None else frame.encode(said)


def tensor_info(name: str, kind: int, shape: list[int], scale: float = 0.0, zero_point: int = 0) -> fbs.TensorInfoT:
    info = fbs.TensorInfoT()
    info.name, info.type, info.shape, info.scale, info.zeroPoint = name, kind, shape, scale, zero_point
    return info


class FirmwareOf102:
    """int16 [5] and bool [3] in, int8 [4] and int32 [] out; pieces of 4 bytes, answers of one element."""

    outputs = (bytes([0, 30, 20, 255]), (-7).to_bytes(4, "little", signed=True))

    def __init__(self) -> None:
        self.written: dict[int, bytes] = {0: b"", 1: b""}
        self.runs: list[int] = []

    def __call__(self, request: fbs.CommandsT) -> bytes:
        if request.cmd == fbs.Command.CMD_GET_STATS:
            stats = fbs.StatsT()
            stats.version, stats.pieceBytes, stats.layerCount = 102, 4, 2
            kinds = fbs.ElementType
            stats.inputs = [tensor_info("a", kinds.INT16, [5]), tensor_info("b", kinds.BOOL, [3])]
            stats.outputs = [tensor_info("c", kinds.INT8, [1, 4], 0.5, -2), tensor_info("d", kinds.INT32, [])]
            stats.input, stats.output = stats.inputs[0], stats.outputs[0]
            return commands(request.request, cmd=request.cmd, stats=stats)
        piece, answer = request.piece, fbs.TensorPieceT()
        if request.cmd == fbs.Command.CMD_WRITE_TENSOR:
            assert piece.offset == len(self.written[piece.index])
            assert len(piece.bytes) <= 4
            self.written[piece.index] += bytes(piece.bytes)
            answer.index, answer.count = piece.index, len(self.written[piece.index])
            return commands(request.request, cmd=request.cmd, piece=answer)
        if request.cmd == fbs.Command.CMD_READ_TENSOR:
            size = (1, 4)[piece.index]
            answer.index, answer.offset = piece.index, piece.offset
            content = self.outputs[piece.index][piece.offset :][:size]
            answer.bytes = np.frombuffer(content, np.uint8)
            return commands(request.request, cmd=request.cmd, piece=answer)
        output = fbs.InferenceOutputT()
        if request.cmd == fbs.Command.CMD_GET_LAYERS:
            layer = fbs.LayerTimingT()
            layer.name, layer.op, layer.macs = f"l{request.first}", "RELU", request.first
            output.layers = [layer]
        else:
            assert request.cmd == fbs.Command.CMD_RUN
            self.runs.append(request.request)
            output.counter, output.layerCounters = 30, np.array([10, 1 << 40], np.uint64)
        return commands(request.request, cmd=request.cmd, output=output)


TENSORS = (np.arange(5, dtype="<i2").tobytes(), bytes([1, 0, 1]))


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

    Client(AnsweringLine(answer), timeout_seconds=1.0).infer(TENSORS)
    assert len(firmware.runs) == 2
    assert len(set(firmware.runs)) == 1


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
