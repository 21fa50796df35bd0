"""The program of this machine as a target: it ends with who started it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from renode_mnist.targets.host import HostTarget


def test_a_program_that_says_nothing_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    program = tmp_path / "firmware-host"
    said = tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ > {said}.new\nmv {said}.new {said}\nexec sleep 600\n")
    program.chmod(0o755)

    def interrupt(number: int, frame: object) -> None:
        if said.exists():  # it runs, and is waited for
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt), HostTarget(program):
            pytest.fail("it has not said where it listens")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.read_text()), 0)
