"""The real GDB on the embedded emulator, and what a stub must survive."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import snippets
from renode_mnist.errors import TargetError
from renode_mnist.session.opening import make_target
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.stm32f746.clock import PICOSECONDS
from renode_mnist.stm32f746.gdb_link import Link
from renode_mnist.stm32f746.gdb_server import GdbServer
from renode_mnist.stm32f746.machine import Halt, Machine

GDB = "gdb-multiarch"
needs_gdb = pytest.mark.skipif(shutil.which(GDB) is None, reason=f"{GDB} is not installed: apt-get install {GDB}")

WORK = """
function run
  push {r4, lr}
  movs r4, #0
1: adds r4, #1
  bl work
  cmp r4, #10
  bne 1b
  pop {r4, pc}
function work
  ldr r1, =results
  cmp r4, #3
  itte hi
  addhi r2, #2
  strhi r2, [r1]
  addls r3, #1
  vmov s5, r4
  vcvt.f32.s32 s5, s5
  bx lr
"""
ENDLESS = "function run\n movs r4, #0\n1: adds r4, #1\n b 1b\n"


def launch(elf: Path, port: int, *commands: str) -> subprocess.Popen[str]:
    """GDB, connected and then doing ``commands``."""
    arguments = [GDB, "-nx", "-batch", "-ex", "set pagination off", "-ex", f"target remote localhost:{port}"]
    for command in commands:
        arguments += ["-ex", command]
    return subprocess.Popen([*arguments, str(elf)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def debugged(elf: Path, *commands: str) -> tuple[Machine, str]:
    """Runs a snippet with GDB doing ``commands``, then killing it; what GDB said."""
    machine = Machine(elf)
    server = GdbServer(machine, 0)
    gdb = launch(elf, server.port, *commands, "kill")
    server.wait()
    with pytest.raises(TargetError, match="the debugger has ended the program"):
        server.run_until(PICOSECONDS)
    return machine, gdb.communicate(timeout=60)[0]


def plain(elf: Path) -> Machine:
    machine = Machine(elf)
    snippets.run(machine)
    return machine


@needs_gdb
def test_breakpoints_lie_anywhere_and_disturb_no_count() -> None:
    elf = snippets.build(WORK)
    inside = snippets.symbol(elf, "work") + 16  # no block starts there
    machine, said = debugged(
        elf, f"break *{inside:#x}", "ignore 1 3", "continue", "print $r4", "delete", "continue", "print $pc"
    )
    assert f"Breakpoint 1, {inside:#010x} in work" in said
    assert "$1 = 4" in said
    assert re.search(r"SIGTRAP.*\$2 = .*<start\+\d+>", said, re.DOTALL)  # the BKPT behind `run`
    assert machine.instructions() == plain(elf).instructions() - 1  # but for that BKPT


@needs_gdb
def test_each_instruction_is_a_step_and_an_it_block_is_one() -> None:
    elf = snippets.build(WORK)
    commands = ["break *&work if $r4 == 4", "continue", *["print $pc", "stepi"] * 8, "delete", "continue"]
    machine, said = debugged(elf, *commands)
    walked = re.findall(r"^\$\d+ = .* <(\w+\+?\d*)>$", said, re.MULTILINE)
    assert walked == ["work", "work+2", "work+4", "work+12", "work+16", "work+20", "run+10", "run+12"]
    assert snippets.results(machine, 1) == snippets.results(plain(elf), 1) == [2 * 7]
    assert machine.instructions() == plain(elf).instructions() - 1


@needs_gdb
def test_registers_and_memories_are_read_and_written() -> None:
    elf = snippets.build(WORK)
    results = snippets.symbol(elf, "results")
    machine, said = debugged(
        elf, "break work", "continue", "finish", "print $s5", "set $s5 = 2.5", "print $s5",
        f"set *(int*){results + 8:#x} = 0x12345678", "set *(int*)0x40023830 = 8", "x/3wx 0x40023828",
        "x/wx 0x60000000", "set *(int*)0x60000000 = 1", "set $pc = work", "stepi", "print $pc", "delete", "continue",
    )  # fmt: skip
    assert "$1 = 1\n" in said
    assert "$2 = 2.5\n" in said
    assert re.search(r"^0x40023828:.*\t0x00000008$", said, re.MULTILINE)  # RCC_AHB1ENR, the last of the three
    assert said.count("Cannot access memory at address 0x60000000") == 2
    assert "<work+2>" in said
    assert snippets.words(machine, results + 8, 1) == [0x12345678]


WATCHED = """
function run
  push {r4, r5, lr}
  ldr r4, =results
  movs r5, #0
1: adds r5, #1
  cmp r5, #3
  itee hi
  ldrhi r0, [r4, #4]
  strls r5, [r4, #4]
  addls r5, #0
  strb r5, [r4, #8]
  strb r5, [r4, #9]
  stmia r4!, {r5}
  subs r4, #4
  cmp r5, #5
  bne 1b
  ldr r0, =0x40023C00
  ldr r0, [r0]
  pop {r4, r5, pc}
"""


@needs_gdb
@pytest.mark.parametrize(
    ("watch", "offset", "stops"),
    [
        ("watch *(int*)", 0, 5),
        ("watch *(char*)", 9, 5),
        ("rwatch *(int*)", 4, 2),
        ("awatch *(int*)", 4, 5),
        ("awatch *(char*)", 10, 0),
    ],
)
def test_a_watchpoint_stops_at_each_access_and_disturbs_no_count(watch: str, offset: int, stops: int) -> None:
    elf = snippets.build(WATCHED)
    place = snippets.symbol(elf, "results") + offset
    machine, said = debugged(elf, f"{watch}{place:#x}", *["continue"] * stops, "delete", "continue")
    assert (
        len(re.findall("^Hardware (?:read |access \\(read/write\\) )?watchpoint 1", said, re.MULTILINE)) == stops + 1
    )
    assert "SIGTRAP" in said.rpartition("watchpoint 1")[2]
    reference = plain(elf)
    assert machine.instructions() == reference.instructions() - 1  # the BKPT behind `run`
    assert snippets.results(machine, 3) == snippets.results(reference, 3) == [5, 3, 0x0505]


@needs_gdb
def test_a_watchpoint_says_what_changed_and_where() -> None:
    elf = snippets.build(WATCHED)
    place = snippets.symbol(elf, "results")
    _, said = debugged(elf, f"watch *(int*){place:#x}", "continue", "print $pc", "delete", "continue")
    assert "Old value = 0\nNew value = 1\n" in said
    assert "<run+" in said


@needs_gdb
def test_a_peripherals_register_is_watched_and_flash_is_not() -> None:
    elf = snippets.build(WATCHED)
    _, said = debugged(elf, "rwatch *(int*)0x40023C00", "continue", "delete", "rwatch *(int*)0x08000000", "stepi")
    assert "Hardware read watchpoint 1: *(int*)0x40023C00\n\nValue = 0\n" in said
    assert re.search("Could not insert hardware (?:watchpoint|breakpoint)", said)


class _Seen(Exception):
    """Ends a wait for a debugger."""


def test_the_debugger_is_announced_once_its_port_is_taken_by_a_command_for_a_shell(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    elf = Path(shutil.copy(snippets.build(ENDLESS), folder))
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]

    def waiting(command: str) -> None:
        assert shlex.split(command) == ["gdb-multiarch", "-ex", f"target remote localhost:{port}", str(elf)]
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("127.0.0.1", port))
        raise _Seen

    with (
        pytest.raises(_Seen),
        make_target("embedded", elf, TargetOptions(gdb_port=port), waiting=waiting),
    ):
        pass


@needs_gdb
def test_a_run_under_gdb_is_the_run_without_it() -> None:
    call = [
        sys.executable,
        "-c",
        "from renode_mnist.cli import main; main()",
        "run",
        "--target",
        "embedded",
        "--json",
    ]
    alone = json.loads(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    process = subprocess.Popen([*call, "--gdb", str(port)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    elf = next(line for line in process.stderr if line.startswith("waiting for the debugger")).split()[-1]
    # Both are called from another file, so that no compiler makes them part of their caller.
    commands = ["break app::inference::run", "continue", "backtrace", "delete"]
    commands += ["break app::messages::send_inference", "continue", "print request", "next", "stepi"]
    commands += ["delete", "continue"]
    said, _ = launch(Path(elf), port, *commands).communicate(timeout=120)
    answered, _ = process.communicate(timeout=120)
    assert re.search(r"#0 .*inference::run.*#\d .*answer.*#\d .*app::work.*#\d .*board::run", said, re.DOTALL)
    assert re.search(r"send_inference \(request=2\)", said)
    assert "$1 = 2\n" in said  # the first request asked who it is
    assert "exited normally" in said
    record = json.loads(answered)
    assert record["class"] == alone["class"] == 7
    assert record["instructions"] == alone["instructions"]
    assert record["layers"] == alone["layers"]


@needs_gdb
def test_ctrl_c_stops_a_program_that_never_ends() -> None:
    machine = Machine(snippets.build(ENDLESS))
    server = GdbServer(machine, 0)
    gdb = launch(machine.image.path, server.port, "continue", "print $r4 > 0", "kill")
    server.wait()
    server.run_until(PICOSECONDS // 10)
    gdb.send_signal(signal.SIGINT)
    with pytest.raises(TargetError, match="the debugger has ended the program"):
        server.run_until(PICOSECONDS * 3600)
    said = gdb.communicate(timeout=60)[0]
    assert "SIGINT" in said
    assert "$1 = 1" in said


@needs_gdb
def test_a_lockup_can_be_looked_at() -> None:
    machine = Machine(snippets.build("function run\n udf #0\nfunction hard_fault\n udf #1\n"))
    server = GdbServer(machine, 0)
    gdb = launch(machine.image.path, server.port, "continue", "backtrace", "detach")
    server.wait()
    with pytest.raises(TargetError, match="locked up"):
        server.run_until(PICOSECONDS)
    said = gdb.communicate(timeout=60)[0]
    assert "SIGSEGV" in said
    assert re.search(r"#0 .*hard_fault.*#2 .*run", said, re.DOTALL)


@needs_gdb
def test_what_is_detached_runs_on_alone() -> None:
    elf = snippets.build(WORK)
    machine = Machine(elf)
    server = GdbServer(machine, 0)
    gdb = launch(elf, server.port, "break work", "continue", "detach")
    server.wait()
    with pytest.raises(TargetError, match="BKPT without a debugger"):
        server.run_until(PICOSECONDS)
    assert "detached" in gdb.communicate(timeout=60)[0]
    assert snippets.results(machine, 1) == [2 * 7]


# Without GDB -------------------------------------------------------------------------------------------------------


class Peer:
    """A debugger of the test's own: what GDB never sends."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._link = Link(self._socket)
        self._link.acknowledges = False

    def ask(self, content: bytes) -> bytes:
        self._link.send(content)
        return self._link.receive()

    def put(self, raw: bytes) -> None:
        self._socket.sendall(raw)

    def hang_up(self) -> None:
        self._link.close()


def beside(machine: Machine, talk: Callable[[Peer], None]) -> GdbServer:
    """A server whose debugger, on a thread of its own, does ``talk`` before the machine runs."""
    server = GdbServer(machine, 0)
    peer = threading.Thread(target=lambda: talk(Peer(server.port)))
    peer.start()
    server.wait()
    peer.join()
    return server


def test_what_is_no_request_gets_an_answer() -> None:
    answers: dict[bytes, bytes] = {}

    def talk(peer: Peer) -> None:
        for request in (
            b"p7f",
            b"pxx",
            b"P0",
            b"m",
            b"m60000000,4",
            b"m0",
            b"M20000000,4:00",
            b"Z0,60000000,2",
            b"Z2,0,4",
            b"Z2,60000000,4",
            b"Z4,20000000",
            b"Z5,20000000,4",
            b"bogus",
            b"",
        ):
            answers[request] = peer.ask(request)
        peer.put(b"$g#00")  # a wrong checksum: asked to send it again
        answers[b"g, damaged"] = peer.ask(b"?")
        peer.ask(b"D")

    beside(Machine(snippets.build(WORK)), talk)
    refused = dict.fromkeys((b"p7f", b"pxx", b"P0", b"m", b"m0", b"M20000000,4:00", b"Z4,20000000"), b"E16")
    nowhere = dict.fromkeys((b"m60000000,4", b"Z0,60000000,2", b"Z2,0,4", b"Z2,60000000,4"), b"E0e")
    unknown = dict.fromkeys((b"Z5,20000000,4", b"bogus", b""), b"")
    assert answers == refused | nowhere | unknown | {b"g, damaged": b"S05"}


def test_a_debugger_that_goes_away_leaves_the_program_running() -> None:
    machine = Machine(snippets.build(ENDLESS))
    work = snippets.symbol(machine.image.path, "run")

    def talk(peer: Peer) -> None:
        assert peer.ask(b"Z0,%x,2" % work) == b"OK"
        peer.hang_up()

    server = beside(machine, talk)
    assert server.run_until(PICOSECONDS // 10) is Halt.TIME
    assert "the debugger is gone" in machine.log.text()


def test_another_debugger_may_come_once_the_first_has_gone() -> None:
    machine = Machine(snippets.build(ENDLESS))
    counter: list[bytes] = []
    server = beside(machine, lambda peer: peer.hang_up())

    def come_again() -> None:
        peer = Peer(server.port)
        assert peer.ask(b"?") == b"S05"
        counter.append(peer.ask(b"p4"))
        peer.ask(b"D")

    for _ in range(2):
        again = threading.Thread(target=come_again)
        again.start()
        while again.is_alive():  # each look at the door is 10 ms of virtual time
            server.run_until(machine.clock.now_ps() + PICOSECONDS // 20)
        again.join()
    assert int.from_bytes(bytes.fromhex(counter[0].decode()), "little") < int.from_bytes(
        bytes.fromhex(counter[1].decode()), "little"
    )


def test_a_second_debugger_is_sent_away() -> None:
    machine = Machine(snippets.build(ENDLESS))
    server = GdbServer(machine, 0)
    peers: list[Peer] = []

    def come() -> None:
        peers.append(Peer(server.port))
        peers[0].put(b"$vCont;c#a8")

    first = threading.Thread(target=come)
    first.start()
    server.wait()
    first.join()
    with socket.create_connection(("127.0.0.1", server.port)) as second:
        server.run_until(machine.clock.now_ps() + PICOSECONDS // 10)
        second.settimeout(10)
        assert second.recv(1) == b""
    peers[0].hang_up()


def test_a_port_that_is_taken_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(TargetError, match=rf"cannot serve a debugger on port {port}: .*in use.*--gdb"):
            GdbServer(Machine(snippets.build(WORK)), port)
