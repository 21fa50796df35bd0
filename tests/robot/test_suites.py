"""The Robot suites on each target that needs nothing beyond this machine, and the emulated board as a real port."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from robot.api import SkipExecution

from known_compiler import is_known
from renode_mnist import paths
from renode_mnist.build import BuildConfig, build, resolve_model
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import locate
from renode_mnist.robot import FirmwareLibrary
from renode_mnist.session.opening import open_session
from renode_mnist.session.target_options import TargetOptions
from served import Served, call, served

BUDGET = "An Inference Stays Within Its Budget"


@dataclass
class Outcome:
    """What a run of the suites came to; skipped tests by name, with the reason."""

    status: int
    passed: int
    failed: dict[str, str]
    skipped: dict[str, str]


def run_suites(output: Path, *arguments: str) -> Outcome:
    done = call("test", "--output", output, *arguments)
    assert (output / "xunit.xml").exists(), done.stdout + done.stderr
    outcome = Outcome(done.returncode, 0, {}, {})
    for case in ElementTree.parse(output / "xunit.xml").iter("testcase"):
        name = case.get("name", "")
        if (failure := case.find("failure")) is not None:
            outcome.failed[name] = failure.get("message", "")
        elif (skip := case.find("skipped")) is not None:
            outcome.skipped[name] = skip.get("message", "")
        else:
            outcome.passed += 1
    return outcome


def all_passed_or_the_cost_is_of_another_compiler(outcome: Outcome) -> None:
    assert (outcome.failed, outcome.status) == ({}, 0)
    assert list(outcome.skipped) == ([] if is_known() else [BUDGET])
    assert all("not judged: budgets.toml is exact for GNU" in reason for reason in outcome.skipped.values())
    assert outcome.passed > 30


@pytest.fixture
def board() -> Iterator[Served]:
    with served("--pty") as board:
        yield board


@pytest.mark.parametrize("engine", ["m7", "reference"])
def test_all_suites_pass_on_the_embedded_target(tmp_path: Path, engine: str) -> None:
    outcome = run_suites(tmp_path, "--target", "embedded", "--engine", engine)
    all_passed_or_the_cost_is_of_another_compiler(outcome)


@pytest.fixture
def renode() -> None:
    """Skips where there is none, with how to get it."""
    try:
        locate.find()
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))


@pytest.mark.usefixtures("renode")
@pytest.mark.parametrize("engine", ["m7", pytest.param("reference", marks=pytest.mark.long)])
def test_all_suites_pass_on_renode(tmp_path: Path, engine: str) -> None:
    outcome = run_suites(tmp_path, "--target", "renode", "--engine", engine)
    all_passed_or_the_cost_is_of_another_compiler(outcome)


@pytest.mark.usefixtures("renode")
def test_renode_answers_as_the_embedded_target_does() -> None:
    done = call("parity", "--target", "embedded", "--target", "renode")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("same") == 10


def test_all_suites_pass_on_this_pc(tmp_path: Path) -> None:
    outcome = run_suites(tmp_path, "--target", "host")
    assert (outcome.failed, outcome.status) == ({}, 0)
    assert all(outcome.skipped.values())
    assert outcome.passed > 25


def test_all_suites_pass_through_a_serial_port(tmp_path: Path, board: Served) -> None:
    lines = ["--port", board.binary, "--console-port", board.console]
    outcome = run_suites(tmp_path, "--target", "board", *lines, "--record", str(tmp_path / "sessions"))
    assert (outcome.failed, outcome.status) == ({}, 0)
    assert outcome.passed > 25
    # A board's sessions, resets and damaged frames among them, checked in emulation.
    for suite in ("protocol", "reset"):
        done = call("replay", tmp_path / "sessions" / f"{suite}.jsonl")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "recorded on board" in done.stdout


def test_a_session_of_the_emulator_is_replayed_on_a_board(tmp_path: Path, board: Served) -> None:
    outcome = run_suites(tmp_path, "--suite", "protocol", "--suite", "reset", "--record", str(tmp_path / "sessions"))
    assert outcome.status == 0
    for suite in ("protocol", "reset"):
        file = tmp_path / "sessions" / f"{suite}.jsonl"
        done = call("replay", file, "--target", "board", "--port", board.binary)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "sent again to board: 0 difference(s)" in done.stdout


def test_run_and_parity_work_through_a_serial_port(board: Served) -> None:
    line = ["--port", board.binary]
    done = call("run", "--target", "board", "--expect", "7", *line)
    assert done.returncode == 0, done.stderr
    assert "embedded emulator at" in done.stdout
    assert "measured" not in done.stdout
    done = call("parity", "--target", "embedded", "--target", "board", *line)
    assert done.returncode == 0, done.stdout + done.stderr
    # Counted by the same emulator, so to the instruction.
    assert done.stdout.count("instructions") >= 10


@pytest.mark.parametrize("compiler", ["GNU 9.1.0, newlib 3.1.0", "GNU 9.1.0"])
def test_what_another_compiler_took_is_told_and_not_judged(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "budgets.toml"
    monkeypatch.setattr(paths, "budgets", lambda: file)
    library = FirmwareLibrary()
    image = build(BuildConfig(resolve_model("int8"))).elf
    with open_session("embedded", image, TargetOptions()) as library._session:
        taken = library.classify_digit("7").inference.counter
        said = f'tolerance_percent = 2\n[toolchains.old]\ncompiler = "{compiler}"\nfound_in = "Somewhere"\n'
        bounds = "instructions = 1\nflash_bytes = 1\nram_bytes = 1\n"
        file.write_text(said + '[cases."int8/m7".old]\n' + bounds)
        with pytest.raises(SkipExecution, match=rf"took {taken:,} instructions, not judged: .*{compiler}.*Somewhere"):
            library.instructions_should_be_within_budget()
        file.write_text('tolerance_percent = 2\n[cases."int8/m7"]\n' + bounds)
        with pytest.raises(AssertionError, match=rf"took {taken:,} instructions, more than 1 "):
            library.instructions_should_be_within_budget()
        file.write_text("tolerance_percent = 2\n")
        with pytest.raises(SkipExecution, match="has no case int8/m7"):
            library.instructions_should_be_within_budget()


def test_a_suite_that_cannot_start_fails_by_the_reason(tmp_path: Path) -> None:
    outcome = run_suites(tmp_path, "--suite", "identity", "--board", "article", "--elf", "/bin/true")
    assert outcome.status == 1
    assert all("not for a 32-bit Arm core" in message for message in outcome.failed.values())


def test_the_log_of_a_failed_test_tells_what_went_over_the_line(tmp_path: Path) -> None:
    suite = tmp_path / "failing.robot"
    suite.write_text(
        """
*** Settings ***
Library           renode_mnist.robot
Suite Setup       Open Target
Suite Teardown    Close Target

*** Test Cases ***
The Next Test Has Nothing To Send
    Send Raw Bytes    de ad be ef 00
    Error Should Be    FRAME_MALFORMED

The Target Is Silent
    ${library}=    Get Library Instance    renode_mnist.robot
    Evaluate    $library._session.target.read_memory(0x40000000, 4)
    Error Should Be    BUSY    timeout_seconds=0.1
"""
    )
    done = subprocess.run(
        [sys.executable, "-m", "robot", "--outputdir", tmp_path, suite], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    passed, failed = ElementTree.parse(tmp_path / "output.xml").iter("test")
    assert not [message for message in passed.iter("msg") if "The last request" in (message.text or "")]
    said = "\n".join(message.text or "" for message in failed.iter("msg"))
    assert "No byte came on USART1 within 0.1 s" in said
    assert re.search(r"The last request:\n.* sent +5 bytes  de ad be ef 00", said)
    assert re.search(r"The target says:\n.*TIM2 is not modelled", said)
