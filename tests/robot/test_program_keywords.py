"""Keywords for any ELF: each passes where it must, and fails where it must."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import c_programs
import renode_mnist
from renode_mnist.errors import TargetError
from renode_mnist.robot.program import ProgramLibrary

ECHO = """
static volatile char received;
void usart1(void) { received = (char)REGISTER(USART1 + 0x24); }
__attribute__((noinline)) void filter_step(int rounds) { for (volatile int i = 0; i < rounds; i++) continue; }
__attribute__((noinline)) void never(void) { put('!'); }
__attribute__((noinline)) void for_ever(void) { for (;;) __asm volatile("wfi"); }
int main(void) {
  usart1_on();
  REGISTER(0xE000E104) = 1 << 5;
  print("ready\\n");
  for (;;) {
    filter_step(100);
    while (!received) __asm volatile("wfi");
    char character = received;
    received = 0;
    if (character == '~') never();
    if (character == '#') for_ever();
    if (character == '!') REGISTER(0x40006C00) = 1;
    if (character == '?') put(REGISTER(0x40020010) & 1 ? '1' : '0');
    if (character == '+') { REGISTER(0x40020000) |= 1 << 2; REGISTER(0x40020018) = 1 << 1; }
    if (character == '\\r') print("\\r\\n"); else put(character);
  }
}
"""


@pytest.fixture
def program() -> Iterator[ProgramLibrary]:
    library = ProgramLibrary()
    library.open_program(str(c_programs.build(ECHO)))
    yield library
    library.close_program()


def fails(call: Callable[..., object], *arguments: object, match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        call(*arguments)


def check_wait_for_line(program: ProgramLibrary) -> None:
    fails(program.wait_for_line, "read", match="no line that 'read' matches came on any UART")
    program.write_line("ready again")
    assert program.wait_for_line("ready.*", "usart1") == "ready again"
    fails(program.wait_for_line, "ready.*", "usart1", match="on usart1: .*sleeps")
    with pytest.raises(TargetError, match="no UART 'usart9'"):
        program.wait_for_line("x", "usart9")
    with pytest.raises(TargetError, match=r"'\[' is no regular expression"):
        program.wait_for_line("[")


def check_write_line(program: ProgramLibrary) -> None:
    program.wait_for_line("ready")
    program.write_line("without end", ending="")
    fails(program.wait_for_line, "without end", match="no line")
    program.write_line("")
    program.wait_for_line("without end")
    program.write_line("short", ending="\r")
    program.wait_for_line("short")
    with pytest.raises(TargetError, match="no UART 'usart9'"):
        program.write_line("x", "usart9")


def check_drive_pin(program: ProgramLibrary) -> None:
    program.wait_for_line("ready")
    for level, said in (("high", "1"), ("low", "0"), ("released", "0")):
        program.drive_pin("PA0", level)  # type: ignore[arg-type]
        program.write_line("?", ending="")
        program.write_line("", ending="\r")
        assert program.wait_for_line(f"{said}.*").startswith(said)
    program.drive_pin("PA0", "high", at_seconds=10.0)
    program.pin_should_be("PA0", "low")
    with pytest.raises(AssertionError):
        program.wait_for_line("x", timeout_seconds=10.0)
    program.pin_should_be("PA0", "high")
    with pytest.raises(TargetError, match="cannot be driven at 1 s"):
        program.drive_pin("PA0", "high", at_seconds=1.0)
    with pytest.raises(TargetError, match="there is no pin 'PZ9'"):
        program.drive_pin("PZ9", "high")


def check_pin_should_be(program: ProgramLibrary) -> None:
    program.wait_for_line("ready")
    program.pin_should_be("PA1", "low")
    fails(program.pin_should_be, "PA1", "high", match="PA1 is low, not high")
    program.write_line("+")
    program.wait_for_line(".*")
    program.pin_should_be("PA1", "high")


def check_run_until_function(program: ProgramLibrary) -> None:
    program.run_until_function("filter_step")
    fails(program.run_until_function, "never", match="'never' was not entered")
    program.write_line("~")
    program.run_until_function("never")
    with pytest.raises(TargetError, match=r"no function 'filter'. Did you mean filter_step"):
        program.run_until_function("filter")


def check_function_instructions_should_not_exceed(program: ProgramLibrary) -> None:
    took = program.function_instructions_should_not_exceed("filter_step", 10_000)
    for limit, passes in ((took, True), (took - 1, False), (0, False)):
        program.write_line("x", ending="")
        if passes:
            assert program.function_instructions_should_not_exceed("filter_step", limit) == took
        else:
            fails(
                program.function_instructions_should_not_exceed,
                "filter_step",
                limit,
                match=f"filter_step took {took} instructions, {took - limit} more than {limit}",
            )
    fails(program.function_instructions_should_not_exceed, "never", 10**6, match="was not entered")
    program.write_line("#", ending="")
    fails(program.function_instructions_should_not_exceed, "for_ever", 10**9, match="'for_ever' did not return")


def check_function_cycles_should_not_exceed(program: ProgramLibrary) -> None:
    with pytest.raises(TargetError, match="clock model m7 alone"):
        program.function_cycles_should_not_exceed("filter_step", 10**6)
    program.open_program(str(c_programs.build(ECHO)), clock_model="m7")
    took = program.function_cycles_should_not_exceed("filter_step", 10_000)
    program.open_program(str(c_programs.build(ECHO)), clock_model="m7")
    fails(program.function_cycles_should_not_exceed, "filter_step", took - 1, match=r"cycles \(modelled\), 1 more")


def check_program_should_use_nothing_that_is_not_modelled(program: ProgramLibrary) -> None:
    program.wait_for_line("ready")
    program.program_should_use_nothing_that_is_not_modelled()
    program.write_line("!")
    program.wait_for_line("!")
    fails(program.program_should_use_nothing_that_is_not_modelled, match=r"CEC.CR, written by main\+")


def check_open_program(program: ProgramLibrary) -> None:
    with pytest.raises(TargetError, match="runs no program but this project's"):
        program.open_program(str(c_programs.build(ECHO)), target="host")
    with pytest.raises(TargetError, match="there is no folder /nowhere"):
        program.open_program(str(c_programs.build(ECHO)), files="/nowhere")


def check_close_program(program: ProgramLibrary) -> None:
    program.close_program()
    program.close_program()
    with pytest.raises(RuntimeError, match="call `Open Program` first"):
        program.wait_for_line("ready")


CHECKS = {name.removeprefix("check_"): value for name, value in globals().items() if name.startswith("check_")}


@pytest.mark.parametrize("name", CHECKS)
def test_a_keyword_passes_and_fails(name: str, program: ProgramLibrary) -> None:
    CHECKS[name](program)


def test_each_keyword_has_a_check() -> None:
    keywords = {name for name, value in vars(ProgramLibrary).items() if hasattr(value, "robot_name")}
    assert keywords == set(CHECKS)


SUITE = """
*** Settings ***
Library           renode_mnist.robot.program
Suite Setup       Open Program    ELF
Suite Teardown    Close Program

*** Test Cases ***
It Answers
    Wait For Line    ready
    Write Line    hello
    Wait For Line    hel+o    usart1

It Does Not
    Wait For Line    goodbye
"""


def test_in_a_suite_of_robot(tmp_path: Path) -> None:
    suite = tmp_path / "suite.robot"
    suite.write_text(SUITE.replace("ELF", str(c_programs.build(ECHO))))
    done = subprocess.run(
        [sys.executable, "-m", "robot", "--outputdir", str(tmp_path), str(suite)], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 passed, 1 failed" in done.stdout
    output = (tmp_path / "output.xml").read_text()
    assert "USART1:\nready" in output
    assert "the core sleeps (WFI)" in output


def test_the_library_has_the_same() -> None:
    with renode_mnist.open_program(c_programs.build(ECHO)) as program:
        assert program.wait_for_line("ready|hello") == "ready"
        program.write_line("hello", "usart1")
        assert program.wait_for_line("hello") == "hello"
        assert program.place().function == "main"
    with pytest.raises(TargetError, match="runs no program but this project's"):
        renode_mnist.open_program(c_programs.build(ECHO), target="board")
