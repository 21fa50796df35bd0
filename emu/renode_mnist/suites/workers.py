"""Runs a plan in several processes, and tells each test as it ends.

Robot Framework's Pabot starts a process for each suite instead: on the embedded emulator that took 11.7 s for the
suites that one process runs in 4.4 s, since its own start and the imports are most of a suite's time.
"""

from __future__ import annotations

import json
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from renode_mnist.suites.plan import Part, Plan, Test

GRACE_SECONDS = 20.0
"""Of an interrupted suite, for its teardowns: Renode takes some seconds to end."""


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Call:
    """What all parts have in common.

    Attributes:
        sources: Files and folders, as for `plan.plan`.
        name: Of the whole run.
        metadata: Of the whole run, by title.
        pythonpath: Where suites find resources and libraries beside their own folder.
        variables: As ``NAME:value``.
        folder: For what is written.
    """

    sources: Sequence[Path]
    name: str
    metadata: dict[str, str]
    pythonpath: Sequence[Path]
    variables: Sequence[str]
    folder: Path

    def knowing(self, variable: str) -> Call:
        """The same with one variable more."""
        return replace(self, variables=(*self.variables, variable))


@dataclass(frozen=True)
class Ended:
    """A test that has ended.

    Attributes:
        test: See `plan.Test`.
        status: ``PASS``, ``FAIL`` or ``SKIP``.
        message: Of a failure, or why it was skipped.
        seconds: Of this machine's time.
    """

    test: Test
    status: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Failed:
    """What failed beside tests: a suite's teardown, which fails all tests of its suite, or a process."""

    what: str
    message: str


@dataclass
class Ran:
    """What a run has left.

    Attributes:
        outputs: Robot's output of each part that was run, complete or not.
        lost: Why a part has none, or an incomplete one.
    """

    outputs: dict[Part, Path] = field(default_factory=dict)
    lost: dict[Part, str] = field(default_factory=dict)


Tell = Callable[[Ended | Failed], None]


class Interrupted(Exception):
    """The run was ended from outside; what was written is there.

    Args:
        signal_number: By what.
        ran: What was run.
    """

    def __init__(self, signal_number: int, ran: Ran) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number
        self.ran = ran


def run(plan: Plan, call: Call, jobs: int, tell: Tell) -> Ran:
    """Runs all parts.

    Args:
        plan: With at least one part.
        call: What all have in common.
        jobs: How many processes.
        tell: Called for each test as it ends, from this thread.

    Raises:
        Interrupted: By SIGINT, SIGTERM or SIGHUP; all processes have ended.
    """
    with _Crew(plan, call, tell) as crew:
        return crew.work(jobs)


class _Stopped(BaseException):
    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class _Crew:
    """The processes and what each is at."""

    def __init__(self, plan: Plan, call: Call, tell: Tell) -> None:
        self._waiting = list(plan.parts)
        self._call = call
        self._tell = tell
        self._ran = Ran()
        self._said: queue.Queue[tuple[_Process, dict[str, Any] | None]] = queue.Queue()
        self._processes: list[_Process] = []
        self._before: dict[signal.Signals, Any] = {}
        self._is_stopped = False
        self._is_waiting = False

    def __enter__(self) -> _Crew:
        def stop(number: int, frame: object) -> None:
            if self._is_stopped and not self._is_waiting:
                return  # it is at its end, where all that was run is put together
            self._is_stopped, self._is_waiting = True, False
            raise _Stopped(number)

        if threading.current_thread() is threading.main_thread():
            heeded = (each for each in _ENDING if signal.getsignal(each) != signal.SIG_IGN)
            self._before = {each: signal.signal(each, stop) for each in heeded}
        return self

    def __exit__(self, *error: object) -> None:
        for process in self._processes:
            process.kill()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def work(self, jobs: int) -> Ran:
        if jobs > 1:  # the longest first, so that none of them is begun when the others are idle
            self._waiting.sort(key=lambda part: len(part.tests), reverse=True)
        try:
            for _ in range(min(jobs, len(self._waiting))):
                self._start()
            self._listen()
        except _Stopped as stopped:
            self._stop()
            raise Interrupted(stopped.signal_number, self._ran) from None
        return self._ran

    def _start(self) -> None:
        process = _Process(self._call, self._said)
        self._processes.append(process)
        self._give(process)

    def _give(self, process: _Process) -> None:
        if self._waiting:
            part = self._waiting.pop(0)
            process.begin(part)
            self._ran.outputs[part] = process.output_of(part)
        else:
            process.dismiss()

    def _listen(self) -> None:
        while any(process.is_there for process in self._processes):
            process, said = self._said.get()
            if said is None:
                self._mourn(process)
            elif said["event"] == "done":
                process.part = None
                self._give(process)
            else:
                self._pass_on(said)

    def _pass_on(self, said: dict[str, Any]) -> None:
        if said["event"] == "test":
            self._tell(Ended(tuple(said["test"]), said["status"], said["message"], said["seconds"]))
        else:
            self._tell(Failed(said["suite"], said["message"]))

    def _mourn(self, process: _Process) -> None:
        """A process has ended, well or not; another takes its place where there is something left to run."""
        status = process.wait()
        if (part := process.part) is None:
            return
        how = f"by signal {-status}" if status < 0 else f"with status {status}"
        self._ran.lost[part] = f"the process that ran {part.name} has ended {how}"
        self._tell(Failed(part.name, self._ran.lost[part]))
        if self._waiting:
            self._start()

    def _stop(self) -> None:
        """Lets Robot end in order, and ends what does not; a second signal ends all at once."""
        with suppress(_Stopped, queue.Empty):
            self._is_waiting = True
            for process in self._processes:
                process.dismiss()
            while any(process.is_there for process in self._processes):
                process, said = self._said.get(timeout=GRACE_SECONDS)
                if said is None:
                    process.wait()
                elif said["event"] == "done":
                    process.part = None
                elif said["event"] == "test" and said["status"] != "FAIL":  # those that did not end are no failures
                    self._pass_on(said)
            self._is_waiting = False
        self._is_waiting = False
        for process in self._processes:
            process.kill()
            if process.part is not None:
                self._ran.lost[process.part] = "the run was interrupted"
        for part in self._waiting:
            self._ran.lost[part] = "the run was interrupted"


class _Process:
    """One process that runs parts.

    Attributes:
        part: What it is at.
        is_there: Whether it has not ended.
    """

    def __init__(self, call: Call, said: queue.Queue[tuple[_Process, dict[str, Any] | None]]) -> None:
        self.part: Part | None = None
        self.is_there = True
        self._call = call
        here, there = socket.socketpair()
        with there:
            # In a group of its own: Ctrl-C is for who waits for it here, and who tells it once.
            self._process: subprocess.Popen[bytes] = subprocess.Popen(
                [sys.executable, "-P", "-m", "renode_mnist.suites.worker"], stdin=there.fileno(), process_group=0
            )
        self._line = here
        self._requests = here.makefile("w", encoding="utf-8")
        threading.Thread(target=self._read, args=(here.makefile("r", encoding="utf-8"), said), daemon=True).start()
        self._write(
            sources=[str(source) for source in call.sources],
            name=call.name,
            metadata=call.metadata,
            pythonpath=[str(folder) for folder in call.pythonpath],
            variables=list(call.variables),
        )

    def output_of(self, part: Part) -> Path:
        return self._call.folder / ("-".join(["part", *map(str, part.place)]) + ".xml")

    def begin(self, part: Part) -> None:
        self.part = part
        output = self.output_of(part)
        output.unlink(missing_ok=True)
        self._write(place=part.place, tests=part.tests, output=str(output), folder=str(self._call.folder))

    def dismiss(self) -> None:
        """Nothing more is wanted: it ends, and interrupts what it is at."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        if self.is_there:
            self._process.kill()
            self.wait()
        self._requests.close()
        self._line.close()

    def wait(self) -> int:
        self.is_there = False
        return self._process.wait()

    def _write(self, **told: object) -> None:
        with suppress(BrokenPipeError):  # that it has gone is told by the other direction
            self._requests.write(json.dumps(told) + "\n")
            self._requests.flush()

    def _read(self, answers: Iterator[str], said: queue.Queue[tuple[_Process, dict[str, Any] | None]]) -> None:
        with suppress(OSError, ValueError):
            for line in answers:
                said.put((self, json.loads(line)))
        said.put((self, None))
