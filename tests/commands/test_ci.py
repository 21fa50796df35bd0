"""`renode-mnist ci` on a desk: images of one's own, exit statuses, what it refuses before it measures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from measurements import case, measurement
from network_files import network_file
from renode_mnist import paths
from renode_mnist.images import BuildConfig, build, resolve_model, toolchain
from renode_mnist.measure import bench, change_report, findings, grown_sources, judged, subject
from renode_mnist.measure import measurement as files
from renode_mnist.measure.findings import Source, Workspace
from renode_mnist.plain_text import MOST_CHARACTERS
from renode_mnist.program.sections import loaded_bytes
from served import call

LINKER_SCRIPT = """
MEMORY { FLASH (rx) : ORIGIN = 0x08000000, LENGTH = 1M  RAM (rw) : ORIGIN = 0x20000000, LENGTH = 320K }
SECTIONS {
  .text : { LONG(0x20050000) LONG(start + 1) *(.text*) } >FLASH
  .data : { *(.data*) } >RAM AT>FLASH
  .bss (NOLOAD) : { *(.bss*) } >RAM
}
"""
PROGRAM = "int kept = 5; char buffer[100]; void start(void) { for (;;) buffer[0] = kept; }\n"


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ELF for the chip that knows nothing of this project."""
    folder = tmp_path_factory.mktemp("foreign")
    (folder / "app.ld").write_text(LINKER_SCRIPT.replace("  RAM", "\n  RAM").replace("{ FLASH", "{\n  FLASH"))
    (folder / "app.c").write_text(PROGRAM)
    compiler = toolchain.find(toolchain.COMPILER)
    options = ["-mcpu=cortex-m7", "-mthumb", "-Os", "-nostdlib", "-T", "app.ld", "app.c", "-o", "app.elf"]
    subprocess.run([compiler, *options], cwd=folder, check=True)
    return folder


def test_sections_are_what_the_chips_memories_hold(foreign: Path) -> None:
    flash, ram = loaded_bytes(foreign / "app.elf")
    assert ram == 4 + 100
    assert flash > 4 + 8  # .data's first values, and the vectors
    assert flash < 100


def test_an_elf_that_does_not_speak_is_told_by_its_sections(foreign: Path) -> None:
    made = ["--elf", "app.elf", "--build", "touch made"]
    done = call("ci", "measure", *made, cwd=foreign)
    assert done.returncode == 0, done.stderr
    assert (foreign / "made").exists()
    found = files.load(foreign / "renode-mnist-reports" / "measurement.json")
    (cost,) = found.cases
    assert (cost.case, cost.instructions, cost.target, cost.verdict) == ("app/elf", None, "", "unjudged")
    assert (cost.flash_bytes, cost.ram_bytes) == loaded_bytes(foreign / "app.elf")
    assert "does not speak renode-mnist's protocol" in cost.reasons[0]
    assert cost.reasons[0].endswith("that none reserves")  # whole
    assert cost.reasons[1:] == [judged.NO_LIMITS]
    assert f"  {judged.NO_LIMITS}" in done.stdout
    reported = call("ci", "report", cwd=foreign)
    assert reported.returncode == 0, reported.stderr
    text = (foreign / "renode-mnist-reports" / "comment.md").read_text()
    assert "| ⚪\u00a0`app/elf` | – | – |" in text
    assert "### ⚪ Firmware: 1 case measured, no limits given" in text
    assert "`app/elf` was not run" in text
    assert "stack as deep" not in text
    assert "Compiler" not in text
    # What was asked of it and cannot be is no pass.
    refused = call("ci", "measure", "--elf", "app.elf", "--suite", "identity", cwd=foreign)
    assert refused.returncode == 2
    assert "  neither suites nor labelled samples, for it was not run" in refused.stdout
    (foreign / "README").write_text("no ELF")
    refused = call("ci", "measure", "--elf", "README", cwd=foreign)
    assert "Name the ELF that your build makes" in refused.stderr
    assert "renode-mnist build" not in refused.stderr


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an ELF that speaks, whoever linked it."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(build(BuildConfig(resolve_model("int8"))).elf, folder / "product.elf")
    return folder


@pytest.fixture(scope="module")
def row() -> bench.Row:
    """The same image, measured as a case."""
    return bench.image_row(build(BuildConfig(resolve_model("int8"))).elf)


def test_an_elf_that_speaks_is_run(own: Path, row: bench.Row) -> None:
    done = call("ci", "measure", "--elf", "product.elf", cwd=own)
    assert done.returncode == 0, done.stderr
    (cost,) = files.load(own / "renode-mnist-reports" / "measurement.json").cases
    assert cost.case == "int8/m7"
    assert (cost.instructions, cost.cycles_modelled) == (row.counts["instructions"], row.counts["cycles_modelled"])
    assert [layer.instructions for layer in cost.layers] == [each.counts["instructions"] for each in row.layers]
    assert (cost.flash_bytes, cost.ram_bytes, cost.clock_mhz) == (row.flash_bytes, row.ram_bytes, 216)


def test_labelled_samples_and_golden_vectors_are_held(tmp_path: Path) -> None:
    motions = paths.models() / "motions"
    asked = ["--golden", motions / "golden_int8.npz", "--data", motions / "test.npz", "--least-accuracy", "0.98"]
    done = call("ci", "measure", "--model", motions / "motions_int8.tflite", *asked, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    folder = tmp_path / "renode-mnist-reports"
    (cost,) = files.load(folder / "measurement.json").cases
    assert cost.accuracy == 39 / 40  # as models/motions says
    assert (cost.verdict, cost.reasons) == ("failed", ["accuracy 0.9750, at least 0.98 asked"])
    assert 'tests="1" errors="0" failures="0"' in (folder / "robot" / "motions_int8-m7" / "xunit.xml").read_text()
    (found,) = findings.load(folder / "findings.json").findings
    assert (found.level, found.case) == ("error", "motions_int8/m7")


def test_a_function_that_costs_more_is_found_on_its_line(row: bench.Row) -> None:
    elf = build(BuildConfig(resolve_model("int8"))).elf
    sources = subject.own_sources(elf, [row], Workspace(paths.root()))
    assert sources
    for source in sources:
        lines = (paths.root() / source.file).read_text().splitlines()
        name = source.function.partition("<")[0].rpartition("::")[2]
        assert name in " ".join(lines[source.line - 1 : source.line + 2]), source
    kernel = next(each for each in row.layers[0].functions if each in {source.function for source in sources})
    cheaper = replace(row.layers[0], functions={**row.layers[0].functions, kernel: 1000})
    base = replace(row, layers=(cheaper, *row.layers[1:]))
    (found,) = grown_sources.grown([row], [base], sources, 1)
    assert found.file == next(source.file for source in sources if source.function == kernel)
    assert f"{kernel} takes" in found.text
    assert grown_sources.grown([row], [row], sources, 1) == []
    other = replace(base, firmware={**base.firmware, "compiler": "another"})
    assert grown_sources.grown([row], [other], sources, 1) == []


def test_sources_elsewhere_are_nobodys_lines(own: Path, row: bench.Row) -> None:
    elf = build(BuildConfig(resolve_model("int8"))).elf
    assert subject.own_sources(elf, [row], Workspace(own)) == []
    layer = bench.LayerCost("", "CONV_2D", 0, {"instructions": 5}, {"f": 5})
    head, base = replace(row, layers=(layer,)), replace(row, layers=(replace(layer, functions={"f": 1}),))
    assert grown_sources.grown([head], [base], [], 1) == []
    assert grown_sources.grown([head], [base], [Source(function="f", file="a.c", line=3)], 1) != []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--build", "make"], "--build needs --elf"),
        (["--least-accuracy", "0.9"], "--least-accuracy needs --data"),
        (["--model", "missing.tflite"], "there is no model 'missing.tflite'"),
        (["--elf", "missing.elf"], "there is no file missing.elf"),
        (["--elf", "x.elf", "--build", "exit 3"], "ended with status 3"),
        (["--model", "a", "--golden", "no.npz"], "no.npz"),
        (["--engine", "m8"], "m8"),
    ],
)
def test_a_call_that_is_wrong_is_refused(words: list[str], said: str, tmp_path: Path) -> None:
    done = call("ci", "measure", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_models_name_is_no_command_to_the_job(tmp_path: Path) -> None:
    name = "a\n::set-output name=x::y.tflite"
    (tmp_path / name).write_bytes(b"no model")
    done = call("ci", "measure", "--model", name, cwd=tmp_path)
    assert done.returncode == 2
    assert "set-output" in done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    assert not any(line.lstrip().startswith("::") for line in printed)
    assert len(printed) == 1


def test_budgets_that_cannot_be_used_are_told_before_anything_is_built(tmp_path: Path) -> None:
    shutil.copy(network_file("two_inputs_three_outputs"), tmp_path / "mine.tflite")
    asked = ["ci", "measure", "--model", "mine.tflite", "--budgets", "b.toml", "--elf", "missing.elf"]
    (tmp_path / "b.toml").write_text('tolerance_percent = 2\n\n[cases."mine/m8"]\n')
    assert "b.toml, line 3: the unknown case mine/m8" in call(*asked, cwd=tmp_path).stderr


def budgets(tmp_path: Path, row: bench.Row, *more: str, **changed: int) -> Path:
    """A file that allows what a row needs, with other figures where they are given."""
    bounds = {
        "instructions": row.counts["instructions"],
        "cycles_modelled": row.counts["cycles_modelled"],
        "flash_bytes": row.flash_bytes,
        "ram_bytes": row.ram_bytes,
        "fallbacks": row.fallbacks,
        **changed,
    }
    lines = ["tolerance_percent = 2", f'[cases."{row.case}"]', *(f"{key} = {value}" for key, value in bounds.items())]
    lines += [f'cycle_model = "{row.target["cycle_model_sha256"][:12]}"', *more]
    (tmp_path / "b.toml").write_text("\n".join(lines) + "\n")
    return tmp_path / "b.toml"


OTHERS = '[cases."strange/m7"]\ninstructions = 1\nflash_bytes = 1\nram_bytes = 1'
"""A case of a model that another job measures."""


def test_cases_of_other_jobs_are_left_alone(tmp_path: Path, row: bench.Row) -> None:
    mine = replace(row, case="mine/m7")
    found = judged.judge([row, mine], [], budgets(tmp_path, row, OTHERS), Workspace(tmp_path))
    assert found.cases["int8/m7"].verdict == "passed"
    assert set(found.cases) == {"int8/m7", "mine/m7"}
    (why,) = found.cases["mine/m7"].reasons
    assert why.startswith("not in the budgets: b.toml has no case mine/m7")
    assert found.status == 2
    assert judged.judge([row], [], budgets(tmp_path, row, OTHERS), Workspace(tmp_path)).status == 0


def test_a_growth_is_told_beside_what_it_is_of(tmp_path: Path, row: bench.Row) -> None:
    file = budgets(tmp_path, row, flash_bytes=100_000, instructions=1000)
    grown = replace(row, flash_bytes=110_000, counts={**row.counts, "instructions": 1100})
    found = judged.judge([grown], [], file, Workspace(tmp_path))
    flash = "flash: 110,000 now, 102,000 allowed (100,000 written), +10,000 (+10 %)"
    instructions = "instructions: 1,100 now, 1,000 allowed, +100 (+10 %)"
    assert {flash, instructions} <= set(found.cases["int8/m7"].reasons)
    assert {flash, instructions} <= {each.text for each in found.findings}


def test_fallbacks_are_named(tmp_path: Path, row: bench.Row) -> None:
    layers = [replace(each, engine="m7", fallback="") for each in row.layers]
    layers[1] = replace(layers[1], fallback="no kernel")
    layers[3] = replace(layers[3], fallback="no kernel")
    found = judged.judge(
        [replace(row, layers=tuple(layers))], [], budgets(tmp_path, row, fallbacks=0), Workspace(tmp_path)
    )
    named = f"layer 1 {layers[1].op}, layer 3 {layers[3].op}"
    assert found.cases["int8/m7"].reasons == [f"fallbacks: 2 now, 0 allowed, +2: {named}"]


def test_without_limits_that_is_the_reason(tmp_path: Path, row: bench.Row) -> None:
    found = judged.judge([row], [], None, Workspace(tmp_path))
    assert (found.cases["int8/m7"].verdict, found.cases["int8/m7"].reasons) == ("unjudged", [judged.NO_LIMITS])
    found.passed("int8/m7")
    assert (found.cases["int8/m7"].verdict, found.cases["int8/m7"].reasons) == ("passed", [])


def test_a_measurement_that_was_held_to_budgets_says_so_in_the_report(
    tmp_path: Path, own: Path, row: bench.Row
) -> None:
    budgets(tmp_path, row, OTHERS, instructions=1000)
    measured = call("ci", "measure", "--elf", own / "product.elf", "--budgets", "b.toml", cwd=tmp_path)
    assert measured.returncode == 1, measured.stderr
    for there in (True, False):
        if not there:
            (tmp_path / "b.toml").unlink()
        reported = call("ci", "report", "--base-ref", "main", cwd=tmp_path)
        assert reported.returncode == 0, reported.stderr
        assert "Call it in your repository, or give a measurement of the base commit" in reported.stderr
        text = (tmp_path / "renode-mnist-reports" / "comment.md").read_text()
        assert ("- Baseline: the budget file," in text) is there
        assert ("figures of these cases, for their compiler, in the budget file." in text) is not there
        assert "nor budgets" not in text


def test_a_report_of_nothing_says_what_to_do_first(tmp_path: Path) -> None:
    done = call("ci", "report", cwd=tmp_path)
    assert done.returncode == 2
    assert "Measure first: `" in done.stderr
    assert "renode-mnist ci measure`" in done.stderr
    assert not (tmp_path / "renode-mnist-reports").exists()


def test_what_an_earlier_call_left_is_no_answer(tmp_path: Path) -> None:
    folder = tmp_path / "renode-mnist-reports"
    folder.mkdir()
    (folder / "measurement.json").write_text(json.dumps(measurement(case())))
    assert call("ci", "measure", "--elf", "missing.elf", cwd=tmp_path).returncode == 2
    assert not (folder / "measurement.json").exists()


def test_a_baseline_that_cannot_be_had_is_told_and_the_next_taken(own: Path) -> None:
    budgets = paths.root() / "budgets.toml"
    base = own / "base"
    base.mkdir()
    (base / "measurement.json").write_text("{}")
    if not (own / "renode-mnist-reports" / "findings.json").exists():
        call("ci", "measure", "--elf", "product.elf", cwd=own)
    asked = ["ci", "report", "--base", "base", "--base-ref", "no-such-commit", "--budgets", str(budgets)]
    done = call(*asked, cwd=own)
    assert done.returncode == 0, done.stderr
    assert "is no measurement" in done.stderr
    report = change_report.load(own / "renode-mnist-reports" / "report.json")
    assert report.base.kind == "budgets"


def test_an_older_commit_is_the_base_only_where_the_base_cannot_be_built(own: Path, tmp_path: Path) -> None:
    if not (own / "renode-mnist-reports" / "findings.json").exists():
        call("ci", "measure", "--elf", "product.elf", cwd=own)
    (tmp_path / "measurement.json").write_text(json.dumps(measurement(case())))
    event = tmp_path / "event.json"
    for wanted, kind in [("a" * 40, ""), ("b" * 40, "b" * 40)]:
        event.write_text(json.dumps({"pull_request": {"base": {"sha": wanted}}}))
        environment = {**os.environ, "GITHUB_EVENT_PATH": str(event)}
        asked = ["ci", "report", "--base", tmp_path, "--base-ref", "no-such-commit", "--output", tmp_path]
        done = call(*asked, cwd=own, env=environment)
        assert done.returncode == 0, done.stderr
        report = change_report.load(tmp_path / "report.json")
        assert (report.base.kind, report.base.wanted) == ("kept", kind)
        assert ("could not be measured" in done.stderr) is bool(kind)
    assert "the newest that was kept; the base is `bbbbbbbbbbbb`" in (tmp_path / "comment.md").read_text()


def test_findings_come_back_from_their_file(tmp_path: Path) -> None:
    found = [findings.finding("warning", "b", "x"), findings.finding("error", "a", "y" * 500, "f.toml", 3)]
    findings.save(tmp_path / "f.json", 1, found)
    read = findings.load(tmp_path / "f.json")
    assert [each.level for each in read.findings] == ["error", "warning"]
    assert len(read.findings[0].text) == MOST_CHARACTERS


def test_without_an_engines_sources_its_cases_are_left_out_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CMSIS_NN_SOURCE_DIR", str(tmp_path))
    model = str(network_file("two_inputs_three_outputs"))
    (refused,) = bench.run([bench.Case(model, "cmsis-nn")], [216])[1]
    assert refused.for_want_of_tools
    assert (
        f"{tmp_path} holds no Include/arm_nnfunctions.h. Run `make -C {paths.root()} engines`, or set"
        in refused.reason
    )
    assert "-D" not in refused.reason
