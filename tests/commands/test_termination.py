"""SIGTERM and SIGHUP end every command in order: with a status of their own, and with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from renode_mnist.commands import termination

PATIENCE_SECONDS = 120
MARK = "RENODE_MNIST_TEST_MARK"
MAIN = "from renode_mnist.cli import main; main()"
SAMPLES = 50_000
"""More than are answered before the signal comes, however fast the machine."""


class Called:
    """A command as a program of its own, whose temporary folder is empty at first, and who its children are."""

    def __init__(self, folder: Path, arguments: list[str], program: str = MAIN) -> None:
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.said = folder / "said"
        self._mark = f"{MARK}={uuid.uuid4().hex}".encode()
        name, _, value = self._mark.decode().partition("=")
        places = {"TMPDIR": str(self.temporary), "RENODE_MNIST_CACHE": str(folder / "cache"), name: value}
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-c", program, *arguments],
                stdin=subprocess.PIPE, stdout=said, stderr=said, env=os.environ | places, start_new_session=True,
            )  # fmt: skip

    def alive(self) -> list[str]:
        """What of it runs, the command itself included."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self._mark in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:  # it has ended, or is another's
                continue
        return found

    def wait(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < end, self.said.read_text()
            time.sleep(0.02)

    def end(self, number: int, *, group: bool = False) -> int:
        (os.killpg if group else os.kill)(self.process.pid, number)
        status = self.process.wait(PATIENCE_SECONDS)
        end = time.monotonic() + PATIENCE_SECONDS
        while self.alive() and time.monotonic() < end:  # a child's end may be on its way
            time.sleep(0.02)
        return status

    def works(self) -> bool:
        """Whether a worker has its image."""
        return any(self.temporary.rglob("firmware.elf"))

    def says(self, text: str) -> Callable[[], bool]:
        return lambda: text in self.said.read_text()


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    file = tmp_path / "labelled.npz"
    np.savez(file, image=np.zeros((SAMPLES, 28, 28), np.uint8), labels=np.zeros(SAMPLES, np.uint8))
    return file


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("group", [False, True])
def test_an_evaluation_leaves_nothing_but_what_is_answered(
    tmp_path: Path, labelled: Path, workers: int, group: bool
) -> None:
    if workers > 1:
        pytest.importorskip("distributed")
    called = Called(tmp_path, [
        "evaluate", "int8", "--data", str(labelled), "--no-reference", "--workers", str(workers)
    ])  # fmt: skip
    called.wait(called.works)
    assert called.end(signal.SIGTERM, group=group) == 143
    assert (list(called.temporary.iterdir()), called.alive()) == ([], [])
    assert "--resume goes on" in called.said.read_text()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_campaign_leaves_nothing_but_what_is_tried(tmp_path: Path, workers: int) -> None:
    if workers > 1:
        pytest.importorskip("distributed")
    called = Called(tmp_path, ["faults", "int8", "--count", "50000", "--workers", str(workers)])
    called.wait(called.works)
    assert called.end(signal.SIGTERM) == 143
    assert (list(called.temporary.iterdir()), called.alive()) == ([], [])
    assert "--resume goes on" in called.said.read_text()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_program_of_this_machine_ends_with_its_command(tmp_path: Path, number: int, status: int) -> None:
    called = Called(tmp_path, ["console", "--target", "host"])
    assert called.process.stdin is not None
    called.process.stdin.write(b"HELP\n")
    called.process.stdin.flush()
    called.wait(called.says("this list"))
    assert any(line.endswith(" --port 0 --console-port 0 ") for line in called.alive())
    assert called.end(number) == status
    assert (list(called.temporary.iterdir()), called.alive()) == ([], [])


@pytest.mark.parametrize(("arguments", "said", "status"), [
    (["test", "--jobs", "2"], "PASS", {143}),
    (["serve"], "console ", {0}),
    (["draw", "--target", "embedded", "--no-browser", "--http-port", "0"], "Ctrl-C ends it", {0, 143}),  # either way
])  # fmt: skip
def test_what_ends_by_its_own_way_leaves_nothing_either(
    tmp_path: Path, arguments: list[str], said: str, status: set[int]
) -> None:
    more = ["--output", str(tmp_path / "robot")] if arguments[0] == "test" else []
    called = Called(tmp_path, [*arguments, *more])
    called.wait(called.says(said))
    assert called.end(signal.SIGTERM) in status
    assert (list(called.temporary.iterdir()), called.alive()) == ([], [])


def test_a_build_ends_with_its_command(tmp_path: Path) -> None:
    tool = tmp_path / "cmake"
    tool.write_text("#!/bin/sh\necho begun >&2\nsleep 600 &\nwait\n")  # as CMake, it has a child that does the work
    tool.chmod(0o755)
    program = (
        "from pathlib import Path; from renode_mnist import cli; from renode_mnist.images import Tree, cmake\n"
        f"command = ['{tool}', '-S']\n"
        "cli.app.invoke = lambda context: cmake._call(command, Tree.here(), None, 'it'); cli.main()"
    )
    called = Called(tmp_path, ["run"], program)
    called.wait(called.says("begun"))
    assert called.end(signal.SIGTERM) == 143
    assert called.alive() == []


def test_what_comes_twice_is_one_request() -> None:
    program = (
        "import os, signal, time; from renode_mnist import cli\n"
        "def work(context):\n"
        "    try: os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)\n"
        "    finally: os.kill(os.getpid(), signal.SIGTERM); time.sleep(0.1); print('cleaned', flush=True)\n"
        "cli.app.invoke = work; cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", program, "run"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (143, "cleaned\n")
    assert done.stderr.splitlines()[-1] == "Interrupted."


def test_a_hangup_that_nohup_ignores_stays_ignored() -> None:
    program = (
        "import os, signal; from renode_mnist import cli\n"
        "cli.app.invoke = lambda context: os.kill(os.getpid(), signal.SIGHUP); cli.main()"
    )
    usual = subprocess.run([sys.executable, "-c", program, "run"], capture_output=True)
    ignored = subprocess.run(
        [sys.executable, "-c", f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); {program}", "run"],
        capture_output=True,
    )
    assert (usual.returncode, ignored.returncode) == (129, 0)


def test_without_a_signal_the_status_is_the_commands() -> None:
    assert termination.status() == 0
