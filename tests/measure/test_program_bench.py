"""What the functions of any ELF take, and their budgets."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import c_programs
from renode_mnist.measure import budgets, program_bench, program_budgets
from renode_mnist.measure.budget_update import Entry, write
from renode_mnist.session.target_options import TargetOptions

SOURCE = """
static volatile int sum;
static inline __attribute__((always_inline)) void folded(void) { sum += 3; sum ^= 5; }
__attribute__((noinline)) static void step(int rounds) { for (int i = 0; i < rounds; i++) sum += i; }
__attribute__((noinline)) void never(void) { sum = 9; }
__attribute__((noinline)) static void work(void) { step(100); step(STEPS); folded(); }
int main(void) { work(); if (sum == 1) never(); SEMIHOSTING(0x18, 0x20026); }
"""


def program(folder: Path, steps: int, name: str = "blink.elf") -> Path:
    elf = folder / name
    shutil.copy(c_programs.build(SOURCE.replace("STEPS", str(steps)), "-Wl,--undefined=never"), elf)
    return elf


def row(elf: Path, clock_model: str = "instructions", until: str = "") -> program_bench.ProgramRow:
    options = TargetOptions(clock_model=clock_model)  # type: ignore[arg-type]
    return program_bench.measure(elf, until=until, seconds=1.0, wall_seconds=60.0, options=options)


def call(*arguments: str | Path, columns: int = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", "bench", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(columns)},
    )


def test_each_function_is_a_row_and_their_sum_is_the_run(tmp_path: Path) -> None:
    found = row(program(tmp_path, 50), "m7")
    step, folded, work = (found.function(name) for name in ("step", "folded", "work"))
    assert step is not None
    assert folded is not None
    assert work is not None
    assert found.case == "blink/elf"
    assert (step.calls, work.calls, folded.calls) == (2, 1, 0)
    assert folded.inlined_into == ("work",)
    assert work.instructions_with_callees == work.instructions + step.instructions + folded.instructions
    assert sum(each.instructions for each in found.functions) == found.instructions
    assert sum(each.cycles_modelled or 0 for each in found.functions) == found.cycles_modelled
    assert "never" in found.not_run
    assert found.compiler.startswith("GNU ")
    longer = row(program(tmp_path, 51)).function("step")
    one_more = row(program(tmp_path, 52)).function("step")
    assert longer is not None
    assert one_more is not None
    assert longer.instructions - step.instructions == one_more.instructions - longer.instructions > 0


def test_a_function_that_grew_is_told_though_the_whole_did_not(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    small = row(program(tmp_path, 50))
    program_budgets.update(file, [small])
    assert program_budgets.check(budgets.load(file), [small], file).passed
    text = file.read_text()
    step = small.function("step")
    assert step is not None
    file.write_text(text.replace(f'"step" = {step.instructions}', f'"step" = {step.instructions - 1}'))
    (growth,) = program_budgets.check(budgets.load(file), [small], file).grown
    assert (growth.function, growth.layer, growth.now - growth.written) == ("step", "", 1)
    large = row(program(tmp_path, 60))
    more = large.instructions - small.instructions
    file.write_text(text)
    grown = program_budgets.check(budgets.load(file), [large], file).grown
    assert [(each.what, each.function, each.now - each.written) for each in grown] == [
        ("instructions", "", more),
        ("instructions", "step", more),
    ]
    (saving,) = program_budgets.check(budgets.load(file), [row(program(tmp_path, 40))], file).savings
    assert saving.instructions == more


def named(file: Path, found: program_bench.ProgramRow, functions: dict[str, int]) -> None:
    """Budgets with these functions in the place of those that were measured."""
    program_budgets.update(file, [found])
    entry = program_budgets._entry(found, {})
    write(file, [Entry(entry.case, entry.maker, entry.figures, {"functions": [functions]})])


def test_inlined_idle_and_missing_functions_are_told_in_words(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    found = row(program(tmp_path, 50))
    named(file, found, {"folded": 1000, "never": 0, "renamed": 3})
    verdict = program_budgets.check(budgets.load(file), [found], file)
    assert verdict.notes == (
        "blink/elf: folded is inlined into work; its lines there are counted for it.",
        "blink/elf: never did not run.",
    )
    (unjudged,) = verdict.unjudged
    assert unjudged.what == "function renamed"
    assert "the image has no function renamed" in unjudged.reason
    assert not verdict.passed
    assert verdict.grown == ()
    program_budgets.update(file, [found])
    (functions,) = budgets.load(file).cases["blink/elf"]["gcc-12"].functions or ()
    assert functions["never"] == 0
    assert functions["folded"] == getattr(found.function("folded"), "instructions", None)
    assert "renamed" not in functions
    assert "step" in functions


@pytest.mark.parametrize(
    ("clock_model", "until", "said"),
    [("m7", "", "goes by cycle model"), ("instructions", "x", "one from reset to 'x'")],
)
def test_another_run_is_not_judged(tmp_path: Path, clock_model: str, until: str, said: str) -> None:
    file = tmp_path / "budgets.toml"
    elf = program(tmp_path, 50)
    program_budgets.update(file, [row(elf)])
    verdict = program_budgets.check(budgets.load(file), [row(elf, clock_model, until)], file)
    (unjudged,) = verdict.unjudged
    assert said in unjudged.reason
    assert verdict.checked == ()


def test_another_compiler_is_not_judged(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    found = row(program(tmp_path, 50))
    program_budgets.update(file, [found])
    file.write_text(file.read_text().replace(found.compiler, "GNU 14.2.0"))
    (unjudged,) = program_budgets.check(budgets.load(file), [found], file).unjudged
    assert unjudged.reason == f"budgets.toml is exact for GNU 14.2.0, and this is {found.compiler}"


def test_the_command_writes_checks_and_ends_as_documented(tmp_path: Path) -> None:
    file, summary, values = (tmp_path / name for name in ("budgets.toml", "summary.md", "rows.json"))
    elf, other = program(tmp_path, 50), program(tmp_path, 70, "other.elf")
    of_file = ("--budgets", file)
    missing = call(elf, "--check", *of_file)
    assert (missing.returncode, missing.stdout) == (2, "")
    done = call(elf, other, "--update", "--check", *of_file, "--json", values, "--markdown", summary)
    assert done.returncode == 0, done.stderr
    assert "Within budgets.toml: blink/elf, other/elf." in done.stdout
    assert "### Budgets: kept" in summary.read_text()
    content = json.loads(values.read_text())
    assert content["format"] == "renode-mnist program bench 1"
    assert [each["case"] for each in content["programs"]] == ["blink/elf", "other/elf"]
    assert "cycles_modelled" not in content["programs"][0]["functions"][0]
    program(tmp_path, 51)
    grown = call(elf, "--check", *of_file)
    assert grown.returncode == 1
    assert "1 case(s) grew past budgets.toml" in grown.stderr
    unwritten = call(program(tmp_path, 5, "third.elf"), "--check", *of_file)
    assert unwritten.returncode == 2
    assert "has no case third/elf" in unwritten.stderr
    failed = call(elf, "--until", "never said", "--update", *of_file)
    assert failed.returncode == 1
    assert "never said" not in file.read_text()


def test_budgets_of_programs_stand_beside_those_of_models(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    case = '[cases."int8/m7".gcc]\ninstructions = 1\nflash_bytes = 1\nram_bytes = 1\n'
    file.write_text(f'tolerance_percent = 2\n[toolchains.gcc]\ncompiler = "GNU 1"\n{case}')
    program_budgets.update(file, [row(program(tmp_path, 50))])
    assert case in file.read_text()
    assert list(budgets.load(file).cases) == ["int8/m7", "blink/elf"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--until", "done"], "--until is of programs: name an ELF"),
        (["PROGRAM", "--models", "int8", "--target", "embedded"], "--models, --target are of models, not of"),
        (["PROGRAM", "PROGRAM"], "several programs are called"),
        ([__file__], "is no ELF file"),
    ],
)
def test_calls_that_are_wrong(arguments: Sequence[str], said: str, tmp_path: Path) -> None:
    elf = program(tmp_path, 50)
    done = call(*(elf if each == "PROGRAM" else each for each in arguments), columns=200)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
