"""Keeps one worker process at the chosen target, and one picture of each question waiting for it.

All of it runs in the server's event loop, so that nothing here needs a lock. A worker that dies, reports an error or
lets a deadline pass is ended, and the state is ``failed`` until someone asks for another try.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from renode_mnist.draw.choice import Choice, Job
from renode_mnist.draw.question import Question
from renode_mnist.errors import RenodeMnistError, TargetError

_STOP_SECONDS = 3.0
"""What a worker gets to end its target; a hung one makes whoever wants to end or switch wait so long."""

_LINE_BYTES = 1 << 20
"""The longest answer: a record has about 200 bytes a layer, a look twice `look.MOST_BYTES`."""


class State(StrEnum):
    """What the target is doing."""

    BUILDING = "building"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    FAILED = "failed"


class Superseded(RenodeMnistError):
    """A newer picture, or a change of the target, has taken this one's place."""


@dataclass(frozen=True)
class Snapshot:
    """The supervisor at one moment.

    Attributes:
        state: Since ``seconds``.
        choice: Target, model and engine.
        opened: How many sessions were opened so far: another number is another session.
        session: What ``view.of_session`` says; None until it is open.
        error: Why the state is ``failed``, else None.
    """

    state: State
    seconds: float
    choice: Choice
    opened: int
    session: dict[str, Any] | None
    error: str | None

    def to_json(self) -> dict[str, Any]:
        """For the page."""
        return {**vars(self), "choice": self.choice.to_json()}


@dataclass(frozen=True)
class _Request:
    question: Question
    pixels: bytes
    answer: asyncio.Future[dict[str, Any]]

    def refuse(self, why: RenodeMnistError) -> None:
        if not self.answer.done():
            self.answer.set_exception(why)


class Supervisor:
    """Runs one job at a time; ``run`` has to be running in a task.

    Args:
        choice: As the page names the job.
        job: What to start with.
        deadline_seconds: How long starting, and each answer, may take on the clock of this PC. Builds have no
            deadline; neither has a target that waits for a debugger.
    """

    def __init__(self, choice: Choice, job: Job, deadline_seconds: float) -> None:
        self._choice = choice
        self._job = job
        self._deadline_seconds = deadline_seconds
        self._state = State.STARTING
        self._since = time.monotonic()
        self._opened = 0
        self._session: dict[str, Any] | None = None
        self._error: str | None = None
        self._waiting: dict[Question, _Request] = {}
        self._asked: _Request | None = None  # the worker has it
        self._arrived = asyncio.Event()
        self._again = asyncio.Event()
        self._changed = asyncio.Event()
        self._closed = False

    def snapshot(self) -> Snapshot:
        """The state now."""
        seconds = time.monotonic() - self._since
        return Snapshot(self._state, seconds, self._choice, self._opened, self._session, self._error)

    async def snapshots(self) -> AsyncIterator[Snapshot]:
        """The state now and after each change, until ``close``; who is slow gets only the newest."""
        while not self._closed:
            changed = self._changed
            yield self.snapshot()
            await changed.wait()

    async def classify(self, pixels: bytes) -> dict[str, Any]:
        """What ``view.of_record`` makes of the answer; waits while the target is being started.

        Args:
            pixels: 28x28, white ink on black, row by row.

        Raises:
            Superseded: It was not begun yet and need not be any more.
            TargetError: The target failed.
        """
        return await self._ask(Question.CLASSIFY, pixels)

    async def look(self, pixels: bytes) -> dict[str, Any]:
        """What ``look.Looker.look`` sees; waits behind a picture that is to be classified.

        Args:
            pixels: As for ``classify``.

        Raises:
            Superseded: As for ``classify``.
            TargetError: The target failed.
        """
        return await self._ask(Question.LOOK, pixels)

    async def _ask(self, question: Question, pixels: bytes) -> dict[str, Any]:
        if self._error is not None:
            raise TargetError(self._error)
        if (older := self._waiting.get(question)) is not None:
            older.refuse(Superseded("a newer picture has come", "Its answer is the one to show."))
        request = _Request(question, pixels, asyncio.get_running_loop().create_future())
        self._waiting[question] = request
        self._arrived.set()
        return await request.answer

    def switch(self, choice: Choice, job: Job) -> None:
        """Ends what runs and starts this job; the same one again after a failure."""
        self._choice, self._job = choice, job
        self._refuse_all(Superseded("the target was changed", "Ask again once it is ready."))
        self._enter(State.STARTING)
        self._again.set()

    def retry(self) -> None:
        """Starts the job anew where it has failed."""
        if self._state is State.FAILED:
            self.switch(self._choice, self._job)

    def close(self) -> None:
        """Ends all that waits for this: ``classify`` and ``snapshots``."""
        self._closed = True
        self._refuse_all(Superseded("the server ends", "Start it again."))
        self._tell()

    async def run(self) -> None:
        """Serves one job after the other until it is cancelled; no process is left then."""
        while True:
            self._again.clear()
            serving = asyncio.create_task(self._serve(self._job))
            try:
                await self._again.wait()
            finally:
                serving.cancel()
                await asyncio.wait({serving})

    async def _serve(self, job: Job) -> None:
        worker: _Worker | None = None
        self._enter(State.STARTING)
        try:
            worker = await _Worker.start(job)
            await self._open(worker, job)
            while True:
                request = await self._next(worker)
                is_look = request.question is Question.LOOK
                if not is_look:
                    self._enter(State.BUSY)
                answer = (await worker.answer(self._deadline(job)))["look" if is_look else "record"]
                if not request.answer.done():
                    request.answer.set_result(answer)
                if not is_look:
                    self._enter(State.READY)
        except (RenodeMnistError, OSError, ValueError) as error:
            # A failure of the job that has just been replaced is nobody's concern any more.
            if not self._again.is_set():
                self._enter(State.FAILED, error=str(error))
                self._refuse_all(TargetError(str(error)))
        finally:
            if worker is not None:
                await worker.stop()

    async def _open(self, worker: _Worker, job: Job) -> None:
        while True:
            answer = await worker.answer(None if self._state is State.BUILDING else self._deadline(job))
            if "session" in answer:
                self._opened += 1
                self._enter(State.READY, session=answer["session"])
                return
            self._enter(State(answer["state"]))

    async def _next(self, worker: _Worker) -> _Request:
        """The next picture, which the worker has been sent; notices as well when the worker ends meanwhile."""
        while True:
            for question in Question:
                if (request := self._waiting.pop(question, None)) is not None:
                    self._asked = request
                    await worker.send(request.question, request.pixels)
                    return request
            self._arrived.clear()
            arrived = asyncio.create_task(self._arrived.wait())
            try:
                await asyncio.wait([arrived, worker.ended], return_when=asyncio.FIRST_COMPLETED)
            finally:
                arrived.cancel()
            if worker.ended.done():
                await worker.answer(self._deadline_seconds)  # raises with what it has said, or its status

    def _deadline(self, job: Job) -> float | None:
        return None if job.options.gdb_port is not None else self._deadline_seconds

    def _enter(self, state: State, *, session: dict[str, Any] | None = None, error: str | None = None) -> None:
        self._state, self._since, self._error = state, time.monotonic(), error
        if state not in (State.READY, State.BUSY):
            self._session = None
        elif session is not None:
            self._session = session
        self._tell()

    def _tell(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _refuse_all(self, why: RenodeMnistError) -> None:
        for request in (*self._waiting.values(), self._asked):
            if request is not None:
                request.refuse(why)
        self._waiting, self._asked = {}, None


class _Worker:
    """A running ``renode_mnist.draw.worker`` with all processes that it starts."""

    def __init__(self, process: asyncio.subprocess.Process, target: str) -> None:
        self._process = process
        self._target = target
        self._busy = True
        self.ended = asyncio.create_task(process.wait())

    @classmethod
    async def start(cls, job: Job) -> _Worker:
        """Starts it on a job, in a session of its own: Ctrl-C is for this process, which then stops the worker."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "renode_mnist.draw.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            start_new_session=True, limit=_LINE_BYTES,
        )  # fmt: skip
        worker = cls(process, job.target)
        await worker._write(pickle.dumps(job))
        return worker

    async def send(self, question: Question, pixels: bytes) -> None:
        """Asks about a picture."""
        await self._write(f"{question} {pixels.hex()}\n".encode("ascii"))

    async def answer(self, seconds: float | None) -> dict[str, Any]:
        """The next answer.

        Raises:
            TargetError: It is an error, there will be none, or none came in time.
        """
        assert self._process.stdout is not None
        try:
            line = await asyncio.wait_for(self._process.stdout.readline(), seconds)
        except TimeoutError:
            raise TargetError(
                f"the target {self._target} has not answered for {seconds:g} s and was stopped",
                "Try again, choose another one, or give it more time by --deadline.",
            ) from None
        if not line:
            status = await self._process.wait()
            raise TargetError(
                f"the process of the target {self._target} has ended by itself with status {status}",
                "Try again; if it said why, that is in the terminal.",
            )
        answer: dict[str, Any] = json.loads(line)
        self._busy = "state" in answer
        if "error" in answer:
            raise TargetError(answer["error"])
        return answer

    async def stop(self) -> None:
        """Ends it and waits for that; at once where the caller is cancelled meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            if self._busy:  # else it waits for standard input, and sees that it was closed
                with suppress(ProcessLookupError):
                    self._process.terminate()
            await asyncio.wait_for(asyncio.shield(self.ended), _STOP_SECONDS)
        except TimeoutError:
            pass
        finally:
            # Its session is its process group: what it has left behind goes as well.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self.ended

    async def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._busy = True
        with suppress(ConnectionError):  # it has ended, which `answer` tells
            self._process.stdin.write(data)
            await self._process.stdin.drain()
