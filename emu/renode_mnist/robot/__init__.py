"""Keywords for Robot Framework: the firmware on whichever target, in sentences.

A suite imports this package as one library; each module holds the keywords of one concern. A new keyword goes to
its concern, with ``@keyword``; a new concern is a module with a class that ``FirmwareLibrary`` derives from.
"""

from __future__ import annotations

import inspect
import os
from pathlib import Path
from typing import Any

from robot.api import logger
from robot.api.deco import library
from robot.libraries.BuiltIn import BuiltIn

from renode_mnist.errors import RenodeMnistError
from renode_mnist.robot.console import ConsoleKeywords
from renode_mnist.robot.costs import CostKeywords
from renode_mnist.robot.data import DataKeywords
from renode_mnist.robot.platform import PlatformKeywords
from renode_mnist.robot.target import TargetKeywords
from renode_mnist.robot.variables import table
from renode_mnist.robot.virtual_time import VirtualTimeKeywords
from renode_mnist.session.evidence import MOST_FRAMES, Cost, Evidence, Frame
from renode_mnist.session.target_options import SuiteOptions
from renode_mnist.suites.plan import Test, name_of
from renode_mnist.wire.client import Direction


@library(scope="SUITE", auto_keywords=False)
class FirmwareLibrary(
    TargetKeywords,
    PlatformKeywords,
    VirtualTimeKeywords,
    CostKeywords,
    DataKeywords,
    ConsoleKeywords,
):
    """Runs the firmware on a target and says what it must answer.

    The same suite runs on every target; variables choose, on the command line (``robot -v TARGET:renode``) or
    by ``renode-mnist test``:

    VARIABLES

    A suite opens the target once (``Open Target`` in its set-up, ``Close Target`` in its teardown). What a target
    can't do skips the test with the reason. When a test fails, the log holds the last request, the bytes on the lines
    and what the target has to say. The tags ``needs-console``, ``needs-instruction-counts`` and ``needs-emulator``
    stand at what not every target can do, ``needs-digits`` at what not every network takes, ``needs-golden-vectors``
    and ``needs-labelled-data`` at what needs a file: ``--exclude`` leaves it out instead of skipping it. All times
    are the target's own: virtual in emulation. Each suite's metadata holds what the firmware says of itself.
    """

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self) -> None:
        super().__init__()
        self.ROBOT_LIBRARY_LISTENER = self

    def end_test(self, data: Any, result: Any) -> None:
        """Robot calls it after each test: a failed one's log gets what was on the lines and what the target says."""
        if self._session is not None:
            evidence = self._evidence(name_of(data), failed=result.failed)
            if result.failed:
                self._failed = True
                self._log(evidence)
            # `renode-mnist test` makes a page of it; what a test computed before it was skipped is no figure of it.
            if (folder := BuiltIn().get_variable_value("${EVIDENCE}")) and not result.skipped:
                evidence.append_to(Path(str(folder)) / f"{os.getpid()}.jsonl")
        self._traffic.clear()
        self._inferences, self._inferred = 0, None

    def _evidence(self, test: Test, *, failed: bool) -> Evidence:
        last = Cost.of(self._inferred) if self._inferred is not None else None
        if not failed:
            return Evidence(test, self._inferences, last)
        session = self._opened
        try:
            said = session.target.log()
        except RenodeMnistError as error:
            said = str(error)
        return Evidence(
            test,
            self._inferences,
            last,
            frames=tuple(Frame.of(*each) for each in self._traffic[-MOST_FRAMES:]),
            left_out=max(len(self._traffic) - MOST_FRAMES, 0),
            unfinished=session.client.unfinished.hex(" "),
            console=self._console_text,
            target=said,
        )

    def _log(self, evidence: Evidence) -> None:
        """All bytes: who reads Robot's log may want to send them again."""
        lines = [_line(*each) for each in self._traffic]
        for title, text in (
            ("The last request", "" if self._last_request is None else _line(*self._last_request)),
            ("On the line in this test", "\n".join(lines)),
            ("The beginning of a reply that did not end", evidence.unfinished),
            ("Not yet read from the console", evidence.console),
            ("The target says", evidence.target),
        ):
            logger.info(f"{title}:\n{text or '(nothing)'}")


def _line(direction: Direction, data: bytes, seconds: float) -> str:
    return f"{seconds:12.6f} s  {direction:8}  {len(data):4} bytes  {data.hex(' ')}"


FirmwareLibrary.__doc__ = inspect.cleandoc(FirmwareLibrary.__doc__ or "").replace("VARIABLES", table(SuiteOptions))
