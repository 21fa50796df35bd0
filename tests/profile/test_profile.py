"""The profile is exact: it adds up to the emulator's own counts, and each instruction is where it belongs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner

import snippets
from renode_mnist.cli import app
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.profile import lcov, profile, profiler
from renode_mnist.profile.call_tree import CallTree
from renode_mnist.profile.profile import Profile
from renode_mnist.program.debug_info import DebugInfo
from renode_mnist.report import flame, profile_table
from renode_mnist.session.record import Record
from renode_mnist.session.session import Session
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.stm32f746.machine import Machine
from renode_mnist.targets.base import CounterUnit
from renode_mnist.timing import AdjustedParameters, BlockCosts, parameter_file

CALLS = """
function run
  push {r4, lr}
  bl leaf
  bl outer
  bl outer
  pop {r4, pc}
function outer
  push {r4, lr}
  nop
  bl leaf
  pop {r4, lr}
  b tail
function leaf
  nop
  bx lr
function tail
  nop
  nop
  bx lr
"""

RECURSION = """
function run
  movs r0, #3
  push {r4, lr}
  bl down
  pop {r4, pc}
function down
  push {r4, lr}
  subs r0, #1
  it ne
  blne down
  pop {r4, pc}
"""

INTERRUPT = """
function run
  push {r4, lr}
  svc #0
  bl work
  pop {r4, pc}
function work
  nop
  svc #0
  nop
  bx lr
function svcall
  push {r4, lr}
  bl inside
  pop {r4, pc}
function inside
  nop
  bx lr
"""

INLINED = """
static inline __attribute__((always_inline)) int square(int x) {
  int y; __asm__ volatile("mul %0, %1, %1" : "=r"(y) : "r"(x)); return y;
}
__attribute__((noinline)) int never(int x) {
  return x / 7;
}
volatile int result;
void work(int n) {
  for (int i = 0; i < n; ++i)
    result += square(i);
  if (n > 100)
    result = never(n);
}
"""


def watched(elf: Path, clock: AdjustedParameters | None = None) -> tuple[Machine, CallTree]:
    """The machine at the end of ``run``, and what was seen of it."""
    machine = Machine(elf, clock_model=clock.costs if clock else None)
    costs = BlockCosts(clock.pipeline if clock else None)
    tree = CallTree(machine.core.memory.read_code, costs, waits=machine.core.counts.waits)
    machine.core.observe(tree)
    snippets.run(machine)
    return machine, tree


def profiled(assembly: str, *options: str) -> Profile:
    elf = snippets.build(assembly, *options)
    _, tree = watched(elf)
    return profile.make(tree, DebugInfo(elf))


@pytest.fixture(scope="module")
def inlined_elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("inlined") / "work.c"
    source.write_text(INLINED.lstrip())
    code = "function run\n push {r4, lr}\n movs r0, #10\n bl work\n pop {r4, pc}"
    return snippets.build(code, "-O1", "-g", str(source))


@pytest.fixture(scope="module")
def firmware() -> Path:
    return build(BuildConfig(resolve_model("int8"), engine="m7")).elf


@pytest.mark.parametrize("code", [CALLS, RECURSION, INTERRUPT])
@pytest.mark.parametrize("figures", [{}, {"axi_cycles": 9, "forwarding.alu.late": 3}], ids=["own", "other figures"])
def test_it_adds_up_to_what_the_emulator_counted(code: str, figures: dict[str, int]) -> None:
    machine, tree = watched(snippets.build(code), AdjustedParameters(figures))
    total = profile.make(tree, DebugInfo(machine.image.path)).total
    assert total.instructions == machine.instructions()
    assert total.cycles_modelled == machine.core.counter.cycles
    split = machine.core.counts.split_now()
    parts = (total.mispredictions, total.fetch, total.data)
    assert parts == (split.misprediction_cycles, split.fetch_cycles, split.data_cycles)
    assert total.fetch > 0  # its code is in flash


def test_stacks_are_those_of_the_calls_and_a_tail_call_replaces_its_caller() -> None:
    stacks = {stack: cost.instructions for stack, cost in profiled(CALLS).stacks.items()}
    assert stacks == {
        ("start",): 7 + 1,  # to BL, and BKPT
        ("start", "run"): 5,
        ("start", "run", "leaf"): 2,
        ("start", "run", "outer"): 2 * 5,
        ("start", "run", "outer", "leaf"): 2 * 2,
        ("start", "run", "tail"): 2 * 3,
    }


def test_calls_and_totals_of_functions() -> None:
    functions = {function.name: function for function in profiled(CALLS).functions}
    assert functions["leaf"].calls == 3
    assert functions["outer"].calls == 2
    assert functions["outer"].own.instructions == 2 * 5
    assert functions["outer"].total.instructions == 2 * (5 + 2)


def test_a_recursive_function_counts_once_in_its_total() -> None:
    functions = {function.name: function for function in profiled(RECURSION).functions}
    assert functions["down"].calls == 3
    assert functions["down"].total.instructions == functions["down"].own.instructions == 3 * 5


def test_an_exception_belongs_to_no_caller_and_returns_where_it_came_from() -> None:
    stacks = {stack: cost.instructions for stack, cost in profiled(INTERRUPT).stacks.items()}
    assert stacks[profile.INTERRUPT, "svcall"] == 2 * 3
    assert stacks[profile.INTERRUPT, "svcall", "inside"] == 2 * 2
    assert stacks["start", "run", "work"] == 4
    assert stacks["start", "run"] == 4


def test_inlined_functions_and_lines(inlined_elf: Path) -> None:
    _, tree = watched(inlined_elf)
    made = profile.make(tree, DebugInfo(inlined_elf))
    functions = {function.name: function for function in made.functions}
    assert functions["square"].inlined_into == {"work"}
    assert functions["square"].own.instructions == 10  # one multiply each time
    assert functions["work"].total.instructions > functions["work"].own.instructions
    assert any("square_[i]" in stack for stack in made.stacks)
    by_line = {(Path(line.file).name, line.number): cost for line, cost in made.lines}
    assert by_line["work.c", 2].instructions == 10
    assert ("work.c", 5) not in by_line


def test_coverage_tells_what_ran_and_what_did_not(inlined_elf: Path) -> None:
    machine, tree = watched(inlined_elf)
    counts: dict[int, int] = {}
    for block in machine.block_counts():
        for operation in tree.costs.operations(tree.code((block.address, block.size_bytes))):
            counts[operation.address] = counts.get(operation.address, 0) + block.entered
    records = lcov.lcov(DebugInfo(inlined_elf), counts, lambda file: file).split("end_of_record")
    record = next(record for record in records if "work.c" in record).splitlines()
    assert "DA:2,10" in record
    assert "DA:5,0" in record
    assert "FN:4,never" in record
    assert "FNDA:0,never" in record
    assert "FNDA:1,work" in record
    lines = [line.removeprefix("DA:").split(",") for line in record if line.startswith("DA:")]
    assert f"LF:{len(lines)}" in record
    assert f"LH:{sum(hits != '0' for _, hits in lines)}" in record


def test_without_debug_information_functions_remain_and_the_reason_is_told(inlined_elf: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "no-lines.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-debug", inlined_elf, stripped], check=True)
    _, tree = watched(stripped)
    made = profile.make(tree, DebugInfo(stripped))
    assert {"start", "run", "work"} == {function.name for function in made.functions}
    assert made.lines == []
    assert [reason.split(":")[0] for reason in made.missing] == ["no-lines.elf has no DWARF line table"]


def test_without_symbols_functions_are_called_by_their_address(inlined_elf: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "bare.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-all", inlined_elf, stripped], check=True)
    _, tree = watched(stripped)
    made = profile.make(tree, DebugInfo(stripped))
    work = f"0x{snippets.symbol(inlined_elf, 'work'):08x}"
    assert work in {function.name for function in made.functions}
    assert made.total.instructions == sum(function.own.instructions for function in made.functions)
    assert len(made.missing) == 2
    assert all(reason.endswith(".") for reason in made.missing)


def test_collapsed_stacks_are_what_flame_graph_tools_read() -> None:
    stacks = {("a", "b<int; x>"): 3, ("a",): 2, ("c",): 0}
    assert flame.collapsed(stacks) == "a 2\na;b<int, x> 3\n"


def classifying(pixels: npt.NDArray[np.uint8]) -> Callable[[Session], Record]:
    return lambda session: session.classify(pixels)


def test_a_classification_twice_gives_the_same_profile(
    firmware: Path, digits: dict[str, npt.NDArray[np.uint8]]
) -> None:
    first, second = (profiler.watch(firmware, classifying(digits["7"])) for _ in range(2))
    assert first.profile == second.profile
    assert first.coverage == second.coverage
    inference = first.record.inference
    assert sum(layer.counter for layer in inference.layers) < first.profile.total.instructions
    functions = {function.name: function for function in first.profile.functions}
    layers = sum(layer.counter for layer in inference.layers)
    assert functions["engine::invoke"].total.instructions == pytest.approx(layers, rel=0.01)
    assert functions["engine::invoke"].calls == 1


def test_cycles_by_other_parameters_are_profiled_by_them(
    firmware: Path, digits: dict[str, npt.NDArray[np.uint8]], tmp_path: Path
) -> None:
    file = tmp_path / "chip.toml"
    figures = "axi_cycles = 9\nforwarding.word_loaded.early = 3\n"
    file.write_text(f'format = "{parameter_file.FORMAT}"\n[parameters]\n{figures}')
    modelled = CounterUnit.CYCLES_MODELLED
    own = profiler.watch(firmware, classifying(digits["7"]), unit=modelled)
    other = profiler.watch(firmware, classifying(digits["7"]), options=TargetOptions(parameters=file), unit=modelled)
    before, after = own.profile.total, other.profile.total
    inference = other.record.inference.counter - own.record.inference.counter
    # The one is waited for by code and data, the other by operands; the request's handling takes more as well.
    assert after.fetch + after.data > before.fetch + before.data
    assert after.dependencies > before.dependencies
    assert 0 < inference < after.cycles_modelled - before.cycles_modelled < 2 * inference
    assert other.profile.cycle_parameters.endswith(": axi_cycles 9 for 5, forwarding.word_loaded.early 3 for 2")
    assert "cycles_modelled_error_percent" in profile_table.to_json(own.profile, most=1)
    told = profile_table.to_json(other.profile, most=1)
    assert told["cycle_parameters"] == other.profile.cycle_parameters
    assert "cycles_modelled_error_percent" not in told


def test_the_command_writes_what_it_is_asked_for(firmware: Path, tmp_path: Path) -> None:
    graph, stacks, coverage = tmp_path / "f.svg", tmp_path / "f.txt", tmp_path / "f.info"
    page = tmp_path / "f.html"
    outputs = ["--flame", str(graph), "--html", str(page), "--collapsed", str(stacks), "--lcov", str(coverage)]
    result = CliRunner().invoke(app, ["profile", "--elf", str(firmware), "--json", "--top", "3", *outputs])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert len(told["functions"]) == len(told["lines"]) == 3
    counted = [int(line.rsplit(" ", 1)[1]) for line in stacks.read_text().splitlines()]
    assert sum(counted) == told["instructions"]
    assert ElementTree.parse(graph).getroot().tag.endswith("svg")
    assert 'data-name="engine::invoke"' in graph.read_text()
    assert 'data-name="engine::invoke"' in page.read_text()
    listed = [line.removeprefix("SF:") for line in coverage.read_text().splitlines() if line.startswith("SF:")]
    assert any(file.endswith("board.cpp") for file in listed)
    assert [file for file in listed if not Path(file).is_file()] == []  # genhtml would stop
    assert "source files that are not on this machine: " in result.stderr


def test_lines_are_split_into_what_they_wait_for(firmware: Path) -> None:
    result = CliRunner().invoke(app, ["profile", "--elf", str(firmware), "--json", "--unit", "cycles"])
    told = json.loads(result.stdout)
    split = told["cycles_split"]
    assert sum(split.values()) == told["cycles_modelled"]
    assert split["data"] > 181_652 / 32 * 8  # engine m7's weights, none of which stays in the cache
    hottest = max(told["lines"], key=lambda line: line["cycles_split"]["data"])
    assert "engine/m7/" in hottest["file"]
    shown = CliRunner().invoke(app, ["profile", "--elf", str(firmware), "--unit", "cycles"]).stdout
    assert "ands" in shown
    assert "Waits for data are shared among" in " ".join(shown.split())


def test_coverage_of_an_elf_without_lines_is_refused_with_the_reason(firmware: Path, tmp_path: Path) -> None:
    stripped = tmp_path / "stripped.elf"
    subprocess.run(["arm-none-eabi-objcopy", "--strip-debug", firmware, stripped], check=True)
    result = CliRunner().invoke(app, ["profile", "--elf", str(stripped), "--lcov", str(tmp_path / "f.info")])
    assert "has no line table" in str(result.exception)
    assert "Hottest functions" in result.stdout
    assert "no DWARF line table" in " ".join(result.stdout.split())


def test_a_file_that_cannot_be_written_is_named(firmware: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["profile", "--elf", str(firmware), "--flame", str(tmp_path / "no" / "f.svg")])
    assert "f.svg cannot be written" in str(result.exception)
