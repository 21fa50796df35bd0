"""Runs tests again and again, each time in a fork: what `mutants.py` changes in a copy of the sources is seen anew.

Asked by lines of JSON on standard input, answered by lines of JSON on the descriptor that is named. An interpreter
with pytest, NumPy and what else tests import takes a second to get ready, as long as many a room's tests: so they are
imported once, and all of this project's own modules by the fork.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

_OWN = ("renode_mnist", "conftest", "tests")
_SILENCE_SECONDS = 300
"""A mutant that sleeps is ended after that; one that computes by the processor time that is left to it."""
_MOST_MEMORY_BYTES = 16 << 30
"""Of addresses, of which each emulated machine reserves one GiB; a loop that appends for ever finds no more."""


class _First:
    """A pytest plugin that keeps the first test that failed."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.failed:
            self.failed = f"{report.nodeid} (not to be imported)"


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """One run of `asked["tests"]` in at most `asked["cpu_seconds"]`: how it ended, and by which test."""
    ours, theirs = os.pipe()
    begun = time.monotonic()
    child = os.fork()
    if not child:
        _as_child(asked, theirs)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        ready, _, _ = select.select([pipe], [], [], _SILENCE_SECONDS)
        if not ready:
            os.killpg(child, signal.SIGKILL)
        said = pipe.read()
    _, _, usage = os.wait4(child, 0)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # what it has started and left behind
    answer: dict[str, Any] = json.loads(said) if said else {"code": None, "failed": "", "modules": []}
    answer["seconds"] = time.monotonic() - begun
    answer["cpu_seconds"] = usage.ru_utime + usage.ru_stime
    return answer


def _as_child(asked: dict[str, Any], pipe: int) -> None:
    os.setpgid(0, 0)
    seconds = int(asked["cpu_seconds"])
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    # That a test fails is all that is asked: no smaller example is looked for, and none is kept for the next mutant.
    hypothesis_settings.register_profile(
        "mutants", phases=[Phase.explicit, Phase.generate], database=None, deadline=None
    )
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    first = _First()
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not long", "--tb=no"]
    options += ["--hypothesis-seed=0", "--hypothesis-profile=mutants"]
    code = int(pytest.main([*options, *asked["tests"]], plugins=[first]))
    modules = [name for name in sys.modules if name.partition(".")[0] not in _OWN]
    os.write(pipe, json.dumps({"code": code, "failed": first.failed, "modules": modules}).encode())
    os._exit(0)


def _warm(modules: list[str]) -> None:
    """Imports what the first run imported from elsewhere: of a package all that it took, and nothing that fails."""
    support = str(Path(__file__).parent)
    for name in modules:
        spec = None
        with suppress(Exception):
            spec = importlib.util.find_spec(name)
        if spec is None or not spec.origin or spec.origin.startswith(support):
            continue
        if "site-packages" in spec.origin and name.partition(".")[0] not in ("hypothesis", "_pytest", "xdist"):
            with suppress(Exception):
                importlib.import_module(name)


def main() -> None:
    """Serves until its input ends."""
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        for line in sys.stdin:
            asked = json.loads(line)
            answer = run(asked)
            modules = answer.pop("modules")
            if asked.get("warm"):
                _warm(modules)
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
