"""Where a run of any ELF went."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import c_programs
from renode_mnist.errors import TargetError
from renode_mnist.profile import program_profiler
from renode_mnist.session.emulation import Reason
from renode_mnist.session.emulation_opening import open_emulation
from renode_mnist.session.target_options import TargetOptions

WORK = """
__attribute__((noinline)) static void inner(int rounds) { for (volatile int i = 0; i < rounds; i++) continue; }
__attribute__((noinline)) static void outer(void) { for (int i = 1; i <= 4; i++) inner(100 * i); }
static volatile int ticks;
void systick(void) { ticks++; }
int main(void) {
  REGISTER(0xE000E014) = 999;
  REGISTER(0xE000E010) = 7;
  usart1_on();
  outer();
  print("done\\n");
  pause_for(2000); /* until the text has left */
  outer();
}
"""


def test_functions_are_rows_and_their_sum_is_the_run() -> None:
    elf = c_programs.build(WORK)
    result = program_profiler.run(
        elf, until="done", seconds=1.0, wall_seconds=60.0, options=TargetOptions(clock_model="m7")
    )
    rows = {function.name: function for function in result.profile.functions}
    assert result.over.reason is Reason.TEXT
    assert (rows["outer"].calls, rows["inner"].calls) == (1, 4)
    assert rows["outer"].total.instructions > rows["inner"].own.instructions > 5 * 1000
    assert rows["systick"].calls > 3
    assert any(stack[0] == "(interrupt)" and "systick" in stack for stack in result.profile.stacks)
    with open_emulation(elf, options=TargetOptions(clock_model="m7")) as emulation:
        emulation.run(1.0, emulation.text.wait_for(b"done", ""))
        count = emulation.count()
    total = result.profile.total
    assert (total.instructions, total.cycles_modelled) == (count.instructions, count.cycles)


def test_a_run_that_resets_the_chip_is_refused() -> None:
    elf = c_programs.build("int main(void) { REGISTER(0xE000ED0C) = 0x05FA0004; for (;;) continue; }")
    with pytest.raises(TargetError, match="resets the chip"):
        program_profiler.run(elf, until="", seconds=0.001, wall_seconds=60.0)


def call(*arguments: str | Path, command: str = "profile", columns: int = 100) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", command, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns)},
    )


def test_the_command_shows_it_and_writes_files(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("flame", "collapsed", "lcov")}
    named = [part for name, file in files.items() for part in (f"--{name}", file)]
    done = call(c_programs.build(WORK), "--until", "done", *named)
    assert done.returncode == 0, done.stderr
    assert "inner" in done.stdout
    assert "s of virtual time: 'done' was said" in done.stdout
    assert "inner" in files["flame"].read_text()
    assert any(line.startswith("start;main;outer;inner ") for line in files["collapsed"].read_text().splitlines())
    assert "FNDA:1,start" in files["lcov"].read_text()
    assert "leaves out 1 source files that are not on this machine" in done.stderr  # program.c, by its #line
    said = json.loads(call(c_programs.build(WORK), "--for", "1ms", "--json").stdout)
    assert (said["end"], said["virtual_seconds"] >= 0.001) == ("time", True)


@pytest.mark.parametrize(
    ("body", "arguments", "status", "said"),
    [
        (
            "usart1_on(); for (;;) put(0);",
            ["--until", "y", "--for", "5ms"],
            1,
            "'y' was not said: 0.005 s of virtual",
        ),
        ("for (;;) REGISTER(0x20000000)++;", ["--wall", "300ms"], 3, "0.3 s of this machine's time are over"),
        ("REGISTER(0x60000000) = 1;", [], 4, "HARD_FAULT at 0x"),
        ("", ["--until", "y"], 5, "'y' was not said: the core sleeps (WFI)"),
        ("SEMIHOSTING(0x20, ((uint32_t[]){0x20026, 7}));", [], 7, "it ended with status 7"),
        ("", [], 0, ""),
    ],
)
def test_the_exit_status_is_that_of_emulate(body: str, arguments: list[str], status: int, said: str) -> None:
    elf = c_programs.build(f"int main(void) {{ {body} }}")
    profiled, emulated = call(elf, *arguments), call(elf, *arguments, command="emulate")
    assert (profiled.returncode, emulated.returncode) == (status, status)
    assert said in profiled.stderr
    assert "Hottest functions" in profiled.stdout


@pytest.mark.parametrize("model", ["instructions", "m7"])
def test_it_counts_as_emulate_does_with_the_same_clock_model(model: str) -> None:
    given = (c_programs.build(WORK), "--until", "done", "--clock-model", model, "--json")
    profiled, emulated = (json.loads(call(*given, command=command).stdout) for command in ("profile", "emulate"))
    assert profiled["instructions"] == emulated["instructions"]
    assert profiled["virtual_seconds"] == emulated["virtual_seconds"]
    assert profiled.get("cycles_modelled") == emulated["cycles_modelled"]
    assert ("cycles_modelled" in profiled["functions"][0]) == (model == "m7")


@pytest.mark.parametrize("unit", ["instructions", "cycles"])
def test_no_number_is_cut_on_a_narrow_terminal(unit: str) -> None:
    elf = c_programs.build(
        'int main(void) { __asm volatile("ldr r0, =1000000\\n1: subs r0, #1\\n bne 1b" ::: "r0"); }'
    )
    done = call(elf, "--clock-model", "m7", "--unit", unit, columns=40)
    assert done.returncode == 0, done.stderr
    tables = done.stdout.partition("Instructions are exact")[0]
    assert max(map(len, tables.splitlines())) <= 40
    assert "…," not in tables.replace("…/", "")
    count = "cycles \\(modelled\\)" if unit == "cycles" else "instructions"
    assert re.search(rf"^main\n +{count} +[12],000,\d{{3}} *\n +share +100\.0%", tables, re.MULTILINE), tables


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "done"], "--until is of a program: name its ELF"),
        (["--clock-model", "m7", "--wall", "1s"], "--wall, --clock-model are of a program"),
        (
            ["PROGRAM", "--model", "mnist", "--engine", "m7"],
            "--model, --engine are of this project's firmware, not of",
        ),
        (["PROGRAM", "--elf", __file__], "--elf is of this project's firmware"),
        (["PROGRAM", "--unit", "cycles"], "add --clock-model m7"),
        (["PROGRAM", "--until", ""], "it is empty"),
        (["PROGRAM", "--parameters", __file__], "Mend it, or measure again"),
        ([__file__], "is no ELF file. Give the .elf that the linker wrote"),
    ],
)
def test_calls_that_are_wrong(arguments: list[str], said: str) -> None:
    elf = c_programs.build("int main(void) {}")
    done = call(*(elf if each == "PROGRAM" else each for each in arguments))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
