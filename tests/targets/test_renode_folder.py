"""A temporary folder ends with those who use it, at the next start at the latest, and nobody else's does."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from renode_mnist.targets.renode_folder import TemporaryFolder, remove_left_over

HOLDER = """
import subprocess, sys, tempfile
from renode_mnist.targets.renode_folder import TemporaryFolder
tempfile.tempdir = sys.argv[1]
held = TemporaryFolder()
(held.path / "scratch").mkdir()
worker = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=[held.lock])
print(held.path, worker.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_dead_process_has_left_goes_and_what_a_living_one_has_stays(
    temporary: Path, number: signal.Signals
) -> None:
    call = [sys.executable, "-c", HOLDER, temporary]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder, worker = process.stdout.readline().split()
        remove_left_over()
        assert Path(folder, "scratch").is_dir()
        os.kill(int(worker), signal.SIGSTOP)  # it outlives who started it, as Renode may
        process.send_signal(number)
        process.wait()
        remove_left_over()
        assert Path(folder, "scratch").is_dir()
        end_and_wait(int(worker), Path(folder))
        held = TemporaryFolder()
        assert list(temporary.iterdir()) == [held.path]
        held.remove()
        assert list(temporary.iterdir()) == []


def end_and_wait(worker: int, folder: Path) -> None:
    """Its lock is free once it is gone; the call returns then."""
    with Path(folder, "held").open("w") as lock:
        os.kill(worker, signal.SIGKILL)
        fcntl.flock(lock, fcntl.LOCK_EX)


def test_what_is_not_of_a_dead_process_of_ours_stays(temporary: Path) -> None:
    kept, made = TemporaryFolder(), temporary / "renode-mnist-of-others"
    kept.keep()  # for its logs
    (kept.path / "renode.log").write_text("a line")
    made.mkdir()
    (made / "file").write_text("no lock is in it")
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "held").write_text("")
    (temporary / "renode-mnist-link").symlink_to(elsewhere)
    linked = temporary / "renode-mnist-linked-lock"
    linked.mkdir()
    (linked / "held").symlink_to(elsewhere / "held")
    (temporary / "renode-mnist-file").write_text("")
    before = sorted(temporary.rglob("*"))
    TemporaryFolder().remove()
    assert sorted(temporary.rglob("*")) == before


def test_another_users_folder_stays(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = TemporaryFolder()
    os.close(left.lock)
    monkeypatch.setattr(os, "getuid", lambda: 4711)
    remove_left_over()
    assert left.path.is_dir()
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    remove_left_over()
    assert not left.path.exists()
