"""The emulated board as a port of this machine: what a line does, and what clients may do to it."""

from __future__ import annotations

import re
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import serial

from renode_mnist.session.serve import Behind, TcpPort, serve
from renode_mnist.session.session import Session
from renode_mnist.stream import Deadline
from renode_mnist.targets.board import BoardTarget
from renode_mnist.wire import frame, messages
from served import Served, call, served

Digits = dict[str, npt.NDArray[np.uint8]]


@pytest.fixture(scope="module", params=["--pty", "--tcp=0"])
def board(request: pytest.FixtureRequest) -> Iterator[Served]:
    with served(request.param) as board:
        yield board


def test_a_byte_takes_its_time_on_the_line(board: Served) -> None:
    count = 4000
    with Session(BoardTarget(board.binary)) as session:
        begun = time.monotonic()
        session.client.send_raw(b"\x01" * count + b"\0")
        session.client.next_reply(60)
        # A busy machine may take longer, none may be faster than 115200 baud, but for what is ahead by a step.
        assert time.monotonic() - begun > count * 10 / 115_200 - 0.02


class Paced:
    """A target and its console, and a clock of this machine that stands still but for what running them takes.

    Args:
        cost: Real seconds that a virtual second takes, by the virtual second that begins.
    """

    def __init__(self, cost: Callable[[float], float]) -> None:
        self.virtual, self.real, self.cost = 3.0, 100.0, cost
        self.arrived, self.taken = bytearray(), bytearray()
        self.waits: list[float] = []

    def now(self) -> float:
        return self.virtual

    def run_for(self, seconds: float) -> None:
        self.real += seconds * self.cost(self.virtual - 3.0)
        before, self.virtual = self.virtual, self.virtual + seconds
        self.arrived += b"." * (round(self.virtual * 1000) - round(before * 1000))  # a byte a millisecond

    def send(self, data: bytes) -> None:
        self.taken += data

    def take_arrived(self) -> bytes:
        data = bytes(self.arrived)
        self.arrived.clear()
        return data


class Clock:
    def __init__(self, target: Paced) -> None:
        self.target = target

    def now(self) -> float:
        return self.target.real

    def wait(self, doors: Sequence[object], seconds: float) -> None:
        self.target.waits.append(seconds)
        self.target.real += seconds


class Heard:
    """A door."""

    address = "nowhere"

    def __init__(self) -> None:
        self.coming, self.heard = [b"ab", b"", b"c"], list[bytes]()

    def read(self) -> bytes:
        return self.coming.pop(0) if self.coming else b""

    def write(self, data: bytes) -> None:
        self.heard.append(data)

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def followed(cost: Callable[[float], float], real_seconds: float) -> tuple[Paced, Heard, list[Behind]]:
    target, door, told = Paced(cost), Heard(), list[Behind]()
    over = target.real + real_seconds
    serve(target, {door: target}, lambda: target.real >= over, behind=told.append, clock=Clock(target))
    return target, door, told


def test_virtual_time_follows_real_time_and_bytes_go_out_in_each_step() -> None:
    target, door, told = followed(lambda _: 0.25, 2.0)
    assert told == []
    assert target.virtual - 3.0 == pytest.approx(2.0, abs=0.01)
    assert target.taken == b"abc"
    assert b"".join(door.heard) == b"." * round((target.virtual - 3.0) * 1000)
    assert max(map(len, door.heard)) <= 6  # of 5 ms
    assert min(target.waits) >= 0


def test_an_emulator_that_cannot_follow_says_once_by_how_much() -> None:
    target, _, told = followed(lambda _: 2.0, 10.0)  # half as fast as the chip
    (found,) = told
    assert found.seconds == pytest.approx(0.51, abs=0.01)
    assert found.after_seconds == pytest.approx(2 * found.seconds, abs=0.01)
    assert target.virtual - 3.0 == pytest.approx(5.0, abs=0.03)


def test_what_it_can_catch_up_is_not_told() -> None:
    target, _, told = followed(lambda at: 4.0 if at < 0.15 else 0.5, 10.0)
    assert told == []
    assert target.virtual - 3.0 == pytest.approx(10.0, abs=0.01)


def test_a_board_that_was_held_up_says_so() -> None:
    with served("--pty", stderr=subprocess.PIPE) as board:
        with Session(BoardTarget(board.binary)):
            pass  # answered: from here on virtual time follows, where its addresses alone may come before
        board.process.send_signal(signal.SIGSTOP)
        time.sleep(0.6)  # it finds at least as much missing
        board.process.send_signal(signal.SIGCONT)
        assert board.process.stderr is not None
        said = board.process.stderr.readline()
        assert re.fullmatch(r"note: the emulator has fallen (\d+\.\d\d) s behind real time, .*\n", said)
        with Session(BoardTarget(board.binary)) as session:
            assert session.firmware.model_name == "mnist_int8.tflite"


def test_a_client_may_go_in_mid_frame_and_return(board: Served, digits: Digits) -> None:
    for cut in (1, 100, 700):
        with BoardTarget(board.binary) as target:
            target.send(frame.encode(messages.encode_pixels(1, digits["5"]))[:cut])
        with Session(BoardTarget(board.binary)) as session:
            assert session.classify(digits["8"]).inference.winner == 8


def test_a_client_that_does_not_read_harms_nobody(board: Served, digits: Digits) -> None:
    with serial.serial_for_url(board.console, 115200) as console, Session(BoardTarget(board.binary)) as session:
        for _ in range(5):  # 5 kB of answers, more than a pseudo-terminal holds
            console.write(b"CMD=1\r")
            assert session.classify(digits["4"]).inference.winner == 4


def test_the_console_is_there_as_well(board: Served) -> None:
    with serial.serial_for_url(board.console, 115200, timeout=60) as console:
        console.reset_input_buffer()
        console.write(b"\rHELP\r")
        assert console.read_until(b"this list\r\n").endswith(b"HELP   this list\r\n")


def test_ctrl_c_ends_it_well() -> None:
    with served(stop=signal.SIGINT) as board:
        assert Path(board.binary).exists()


def test_a_second_client_of_a_tcp_port_waits_for_the_first(digits: Digits) -> None:
    with served("--tcp", "0") as board:
        with Session(BoardTarget(board.binary)) as session:
            second = serial.serial_for_url(board.binary, timeout=60)
            second.write(frame.encode(messages.encode_get_stats(9)))
            assert session.classify(digits["2"]).inference.winner == 2
            assert second.in_waiting == 0
        assert second.read(1)
        second.close()


def test_clients_that_came_and_left_do_not_keep_the_next_one_waiting() -> None:
    with closing(TcpPort(0)) as port:
        at = ("127.0.0.1", int(port.address.rsplit(":", 1)[1]))
        for _ in range(100):  # all before the port looks once
            socket.create_connection(at).close()
        with socket.create_connection(at) as client:
            client.sendall(b"here")
            assert read_from(port) == b"here"
            port.write(b"there")
            assert client.recv(9) == b"there"


@pytest.mark.parametrize("method", ["GET / HTTP/1.1", "POST / HTTP/1.1", "OPTIONS * HTTP/1.1"])
def test_a_web_page_cannot_speak_to_the_board(method: str) -> None:
    with closing(TcpPort(0)) as port:
        at = ("127.0.0.1", int(port.address.rsplit(":", 1)[1]))
        with socket.create_connection(at) as browser, socket.create_connection(at) as client:
            browser.sendall(f"{method}\r\nHost: localhost\r\n\r\n\r\nCMD=1\r".encode())
            client.sendall(b"GETS")
            assert read_from(port) == b"GETS"
            assert browser.recv(99).startswith(b"HTTP/1.1 400 ")
            client.sendall(b"GET on with it")
            assert read_from(port) == b"GET on with it"


def read_from(port: TcpPort) -> bytes:
    """What comes first; what was sent on this machine is there in no time, but in none that is promised."""
    while not (data := port.read()):
        select.select([port], [], [], 1)
    return data


def test_a_named_port_and_the_next_are_taken_or_refused() -> None:
    with served("--tcp", "0") as board:
        taken = board.binary.rsplit(":", 1)[1]
        done = call("serve", "--tcp", taken)
        assert done.returncode == 2
        assert f"127.0.0.1:{taken}" in done.stderr
        assert "Give another port, or 0" in done.stderr
    with served("--tcp", taken) as board:
        assert board.binary == f"socket://127.0.0.1:{taken}"
        assert board.console == f"socket://127.0.0.1:{int(taken) + 1}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pty", "--tcp", "0"), "exclude each other"),
        (("--tcp", "65535"), "65534"),
        (("--target", "host"), "embedded"),
        (("--elf", "/dev/null"), "is empty"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(arguments: tuple[str, ...], said: str) -> None:
    done = call("serve", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_board_that_ends_is_lost_for_its_client(digits: Digits) -> None:
    with served("--pty", stop=signal.SIGKILL) as board, Session(BoardTarget(board.binary)) as session:
        session.client.send_raw(frame.encode(messages.encode_pixels(5, digits["3"]))[:100])
        board.process.kill()
        with pytest.raises(Exception, match=f"lost {board.binary}"):
            session.target.receive(Deadline.after(session.target, 10))
