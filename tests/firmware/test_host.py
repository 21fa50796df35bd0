"""The firmware's app as a program on this machine."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from firmware_builds import made
from firmware_cases import PIXELS, FirmwareCases, ask, console_says, replies_until
from firmware_host import HostProgram, TcpLine
from renode_mnist.wire import frame, messages
from renode_mnist.wire.messages import ErrorCode, ErrorReport, Inference, Stats


@pytest.fixture(scope="module")
def folder() -> Path:
    return made("host-test", "ENGINE=test")


@pytest.fixture
def program(folder: Path) -> Iterator[HostProgram]:
    with HostProgram(folder) as program:
        yield program


@pytest.fixture
def line(program: HostProgram) -> Iterator[TcpLine]:
    line = program.binary()
    yield line
    line.close()


@pytest.fixture
def console(program: HostProgram) -> Iterator[TcpLine]:
    console = program.console()
    console_says(console, b"", "Program started @ 1000000000...")
    yield console
    console.close()


class TestHost(FirmwareCases):
    @staticmethod
    def flipped(request: int) -> bytes:
        return messages.encode_pixels(request, PIXELS)


def test_more_requests_than_can_be_remembered_are_counted(line: TcpLine) -> None:
    line.send(b"".join(frame.encode(messages.encode_get_stats(100 + i)) for i in range(40)))
    replies = replies_until(line, 0)
    assert [reply.request for reply in replies] == [*range(100, 116), 0]
    assert isinstance(replies[0].body, Stats)
    codes = [reply.body.code for reply in replies[1:] if isinstance(reply.body, ErrorReport)]
    assert codes == [ErrorCode.BUSY] * 16
    assert isinstance(ask(line, messages.encode_get_stats(200)), Stats)


def test_a_request_that_found_no_room_to_be_remembered_blocks_none(line: TcpLine) -> None:
    damaged = frame.encode(b"damaged")[:-2] + b"\x01\x00"
    line.send(16 * damaged + frame.encode(messages.encode_get_stats(7)))
    replies = [reply.body for reply in replies_until(line, 0)]
    while len(replies) < 17:
        replies += [reply.body for reply in replies_until(line, 0)]
    codes = [body.code for body in replies if isinstance(body, ErrorReport)]
    assert codes == [ErrorCode.BAD_CHECKSUM] * 16 + [ErrorCode.BUSY]
    assert isinstance(ask(line, messages.encode_get_stats(8)), Stats)


def test_a_client_that_leaves_in_mid_frame_does_not_harm_the_next(program: HostProgram) -> None:
    for cut in (1, 100, 700):
        first = program.binary()
        first.send(frame.encode(messages.encode_pixels(1, PIXELS))[:cut])
        first.close()
        second = program.binary()
        assert isinstance(ask(second, messages.encode_pixels(2, PIXELS)), Inference)
        second.close()


def test_a_client_that_does_not_wait_for_its_answer_does_no_harm(program: HostProgram) -> None:
    for _ in range(20):
        first = program.binary()
        first.send(frame.encode(messages.encode_pixels(1, PIXELS)))
        first.close()
    second = program.binary()
    assert isinstance(ask(second, messages.encode_pixels(2, PIXELS)), Inference)
    second.close()


def test_a_second_client_is_served_after_the_first(program: HostProgram) -> None:
    first, second = program.binary(), program.binary()
    second.send(frame.encode(messages.encode_get_stats(2)))
    assert isinstance(ask(first, messages.encode_get_stats(1)), Stats)
    first.close()
    assert replies_until(second, 2)[0].request == 2
    second.close()


def test_it_listens_on_the_loopback_address_only(program: HostProgram) -> None:
    # Every 127.x.x.x is this machine: a program that listened on all addresses would answer here.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", program.ports["binary"]), timeout=5)


@pytest.mark.parametrize(
    "arguments",
    [["--port"], ["--port", "70000"], ["--port", "x"], ["--speed", "1"], ["--listen", "nowhere", "--port", "0"]],
    ids=" ".join,
)
def test_a_call_that_makes_no_sense_is_refused(folder: Path, arguments: list[str]) -> None:
    result = subprocess.run([folder / "firmware-host", *arguments], capture_output=True, text=True)
    assert result.returncode == 2
    assert "--port" in result.stderr


def test_a_port_in_use_is_an_error_with_a_way_out(folder: Path, program: HostProgram) -> None:
    taken = str(program.ports["binary"])
    result = subprocess.run([folder / "firmware-host", "--port", taken], capture_output=True, text=True)
    assert result.returncode == 2
    assert taken in result.stderr
    assert "--port 0" in result.stderr


@pytest.mark.parametrize("answer", [messages.encode_get_stats, lambda n: messages.encode_pixels(n, PIXELS)])
def test_each_request_gets_one_answer_however_its_bytes_come(line: TcpLine, answer: Callable[[int], bytes]) -> None:
    line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    encoded = frame.encode(answer(3))
    for size in (1, 7, 250):
        for at in range(0, len(encoded), size):
            line.send(encoded[at : at + size])
        assert [reply.request for reply in replies_until(line, 3)] == [3]


def test_scores_are_those_of_each_picture(line: TcpLine) -> None:
    for seed in range(20):
        pixels = np.random.default_rng(seed).integers(0, 255, 784, np.uint8)
        pixels[0] = 0
        body = ask(line, messages.encode_pixels(4, pixels))
        assert isinstance(body, Inference)
        assert body.winner == int(np.argmax(body.scores))
