"""One report of what several processes have run, as if one had."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from robot import running
from robot.api import ExecutionResult, ResultWriter
from robot.errors import DataError
from robot.output import LOGGER
from robot.result import Result, TestCase, TestSuite

from renode_mnist.errors import RenodeMnistError
from renode_mnist.suites import plan as planning
from renode_mnist.suites.plan import Part, Plan, Test
from renode_mnist.suites.workers import Ran

_NOT_RUN_TAG = "robot:exit"
"""Robot's own, at a test that was not begun."""
_MARKUP = re.compile(r"<[^>]*>")
_TERMINATED = "Execution terminated by signal"
"""What Robot says of the test that a signal has ended."""


@dataclass(frozen=True)
class Counts:
    """Tests by what they came to.

    Attributes:
        passed: Tests that passed.
        failed: Tests that failed, ``not_run`` included.
        skipped: Tests that say they cannot be run here.
        not_run: Of the failed ones, those that were never begun or did not end.
    """

    passed: int
    failed: int
    skipped: int
    not_run: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.passed + self.failed + self.skipped


@dataclass(frozen=True)
class Verdict:
    """What a test came to.

    Attributes:
        test: See `plan.Test`.
        status: ``PASS``, ``FAIL`` or ``SKIP``.
        message: Of a failure, or why it was skipped.
        log: Where Robot's log tells of it: the end of its address.
    """

    test: Test
    status: str
    message: str
    log: str


@dataclass(frozen=True)
class Files:
    """What a run writes into its folder."""

    folder: Path

    @property
    def output(self) -> Path:
        """Robot's own format, which its other tools read."""
        return self.folder / "output.xml"

    @property
    def log(self) -> Path:
        """Each keyword."""
        return self.folder / "log.html"

    @property
    def report(self) -> Path:
        """Each test."""
        return self.folder / "report.html"

    @property
    def page(self) -> Path:
        """What each test's inference cost, and what was on the line of those that failed."""
        return self.folder / "tests.html"

    @property
    def evidence(self) -> Path:
        """What that page is made of, a line of JSON a test."""
        return self.folder / "evidence.jsonl"

    @property
    def xunit(self) -> Path:
        """For a CI server."""
        return self.folder / "xunit.xml"


def failed_before(files: Files, name: str, plan: Plan) -> frozenset[Test]:
    """The tests that failed in the last run.

    Args:
        files: Of that run.
        name: Of this run, which must be the same.
        plan: Of this run.

    Raises:
        RenodeMnistError: There was none, it was of something else, or its tests are not in this plan.
    """
    suite = _last(files).suite
    if suite.name != name:
        raise RenodeMnistError(
            f"the last run in {files.folder} was of {suite.name}, this one is of {name}",
            "Run it without --rerun-failed, or name another --output.",
        )
    failed = frozenset(planning.name_of(test) for test in suite.all_tests if test.failed)
    known = frozenset(test for part in plan.parts for test in part.tests)
    if missing := sorted(failed - known):
        raise RenodeMnistError(
            f"{_said(missing[0])} failed in the last run and is not among these suites",
            "Give the same --suite as then, or leave --rerun-failed out.",
        )
    return failed


def _last(files: Files) -> Result:
    if not files.output.is_file():
        raise RenodeMnistError(
            f"there is no last run in {files.folder}", "Run it without --rerun-failed, or name its --output."
        )
    try:
        return ExecutionResult(str(files.output))
    except DataError as error:
        raise RenodeMnistError(
            f"{files.output} cannot be read: {error.message}", "Run it without --rerun-failed."
        ) from error


def write(
    plan: Plan,
    ran: Ran,
    name: str,
    files: Files,
    *,
    into_last: bool = False,
    link: Callable[[Test], str] = lambda test: "",
) -> tuple[Counts, tuple[Verdict, ...]]:
    """Writes all of Robot's files of a run, and removes those of its parts.

    Args:
        plan: What was to be run.
        ran: What was.
        name: Of the run.
        files: Where to.
        into_last: The tests take their places in the last run's report, which says of each what it was before.
        link: What Robot's log and report say of a test beside its documentation, in Robot's mark-up.
    """
    merged = _merged(plan, ran, name)
    if into_last:
        merged = _put_into_last(merged, files)
    merged.save(str(files.output))
    merged = ExecutionResult(str(files.output))  # as whoever reads the file sees it
    found = _counts(merged.suite), tuple(map(_verdict, merged.suite.all_tests))
    for test in merged.suite.all_tests:
        if said := link(planning.name_of(test)):
            test.doc = f"{test.doc}\n\n{said}" if test.doc else said
    LOGGER.unregister_console_logger()  # it would name each file
    ResultWriter(merged).write_results(
        output=None, log=str(files.log), report=str(files.report), xunit=str(files.xunit)
    )
    for output in ran.outputs.values():
        output.unlink(missing_ok=True)
    return found


def _put_into_last(new: Result, files: Files) -> Result:
    """Robot's own way for what had failed, which keeps a failure that is skipped now; what had not run goes."""
    last = _last(files)
    had_not_run = {planning.name_of(test) for test in last.suite.all_tests if _was_not_run(test)}
    new.save(str(saved := files.folder / "part-rerun.xml"))
    whole = ExecutionResult(str(files.output), str(saved), merge=True)
    saved.unlink()
    now = {planning.name_of(test): test for test in new.suite.all_tests}
    for test in list(whole.suite.all_tests):
        if (found := planning.name_of(test)) in had_not_run and found in now:
            beside = test.parent.tests
            beside[beside.index(test)] = now[found].deepcopy()
    return whole


def _was_not_run(test: TestCase) -> bool:
    return bool(test.failed and (_NOT_RUN_TAG in test.tags or _TERMINATED in test.message))


def _verdict(test: TestCase) -> Verdict:
    message = (
        _MARKUP.sub(" ", test.message.removeprefix("*HTML*")) if test.message.startswith("*HTML*") else test.message
    )
    return Verdict(planning.name_of(test), test.status, html.unescape(message).strip(), test.id)


def _merged(plan: Plan, ran: Ran, name: str) -> Result:
    merged: Result | None = None
    for part in plan.parts:
        found = _read(ran.outputs.get(part))
        if found is None:
            found = Result(suite=_not_run(plan.root, part, ran.lost.get(part, "nothing was written"), name))
        if merged is None:
            merged = found
        else:
            _add(merged.suite, found.suite)
            merged.errors.add(found.errors)
    assert merged is not None
    return merged


def _read(output: Path | None) -> Result | None:
    """None where its process has not come to its end."""
    if output is None or not output.is_file():
        return None
    try:
        return ExecutionResult(str(output))
    except DataError:
        return None


def _add(suite: TestSuite, more: TestSuite) -> None:
    """Takes the children of another part's suite of the same place."""
    spans = [(each.start_time, each.end_time) for each in (suite, more)]
    for child in list(more.suites):
        same = next((each for each in suite.suites if (each.name, each.source) == (child.name, child.source)), None)
        if same is None:
            suite.suites.append(child)
        else:
            _add(same, child)
    if all(begin and end for begin, end in spans):
        # Of the clock; the sum of its children's times is what several processes took together.
        suite.start_time = min(begin for begin, _ in spans if begin)
        suite.end_time = max(end for _, end in spans if end)
        suite.elapsed_time = None


def _not_run(root: running.TestSuite, part: Part, why: str, name: str) -> TestSuite:
    """The part's suite with all its tests failed, since none may be taken for passed."""

    def copy(suite: running.TestSuite) -> TestSuite:
        made = TestSuite(suite.name, suite.doc, dict(suite.metadata), str(suite.source) if suite.source else None)
        for test in suite.tests:
            made.tests.create(
                test.name, test.doc, (*test.tags, _NOT_RUN_TAG), status="FAIL", message=f"Not run: {why}."
            )
        made.suites = [copy(child) for child in suite.suites]
        return made

    made = copy(planning.narrowed(root, part))
    made.name = name
    return made


def _counts(suite: TestSuite) -> Counts:
    tests = list(suite.all_tests)
    return Counts(
        passed=sum(test.passed for test in tests),
        failed=sum(test.failed for test in tests),
        skipped=sum(test.skipped for test in tests),
        not_run=sum(map(_was_not_run, tests)),
    )


def _said(test: Sequence[str]) -> str:
    return ".".join(test)
