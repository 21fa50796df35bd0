"""What can go wrong with a board: each is told, with what to do next, on a real pseudo-terminal or socket."""

from __future__ import annotations

import dataclasses
import os
import pwd
import socket
import tempfile
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
import serial
import serial.rfc2217
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from renode_mnist.errors import EnvironmentProblem, TargetError, TargetTimeout, WireError
from renode_mnist.measure import bench
from renode_mnist.session import session as session_module
from renode_mnist.session.session import Session
from renode_mnist.stm32f746 import chip_id
from renode_mnist.stream import Deadline
from renode_mnist.targets import board as board_module
from renode_mnist.targets.base import CounterUnit
from renode_mnist.targets.board import BoardTarget, find_port, probe_of
from renode_mnist.targets.serial_line import SerialLine
from renode_mnist.wire import frame, messages
from renode_mnist.wire._generated import mnist_generated as fbs
from served import Served, call, served


class Terminal:
    """A pseudo-terminal whose other end the test holds."""

    def __init__(self) -> None:
        self.ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)

    def unplug(self) -> None:
        os.close(self._theirs)
        os.close(self.ours)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    for end in (terminal.ours, terminal._theirs):
        try:
            os.close(end)
        except OSError:  # unplugged by the test
            continue


@contextmanager
def answering(terminal: Terminal, answer: Callable[[bytes], None]) -> Iterator[None]:
    """Calls ``answer`` with each payload that comes to the terminal's other end."""

    def work() -> None:
        decoder = frame.FrameDecoder()
        while True:
            try:
                data = os.read(terminal.ours, 4096)
            except OSError:  # the test has ended, or unplugged it
                return
            for payload in decoder.feed(data):
                if isinstance(payload, bytes):
                    answer(payload)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield


def stats_reply(request: int, version: int) -> bytes:
    """What a firmware of another version says of itself."""
    message = fbs.CommandsT()
    message.cmd = fbs.Command.CMD_GET_STATS
    message.request = request
    message.stats = fbs.StatsT()
    message.stats.version = version
    builder = flatbuffers.Builder(256)
    builder.Finish(message.Pack(builder))
    return frame.encode(bytes(builder.Output()))


@pytest.fixture(scope="module")
def board() -> Iterator[Served]:
    with served("--pty") as board:
        yield board


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_GREETING_SECONDS", 0.05)


# The port ---------------------------------------------------------------------------------------------------------


def test_a_port_that_another_program_has_locked_is_busy(terminal: Terminal) -> None:
    with (
        serial.Serial(terminal.port, exclusive=True),
        pytest.raises(TargetError, match=r"in use by another program.*fuser"),
    ):
        SerialLine(terminal.port).__enter__()


def test_two_jobs_do_not_share_a_board_under_two_names(terminal: Terminal, tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(terminal.port)
    with SerialLine(terminal.port), pytest.raises(TargetError, match="in use by another renode-mnist"):
        SerialLine(str(link)).__enter__()
    with SerialLine(str(link)):
        pass


def test_a_port_that_may_not_be_opened_names_the_group(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(terminal.port).chmod(0)
    mine = os.geteuid()
    with tempfile.TemporaryDirectory() as cache:  # pytest's own folders are closed to others
        Path(cache).chmod(0o777)
        monkeypatch.setenv("RENODE_MNIST_CACHE", cache)
        if mine == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)  # nothing is forbidden to root
        try:
            with pytest.raises(TargetError, match=r"Permission denied.*dialout"):
                SerialLine(terminal.port).__enter__()
        finally:
            os.seteuid(mine)


def test_a_folder_for_locks_that_cannot_be_is_named(
    terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "file"))
    with pytest.raises(EnvironmentProblem, match=r"Not a directory.*RENODE_MNIST_CACHE"):
        SerialLine(terminal.port).__enter__()


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("/dev/null", "Check that it is a serial port"),
        ("ftp://farm", "ftp.*Check the address"),
    ],
)
def test_what_is_no_port_is_refused_by_its_name(port: str, said: str) -> None:
    with pytest.raises(TargetError, match=said):
        SerialLine(port).__enter__()


@pytest.mark.parametrize("protocol", ["socket", "rfc2217"])
def test_a_port_at_which_nobody_listens_is_refused(protocol: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = f"{protocol}://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(TargetError, match=r"refused.*its server runs"):
            SerialLine(port).__enter__()


@pytest.fixture
def two_probes(monkeypatch: pytest.MonkeyPatch) -> list[ListPortInfo]:
    ports = []
    for device, product, serial_number in [
        ("/dev/ttyACM0", 0x374B, "066AFF"),
        ("/dev/ttyUSB0", 0x6001, "FTDI"),
        ("/dev/ttyACM1", 0x374E, "0048003"),
    ]:
        port = ListPortInfo(device)
        port.vid, port.pid, port.serial_number = 0x0483 if product != 0x6001 else 0x0403, product, serial_number
        ports.append(port)
    monkeypatch.setattr(list_ports, "comports", lambda: ports)
    return ports


def test_of_two_st_links_the_user_is_asked_to_choose(two_probes: list[ListPortInfo]) -> None:
    with pytest.raises(TargetError, match=r"2 ST-LINKs.*ttyACM0 .*066AFF.*ttyACM1 .*0048003.*--port"):
        find_port()
    two_probes.pop()
    assert find_port() == "/dev/ttyACM0"
    two_probes.pop(0)
    with pytest.raises(TargetError, match=r"no ST-LINK is plugged in.*--port"):
        find_port()


def test_the_probe_of_a_port_is_known_by_its_serial_number(two_probes: list[ListPortInfo]) -> None:
    assert probe_of("/dev/ttyACM1") == "0048003"
    assert probe_of("/dev/ttyUSB0") is None
    assert probe_of("socket://farm:1") is None


# What answers -----------------------------------------------------------------------------------------------------


def test_a_board_unplugged_in_mid_reply_is_lost(terminal: Terminal) -> None:
    def answer(payload: bytes) -> None:
        os.write(terminal.ours, stats_reply(1, messages.PROTOCOL_VERSION)[:20])
        terminal.unplug()

    with answering(terminal, answer), pytest.raises(TargetError, match=f"lost {terminal.port}.*plug the board in"):
        Session(BoardTarget(terminal.port)).__enter__()


def test_a_board_that_answers_nothing_is_told_by_its_port_and_rate(terminal: Terminal, impatient: None) -> None:
    with pytest.raises(TargetTimeout, match=f"{terminal.port} was silent.*115200 baud.*--baud"):
        Session(BoardTarget(terminal.port)).__enter__()


def test_a_board_that_babbles_without_end_is_told_by_what_came(terminal: Terminal, impatient: None) -> None:
    def answer(payload: bytes) -> None:
        os.write(terminal.ours, b"Program started @ 216000000...\r\n")

    with (
        answering(terminal, answer),
        pytest.raises(TargetTimeout, match=r"never became a frame.*50 72 6f.*baud rate"),
    ):
        Session(BoardTarget(terminal.port)).__enter__()


def test_a_firmware_of_another_protocol_is_told_by_both_versions(terminal: Terminal) -> None:
    def answer(payload: bytes) -> None:
        request = fbs.Commands.GetRootAs(payload, 0).Request()
        os.write(terminal.ours, stats_reply(request, 100))

    with answering(terminal, answer), pytest.raises(TargetError, match=r"protocol 100, this program 101.*--flash"):
        Session(BoardTarget(terminal.port)).__enter__()


@pytest.mark.parametrize("baud", [9600, 57600, 230400])
def test_a_wrong_baud_rate_is_told(board: Served, baud: int, impatient: None) -> None:
    with pytest.raises((TargetTimeout, WireError), match=r"Check.*baud"):
        Session(BoardTarget(board.binary, baud)).__enter__()
    with BoardTarget(board.binary) as target:  # what the wrong rate has left on the line goes by
        target.reset()


def test_a_port_that_takes_nothing_ends_by_its_deadline(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renode_mnist.targets.serial_line._SEND_SECONDS", 0.1)
    with SerialLine(terminal.port) as line, pytest.raises(TargetTimeout, match="takes no bytes"):
        line.send(b"x" * 1_000_000)


def test_a_board_that_does_not_reset_needs_its_button(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board_module, "_RESET_SECONDS", 0.2)
    monkeypatch.setattr(board_module, "_RESET_TURN_SECONDS", 0.05)
    with BoardTarget(terminal.port) as target, pytest.raises(TargetError, match="reset button"):
        target.reset()


def test_a_target_that_comes_back_as_another_is_noticed(board: Served) -> None:
    with Session(BoardTarget(board.binary)) as session:
        session.firmware = dataclasses.replace(session.firmware, build_id="00" * 20)
        with pytest.raises(TargetError, match="came back"):
            session.reset()


# Honest names -----------------------------------------------------------------------------------------------------


def test_an_emulator_behind_a_port_does_not_count_as_silicon(board: Served) -> None:
    with Session(BoardTarget(board.binary)) as session:
        identity = session.identity()
        assert identity.target == "board"
        assert identity.version == f"embedded emulator at {board.binary}"
        assert identity.counter_unit is CounterUnit.INSTRUCTIONS
        session.firmware = dataclasses.replace(session.firmware, chip_id="1b0025001347333234373437")
        identity = session.identity()
        assert identity.version == f"{board.binary}, chip 1b0025001347333234373437"
        assert identity.counter_unit is CounterUnit.CYCLES_MEASURED
        modelled = chip_id.embedded_m7("0123456789ab").hex()
        session.firmware = dataclasses.replace(session.firmware, chip_id=modelled)
        identity = session.identity()
        assert identity.version == f"embedded emulator, clock model m7 with parameters 01234… at {board.binary}"
        assert identity.counter_unit is CounterUnit.CYCLES_MODELLED


def test_a_benchmark_names_only_what_the_board_runs(board: Served, tmp_path: Path) -> None:
    done = call(
        "bench", "--target", "board", "--port", board.binary, "--models", "int8,float32", "--engines", "m7",
        "--clocks", "216", "--json", tmp_path / "rows.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (row,) = bench.load(tmp_path / "rows.json")
    assert set(row.counts) == {"instructions"}
    assert "the board runs another image" in done.stdout


# A board farm -----------------------------------------------------------------------------------------------------


@contextmanager
def farm(device: str) -> Iterator[str]:
    """A serial port behind RFC 2217, by pyserial's own server half."""
    door = socket.create_server(("127.0.0.1", 0))
    port = _Terminal(device, timeout=0.02)
    open_for_business = True

    def serve(client: socket.socket) -> None:
        manager = serial.rfc2217.PortManager(port, _Connection(client))

        def outward() -> None:
            while open_for_business:
                try:
                    client.sendall(b"".join(manager.escape(port.read(port.in_waiting or 1))))
                except OSError:
                    return

        thread = threading.Thread(target=outward)
        thread.start()
        while data := client.recv(4096):
            port.write(b"".join(manager.filter(data)))
        client.close()
        thread.join()

    def accept() -> None:
        while open_for_business:
            try:
                client, _ = door.accept()
            except OSError:
                return
            serve(client)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"rfc2217://127.0.0.1:{door.getsockname()[1]}"
    open_for_business = False
    door.close()
    port.close()


class _Terminal(serial.Serial):
    """A pseudo-terminal has no modem lines, which the server half asks for."""

    cts = dsr = ri = cd = property(lambda self: False)

    def _update_dtr_state(self) -> None:
        pass

    _update_rts_state = _update_dtr_state


class _Connection:
    """What ``PortManager`` writes its answers to."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client

    def write(self, data: bytes) -> None:
        self._client.sendall(data)


def test_a_board_of_a_farm_is_reached_by_rfc2217(
    board: Served, digits: dict[str, npt.NDArray[np.uint8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with farm(board.binary) as url:
        with Session(BoardTarget(url)) as session:
            assert session.classify(digits["7"]).inference.winner == 7
            session.reset()
        monkeypatch.setattr(session_module, "_GREETING_SECONDS", 0.05)
        with pytest.raises((TargetTimeout, WireError), match=r"Check.*baud"):
            Session(BoardTarget(url, 9600)).__enter__()


def test_noise_on_the_line_costs_only_itself(board: Served) -> None:
    with BoardTarget(board.binary) as target:
        target.send(b"\x55\xaa" * 40)
    with Session(BoardTarget(board.binary)) as session:
        assert session.classify(np.zeros((28, 28), np.uint8))
        session.target.send(b"garbage\0")
        reply = session.client.next_reply()
        assert isinstance(reply.body, messages.ErrorReport)
        with pytest.raises(TargetTimeout):
            session.target.receive(Deadline.after(session.target, 0.1))
