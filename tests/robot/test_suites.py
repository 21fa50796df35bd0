"""The Robot suites on each target that needs nothing beyond this machine, and the emulated board as a real port."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from robot.api import SkipExecution

from known_compiler import is_known
from network_files import network_file
from renode_mnist import paths
from renode_mnist.commands.test import jobs_of
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.renode_install import locate
from renode_mnist.robot import FirmwareLibrary
from renode_mnist.session.opening import open_session
from renode_mnist.session.target_options import TARGETS, TargetOptions
from served import Served, call, served

BUDGET = "An Inference Stays Within Its Budget"
WITHOUT_FILES = {"Every Golden Vector Gets Its Answer", "As Many Samples Are Right As Are Asked"}
DIGITS_ONLY = {
    *("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"),
    *("The Same Digit Twice Gives The Same Bytes", "A Reset Changes No Answer"),
    *("Command 2 Runs The Built-In Digit", "A Picture In One Frame", "A Picture With A Pixel Too Few"),
}
MOTIONS = paths.models() / "motions"
MODEL = MOTIONS / "motions_int8.tflite"
VECTORS = MOTIONS / "golden_int8.npz"
LABELLED = ("--data", str(MOTIONS / "test.npz"), "--least-accuracy", "0.975")


@dataclass
class Outcome:
    """What a run of the suites came to; skipped tests by name, with the reason."""

    status: int
    passed: int
    failed: dict[str, str]
    skipped: dict[str, str]


def run_suites(output: Path, *arguments: str | Path) -> Outcome:
    done = call("test", "--output", output, *arguments)
    assert (output / "xunit.xml").exists(), done.stdout + done.stderr
    assert "[ ERROR ]" not in done.stderr  # of Robot, which a listener that fails does not make a test fail
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
    assert set(outcome.skipped) == WITHOUT_FILES | (set() if is_known() else {BUDGET})
    assert all("are given" in outcome.skipped[name] or "is given" in outcome.skipped[name] for name in WITHOUT_FILES)
    assert is_known() or "not judged: budgets.toml is exact for GNU" in outcome.skipped[BUDGET]
    assert outcome.passed > 50


@pytest.fixture
def board() -> Iterator[Served]:
    with served("--pty") as board:
        yield board


@pytest.mark.parametrize("engine", ["m7", pytest.param("reference", marks=pytest.mark.long)])
def test_all_suites_pass_on_the_embedded_target(tmp_path: Path, engine: str) -> None:
    outcome = run_suites(tmp_path, "--target", "embedded", "--engine", engine)
    all_passed_or_the_cost_is_of_another_compiler(outcome)


def all_but_digits_passed(outcome: Outcome, *also_skipped: str) -> None:
    assert (outcome.failed, outcome.status) == ({}, 0)
    no_floats = {name for name in outcome.skipped if "holds floating-point numbers" in outcome.skipped[name]}
    assert set(outcome.skipped) - no_floats == DIGITS_ONLY | {*also_skipped}
    assert all("takes no digits" in outcome.skipped[name] for name in DIGITS_ONLY)


@pytest.mark.long
def test_all_suites_but_digits_pass_with_another_network(tmp_path: Path) -> None:
    files = ("--golden", str(VECTORS), *LABELLED)
    outcome = run_suites(tmp_path, "--target", "embedded", "--model", str(MODEL), *files)
    all_but_digits_passed(outcome, BUDGET)
    assert "budgets.toml has no case motions_int8/m7" in outcome.skipped[BUDGET]
    assert outcome.passed > 35


def test_the_networks_own_suite_passes(tmp_path: Path) -> None:
    outcome = run_suites(tmp_path, "--model", str(MODEL), "--suite", str(MOTIONS / "motions.robot"))
    assert (outcome.failed, outcome.skipped, outcome.status) == ({}, {}, 0)
    assert outcome.passed == 5


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
    assert outcome.passed > 40


@pytest.mark.parametrize("network", ["motions_float32", "of_types", "svdf"])
def test_all_suites_but_digits_pass_on_this_pc(tmp_path: Path, network: str) -> None:
    model = MOTIONS / f"{network}.tflite"
    model = model if model.exists() else network_file(network)
    suites = ("classification", "console", "protocol", "reset", "identity", "golden")
    chosen = [argument for suite in suites for argument in ("--suite", suite)]
    golden = tmp_path / "vectors.npz"
    assert call("golden", model, "--count", "4", "--output", golden).returncode == 0
    outcome = run_suites(
        tmp_path, "--target", "host", "--engine", "reference", "--model", model, "--golden", golden, *chosen
    )
    all_but_digits_passed(outcome, "The Firmware Accounts For Its Memory")
    assert outcome.passed > 25


@pytest.mark.long  # in real time, and the same suites as on each target; replays and keywords go through the port too
def test_all_suites_pass_through_a_serial_port(tmp_path: Path, board: Served) -> None:
    lines = ["--port", board.binary, "--console-port", board.console]
    outcome = run_suites(tmp_path, "--target", "board", *lines, "--record", str(tmp_path / "sessions"))
    assert (outcome.failed, outcome.status) == ({}, 0)
    assert outcome.passed > 40
    # What an emulator behind a port counts are instructions, but nobody gets at them from outside.
    assert BUDGET not in outcome.skipped or not is_known()
    assert not [reason for reason in outcome.skipped.values() if "counts instructions, not" in reason]
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


def refused(tmp_path: Path, *arguments: str | Path) -> str:
    done = call("test", "--output", tmp_path / "refused", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.count("error:") + done.stderr.count("Error:") == 1
    assert not (tmp_path / "refused" / "output.xml").exists()  # Robot never started
    return done.stderr


def test_what_cannot_start_is_one_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "not for a 32-bit Arm core" in refused(tmp_path, "--elf", "/bin/true")
    nobody = ("--target", "board", "--port", str(tmp_path / "ttyNOBODY"))
    assert "ttyNOBODY" in refused(tmp_path, *nobody)
    for name in ("PYRENODE_BIN", "PYRENODE_BUILD_DIR", "PYRENODE_PKG", "PYRENODE_ARCH_PKG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("RENODE_MNIST_CACHE", raising=False)
    if os.environ.get("CI") is None and Path("/usr/bin/renode").exists():
        return
    assert "renode install" in refused(tmp_path, "--target", "renode", "--elf", build_of_int8())


def build_of_int8() -> Path:
    return build(BuildConfig(resolve_model("int8"))).elf


def test_what_is_asked_wrongly_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "not.npz").write_bytes(b"PK")
    assert "no suite nowhere.robot. Give the path" in refused(tmp_path, "--suite", "nowhere.robot")
    assert "--data and --least-accuracy belong together" in refused(tmp_path, "--data", MOTIONS / "test.npz")
    assert "1.5 is not in the range" in refused(tmp_path, *LABELLED[:-1], "1.5")
    host = ("--target", "host", "--engine", "reference")
    assert "golden vectors are of motions_int8" in refused(tmp_path, *host, "--golden", VECTORS)
    assert "not.npz" in refused(tmp_path, *host, "--golden", tmp_path / "not.npz")


def test_a_report_is_headed_by_what_the_firmware_says_of_itself(tmp_path: Path, board: Served) -> None:
    for number, arguments in enumerate(
        (
            ("--target", "board", "--port", board.binary, "--model", "float32"),
            ("--elf", build(BuildConfig(resolve_model("float32"), engine="reference")).elf),
        )
    ):
        output = tmp_path / str(number)
        done = call("test", "--suite", "identity", "--output", output, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        suite = ElementTree.parse(output / "output.xml").find("suite")
        assert suite is not None
        said = {item.get("name"): item.text or "" for item in suite.iter("meta")}
        if number == 0:
            assert suite.get("name") == "board m7 mnist_int8.tflite"
            assert said["Model"].startswith("mnist_int8.tflite (SHA-256 ")
            assert "embedded emulator at" in said["Target"]
            assert "the board runs another image than the options name: mnist_int8.tflite by engine m7" in done.stderr
        else:
            assert suite.get("name") == "embedded reference mnist_float32.tflite"
            assert "engine reference, 216 MHz, build " in said["Firmware"]
            assert "GNU" in said["Compiler"]
            assert "note:" not in done.stderr


def test_a_suite_of_ones_own_has_its_resources_beside_it(tmp_path: Path) -> None:
    folder = tmp_path / "my suites"
    folder.mkdir()
    (folder / "words.resource").write_text(
        "*** Settings ***\nResource    firmware.resource\n*** Keywords ***\n"
        "Ask\n    [Arguments]    ${sample}\n    Infer    ${CURDIR}/my data.npz    sample=${sample}\n"
    )
    (folder / "own.robot").write_text(
        "*** Settings ***\nResource    words.resource\nSuite Setup    Open Target\nSuite Teardown    Close Target\n"
        "*** Test Cases ***\nA Walk\n    Ask    20\n    Class Should Be    2\n"
        "A Walk That Is None\n    Ask    20\n    Class Should Be    3\n"
    )
    shutil.copy(MOTIONS / "test.npz", folder / "my data.npz")
    arguments = ("--target", "host", "--engine", "reference", "--model", MODEL)
    own = run_suites(tmp_path / "a", *arguments, "--suite", folder / "own.robot")
    assert (own.status, own.passed, own.failed) == (1, 1, {"A Walk That Is None": "class is 2, expected 3"})
    both = run_suites(tmp_path / "b", *arguments, "--suite", folder, "--suite", "identity")
    assert (both.passed, list(both.failed)) == (3, ["A Walk That Is None"])


def test_a_board_is_never_shared(tmp_path: Path) -> None:
    nobody = ("--target", "board", "--port", str(tmp_path / "ttyNOBODY"), "--jobs", "2")
    assert "The target board is one: it runs a suite at a time" in refused(tmp_path, *nobody)
    assert {name: jobs_of(name) for name in TARGETS} == {
        **dict.fromkeys(("embedded", "renode", "host"), len(os.sched_getaffinity(0))),
        "board": 1,
    }


def test_what_failed_is_run_again_and_nothing_else(tmp_path: Path) -> None:
    suite, wanted = tmp_path / "own.robot", tmp_path / "wanted.py"
    suite.write_text(
        "*** Settings ***\nResource    firmware.resource\nVariables    ${CURDIR}/wanted.py\n"
        "Suite Setup    Open Target\nSuite Teardown    Close Target\n"
        "*** Test Cases ***\nA Seven\n    Infer\n    Class Should Be    7\n"
        "Another\n    Infer\n    Class Should Be    ${WANTED}\n"
        "Late\n    Infer\n    Skip    why not\n"
    )
    wanted.write_text("WANTED = 3\n")
    arguments = ("--target", "host", "--suite", suite, "--suite", "identity", "--output", tmp_path / "out")
    done = call("test", *arguments)
    assert done.returncode == 1, done.stderr
    assert "FAIL  Own / Another\n      class is 7, expected 3\n" in done.stdout
    assert "\n6 tests, 3 passed, 1 failed, 2 skipped\n" in done.stdout
    page = tmp_path / "out" / "tests.html"
    assert f"error: 1 test(s) failed. Open {page}." in done.stderr
    assert f"Page:    {page}\n" in done.stdout
    told = re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.read_text()))
    assert re.search(r"FAIL Another class 7, [\d,]+ nanoseconds .* class is 7, expected 3 Its keywords", told)
    assert re.search(r"On the wire .* sent \d+ #\d+ INFERENCE_INPUT .* received \d+ #\d+ inference: class 7,", told)
    assert "SKIP Late why not Its keywords in the log" in told  # and none of the figures of its inference
    assert told.count("On the wire") == 1
    assert "tests.html#own-another" in (tmp_path / "out" / "log.html").read_text()
    wanted.write_text("WANTED = 7\n")
    done = call("test", *arguments, "--rerun-failed")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "  Own / " in line] == ["PASS  Own / Another"]
    assert "\n6 tests, 4 passed, 0 failed, 2 skipped\n" in done.stdout
    again = page.read_text()
    assert "On the wire" not in again
    assert 'id="own-a-seven"' in again  # of the run before
    done = call("test", *arguments, "--rerun-failed")
    assert (done.returncode, done.stdout) == (0, f"No test failed in the last run in {tmp_path / 'out'}.\n")
    done = call("test", *arguments, "--rerun-failed", "--engine", "reference")
    assert done.returncode == 2
    assert "was of host m7 mnist_int8.tflite, this one is of host reference mnist_int8.tflite" in done.stderr


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_interrupted_says_so(tmp_path: Path, number: signal.Signals, status: int) -> None:
    suite = tmp_path / "own.robot"
    suite.write_text(
        "*** Settings ***\nResource    firmware.resource\nSuite Setup    Open Target\n"
        "Suite Teardown    Close Target\n*** Test Cases ***\nA Seven\n    Infer\n    Class Should Be    7\n"
        f"Interrupted\n    Evaluate    os.kill(os.getppid(), {int(number)})    modules=os\n    Sleep    1h\n"
        "Behind\n    Infer\n"
    )
    done = call("test", "--target", "host", "--suite", suite, "--output", tmp_path / "out")
    assert (done.returncode, done.stderr.splitlines()[-1:]) == (status, ["Interrupted."])
    assert "\n3 tests, 1 passed, 0 failed, 0 skipped, 2 not run to their end\n" in done.stdout
    assert "FAIL" not in done.stdout
    assert (tmp_path / "out" / "report.html").exists()


@pytest.mark.parametrize(("first", "status"), [(None, 143), (signal.SIGINT, 130)])
def test_a_signal_while_the_report_is_written_does_not_tear_it_apart(
    tmp_path: Path, first: signal.Signals | None, status: int
) -> None:
    suite, out = tmp_path / "own.robot", tmp_path / "out"
    signalled = f"    Evaluate    os.kill(os.getppid(), {first:d})    modules=os\n    Sleep    1h\n" if first else ""
    suite.write_text(f"*** Test Cases ***\nFirst\n    No Operation\nSecond\n    No Operation\n{signalled}")
    program = (
        "import os, signal; from renode_mnist import cli; from renode_mnist.suites import report\n"
        "write = report.write\n"
        "def signalled(*given, **named):\n"
        "    for _ in range(3): os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return write(*given, **named)\n"
        "report.write = signalled; cli.main()"
    )
    arguments = ["test", "--target", "embedded", "--suite", str(suite), "--output", str(out)]
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    assert done.stderr.splitlines() == ["The report of what was run is being written; it ends then.", "Interrupted."]
    assert f"\n2 tests, {1 if first else 2} passed, 0 failed" in done.stdout
    for name in ("output.xml", "xunit.xml", "log.html", "report.html", "tests.html"):
        assert (out / name).stat().st_size
    assert list(out.glob("part-*")) == []


def test_the_suite_that_the_documents_show_runs(tmp_path: Path) -> None:
    page = (paths.root() / "docs" / "suites.md").read_text()
    (shown,) = re.findall(r"```robot\n(.*?)```", page, re.S)
    assert 8 <= len([line for line in shown.splitlines() if line and not line.startswith("***")]) <= 12
    (tmp_path / "own.robot").write_text(shown)
    for file in ("test.npz", "golden_int8.npz", "labels.txt"):
        shutil.copy(MOTIONS / file, tmp_path)
    own = run_suites(tmp_path / "out", "--target", "host", "--model", MODEL, "--suite", tmp_path / "own.robot")
    assert (own.failed, own.skipped, own.status) == ({}, {}, 0)
    tags = {
        tag
        for file in (paths.root() / "robot").glob("*.robot")
        for tag in re.findall(r"needs-[\w-]+", file.read_text())
    }
    assert [tag for tag in tags if f"`{tag}`" not in page] == []


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
    Evaluate    $library._session.target.machine.log.add("a fault")
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
    assert re.search(r"The target says:\n.*a fault", said)
