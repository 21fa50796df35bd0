"""The real OpenOCD, pyOCD and st-flash, as far as they come without a probe."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from renode_mnist.errors import EnvironmentProblem, TargetError
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.session import session as session_module
from renode_mnist.session.session import Session
from renode_mnist.targets import flasher
from renode_mnist.targets.board import BoardTarget
from renode_mnist.targets.flasher import Programmer
from served import Served, call, served


@pytest.fixture(scope="module")
def elf() -> Path:
    return build(BuildConfig(resolve_model("int8"))).elf


@pytest.fixture(scope="module")
def board() -> Iterator[Served]:
    """Runs the image of ``elf``."""
    with served("--pty") as board:
        yield board


# The tools --------------------------------------------------------------------------------------------------------


@pytest.fixture
def known_to_pyocd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Takes a chip of the same family that pyOCD brings: the packs of others have to be downloaded."""
    monkeypatch.setattr(flasher, "_PYOCD_TARGETS", dict.fromkeys(flasher._PYOCD_TARGETS, "stm32f767zi"))


@pytest.mark.parametrize("board_name", ["disco-f746ng", "nucleo-f746zg"])
@pytest.mark.parametrize("tool", flasher.TOOLS)
def test_each_tool_takes_its_command_line_and_finds_no_probe(
    elf: Path, tool: str, board_name: str, known_to_pyocd: None
) -> None:
    with pytest.raises(TargetError, match=f"{tool} finds no ST-LINK. .*lsusb"):
        Programmer(elf, board_name, tool).program()


@pytest.mark.parametrize("tool", flasher.TOOLS)
def test_each_tool_is_told_which_probe(elf: Path, tool: str, known_to_pyocd: None) -> None:
    with pytest.raises(TargetError, match="no ST-LINK with the serial number 0668FF4852"):
        Programmer(elf, "disco-f746ng", tool, "0668FF4852").program()


def test_pyocd_takes_each_of_its_command_lines(elf: Path, tmp_path: Path, known_to_pyocd: None) -> None:
    load, objcopy, compare, reset = flasher._pyocd(flasher._Job(elf, tmp_path / "a b.bin", "disco-f746ng", ""))
    assert flasher._run(objcopy.words).returncode == 0
    for call_ in (load, compare, reset):
        result = flasher._run(call_.words)
        assert result.returncode != 0
        assert "No connected debug probes" in result.stdout + result.stderr


def test_openocd_goes_on_to_the_chip_where_there_is_a_probe(
    elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # OpenOCD's dummy adapter: a probe that is there, with nothing on its wires.
    (tmp_path / "dummy.cfg").write_text(
        "adapter driver dummy\ntransport select jtag\nsource [find target/stm32f7x.cfg]"
    )
    monkeypatch.setitem(flasher._OPENOCD_BOARDS, "article", str(tmp_path / "dummy.cfg"))
    with pytest.raises(TargetError) as refused:
        Programmer(elf, "article", "openocd").program()
    said = str(refused.value)
    assert "failed with status 1" in said
    assert "JTAG" in said
    assert f"program {{{elf}}} verify reset exit" in said
    assert "no debugger holds" in said


def test_openocd_without_the_board_s_file_says_so(elf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(flasher._OPENOCD_BOARDS, "article", "board/nowhere.cfg")
    with pytest.raises(TargetError, match=r"(?s)Can't find board/nowhere.cfg.*tool is for this board"):
        Programmer(elf, "article", "openocd").program()


@pytest.mark.parametrize(
    ("board_name", "pack"), [("disco-f746ng", "stm32f746nghx"), ("nucleo-f746zg", "stm32f746zgtx")]
)
def test_pyocd_without_the_chip_s_pack_says_which_to_install(elf: Path, board_name: str, pack: str) -> None:
    with pytest.raises(EnvironmentProblem, match=f"pyOCD knows no {pack}.*pyocd pack install {pack}"):
        Programmer(elf, board_name, "pyocd").program()


@pytest.mark.parametrize("tool", flasher.TOOLS)
def test_a_tool_that_is_not_there_says_how_to_get_it(
    elf: Path, tool: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    monkeypatch.setattr("renode_mnist.paths.scripts", lambda: tmp_path)
    with pytest.raises(EnvironmentProblem, match=rf"{tool} is not installed.*install"):
        Programmer(elf, "disco-f746ng", tool).program()


def test_a_tool_that_hangs_is_ended(elf: Path, monkeypatch: pytest.MonkeyPatch, known_to_pyocd: None) -> None:
    monkeypatch.setattr(flasher, "_TIMEOUT_SECONDS", 0.001)
    with pytest.raises(TargetError, match=r"took longer than 0.001 s"):
        Programmer(elf, "disco-f746ng", "openocd").program()


# When they are called ---------------------------------------------------------------------------------------------


def test_a_board_that_runs_the_image_is_left_alone(board: Served) -> None:
    # OpenOCD would find no probe, and the call would fail.
    line = ["--target", "board", "--port", board.binary, "--flash", "openocd"]
    done = call("run", *line, "--expect", "7")
    assert done.returncode == 0, done.stderr


def test_a_board_that_runs_another_image_is_programmed(board: Served) -> None:
    line = ["--target", "board", "--port", board.binary, "--flash", "openocd"]
    done = call("run", *line, "--model", "float32")
    assert done.returncode == 2
    assert "openocd finds no ST-LINK" in done.stderr


class Idle(Programmer):
    """Calls no tool, and notes that it should have."""

    def __init__(self, elf: Path) -> None:
        super().__init__(elf, "disco-f746ng", "openocd")
        self.called = 0

    def program(self) -> None:
        self.called += 1


def test_a_board_that_answers_nothing_is_programmed(elf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "_GREETING_SECONDS", 0.05)
    ours, theirs = os.openpty()
    programmer = Idle(elf)
    with pytest.raises(TargetError, match="was silent"):
        Session(BoardTarget(os.ttyname(theirs)), programmer=programmer).__enter__()
    os.close(ours)
    os.close(theirs)
    assert programmer.called == 1


def test_the_identity_is_asked_again_after_programming(board: Served) -> None:
    programmer = Idle(build(BuildConfig(resolve_model("float32"))).elf)
    with pytest.raises(TargetError, match=r"was programmed, but.*port and the probe"):
        Session(BoardTarget(board.binary), programmer=programmer).__enter__()
    assert programmer.called == 1
