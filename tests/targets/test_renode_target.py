"""The Renode target and its platform, on the real Renode; skipped, with the reason, where that is not installed."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from renode_mnist.errors import ElfError, EnvironmentProblem, TargetError, TargetTimeout
from renode_mnist.renode_install import locate
from renode_mnist.stream import ByteStream, Deadline
from renode_mnist.targets import auto
from renode_mnist.targets.base import (
    CounterUnit,
    CountsInstructions,
    HasConsole,
    ReachesMemory,
    RunsVirtualTime,
    Target,
)
from renode_mnist.targets.renode import RenodeTarget

CHARACTER_SECONDS = 10 / (108_000_000 // (108_000_000 // 115_200))  # by the divisor that the probe sets


@pytest.fixture(scope="module")
def installation() -> locate.Installation:
    try:
        return locate.find()
    except EnvironmentProblem as problem:
        pytest.skip(str(problem))


@pytest.fixture(scope="module", autouse=True)
def temporary_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the logs go that errors point to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("renode")))
        yield


@pytest.fixture(scope="module")
def probe(installation: locate.Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    elf = tmp_path_factory.mktemp("probe") / "probe.elf"
    source = Path(__file__).with_name("renode_probe.c")
    flags = ["-O2", "-mcpu=cortex-m7", "-mthumb", "-ffreestanding", "-nostdlib"]
    places = "-Wl,--section-start=.vectors=0x08000000,-Ttext=0x08000200,-e,0x08000200"
    subprocess.run(["arm-none-eabi-gcc", *flags, places, source, "-o", elf], check=True)
    return elf


@pytest.fixture(scope="module")
def booted(probe: Path) -> Iterator[RenodeTarget]:
    """One Renode for the tests that only look at it or leave it as it was."""
    with RenodeTarget(probe) as target:
        target.run_for(0.02)
        yield target


@pytest.fixture
def target(booted: RenodeTarget) -> RenodeTarget:
    """The same after a reset."""
    booted.reset()
    booted.run_for(0.02)
    return booted


def read_all(stream: ByteStream, length: int, seconds: float = 1.0) -> bytes:
    deadline = Deadline.after(stream, seconds)
    data = b""
    while len(data) < length:
        data += stream.receive(deadline)
    return data


def word(target: RenodeTarget, address: int) -> int:
    return int.from_bytes(target.read_memory(address, 4), "little")


def write_word(target: RenodeTarget, address: int, value: int) -> None:
    target.write_memory(address, value.to_bytes(4, "little"))


# The target -------------------------------------------------------------------------------------------------------


def test_is_a_target_that_can_do_what_emulators_can(target: RenodeTarget) -> None:
    for protocol in (Target, HasConsole, RunsVirtualTime, CountsInstructions, ReachesMemory):
        assert isinstance(target, protocol)
    identity = target.identity()
    assert (identity.target, identity.counter_unit, identity.deterministic) == (
        "renode",
        CounterUnit.INSTRUCTIONS,
        True,
    )
    assert identity.version[0].isdigit()


def test_runs_for_an_exact_virtual_time(target: RenodeTarget) -> None:
    before = target.now()
    target.run_for(0.123456789)
    assert round((target.now() - before) * 1e9) == 123_456_789


def test_bytes_arrive_at_the_baud_rate(target: RenodeTarget) -> None:
    before = target.now()
    target.send(bytes(range(256)))
    echo = b""
    while len(echo) < 256:
        echo += target.receive(Deadline.after(target, 1.0))
        arrived = int((target.now() - before) / CHARACTER_SECONDS)
        assert len(echo) <= arrived
    assert echo == bytes(range(256))
    assert target.now() - before < 256 * CHARACTER_SECONDS + 0.001


def test_a_second_send_queues_behind_the_first(target: RenodeTarget) -> None:
    target.send(b"one")
    target.send(b"two")
    assert read_all(target, 6) == b"onetwo"


def test_two_runs_take_the_same_instructions_and_time(probe: Path, target: RenodeTarget) -> None:
    def run(target: RenodeTarget) -> tuple[bytes, int, float]:
        start = target.now()
        target.send(b"the same bytes")
        echo = read_all(target, 14)
        target.run_for(0.0017)
        return echo, target.instructions(), target.now() - start

    with RenodeTarget(probe) as other:
        other.run_for(0.02)
        assert run(target) == pytest.approx(run(other), abs=1e-12)


def test_the_core_sleeps_while_it_waits(target: RenodeTarget) -> None:
    before = target.instructions()
    target.run_for(1.0)
    assert target.instructions() == before


def test_reset_starts_over_and_drops_what_is_under_way(target: RenodeTarget) -> None:
    first = target.instructions()
    target.send(b"x" * 1000)
    target.run_for(0.01)
    target.reset()
    target.run_for(0.02)
    assert target.instructions() == first
    assert target.console.receive(Deadline.after(target, 0.1)).startswith(b"boot\n")
    with pytest.raises(TargetTimeout):
        target.receive(Deadline.after(target, 0.1))


def test_a_timeout_says_how_long_it_waited_and_where_the_log_is(probe: Path) -> None:
    def wait() -> None:
        with RenodeTarget(probe) as target:
            target.run_for(0.02)
            deadline = Deadline.after(target, 0.25)
            try:
                target.receive(deadline)
            finally:
                assert target.now() == pytest.approx(deadline.at_seconds, abs=1e-9)

    with pytest.raises(TargetTimeout, match=r"nothing came on the binary line in 0\.25 s of virtual time") as caught:
        wait()
    log = Path(str(caught.value).split("log is ")[1].split(";")[0].rstrip("."))
    assert log.is_file()


def test_leaves_nothing_behind_when_all_is_well(probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with RenodeTarget(probe) as target:
        target.run_for(0.02)
        with pytest.raises(TargetTimeout):
            target.receive(Deadline.after(target, 0.01))
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys, tempfile, time
from pathlib import Path
from renode_mnist.targets.renode import RenodeTarget
tempfile.tempdir = sys.argv[2]
with RenodeTarget(Path(sys.argv[1])) as target:
    target.run_for(0.02)
    print("running", flush=True)
    time.sleep(3600)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_a_killed_parent_leaves_is_gone_with_the_next_start(
    probe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    call = [sys.executable, "-c", KILLED, probe, tmp_path]
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "running\n"
        parent.send_signal(number)
    (left,) = tmp_path.iterdir()
    with (left / "held").open("w") as lock:  # Renode ends when its parent has gone, and with it its lock
        fcntl.flock(lock, fcntl.LOCK_EX)
    with RenodeTarget(probe) as target:
        target.run_for(0.02)
        (now,) = tmp_path.iterdir()
        assert now != left
    assert list(tmp_path.iterdir()) == []


def test_starts_when_the_firmware_listens(probe: Path) -> None:
    with RenodeTarget(probe) as target:
        target.send(b"first")
        assert read_all(target, 5) == b"first"
        target.reset()
        target.send(b"second")
        assert read_all(target, 6) == b"second"


def test_logs_accesses_to_nothing_and_nothing_else(target: RenodeTarget) -> None:
    before = target.log()
    target.send(b"!")
    assert read_all(target, 1) == b"!"
    added = target.log()[len(before) :]
    assert "non existing peripheral at 0x60000000" in added
    assert len(added.splitlines()) == 1


def test_refuses_what_the_monitor_refuses(target: RenodeTarget) -> None:
    with pytest.raises(TargetError, match="monitor refused `nonsense`"):
        target.monitor("nonsense")
    assert word(target, 0x08000000) == 0x20050000


def test_memories_and_registers_are_read_and_written(target: RenodeTarget) -> None:
    target.write_memory(0x2004_FFF1, b"seven bytes"[:7])
    assert target.read_memory(0x2004_FFF0, 9)[1:8] == b"seven b"
    cpuid = target.read_memory(0xE000_ED00, 4)
    assert target.read_memory(0xE000_ED01, 2) == cpuid[1:3]
    with pytest.raises(TargetError, match="no memory or peripheral holds all of the 8 bytes at 0x2004fffc"):
        target.read_memory(0x2004_FFFC, 8)
    with pytest.raises(TargetError, match="no memory or peripheral holds all of the 4 bytes at 0x60000000"):
        target.write_memory(0x6000_0000, b"none")
    with pytest.raises(TargetError, match="registers are written by words"):
        target.write_memory(0x4001_1000, b"1")


def test_refuses_what_the_chip_cannot_run() -> None:
    with pytest.raises(ElfError, match="is no ELF file"), RenodeTarget(Path(__file__)):
        pass
    with pytest.raises(ElfError, match="does not exist"), RenodeTarget(Path("nothing.elf")):
        pass


def test_a_start_that_fails_is_an_error(probe: Path, installation: locate.Installation, tmp_path: Path) -> None:
    (tmp_path / "output" / "bin" / "Release").mkdir(parents=True)
    variables = {"PYRENODE_BUILD_DIR": str(tmp_path), "PYRENODE_RUNTIME": "mono"}
    hollow = dataclasses.replace(installation, path=tmp_path, variables=variables)
    with pytest.raises(TargetError, match="Renode does not start"), RenodeTarget(probe, installation=hollow):
        pass


def workers() -> list[str]:
    """This process's children that are alive."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [child for child in children if "renode_worker" in Path(f"/proc/{child}/cmdline").read_text()]


@pytest.fixture
def worker(probe: Path) -> Iterator[tuple[RenodeTarget, int]]:
    before = set(workers())
    with RenodeTarget(probe, silence_seconds=1.0) as target:
        (pid,) = set(workers()) - before
        yield target, int(pid)
    assert set(workers()) == before


def test_a_crash_is_an_error_with_the_end_of_the_log(worker: tuple[RenodeTarget, int]) -> None:
    target, pid = worker
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(TargetError, match=r"Renode has ended by itself with status -9.*its logs are in"):
        target.run_for(1.0)
    with pytest.raises(TargetError, match="Renode has ended"):
        target.send(b"x")


def test_a_core_that_runs_where_no_memory_is_is_an_error(probe: Path) -> None:
    with RenodeTarget(probe) as target:
        target.monitor("cpu PC 0x60000001")
        target.send(b"x")  # wakes it: from the handler it returns there
        with pytest.raises(TargetError, match=r"(?s)the core cannot go on.*outside RAM or ROM at 0x60000000"):
            target.run_for(1.0)


def test_a_hang_is_an_error_and_not_a_stuck_call(worker: tuple[RenodeTarget, int]) -> None:
    target, pid = worker
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TargetError, match="has not answered for 1 s and was stopped"):
        target.run_for(1.0)


def test_serves_a_debugger(probe: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    def debug() -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(b"+$g#67")  # all registers
            while b"#" not in b"".join(registers):
                registers.append(connection.recv(4096))
            connection.sendall(b"+$c#63")  # continue
            finished.wait(60)

    registers: list[bytes] = []
    finished = threading.Event()
    debugger = threading.Thread(target=debug)
    with RenodeTarget(probe, gdb_port=port, on_waiting=debugger.start) as target:
        assert not target.identity().deterministic
        assert read_all(target.console, 5, 1000.0).startswith(b"boot\n")
        finished.set()
        debugger.join()
    assert b"".join(registers).startswith(b"+$")


def test_auto_takes_renode_where_it_is(installation: locate.Installation) -> None:
    choice = auto.choose()
    assert choice.target == "renode"
    assert str(installation.path) in choice.reason


# The platform -----------------------------------------------------------------------------------------------------


def test_the_vector_table_out_of_reset_is_at_the_flash_alias(target: RenodeTarget) -> None:
    assert int(target.monitor("cpu VectorTableOffset"), 16) == 0x00200000


def test_over_drive_is_ready_when_it_has_been_asked_for(target: RenodeTarget) -> None:
    cr1, csr1 = 0x40007000, 0x40007004
    assert word(target, csr1) >> 16 & 3 == 0
    write_word(target, cr1, word(target, cr1) | 1 << 16)
    assert word(target, csr1) >> 16 & 3 == 1
    write_word(target, cr1, word(target, cr1) | 1 << 17)
    assert word(target, csr1) >> 16 & 3 == 3
    target.reset()
    assert word(target, csr1) >> 16 & 3 == 0


def test_a_pll_is_ready_when_it_is_on(target: RenodeTarget) -> None:
    control = 0x40023800
    assert word(target, control) >> 26 & 3 == 0
    write_word(target, control, word(target, control) | 1 << 26)
    assert word(target, control) >> 26 & 3 == 3
