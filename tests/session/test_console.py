"""`renode-mnist console`: by a person at a real terminal, and by a pipe."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tty
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from renode_mnist.errors import TargetTimeout
from renode_mnist.session import console as console_module
from renode_mnist.session.console import Console
from renode_mnist.targets.serial_line import SerialLine
from served import CALL, Served, served

_PATIENCE_SECONDS = 60  # that only a failure reaches


@pytest.fixture(scope="module")
def board() -> Iterator[Served]:
    with served("--tcp", "0") as board:
        yield board


def piped(typed: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*CALL, "console", *arguments], input=typed, capture_output=True)


def lines_of(done: subprocess.CompletedProcess[bytes]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return done.stdout.decode("ascii").splitlines()


@pytest.fixture(params=["embedded", "host", "board"])
def place(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "board":
        return ["--target", "board", "--console-port", request.getfixturevalue("board").console]
    return ["--target", request.param]


# By a pipe --------------------------------------------------------------------------------------------------------


def test_each_line_of_a_pipe_is_answered_in_full_and_in_order(place: list[str]) -> None:
    said = lines_of(piped(b"HELP\nCMD=1\r\n\n\nCMD=2\nnonsense", *place))
    start = said.index("Received: HELP")
    assert [line for line in said if line.startswith("Received")] == [
        "Received: HELP", "Received: CMD=1", "Received: CMD=2", "Received: nonsense",
    ]  # fmt: skip
    assert said[start + 4] == "HELP   this list"
    assert said[start + 5] == "Received: CMD=1"
    memory = [line for line in said if line.startswith(("Flash: ", "Last reset: ", "RAM: "))]
    if "host" in place:
        flash, cause = r"Flash: not measured on a PC, weights \d+ B", "not known on a PC"
        ram = r"RAM: not measured on a PC, arena \d+, .* B"
    else:
        flash, cause = r"Flash: \d+ B, \d+ B of it weights", "power-on"
        ram = r"RAM: \d+ B: arena \d+, .*, stack \d+ of \d+"
    assert [bool(each) for each in map(re.fullmatch, (flash, f"Last reset: {cause}", ram), memory)] == [True] * 3
    assert not [line for line in memory if re.search(r"\b0\b", line)]
    digit = said[said.index("Running inference...") :]
    assert [line.split(":")[0] for line in digit if line.startswith("Out[")] == [f"Out[{i}]" for i in range(10)]
    assert digit[-1] == "Unknown command; HELP lists those there are."


def test_what_a_pipe_must_not_hold_is_answered_too() -> None:
    said = lines_of(piped(b"\xff\x1b[2J\n" + b"x" * 2000 + b"\nHELP\n"))
    assert "Received: ..[2J" in said
    assert "The line is longer than 64 characters." in said
    assert said[-1] == "HELP   this list"


def test_an_empty_pipe_ends_at_once() -> None:
    assert lines_of(piped(b"")) == ["Program started @ 216000000..."]


# At a terminal ----------------------------------------------------------------------------------------------------


class Terminal:
    """A person at a terminal; what is on the screen comes without its colours and cursor movements."""

    def __init__(self, *arguments: str) -> None:
        self._child = pexpect.spawn(
            CALL[0], [*CALL[1:], "console", *arguments], timeout=_PATIENCE_SECONDS, dimensions=(50, 120)
        )

    def see(self, text: str) -> None:
        self._child.expect_exact(text)

    def type(self, keys: str) -> None:
        self._child.send(keys)

    def leave(self) -> tuple[int | None, str]:
        """The exit status, and what was written at last."""
        self._child.expect(pexpect.EOF)
        self._child.close()
        return self._child.exitstatus, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self._child.before.decode())


def test_a_person_edits_lines_and_sees_each_reply(place: list[str]) -> None:
    terminal = Terminal(*place)
    terminal.see("Ctrl-D ends")
    terminal.type("HELX\x7fP\r")
    terminal.see("Received: HELP")
    terminal.see("HELP   this list")
    terminal.type("CMD=2\r")
    terminal.see("Running inference...")
    terminal.see("Out[9]: ")
    terminal.type("\x1b[A\x1b[A\r")  # up, up: HELP again
    terminal.see("Received: HELP")
    terminal.see("HELP   this list")
    terminal.type("\x04")
    status, _ = terminal.leave()
    assert status == 0


def test_what_the_firmware_says_by_itself_is_seen_at_once() -> None:
    terminal = Terminal()
    terminal.see("Program started @ 216000000...")
    terminal.type("\x03")
    status, last = terminal.leave()
    assert status == 0
    assert "Traceback" not in last


def test_the_last_line_is_answered_before_it_ends() -> None:
    terminal = Terminal()
    terminal.see("Program started")
    terminal.type("CMD=1\r\x04")
    terminal.see("RAM: ")
    assert terminal.leave()[0] == 0


def test_a_target_that_goes_ends_the_prompt() -> None:
    with served("--tcp", "0") as board:
        terminal = Terminal("--target", "board", "--console-port", board.console)
        terminal.see("Ctrl-D ends")
        board.process.terminate()
        board.process.wait()
        status, last = terminal.leave()
    assert status == 2
    assert f"lost {board.console}" in last
    assert "Traceback" not in last


# Without an answer ------------------------------------------------------------------------------------------------


def test_a_board_s_console_needs_a_port_of_its_own() -> None:
    done = piped(b"HELP\n", "--target", "board", "--port", "/dev/null")
    assert done.returncode == 2
    assert b"--console-port" in done.stderr


def test_a_line_without_an_answer_is_an_error_by_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console_module, "_ANSWER_SECONDS", 0.1)
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    shown: list[str] = []
    with SerialLine(os.ttyname(theirs)) as line, pytest.raises(TargetTimeout, match="was silent"):
        Console(line, shown.append, virtual_time=False).converse([b"HELP\n"])
    assert os.read(ours, 100) == b"HELP\r"
    os.close(ours)
    os.close(theirs)


def test_bytes_that_are_no_text_cannot_command_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    shown: list[str] = []
    with SerialLine(os.ttyname(theirs)) as line:
        os.write(ours, b"a\x1b[2J\x07\xff\r\nunfinished")
        Console(line, shown.append, virtual_time=False).converse([])
    assert shown == ["a\ufffd[2J\ufffd\ufffd", "unfinished"]
    os.close(ours)
    os.close(theirs)


def test_the_module_needs_no_terminal_to_be_imported() -> None:
    code = "import renode_mnist.commands.console, sys; sys.exit('prompt_toolkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=Path("/")).returncode == 0
