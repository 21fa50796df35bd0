"""Which suites there are to run, cut into parts that processes may run side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from robot.errors import DataError
from robot.running import TestCase, TestSuite, TestSuiteBuilder

from renode_mnist.errors import RenodeMnistError

Place = tuple[int, ...]
"""Which child of which child of the root; (): the root itself."""
Test = tuple[str, ...]
"""Its name behind those of its suites, without the root's, which is named anew with each run."""


@dataclass(frozen=True)
class Part:
    """What one process runs at a time.

    Attributes:
        place: Of its suite.
        tests: At least one, in order.
    """

    place: Place
    tests: tuple[Test, ...]

    @property
    def name(self) -> str:
        """Of its suite, as a reader knows it."""
        return ".".join(self.tests[0][: len(self.place)]) or "the suite"


@dataclass(frozen=True)
class Plan:
    """What there is to run.

    Attributes:
        root: All of it, as Robot reads it; not to be changed.
        parts: In order.
    """

    root: TestSuite
    parts: tuple[Part, ...]

    def only(self, wanted: frozenset[Test]) -> Plan:
        """The part of it that has these tests."""
        kept = (Part(part.place, tuple(test for test in part.tests if test in wanted)) for part in self.parts)
        return Plan(self.root, tuple(part for part in kept if part.tests))


def read(sources: Sequence[Path]) -> TestSuite:
    """All suites of files and folders.

    Raises:
        RenodeMnistError: Robot cannot read one, or there is no test.
    """
    try:
        return TestSuiteBuilder().build(*map(str, sources))
    except DataError as error:
        raise RenodeMnistError(f"Robot Framework ran no test: {error.message}", "Give suites with tests.") from error


def plan(sources: Sequence[Path]) -> Plan:
    """The same, a part for each file.

    A folder with an ``__init__`` is one part: its set-up is for all that is in it, and once.

    Raises:
        RenodeMnistError: See `read`.
    """
    root = read(sources)
    return Plan(root, tuple(_parts(root, ())))


def _parts(suite: TestSuite, place: Place) -> Iterator[Part]:
    if suite.tests or _has_settings(suite):
        if tests := tuple(tests_of(suite)):
            yield Part(place, tests)
        return
    for number, child in enumerate(suite.suites):
        yield from _parts(child, (*place, number))


def _has_settings(suite: TestSuite) -> bool:
    source = suite.source
    return source is not None and source.is_dir() and any(source.glob("__init__.*"))


def tests_of(suite: TestSuite) -> Iterator[Test]:
    """The names of all its tests, in order."""
    for test in suite.all_tests:
        yield name_of(test)


def name_of(test: TestCase) -> Test:
    """Of a test that is run, or was."""
    names, suite = [test.name], test.parent
    while suite is not None and suite.parent is not None:
        names.append(suite.name)
        suite = suite.parent
    return tuple(reversed(names))


def narrowed(root: TestSuite, part: Part) -> TestSuite:
    """A copy of the root with what leads to the part, and of the part what is wanted of it."""
    copy = root.deepcopy()
    suite = copy
    for number in part.place:
        suite.suites = [suite.suites[number]]
        suite = suite.suites[0]
    wanted = frozenset(part.tests)
    _keep(suite, lambda test: name_of(test) in wanted)
    return copy


def _keep(suite: TestSuite, is_wanted: Callable[[TestCase], bool]) -> None:
    suite.tests = [test for test in suite.tests if is_wanted(test)]
    for child in suite.suites:
        _keep(child, is_wanted)
    suite.suites = [child for child in suite.suites if child.test_count]
