"""The process that runs parts of a plan, one after the other: told by lines of JSON on a socket, its standard input.

Robot Framework is started once for all of them: its start and this package's imports take 0.6 s of the processor,
which is more than most suites take on the embedded emulator.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from robot.running import TestSuite

from renode_mnist.suites import plan
from renode_mnist.suites.plan import Part


class _Told:
    """A listener that tells each test's end."""

    ROBOT_LISTENER_API_VERSION = 3

    def __init__(self, answers: TextIO) -> None:
        self._answers = answers

    def end_test(self, data: Any, result: Any) -> None:
        """See Robot's user guide."""
        self.tell(
            event="test",
            test=plan.name_of(data),
            status=result.status,
            message=result.message,
            seconds=result.elapsed_time.total_seconds(),
        )

    def end_suite(self, data: Any, result: Any) -> None:
        """Its teardown may fail once its tests have passed."""
        if result.teardown and result.teardown.failed:
            self.tell(event="teardown", suite=data.name, message=result.message)

    def tell(self, **said: object) -> None:
        with suppress(OSError):  # who asked has gone, and Robot is to end in order all the same
            self._answers.write(json.dumps(said) + "\n")
            self._answers.flush()


class _Worker:
    """Runs what it is told."""

    def __init__(self, line: socket.socket) -> None:
        self._requests = line.makefile("r", encoding="utf-8")
        self._told = _Told(line.makefile("w", encoding="utf-8"))
        self._parts: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._is_running = False
        self._is_over = False

    def run(self) -> None:
        asked = json.loads(self._requests.readline())
        sys.path[:0] = asked["pythonpath"]
        root = plan.read([Path(source) for source in asked["sources"]])
        root.name = asked["name"]
        root.metadata.update(asked["metadata"])
        threading.Thread(target=self._read, daemon=True).start()
        while (told := self._parts.get()) is not None and not self._is_over:
            self._run_part(root, told, asked["variables"])

    def _run_part(self, root: TestSuite, told: dict[str, Any], variables: list[str]) -> None:
        part = Part(tuple(told["place"]), tuple(tuple(test) for test in told["tests"]))
        suite = plan.narrowed(root, part)
        self._is_running = True
        suite.run(
            variable=variables,
            output=told["output"],
            outputdir=told["folder"],
            listener=self._told,
            console="quiet",
            stderr=sys.stderr,
        )
        self._is_running = False
        self._told.tell(event="done")

    def _read(self) -> None:
        """In a thread of its own, to notice that who asked wants no more, or has gone."""
        with suppress(ConnectionResetError):  # instead of an end where who asked was killed with answers unread
            for line in self._requests:
                self._parts.put(json.loads(line))
        self._is_over = True
        self._parts.put(None)
        if self._is_running:
            os.kill(os.getpid(), signal.SIGINT)  # Robot closes what the suite has opened, and writes what there is


def main() -> None:
    """Entry point of ``python -m renode_mnist.suites.worker``."""
    line = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open() as nothing:
        os.dup2(nothing.fileno(), 0)  # what a suite starts must not read what is told here
    # There Robot says that a second signal will force it to stop, once for each process; who starts them says that.
    sys.__stderr__ = None  # type: ignore[misc]
    try:
        _Worker(line).run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
