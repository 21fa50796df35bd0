"""What the firmware does with what comes over its two lines, wherever it runs.

Each place has a test class that inherits these cases and provides the fixtures ``line`` and ``console``, for an image
with engine ``test`` (firmware/tests/engine): output i is the sum of the pixels whose index is i modulo 10.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest

from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.wire import frame, messages
from renode_mnist.wire._generated import mnist_generated as fbs
from renode_mnist.wire.messages import (
    ArenaRegion,
    ErrorCode,
    ErrorReport,
    Inference,
    LayerPage,
    LayerTiming,
    OutputPiece,
    Reply,
    RunDone,
    StateReset,
    Stats,
    Written,
)

_PATIENCE_SECONDS = 20.0
_markers = itertools.count(0x4000_0000)

PIXELS = np.arange(784, dtype=np.uint8) // 4
PIXELS[0] = 0  # 255, as 1.0, would be a request for trouble


def expected_scores(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    sums = np.zeros(10, np.float32)
    for index, pixel in enumerate(pixels.astype(np.float32) / np.float32(255)):
        sums[index % 10] += pixel
    return sums


def replies_until(line: ByteStream, request: int) -> list[Reply]:
    """What the firmware sends, up to its answer to ``request``."""
    decoder = frame.FrameDecoder()
    replies = []
    deadline = Deadline.after(line, _PATIENCE_SECONDS)
    while True:
        for item in decoder.feed(line.receive(deadline)):
            assert isinstance(item, bytes), f"the firmware sent a bad frame: {item}"
            replies.append(messages.decode_reply(item))
        if replies and replies[-1].request == request:
            return replies


def answers(line: ByteStream, data: bytes) -> list[Reply]:
    """All that the firmware answers to ``data``, which a zero and a good frame follow.

    The good frame marks the end without a wait, and shows that the firmware has found its place again; it holds
    the request with the shortest answer there is.
    """
    marker = next(_markers)
    line.send(data + b"\0" + frame.encode(command(fbs.Command.CMD_ERROR, marker)))
    *before, last = replies_until(line, marker)
    assert isinstance(last.body, ErrorReport), last
    assert last.body.code == ErrorCode.UNKNOWN_COMMAND
    return before


def errors(line: ByteStream, data: bytes) -> list[tuple[int, int]]:
    """Request number and error code of each answer to ``data``, which must all be errors."""
    found = []
    for reply in answers(line, data):
        assert isinstance(reply.body, ErrorReport), reply
        assert reply.body.text
        found.append((reply.request, reply.body.code))
    return found


def ask(line: ByteStream, payload: bytes) -> messages.Body:
    """The answer to one good request, before anything else is sent."""
    request = fbs.Commands.GetRootAs(payload, 0).Request()
    line.send(frame.encode(payload))
    (reply,) = replies_until(line, request)
    return reply.body


def code_of(body: messages.Body) -> int:
    """Of an answer that must be an error."""
    assert isinstance(body, ErrorReport), body
    assert body.text
    return body.code


def refusal(line: ByteStream, payload: bytes) -> int:
    """The code of the error that answers a good frame whose payload holds no request number."""
    line.send(frame.encode(payload))
    (reply,) = replies_until(line, 0)
    assert isinstance(reply.body, ErrorReport), reply
    assert answers(line, b"") == []
    return reply.body.code


def inference_request(request: int, **inputs: object) -> bytes:
    """A request with any of digit, pixels and tensor set."""
    message = fbs.CommandsT()
    message.cmd = fbs.Command.CMD_INFERENCE_INPUT
    message.request = request
    message.input = fbs.InferenceInputT()
    for name, value in inputs.items():
        setattr(message.input, name, value)
    return packed(message)


def command(number: int, request: int) -> bytes:
    """A request that is nothing but a command."""
    message = fbs.CommandsT()
    message.cmd = number
    message.request = request
    return packed(message)


def packed(message: fbs.CommandsT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(message.Pack(builder))
    return bytes(builder.Output())


def console_says(console: ByteStream, typed: bytes, last: str) -> list[str]:
    """The lines that the console prints once ``typed`` was typed, up to one that starts with ``last``."""
    if typed:
        console.send(typed)
    deadline = Deadline.after(console, _PATIENCE_SECONDS)
    text = b""
    while True:
        lines = text.decode("ascii").split("\r\n")
        if any(line.startswith(last) for line in lines[:-1]):
            return lines[:-1]
        text += console.receive(deadline)


class FirmwareCases:
    """The cases; ``flipped`` is the request whose every bit is flipped in turn."""

    flipped: Callable[[int], bytes] = staticmethod(messages.encode_get_stats)

    def test_a_picture_is_answered_by_its_scores(self, line: ByteStream) -> None:
        body = ask(line, messages.encode_pixels(5, PIXELS))
        assert isinstance(body, Inference)
        np.testing.assert_array_equal(body.scores, expected_scores(PIXELS))
        assert body.winner == int(np.argmax(body.scores))
        assert body.tensor == body.scores.tobytes()
        assert [layer.op for layer in body.layers] == ["CUSTOM", "SUM"]
        assert body.counter >= sum(layer.counter for layer in body.layers) > 0

    def test_all_forms_of_input_give_the_same(self, line: ByteStream) -> None:
        reals = PIXELS.astype(np.float32) / np.float32(255)
        requests = [
            messages.encode_pixels(6, PIXELS),
            messages.encode_digit(7, reals),
            messages.encode_tensor(8, reals.tobytes()),
        ]
        bodies = [ask(line, request) for request in requests]
        assert [isinstance(body, Inference) for body in bodies] == [True] * 3
        assert len({body.tensor for body in bodies if isinstance(body, Inference)}) == 1

    def test_the_article_s_request_without_a_number_is_answered(self, line: ByteStream) -> None:
        assert isinstance(ask(line, messages.encode_digit(0, np.zeros(784, np.float32))), Inference)

    def test_stats_are_complete(self, line: ByteStream) -> None:
        stats = ask(line, messages.encode_get_stats(9))
        assert isinstance(stats, Stats)
        assert stats.protocol_version == messages.PROTOCOL_VERSION
        assert stats.engine == "test"
        assert stats.model_name == "test"
        assert stats.input is not None
        assert stats.input.shape == (1, 28, 28, 1)
        assert stats.output is not None
        assert stats.output.shape == (1, 10)
        assert len(stats.build_id) == 40
        for text in (stats.commit, stats.compiler, stats.flags, stats.board):
            assert text
        assert stats.max_payload_bytes >= 784 * 4

    def test_every_flipped_bit_is_noticed(self, line: ByteStream) -> None:
        good = frame.encode(self.flipped(11))
        for bit in range(8 * len(good)):
            flipped = bytearray(good)
            flipped[bit // 8] ^= 1 << bit % 8
            assert errors(line, bytes(flipped)), f"bit {bit} flipped went unnoticed"
        body = ask(line, messages.encode_pixels(11, PIXELS))
        assert isinstance(body, Inference)
        np.testing.assert_array_equal(body.scores, expected_scores(PIXELS))

    def test_every_truncation_is_noticed(self, line: ByteStream) -> None:
        good = frame.encode(messages.encode_get_stats(12))
        for length in range(1, len(good) - 1):
            ((request, code),) = errors(line, good[:length])
            assert request == 0
            assert code in (ErrorCode.FRAME_MALFORMED, ErrorCode.BAD_CHECKSUM)

    def test_a_bad_checksum_and_a_short_frame_have_their_codes(self, line: ByteStream) -> None:
        good = bytearray(frame.encode(messages.encode_get_stats(13)))
        good[-2] ^= 1
        assert errors(line, bytes(good)) == [(0, ErrorCode.BAD_CHECKSUM)]
        assert errors(line, b"\x04abc\0") == [(0, ErrorCode.FRAME_MALFORMED)]
        assert errors(line, b"\x09abc\0") == [(0, ErrorCode.FRAME_MALFORMED)]

    def test_empty_frames_are_passed_over(self, line: ByteStream) -> None:
        assert answers(line, b"\0\0\0\0") == []

    def test_a_frame_may_be_as_long_as_stated_and_no_longer(self, line: ByteStream) -> None:
        stats = ask(line, messages.encode_get_stats(14))
        assert isinstance(stats, Stats)
        longest = b"\xa5" * stats.max_payload_bytes
        assert refusal(line, longest) == ErrorCode.NOT_A_FLATBUFFER
        assert errors(line, frame.encode(longest + b"\xa5")) == [(0, ErrorCode.FRAME_TOO_LONG)]
        assert errors(line, b"\xa5" * 3 * len(longest)) == [(0, ErrorCode.FRAME_TOO_LONG)]

    def test_of_two_at_once_the_second_is_told_to_wait(self, line: ByteStream) -> None:
        first, second = messages.encode_pixels(15, PIXELS), messages.encode_get_stats(16)
        line.send(frame.encode(first) + frame.encode(second))
        result, busy = replies_until(line, 16)
        assert result.request == 15
        assert isinstance(result.body, Inference)
        assert isinstance(busy.body, ErrorReport)
        assert busy.body.code == ErrorCode.BUSY
        assert isinstance(ask(line, messages.encode_get_stats(17)), Stats)

    def test_garbage_between_requests_costs_only_itself(self, line: ByteStream) -> None:
        noise = random.Random(1)
        good = frame.encode(messages.encode_get_stats(18))
        for _ in range(20):
            garbage = bytes(noise.randrange(1, 256) for _ in range(noise.randrange(1, 60)))
            assert len(errors(line, garbage)) == 1
            # Without a zero between, it takes the next frame with it.
            assert len(errors(line, garbage + good)) == 1

    def test_a_good_frame_that_is_no_message_is_refused(self, line: ByteStream) -> None:
        noise = random.Random(2)
        for size in (0, 1, 3, 4, 7, 8, 40, 800):
            payload = bytes(noise.randrange(256) for _ in range(size))
            assert refusal(line, payload) == ErrorCode.NOT_A_FLATBUFFER

    def test_a_message_cut_off_yields_no_class(self, line: ByteStream) -> None:
        whole = messages.encode_pixels(19, PIXELS)
        for length in [*range(0, 64), *range(64, len(whole), 180)]:
            assert refusal(line, whole[:length]) == ErrorCode.NOT_A_FLATBUFFER

    @pytest.mark.parametrize("number", [2, 3, 11, 99, -1])
    def test_a_command_that_is_no_request_is_refused(self, line: ByteStream, number: int) -> None:
        body = ask(line, command(number, 20))
        assert isinstance(body, ErrorReport)
        assert body.code == ErrorCode.UNKNOWN_COMMAND

    @pytest.mark.parametrize(
        "inputs",
        [
            {},
            {"pixels": np.zeros(0, np.uint8)},
            {"pixels": np.zeros(783, np.uint8)},
            {"pixels": np.zeros(785, np.uint8)},
            {"digit": np.zeros(10, np.float32)},
            {"tensor": np.zeros(784, np.uint8)},
            {"pixels": PIXELS, "tensor": np.zeros(4, np.uint8)},
        ],
        ids=str,
    )
    def test_another_number_of_elements_is_refused(self, line: ByteStream, inputs: dict[str, object]) -> None:
        body = ask(line, inference_request(21, **inputs))
        assert isinstance(body, ErrorReport)
        assert body.code == ErrorCode.WRONG_SIZE

    def test_an_inference_without_input_is_refused(self, line: ByteStream) -> None:
        body = ask(line, command(fbs.Command.CMD_INFERENCE_INPUT, 22))
        assert isinstance(body, ErrorReport)
        assert body.code == ErrorCode.WRONG_SIZE

    def test_a_tensor_in_pieces_gives_what_it_gives_in_one_message(self, line: ByteStream) -> None:
        reals = PIXELS.astype(np.float32) / np.float32(255)
        whole = ask(line, messages.encode_tensor(30, reals.tobytes()))
        assert isinstance(whole, Inference)
        for size in (3136, 1000, 4):
            for offset in range(0, 3136, size) if size > 4 else (0, 4, *range(8, 3136, 284)):
                end = min(offset + (size if size > 4 or offset < 8 else 284), 3136)
                body = ask(line, messages.encode_write(31, 0, offset, reals.tobytes()[offset:end]))
                assert body == Written(0, end)
            done = ask(line, messages.encode_run(32))
            assert isinstance(done, RunDone)
            assert len(done.layer_counters) == 2
            assert done.counter >= sum(done.layer_counters) > 0
            assert ask(line, messages.encode_read(33, 0, 0, 40)) == OutputPiece(0, 0, whole.tensor)
            assert ask(line, messages.encode_read(33, 0, 8, 12)) == OutputPiece(0, 8, whole.tensor[8:20])

    def test_a_piece_may_come_twice_or_overlap_and_the_first_begins_anew(self, line: ByteStream) -> None:
        reals = PIXELS.astype(np.float32) / np.float32(255)
        content = reals.tobytes()

        def write(offset: int, end: int) -> object:
            return ask(line, messages.encode_write(34, 0, offset, content[offset:end]))

        assert write(0, 400) == Written(0, 400)
        assert write(400, 1200) == Written(0, 1200)
        assert write(400, 1200) == Written(0, 1200)
        assert write(200, 800) == Written(0, 1200)
        assert write(1000, 3136) == Written(0, 3136)
        assert write(0, 1600) == Written(0, 1600)
        assert code_of(ask(line, messages.encode_run(35))) == ErrorCode.OUT_OF_ORDER
        assert write(1600, 3136) == Written(0, 3136)
        assert isinstance(ask(line, messages.encode_run(36)), RunDone)
        read = ask(line, messages.encode_read(37, 0, 0, 40))
        assert isinstance(read, OutputPiece)
        np.testing.assert_array_equal(np.frombuffer(read.content, np.float32), expected_scores(PIXELS))

    def test_pieces_that_cannot_be_are_refused_and_change_nothing(self, line: ByteStream) -> None:
        zeros = bytes(3136)
        begun = messages.encode_write(38, 0, 0, zeros[:800])
        assert ask(line, begun) == Written(0, 800)
        bad = np.array([0, np.nan], np.float32).tobytes()
        for payload, code in (
            (messages.encode_write(38, 1, 0, zeros[:4]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0xFFFF_FFFF, 0, zeros[:4]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 804, zeros[:4]), ErrorCode.OUT_OF_ORDER),
            (messages.encode_write(38, 0, 3136, zeros[:4]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 0xFFFF_FFFC, zeros[:8]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 400, zeros[:2740]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 2, zeros[:4]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 4, zeros[:6]), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 0, b""), ErrorCode.WRONG_SIZE),
            (messages.encode_write(38, 0, 796, bad), ErrorCode.BAD_VALUE),
            (command(fbs.Command.CMD_WRITE_TENSOR, 38), ErrorCode.WRONG_SIZE),
        ):
            assert code_of(ask(line, payload)) == code
        assert ask(line, messages.encode_write(38, 0, 800, zeros[800:804])) == Written(0, 804)

    def test_outputs_are_there_after_a_run_and_until_the_next_write(self, line: ByteStream) -> None:
        read, run = messages.encode_read(40, 0, 0, 40), messages.encode_run(41)
        assert ask(line, messages.encode_write(39, 0, 0, bytes(3136))) == Written(0, 3136)
        assert code_of(ask(line, read)) == ErrorCode.OUT_OF_ORDER
        assert isinstance(ask(line, run), RunDone)
        assert isinstance(ask(line, read), OutputPiece)
        assert ask(line, run) == ask(line, run)  # the same number: the same answer, nothing is computed
        assert code_of(ask(line, messages.encode_run(42))) == ErrorCode.OUT_OF_ORDER
        for payload, code in (
            (messages.encode_read(40, 1, 0, 4), ErrorCode.WRONG_SIZE),
            (messages.encode_read(40, 0, 0, 44), ErrorCode.WRONG_SIZE),
            (messages.encode_read(40, 0, 40, 4), ErrorCode.WRONG_SIZE),
            (messages.encode_read(40, 0, 2, 4), ErrorCode.WRONG_SIZE),
            (messages.encode_read(40, 0, 0, 0), ErrorCode.WRONG_SIZE),
            (command(fbs.Command.CMD_READ_TENSOR, 40), ErrorCode.WRONG_SIZE),
        ):
            assert code_of(ask(line, payload)) == code
        assert isinstance(ask(line, read), OutputPiece)
        assert ask(line, messages.encode_write(39, 0, 0, bytes(4))) == Written(0, 4)
        assert code_of(ask(line, read)) == ErrorCode.OUT_OF_ORDER
        assert code_of(ask(line, run)) == ErrorCode.OUT_OF_ORDER

    def test_layers_have_their_names(self, line: ByteStream) -> None:
        layers = (LayerTiming("trouble", "CUSTOM", 0, 0), LayerTiming("sums", "SUM", 784, 0))
        for first in range(4):
            assert ask(line, messages.encode_get_layers(43, first)) == LayerPage(layers[first:])

    def test_a_model_without_state_can_be_reset_too(self, line: ByteStream) -> None:
        assert isinstance(ask(line, messages.encode_reset_state(44)), StateReset)

    def test_a_trace_is_refused_by_an_image_that_is_used(self, line: ByteStream) -> None:
        body = ask(line, messages.encode_run(45, [ArenaRegion(0, 0, 4)]))
        assert isinstance(body, ErrorReport)
        assert body.code == ErrorCode.UNKNOWN_COMMAND
        assert "TRACE" in body.text

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    def test_a_pixel_that_is_no_number_is_refused(self, line: ByteStream, bad: float) -> None:
        reals = np.zeros(784, np.float32)
        reals[783] = bad
        for payload in (messages.encode_digit(23, reals), messages.encode_tensor(23, reals.tobytes())):
            body = ask(line, payload)
            assert isinstance(body, ErrorReport)
            assert body.code == ErrorCode.BAD_VALUE

    def test_the_console_prints_the_model(self, console: ByteStream) -> None:
        said = console_says(console, b"CMD=1\r\n", "RAM:")
        assert "Received: CMD=1" in said
        assert any(text.startswith("Model: test") for text in said)
        assert "Input: float32 1x28x28x1" in said
        assert "Output: float32 1x10" in said
        assert any(text.startswith("Engine: test") for text in said)

    def test_the_console_runs_the_built_in_digit(self, console: ByteStream) -> None:
        said = console_says(console, b"CMD=2\n", "Out[9]")
        start = said.index("Running inference...")
        layers, total, scores = said[start + 1 : start + 3], said[start + 3], said[start + 4 :]
        assert [text.split(":")[0] for text in layers] == ["CUSTOM", "SUM"]
        assert all(text.endswith(" msec") for text in layers)
        assert total.startswith("Done in ")
        assert total.endswith(" msec...")
        assert [text.split(": ")[0] for text in scores] == [f"Out[{i}]" for i in range(10)]
        assert sum(float(text.split(": ")[1]) for text in scores) > 10

    @pytest.mark.parametrize("ending", [b"\r", b"\n", b"\r\n", b"\n\r\n\n"])
    def test_any_line_ending_does(self, console: ByteStream, ending: bytes) -> None:
        assert console_says(console, b"HELP" + ending, "HELP")[0] == "Received: HELP"

    @pytest.mark.parametrize(
        "typed", [b"CMD=4\n", b"cmd=1\n", b"CMD=1 \n", b"\x1b[2J\xff\n", b"?\n", b"x" * 64 + b"\n"]
    )
    def test_an_unknown_command_is_answered(self, console: ByteStream, typed: bytes) -> None:
        echoed = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in typed[:-1])
        assert console_says(console, typed, "Unknown command")[0] == f"Received: {echoed}"

    @pytest.mark.parametrize("length", [65, 100, 1000])
    def test_an_over_long_line_is_answered_and_the_next_obeyed(self, console: ByteStream, length: int) -> None:
        assert console_says(console, b"y" * length + b"\n", "The line is longer") == [
            "The line is longer than 64 characters."
        ]
        assert console_says(console, b"HELP\n", "HELP")[0] == "Received: HELP"

    def test_a_reset_is_acknowledged_and_carried_out(self, line: ByteStream, console: ByteStream) -> None:
        assert isinstance(ask(line, messages.encode_reset(24)), messages.ResetAcknowledged)
        assert console_says(console, b"", "Program started @ ")
        assert isinstance(ask(line, messages.encode_get_stats(25)), Stats)
