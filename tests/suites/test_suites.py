"""Suites run by several processes are reported as if one had run them, whatever becomes of a process."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from renode_mnist.errors import RenodeMnistError
from renode_mnist.suites import plan, report, workers
from renode_mnist.suites.workers import Call, Ended, Failed

ONE = """
*** Settings ***
Documentation    The first.
Suite Setup      Set Suite Metadata    Who    it is
Test Tags        of-one

*** Test Cases ***
Right
    Log    A line of its log

Wrong
    Should Be Equal    a    b

Left Out
    Skip    there is no reason
"""
TWO = """
*** Test Cases ***
Right
    Should Be Equal    ${GIVEN}    a value
    Should Be Equal    ${SUITE NAME}    All of it.Folder.Two
"""
SET_UP = """
*** Settings ***
Suite Setup    Set Global Variable    ${SET UP}    yes
"""
NEEDS_SET_UP = """
*** Test Cases ***
It Is Set Up
    Should Be Equal    ${SET UP}    yes
"""
DIES = """
*** Test Cases ***
Begins
    No Operation
Dies
    Evaluate    os.kill(os.getpid(), signal.SIGKILL)    modules=os,signal
"""


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    files = {
        "one.robot": ONE,
        "folder/two.robot": TWO,
        "together/__init__.robot": SET_UP,
        "together/first.robot": NEEDS_SET_UP,
        "together/second.robot": NEEDS_SET_UP,
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return [tmp_path / "one.robot", tmp_path / "folder", tmp_path / "together"]


def call_of(sources: list[Path], folder: Path) -> Call:
    folder.mkdir(exist_ok=True)
    return Call(sources, "All of it", {"Where": "here"}, [], ["GIVEN:a value"], folder)


def run(sources: list[Path], folder: Path, jobs: int) -> tuple[report.Counts, list[Ended | Failed]]:
    call, planned = call_of(sources, folder), plan.plan(sources)
    told: list[Ended | Failed] = []
    ran = workers.run(planned, call, jobs, told.append)
    counts, _ = report.write(planned, ran, call.name, report.Files(folder))
    return counts, told


def content(output: Path) -> list[tuple[object, ...]]:
    """All of Robot's output but times, and what a merged one has not: suites' numbers."""
    clocks = {"id", "start", "elapsed", "generated", "generator", "time"}

    def lines(element: ElementTree.Element, depth: int) -> list[tuple[object, ...]]:
        attributes = {name: value for name, value in element.attrib.items() if name not in clocks}
        found = [(depth, element.tag, attributes, (element.text or "").strip())]
        return [*found, *(line for child in element for line in lines(child, depth + 1))]

    return lines(ElementTree.parse(output).getroot(), 0)


def test_each_file_is_a_part_and_a_folder_with_a_set_up_is_one(sources: list[Path]) -> None:
    planned = plan.plan(sources)
    assert [(part.name, part.place, len(part.tests)) for part in planned.parts] == [
        ("One", (0,), 3),
        ("Folder.Two", (1, 0), 1),
        ("Together", (2,), 2),
    ]
    assert planned.parts[2].tests == (
        ("Together", "First", "It Is Set Up"),
        ("Together", "Second", "It Is Set Up"),
    )
    chosen = planned.only(frozenset({("One", "Wrong"), ("Folder", "Two", "Right")}))
    assert [part.tests for part in chosen.parts] == [(("One", "Wrong"),), (("Folder", "Two", "Right"),)]
    assert planned.root.test_count == 6


def test_a_single_file_is_the_root(tmp_path: Path) -> None:
    (tmp_path / "one.robot").write_text(ONE)
    planned = plan.plan([tmp_path / "one.robot"])
    assert [(part.name, part.place, part.tests[0]) for part in planned.parts] == [("the suite", (), ("Right",))]
    counts, _ = run([tmp_path / "one.robot"], tmp_path / "out", 2)
    assert counts == report.Counts(passed=1, failed=1, skipped=1, not_run=0)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_what_several_processes_run_is_reported_as_one_run(tmp_path: Path, sources: list[Path], jobs: int) -> None:
    counts, told = run(sources, tmp_path / "out", jobs)
    assert counts == report.Counts(passed=4, failed=1, skipped=1, not_run=0)
    by_name = {each.test: (each.status, each.message) for each in told if isinstance(each, Ended)}
    assert len(told) == len(by_name) == 6
    assert by_name["One", "Wrong"] == ("FAIL", "a != b")
    assert by_name["One", "Left Out"] == ("SKIP", "there is no reason")
    arguments = ["--name", "All of it", "--metadata", "Where:here", "--variable", "GIVEN:a value", "--outputdir"]
    robot = [sys.executable, "-m", "robot", *arguments, tmp_path / "robot", "--xunit", "xunit.xml", *sources]
    assert subprocess.run(robot, capture_output=True).returncode == 1
    assert content(tmp_path / "out" / "output.xml") == content(tmp_path / "robot" / "output.xml")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == [
        *("log.html", "output.xml", "report.html", "xunit.xml")
    ]
    cases = [
        [(case.get("classname"), case.get("name")) for case in ElementTree.parse(file).iter("testcase")]
        for file in (tmp_path / "out" / "xunit.xml", tmp_path / "robot" / "xunit.xml")
    ]
    assert cases[0] == cases[1]


def test_a_process_that_dies_fails_its_part_alone(tmp_path: Path, sources: list[Path]) -> None:
    (tmp_path / "dies.robot").write_text(DIES)
    counts, told = run([tmp_path / "dies.robot", *sources], tmp_path / "out", 1)
    assert counts == report.Counts(passed=4, failed=3, skipped=1, not_run=2)
    said = "the process that ran Dies has ended by signal 9"
    assert Failed("Dies", said) in told
    tests = ElementTree.parse(tmp_path / "out" / "output.xml").iter("test")
    found = {test.get("name"): test.findtext("status") for test in tests}
    assert found["Begins"] == found["Dies"] == f"Not run: {said}."


def test_a_teardown_that_fails_is_told_and_fails_its_tests(tmp_path: Path) -> None:
    (tmp_path / "a.robot").write_text(
        "*** Settings ***\nSuite Teardown    Fail    left open\n" + TWO.split("\n", 1)[1]
    )
    (tmp_path / "b.robot").write_text(NEEDS_SET_UP.replace("${SET UP}", "yes"))
    text = (tmp_path / "a.robot").read_text().replace("All of it.Folder.Two", "All of it.A")
    (tmp_path / "a.robot").write_text(text)
    counts, told = run([tmp_path / "a.robot", tmp_path / "b.robot"], tmp_path / "out", 2)
    assert counts == report.Counts(passed=1, failed=1, skipped=0, not_run=0)
    (failed,) = [each for each in told if isinstance(each, Failed)]
    assert (failed.what, failed.message) == ("A", "Suite teardown failed:\nleft open")


def test_only_what_failed_is_run_again_and_takes_its_place(tmp_path: Path, sources: list[Path]) -> None:
    run(sources, tmp_path / "out", 2)
    files, planned = report.Files(tmp_path / "out"), plan.plan(sources)
    failed = report.failed_before(files, "All of it", planned)
    assert failed == {("One", "Wrong")}
    (tmp_path / "one.robot").write_text(ONE.replace("a    b", "a    a"))
    again: list[Ended | Failed] = []
    planned = planned.only(failed)
    ran = workers.run(planned, call_of(sources, files.folder), 2, again.append)
    counts, verdicts = report.write(planned, ran, "All of it", files, into_last=True)
    assert [each.test for each in again if isinstance(each, Ended)] == [("One", "Wrong")]
    assert counts == report.Counts(passed=5, failed=0, skipped=1, not_run=0)
    (now,) = [verdict for verdict in verdicts if verdict.test == ("One", "Wrong")]
    assert (now.status, now.log) == ("PASS", "s1-s1-t2")
    assert re.fullmatch(r"Test has been re-executed .* New status: +PASS .* a != b", now.message)
    tests = {test.get("name"): test for test in ElementTree.parse(files.output).iter("test")}
    said = tests["Wrong"].findtext("status") or ""
    assert "has been re-executed" in said
    assert "a != b" in said
    assert report.failed_before(files, "All of it", plan.plan(sources)) == frozenset()


def test_what_cannot_be_run_again_is_refused(tmp_path: Path, sources: list[Path]) -> None:
    files, planned = report.Files(tmp_path / "out"), plan.plan(sources)
    with pytest.raises(RenodeMnistError, match="there is no last run in"):
        report.failed_before(files, "All of it", planned)
    run(sources, files.folder, 2)
    with pytest.raises(RenodeMnistError, match="was of All of it, this one is of Another"):
        report.failed_before(files, "Another", planned)
    with pytest.raises(RenodeMnistError, match=r"One\.Wrong failed in the last run and is not among these suites"):
        report.failed_before(files, "All of it", plan.plan(sources[1:]))
    files.output.write_text("<robot")
    with pytest.raises(RenodeMnistError, match=r"output\.xml cannot be read"):
        report.failed_before(files, "All of it", planned)


def test_a_file_that_robot_cannot_run_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "none.robot").write_text("*** Test Cases ***\n")
    with pytest.raises(RenodeMnistError, match=r"contains no tests|ran no test"):
        plan.plan([tmp_path / "none.robot"])


INTERRUPTS = """
*** Test Cases ***
Before
    No Operation
At It
    Evaluate    os.kill(os.getppid(), {number})    modules=os
    Sleep    1h
Behind
    No Operation
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_who_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "ends.robot").write_text(INTERRUPTS.format(number=int(number)))
    (tmp_path / "later.robot").write_text(NEEDS_SET_UP)
    sources, out = [tmp_path / "ends.robot", tmp_path / "later.robot"], tmp_path / "out"
    program = f"""
import pathlib
from renode_mnist.suites import plan, report, workers
folder = pathlib.Path({str(out)!r})
folder.mkdir()
sources = [pathlib.Path(each) for each in {[str(each) for each in sources]!r}]
planned = plan.plan(sources)
call = workers.Call(sources, "Run", {{}}, [], [], folder)
try:
    workers.run(planned, call, 1, lambda told: print(told.status, *told.test, flush=True))
except workers.Interrupted as stopped:
    print("by", stopped.signal_number, report.write(planned, stopped.ran, "Run", report.Files(folder))[0])
"""
    # It comes back when nobody holds its output any more, the processes that it started included.
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if number == signal.SIGKILL:
        assert done.returncode == -number
        assert lines in ([], ["PASS Ends Before"])  # it may be ended before it has told what it was told
        assert "Execution terminated by signal" in (out / "part-0.xml").read_text()  # it ended in order
    else:
        assert (done.returncode, done.stderr) == (0, "")
        assert lines == ["PASS Ends Before", f"by {int(number)} Counts(passed=1, failed=3, skipped=0, not_run=3)"]
