"""The embedded emulator as a target: two lines, virtual deadlines, messages that help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import snippets
from renode_mnist.errors import ElfError, TargetError, TargetTimeout
from renode_mnist.stm32f746 import chip_id, memory_map
from renode_mnist.stream import Deadline
from renode_mnist.targets.base import (
    CounterUnit,
    CountsInstructions,
    HasConsole,
    ReachesMemory,
    RunsVirtualTime,
    Target,
)
from renode_mnist.targets.embedded import BINARY_LINES, EmbeddedTarget
from renode_mnist.timing import AdjustedParameters

USARTS = {"USART1": (0x4001_1000, 37), "USART3": (0x4000_4800, 39), "UART7": (0x4000_7800, 82)}
CONSOLE = 0x4001_1400

# Answers each byte of its binary line by the next one, and says the same on the console, USART6.
ECHO = """
function run
  poke 0x40023840, 0x40040000
  poke 0x40023844, 0x30
  poke {console:#x} + 0x0C, 139
  poke {console:#x}, 9
  poke {binary:#x} + 0x0C, 139
  poke {binary:#x}, 0x2D
  ldr r4, ={console:#x}
  movs r0, #'!'
  str r0, [r4, #0x28]
  ldr r5, ={binary:#x}
1: cpsid i
  wfi
  poke 0xE000E280 + 4 * ({interrupt} / 32), 1 << ({interrupt} % 32)
  ldr r0, [r5, #0x24]
  adds r0, #1
  str r0, [r5, #0x28]
  str r0, [r4, #0x28]
  b 1b
"""


def echo(board: str) -> Path:
    binary, interrupt = USARTS[BINARY_LINES[board]]
    code = ECHO.format(binary=binary, console=CONSOLE, interrupt=interrupt)
    enable = f"  poke 0xE000E100 + 4 * ({interrupt} / 32), 1 << ({interrupt} % 32)\n"
    return snippets.build(code.replace("1: cpsid", enable + "1: cpsid"))


@pytest.fixture
def target() -> Iterator[EmbeddedTarget]:
    with EmbeddedTarget(echo("disco-f746ng")) as opened:
        yield opened


def gathered(stream: EmbeddedTarget, size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += stream.receive(Deadline.after(stream, 0.01))
    return data


def test_it_is_all_that_a_target_can_be(target: EmbeddedTarget) -> None:
    assert isinstance(target, Target)
    assert isinstance(target, HasConsole)
    assert isinstance(target, RunsVirtualTime)
    assert isinstance(target, CountsInstructions)
    assert isinstance(target, ReachesMemory)


def test_memories_and_registers_are_read_and_written(target: EmbeddedTarget) -> None:
    target.write_memory(0x2004_FFF1, b"seven bytes"[:7])
    assert target.read_memory(0x2004_FFF0, 9)[1:8] == b"seven b"
    cpuid = target.read_memory(0xE000_ED00, 4)
    assert target.read_memory(0xE000_ED01, 2) == cpuid[1:3]
    with pytest.raises(TargetError, match="no memory or peripheral holds all of the 8 bytes at 0x2004fffc"):
        target.read_memory(0x2004_FFFC, 8)
    with pytest.raises(TargetError, match="no memory or peripheral holds all of the 4 bytes at 0x60000000"):
        target.write_memory(0x6000_0000, b"none")


@pytest.mark.parametrize("board", BINARY_LINES)
def test_the_lines_are_where_the_board_has_them(board: str) -> None:
    with EmbeddedTarget(echo(board), board=board) as target:
        target.send(b"ABC")
        assert gathered(target, 3) == b"BCD"
        assert target.console.receive(Deadline.after(target, 0.01)) == b"!BCD"


def test_time_passes_only_while_something_is_waited_for(target: EmbeddedTarget) -> None:
    before = target.now()
    target.send(b"A")
    assert target.now() == before
    target.receive(Deadline.after(target, 0.01))
    assert target.now() - before == pytest.approx(2 * 10 / 115_108, rel=0.01)
    target.run_for(0.25)
    assert target.now() - before == pytest.approx(0.25 + 20 / 115_108, rel=0.01)


def test_a_timeout_says_what_was_waited_for_and_where_the_core_stands(target: EmbeddedTarget) -> None:
    target.run_for(0.01)
    start = target.now()
    with pytest.raises(TargetTimeout) as caught:
        target.receive(Deadline.after(target, 0.5))
    message = str(caught.value)
    assert "No byte came on USART1 within 0.5 s of virtual time" in message
    assert "sleeps (WFI) at 0x0800" in message
    assert "log" in message
    assert target.now() - start == pytest.approx(0.5)


def test_a_timeout_names_the_function_and_what_has_not_arrived() -> None:
    code = "function run\n b run\n  .type run, %function\n  .size run, . - run\n"
    with EmbeddedTarget(snippets.build(code)) as target:
        with pytest.raises(
            TargetTimeout,
            match=r"runs at 0x08000... in run\+0x0, in a loop that nothing can end; .* not switched the receiver",
        ):
            target.receive(Deadline.after(target, 0.001))
        target.send(b"ABC" * 100)
        with pytest.raises(TargetTimeout, match="bytes sent to it have not arrived yet"):
            target.receive(Deadline.after(target, 0.001))


def test_a_frame_comes_whole_at_the_moment_of_its_last_byte() -> None:
    with EmbeddedTarget(echo("disco-f746ng")) as by_byte, EmbeddedTarget(echo("disco-f746ng")) as by_frame:
        for target in (by_byte, by_frame):
            target.send(b"AB\xffC")
        assert gathered(by_byte, 3) == by_frame.receive_frame(Deadline.after(by_frame, 0.01)) == b"BC\0"
        assert by_frame.now() == by_byte.now()
        assert by_frame.instructions() == by_byte.instructions()
        assert by_frame.receive(Deadline.after(by_frame, 0.01)) == b"D"


def test_a_frame_that_does_not_end_is_given_at_the_deadline(target: EmbeddedTarget) -> None:
    target.send(b"AB")
    deadline = Deadline.after(target, 0.0003)  # three frames and a half
    assert target.receive_frame(deadline) == b"BC"
    assert target.now() == pytest.approx(deadline.at_seconds)
    with pytest.raises(TargetTimeout):
        target.receive_frame(deadline)


POLLS = """
function run
  poke 0x40023844, 0x10
  ldr r4, =0x40011000
wait:
  ldr r0, [r4, #0x1C]
  tst r0, #0x20
  beq wait
  bx lr
  .type run, %function
  .size run, . - run
"""


def test_a_timeout_in_a_loop_names_the_register_that_it_polls() -> None:
    with EmbeddedTarget(snippets.build(POLLS)) as target:
        said = (
            r"in run\+0x.*, in a loop that nothing can end: it polls USART1\.ISR \(0x4001101c\), which reads 0x2.*0c0"
        )
        with pytest.raises(TargetTimeout, match=said):
            target.receive(Deadline.after(target, 3600.0))  # the loop is skipped, else this took an hour
        assert target.now() > 3600


def test_a_timeout_in_the_handler_of_a_fault_names_the_fault() -> None:
    code = "function run\n ldr r0, =0x30000000\n ldr r0, [r0]\nfunction hard_fault\n b hard_fault\n"
    with EmbeddedTarget(snippets.build(code)) as target:
        said = r"in a loop that nothing can end; this is the handler of HARD_FAULT at 0x0.*: load from 0x30000000"
        with pytest.raises(TargetTimeout, match=said):
            target.receive(Deadline.after(target, 3600.0))


def test_a_reset_drops_what_is_on_the_way_and_runs_the_same_again(target: EmbeddedTarget) -> None:
    booted = target.instructions()
    target.send(b"ABC")
    target.receive(Deadline.after(target, 0.01))
    assert target.instructions() > booted
    target.reset()
    assert target.instructions() == booted
    with pytest.raises(TargetTimeout):
        target.receive(Deadline.after(target, 0.01))
    target.send(b"X")
    assert gathered(target, 1) == b"Y"


@pytest.mark.parametrize("python_hook", [False, True])
def test_two_runs_are_the_same_to_the_instruction(python_hook: bool) -> None:
    def run(python_hook: bool) -> tuple[object, ...]:
        with EmbeddedTarget(echo("disco-f746ng"), python_hook=python_hook) as target:
            target.send(b"ABC")
            data = gathered(target, 3)
            return data, target.now(), target.instructions(), target.block_counts(), target.edge_counts()

    assert run(python_hook) == run(False)


def test_identity(target: EmbeddedTarget) -> None:
    identity = target.identity()
    assert identity.target == "embedded"
    assert identity.version.startswith("Unicorn 2.")
    assert identity.counter_unit is CounterUnit.INSTRUCTIONS
    assert identity.deterministic
    with EmbeddedTarget(echo("disco-f746ng"), clock_model="m7") as modelled:
        assert modelled.identity().counter_unit is CounterUnit.CYCLES_MODELLED


def test_the_m7_clock_model_changes_cycles_and_nothing_else() -> None:
    with (
        EmbeddedTarget(echo("disco-f746ng")) as plain,
        EmbeddedTarget(echo("disco-f746ng"), clock_model="m7") as modelled,
    ):
        for target in (plain, modelled):
            target.send(b"ABC")
            assert gathered(target, 3) == b"BCD"
        assert plain.machine.core.counts.cycles_now() == plain.instructions()
        assert modelled.machine.core.counts.cycles_now() != modelled.instructions()


def test_a_core_that_locks_up_is_an_error() -> None:
    code = "function run\n udf #0\nfunction hard_fault\n udf #0\n"
    target = EmbeddedTarget(snippets.build(code))
    with pytest.raises(TargetError, match="locked up"), target:
        pass


def test_a_closed_target_says_so() -> None:
    target = EmbeddedTarget(echo("disco-f746ng"))
    with pytest.raises(TargetError, match="not open"):
        target.send(b"A")
    assert target.log() == ""


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="no board 'uno'"):
        EmbeddedTarget(echo("disco-f746ng"), board="uno")
    with pytest.raises(TargetError, match="no clock model 'm4'"):
        EmbeddedTarget(echo("disco-f746ng"), clock_model="m4")  # type: ignore[arg-type]
    with pytest.raises(ElfError, match="does not exist"), EmbeddedTarget(tmp_path / "no.elf"):
        pass


def test_parameters_need_the_clock_model_that_they_are_of() -> None:
    parameters = AdjustedParameters({"axi_cycles": 9}, "here")
    for model in ("instructions", None):
        with pytest.raises(TargetError, match="Add `--clock-model m7`"):
            EmbeddedTarget(echo("disco-f746ng"), clock_model=model, parameters=parameters)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("parameters", "name", "identity"),
    [
        (None, "clock model m7", ""),
        # What the model says anyway is no adjustment.
        (AdjustedParameters({"axi_cycles": 5}, "here"), "clock model m7", ""),
        (AdjustedParameters({"axi_cycles": 9}, "here"), "clock model m7 with parameters a9592…", "here"),
    ],
)
def test_a_chip_with_modelled_cycles_says_so_by_its_id(
    parameters: AdjustedParameters | None, name: str, identity: str
) -> None:
    with EmbeddedTarget(echo("disco-f746ng"), clock_model="m7", parameters=parameters) as target:
        emulator = chip_id.emulator(target.read_memory(memory_map.UNIQUE_ID, 12))
        assert emulator is not None
        assert emulator.models_cycles
        assert emulator.name.startswith(f"embedded emulator, {name}")
        assert identity in (told := target.identity().cycle_parameters)
        assert bool(told) is bool(identity)
    with EmbeddedTarget(echo("disco-f746ng")) as target:
        assert target.read_memory(memory_map.UNIQUE_ID, 12) == chip_id.EMBEDDED
        assert not target.identity().cycle_parameters


def test_the_log_names_what_the_program_met() -> None:
    with EmbeddedTarget(snippets.build("function run\n poke 0x40006C00, 1\n1: b 1b\n")) as target:
        assert "CEC is not modelled" in target.log()
