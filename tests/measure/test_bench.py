"""The benchmark, its table and page, budgets and comparison, on rows that were measured once."""

from __future__ import annotations

import difflib
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from known_compiler import skip_unless_known
from renode_mnist import paths
from renode_mnist.commands.bench import bench as bench_command
from renode_mnist.errors import EnvironmentProblem, TargetError
from renode_mnist.measure import bench, budget_check, budget_update, budgets, commits, compare
from renode_mnist.measure.bench import BenchError, Row
from renode_mnist.profile.layer_functions import short_name
from renode_mnist.report import bench_page, bench_table, budget_table, grid
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.timing import parameter_file


@pytest.fixture(scope="module")
def measured() -> tuple[list[Row], list[bench.Refused]]:
    """int8 and float32 on two engines, of which one refuses float."""
    return bench.run(bench.cases(["int8", "float32"], ["m7", "cmsis-nn"], ["time"], ["hard"]), [216, 288])


@pytest.fixture
def rows(measured: tuple[list[Row], list[bench.Refused]]) -> list[Row]:
    return measured[0]


def named(rows: Sequence[Row], case: str) -> Row:
    return next(row for row in rows if row.case == case)


def grown(row: Row, layer: int, by: int) -> Row:
    """The row as it would be if the hottest function of one layer took more instructions."""
    before = row.layers[layer]
    hottest = next(iter(before.functions))
    costly = replace(
        before,
        counts={**before.counts, "instructions": before.counts["instructions"] + by},
        functions={**before.functions, hottest: before.functions[hottest] + by},
    )
    counts = {**row.counts, "instructions": row.counts["instructions"] + by}
    return replace(row, counts=counts, layers=(*row.layers[:layer], costly, *row.layers[layer + 1 :]))


def test_clocks_share_counts_and_each_row_has_its_identity(rows: list[Row]) -> None:
    slow, fast = (row for row in rows if row.case == "int8/m7")
    assert (slow.clock_mhz, fast.clock_mhz) == (216, 288)
    assert slow.counts["instructions"] == fast.counts["instructions"]
    assert slow.counts["cycles_modelled"] < fast.counts["cycles_modelled"]  # two wait states more
    assert all(slow.split[part] < fast.split[part] for part in ("code", "data"))
    for part in ("issue", "operands", "branches"):  # but for the block in which the counter is read
        assert abs(slow.split[part] - fast.split[part]) < 20
    assert set(slow.counts) == {"instructions", "cycles_modelled"}
    assert all(row.firmware["commit"] and row.target["version"] for row in rows)


def test_a_case_that_an_engine_refuses_is_told_with_its_reason(
    measured: tuple[list[Row], list[bench.Refused]],
) -> None:
    (refusal,) = measured[1]
    assert refusal.case == "float32/cmsis-nn"
    assert "float" in refusal.reason


def test_the_functions_of_a_layer_add_up_to_it(rows: list[Row]) -> None:
    for row in rows:
        for layer in row.layers:
            assert sum(layer.functions.values()) == layer.counts["instructions"], (row.case, layer.op)


def test_a_layers_hottest_function_is_the_kernel_that_computes_it(rows: list[Row]) -> None:
    winograd = named(rows, "int8/m7").layers[1]
    assert next(iter(winograd.functions)).startswith("m7::multiply_elements")
    assert list(winograd.functions.values()) == sorted(winograd.functions.values(), reverse=True)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("m7::dot_2x1<144>", "m7::dot_2x1<144>"),
        ("app::(anonymous namespace)::store", "app::store"),
        ("a::" + "b" * 60 + "<int, c<d, (e)1> >::f<2>", "a::" + "b" * 60 + "<…>::f<…>"),
    ],
)
def test_long_names_lose_the_arguments_of_their_templates(name: str, shown: str) -> None:
    assert short_name(name) == shown


def test_the_table_has_the_articles_rows_and_columns(rows: list[Row]) -> None:
    laid_out = bench_table.grid(rows)
    labels = [row[0] for row in laid_out.rows]
    assert labels[:8] == [
        "CONV_2D", "MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"
    ]  # fmt: skip
    assert any("X-CUBE-AI" in heading for heading in laid_out.headings)
    fused = laid_out.rows[1][laid_out.headings.index("int8/m7 216 MHz")]
    assert fused == bench_table.FUSED
    assert grid.markdown(laid_out).count("\n|") == len(laid_out.rows) + 1


def test_the_overview_has_ratios_first_and_layers_the_first_clock(rows: list[Row]) -> None:
    m7, other = named(rows, "int8/m7"), named(rows, "int8/cmsis-nn")
    shown = bench_table.overview([m7, other])
    assert shown.headings[:3] == ("case", "× fastest", "ms")
    assert shown.rows[0][:3] == ("int8/m7 216 MHz", "1.00", f"{m7.milliseconds(m7.counts['cycles_modelled']):.3f}")
    ratio = other.counts["cycles_modelled"] / m7.counts["cycles_modelled"]
    assert shown.rows[1][1] == f"{ratio:.2f}"
    assert shown.rows[-1][:1] == ("published: X-CUBE-AI 4.0 float 216 MHz",)
    assert shown.totals == 2
    slow, fast = (row for row in rows if row.case == "int8/m7")
    by_layer = bench_table.layers([slow, fast, other])
    assert by_layer.headings == ("layer", "int8/\nm7\n216 MHz", "int8/\ncmsis-nn\n216 MHz")
    assert by_layer.rows[-1][1] == shown.rows[0][2]


def test_what_modelled_cycles_are_spent_on_adds_up(rows: list[Row]) -> None:
    for row in rows:
        assert sum(row.split.values()) == row.counts["cycles_modelled"]
        assert all(sum(layer.split.values()) == layer.counts["cycles_modelled"] for layer in row.layers)
        assert row.memory["unresolved"] == 0
    hungry = named(rows, "float32/m7").layers[2]  # 73 kB of weights, of which each pixel wants all
    assert hungry.split["data"] > 0.15 * sum(hungry.split.values())


def test_the_split_is_a_table_of_shares_and_names_what_no_layer_has(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    split = next(table for table in bench_table.splits(rows) if "int8/m7" in table.title)
    assert [line[0] for line in split.rows[-2:]] == ["around the layers", "total"]
    assert split.rows[-1][1] == f"{row.counts['cycles_modelled']:,}"
    for line in split.rows:
        assert sum(float(share.rstrip("%")) for share in line[2:]) == pytest.approx(100, abs=0.3)
    assert "lines missed" in split.notes[0]
    table = {line[0]: line[1] for line in bench_table.grid([row]).rows}
    assert table["of it around the layers"]


def test_layers_that_fall_back_are_counted_and_told_with_the_reason(rows: list[Row], tmp_path: Path) -> None:
    row = named(rows, "float32/m7")
    assert [layer.op for layer in row.layers if layer.fallback] == ["SOFTMAX"]
    assert {layer.engine for layer in row.layers} == {"m7", "reference"}
    laid_out = bench_table.grid([row])
    assert ("fallbacks", "1") in {line[:2] for line in laid_out.rows}
    assert any("5 SOFTMAX" in note and "no kernel of its own" in note for note in laid_out.notes)
    file = tmp_path / "budgets.toml"
    budget_update.update(file, [row])
    lost = replace(row.layers[0], engine="reference", fallback="a reason")
    verdict = budget_check.check(budgets.load(file), [replace(row, layers=(lost, *row.layers[1:]))], file)
    (growth,) = verdict.grown
    assert (growth.what, growth.written, growth.now) == ("fallbacks", 1, 2)
    file.write_text(re.sub(r"fallbacks = 1\n", "", file.read_text()))
    assert budget_check.check(budgets.load(file), [row], file).passed  # a file of before has none


def test_modelled_cycles_are_judged_at_the_budgets_clock_only(rows: list[Row], tmp_path: Path) -> None:
    slow, fast = (row for row in rows if row.case == "int8/m7")
    file = tmp_path / "budgets.toml"
    budget_update.update(file, [fast, slow])
    assert budgets.load(file).cases["int8/m7"].popitem()[1].cycles_modelled == slow.counts["cycles_modelled"]
    assert budget_check.check(budgets.load(file), [fast, slow], file).passed
    (unjudged,) = budget_check.check(budgets.load(file), [fast], file).unjudged
    assert "at 216 MHz" in unjudged.reason
    budget_update.update(file, [fast])
    assert budgets.load(file).cases["int8/m7"].popitem()[1].cycles_modelled == slow.counts["cycles_modelled"]


def test_a_target_that_cannot_split_cycles_says_so() -> None:
    row = bench.Row("int8/m7", 216, {"instructions": 1}, (), 1, 1, 1, {"target": "renode", "version": "1"}, {})
    assert bench_table.splits([row]) == []


def test_programs_whose_operators_differ_share_their_rows(rows: list[Row]) -> None:
    row = named(rows, "int8/cmsis-nn")
    first, *others = row.layers
    converted = replace(row, case="uint8/cmsis-nn", layers=(replace(first, op="QUANTIZE"), first, *others))
    table = bench_table.grid([row, converted])
    labels = [line[0] for line in table.rows]
    assert labels[:3] == ["QUANTIZE", "CONV_2D", "MAX_POOL_2D"]
    assert labels.count("CONV_2D") == 3
    quantize, conv = (line[1:4] for line in table.rows[:2])
    assert quantize[0] == ""
    assert quantize[1] == conv[0] == conv[1] != ""
    assert conv[2] == "18.690"  # the article's


def test_the_page_is_self_contained(rows: list[Row]) -> None:
    html = bench_page.render(rows, bench_table.grid(rows))
    for title in ("Time by layer", "Memory", "What int8/m7 waits for", "All figures"):
        assert title in html
    assert "src=" not in html
    assert "int8/m7" in html


def test_rows_come_back_from_their_file(rows: list[Row], tmp_path: Path) -> None:
    bench.save(tmp_path / "b.json", rows)
    assert bench.load(tmp_path / "b.json") == rows


ROW = '{"case": "a/m7", "clock_mhz": 216, "counts": %s, "layers": [], "flash_bytes": 1, "weights_bytes": 1, '
ROW += '"ram_bytes": 1, "target": {}, "firmware": {}}'


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        "[]",
        "\0",
        '{"format": "other", "rows": []}',
        '{"format": 3',
        '{"format": "renode-mnist bench 1"}',
        '{"format": "renode-mnist bench 1", "rows": [3]}',
        '{"format": "renode-mnist bench 1", "rows": [{"case": "a"}]}',
        '{"format": "renode-mnist bench 1", "rows": [' + ROW % '{"instructions": -1}' + "]}",
        '{"format": "renode-mnist bench 1", "rows": [' + ROW % '{"instructions": 1}' + "]}",
    ],
)
def test_what_is_no_benchmark_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(BenchError, match=r"b\.json is no benchmark"):
        bench.load(tmp_path / "b.json")


def test_one_instruction_too_many_breaks_the_budget_and_names_the_layer(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    assert budget_check.check(budgets.load(file), rows, file).passed
    row = named(rows, "int8/m7")
    found = budget_check.check(budgets.load(file), [grown(row, 2, 1)], file).grown
    assert [(growth.layer, growth.function, growth.now - growth.written) for growth in found] == [
        ("", "", 1),
        ("2 CONV_2D", "", 1),
        ("2 CONV_2D", next(iter(row.layers[2].functions)), 1),
    ]


def test_a_function_that_is_new_is_named_and_small_ones_are_told_together(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    big, small = 50_000, 7
    layer = row.layers[2]
    more = {**layer.counts, "instructions": layer.counts["instructions"] + big + small}
    costly = replace(layer, counts=more, functions={**layer.functions, "memcpy": big, "tiny": small})
    counts = {**row.counts, "instructions": row.counts["instructions"] + big + small}
    now = replace(row, counts=counts, layers=(*row.layers[:2], costly, *row.layers[3:]))
    found = budget_check.check(budgets.load(file), [now], file).grown
    assert {growth.function: growth.now - growth.written for growth in found if growth.function} == {
        "memcpy": big,
        "other functions": small,
    }


def test_cycles_past_the_tolerance_are_told_with_their_layer(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    layer = row.layers[1]
    slower = replace(layer, counts={**layer.counts, "cycles_modelled": layer.counts["cycles_modelled"] * 2})
    counts = {**row.counts, "cycles_modelled": row.counts["cycles_modelled"] + layer.counts["cycles_modelled"]}
    now = replace(row, counts=counts, layers=(row.layers[0], slower, *row.layers[2:]))
    found = budget_check.check(budgets.load(file), [now], file).grown
    assert [(growth.what, growth.layer) for growth in found] == [
        ("cycles_modelled", ""),
        ("cycles_modelled", "1 CONV_2D+MAX_POOL_2D"),
    ]


def test_a_case_that_has_a_budget_and_cannot_be_built_fails_the_check(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    refusal = bench.Refused("int8/cmsis-nn", "it does not compile")
    verdict = budget_check.check(budgets.load(file), [named(rows, "int8/m7")], file, [refusal])
    assert not verdict.passed
    assert verdict.unmeasured == (refusal,)
    without_budget = bench.Refused("int8/tflm", "no sources")
    assert budget_check.check(budgets.load(file), rows, file, [without_budget]).passed


def test_what_a_case_no_longer_needs_is_told(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [grown(row, 0, 9)])
    assert budget_check.check(budgets.load(file), [row], file).savings == (budget_check.Saving("int8/m7", 9),)


def test_the_verdict_stands_in_the_step_summary_also_when_it_is_no(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    kept = budget_table.markdown(budget_check.check(budgets.load(file), rows, file), file.name)
    assert "### Budgets: kept" in kept
    assert "int8/m7" in kept
    verdict = budget_check.check(budgets.load(file), [grown(named(rows, "int8/m7"), 1, 123)], file)
    lines = budget_table.markdown(verdict, file.name).splitlines()
    assert lines[0] == "### Budgets: not kept"
    assert any("`int8/m7`" in line and "`m7::multiply_elements" in line and "+123" in line for line in lines)
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1  # a table that holds together


def test_the_repositorys_budgets_hold(rows: list[Row]) -> None:
    skip_unless_known()
    verdict = budget_check.check(budgets.load(paths.budgets()), rows, paths.budgets())
    assert (verdict.grown, verdict.unjudged, verdict.unnamed) == ((), (), ())


def test_flash_may_grow_by_the_tolerance_and_no_further(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    within = replace(row, flash_bytes=int(row.flash_bytes * 1.02))
    assert budget_check.check(budgets.load(file), [within], file).passed
    (growth,) = budget_check.check(budgets.load(file), [replace(row, flash_bytes=within.flash_bytes + 1)], file).grown
    assert growth.what == "flash_bytes"


def test_updating_keeps_what_was_not_measured_and_tells_what_changed(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    row = named(rows, "int8/m7")
    before = row.counts["instructions"]
    assert budget_update.update(file, [grown(row, 0, 5)]) == [
        f"int8/m7: instructions {before} -> {before + 5}",
        "int8/m7: layers, functions differ",
    ]
    assert "int8/cmsis-nn" in budgets.load(file).cases


def test_updating_leaves_comments_and_layout_as_they_are(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    row = named(rows, "int8/m7")
    before = row.counts["instructions"]
    text = file.read_text().replace(f"instructions = {before}\n", f"# Why.\ninstructions   = {before} # Since May.\n")
    text = text.replace('[cases."int8/m7"]', "# The shipped one.\n\n\n[cases.'int8/m7']")
    file.write_text(text)
    assert budget_update.update(file, rows) == []
    assert file.read_text() == text
    budget_update.update(file, [grown(row, 0, 5)])
    lines, expected = file.read_text().splitlines(), text.splitlines()
    differ = [line for line, old in zip(lines, expected, strict=True) if line != old]
    assert differ[0] == f"instructions   = {before + 5} # Since May."
    assert len(differ) == 3  # its layers and the functions of the first


CASE = 'tolerance_percent = 2\n[cases."int8/m7"]\ninstructions = 1\nflash_bytes = 1\nram_bytes = 1\n'


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (CASE + '[cases."int8/reference"]\ninstructions = -1\n', 7, "instructions is -1"),
        (CASE + '[cases."int8/reference"]\nflash_bytes = 1\n', 6, "has no instructions"),
        (CASE.replace("ram_bytes = 1\n", ""), 2, "has no ram_bytes"),
        (CASE + "speed = 2\n", 6, "unknown key speed"),
        (CASE + "cycles_modelled = 1.5\n", 6, "cycles_modelled is 1.5"),
        (CASE + "instructions_extra = true\n", 6, "unknown key instructions_extra"),
        (CASE + 'layers = [1, "2"]\n', 6, "layers is '2' for layer 1"),
        (CASE + "flash_bytes_ = 1\ncycles_modelled = true\n", 6, "unknown key flash_bytes_"),
        (CASE + "cycles_modelled = true\n", 6, "cycles_modelled is True"),
        (CASE + "layers = 3\n", 6, "layers is 3"),
        (CASE + 'functions = [{}, {"f<a, 2>" = -1}]\n', 6, "functions is -1 for f<a, 2> in layer 1"),
        (CASE + "functions = [3]\n", 6, "functions is 3 for layer 0"),
        (CASE.replace("instructions", "instruction"), 3, "unknown key instruction"),
        (CASE.replace("int8/m7", "int8/m8"), 2, "unknown case int8/m8"),
        (CASE.replace("int8/m7", "int8"), 2, "unknown case int8"),
        (CASE + "[case]\n", 6, "unknown key case"),
        ("tolerance_percent = -2\n", 1, "tolerance_percent is -2"),
        ("tolerance_percent = nan\n", 1, "tolerance_percent is nan"),
        ("cases = 3\ntolerance_percent = 2\n", 1, "cases is 3"),
        (CASE.replace("tolerance_percent = 2\n", ""), 1, "tolerance_percent is missing"),
        ("= 3\n", 1, ""),
        ("tolerance_percent = 2\ninstructions = \n", 2, ""),
    ],
)
def test_a_budget_file_that_is_wrong_is_refused_by_its_line(
    tmp_path: Path, content: str, line: int, said: str
) -> None:
    (tmp_path / "budgets.toml").write_text(content)
    with pytest.raises(budgets.BudgetError) as refused:
        budgets.load(tmp_path / "budgets.toml")
    assert str(tmp_path / "budgets.toml") in str(refused.value)
    assert f"line {line}" in str(refused.value)
    assert said in str(refused.value)
    assert "Allowed: " in str(refused.value) or "Mend it, or remove it" in str(refused.value)


def test_a_number_beyond_what_python_reads_is_refused_as_other_toml_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    file.write_text(f"tolerance_percent = {'9' * 5000}\n")
    with pytest.raises(budgets.BudgetError, match="Mend it, or remove it"):
        budgets.load(file)


def test_a_budget_file_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(budgets.BudgetError, match=r"No such file.*bench --update"):
        budgets.load(tmp_path / "budgets.toml")


def test_a_budget_of_a_model_that_is_nowhere_is_refused_by_its_line(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, [replace(named(rows, "int8/m7"), case="int9/m7")])
    with pytest.raises(budgets.BudgetError, match=r"line 10: the unknown case int9/m7.*Allowed: float32, int8"):
        budget_check.check(budgets.load(file), [], file)


def test_a_figure_without_a_bound_is_refused(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    layers = tuple(replace(layer, counts={"instructions": layer.counts["instructions"]}) for layer in row.layers)
    budget_update.update(file, [replace(row, counts={"instructions": row.counts["instructions"]}, layers=layers)])
    with pytest.raises(budgets.BudgetError, match="has no cycles_modelled"):
        budget_check.check(budgets.load(file), [row], file)


def test_a_case_without_a_budget_is_named(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(budgets.BudgetError, match="has no case int8/m7"):
        budget_check.check(budgets.Budgets(tolerance_percent=2), [named(rows, "int8/m7")], tmp_path / "budgets.toml")


# Toolchains ----------------------------------------------------------------------------------------------------


def made_by(row: Row, compiler: str, flags: str = "") -> Row:
    said = {**row.firmware, "compiler": compiler}
    return replace(row, firmware={**said, "flags": flags} if flags else said)


def test_what_another_compiler_made_is_neither_within_budget_nor_past_it(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budget_update.update(file, rows)
    file.write_text(file.read_text().replace("\nflags", '\nfound_in = "Debian 12"\nflags'))
    mine = named(rows, "int8/cmsis-nn")
    other = made_by(grown(named(rows, "int8/m7"), 0, 9), "GNU 99.2.1, newlib 9.5.0")
    verdict = budget_check.check(budgets.load(file), [mine, other], file)
    assert (verdict.passed, verdict.checked, verdict.grown, verdict.savings) == (False, ("int8/cmsis-nn",), (), ())
    told = budget_table.markdown(verdict, file.name)
    assert told.startswith("### Budgets: not judged in part\n")
    assert "- Within budgets.toml: int8/cmsis-nn.\n" in told
    written = mine.firmware["compiler"]
    assert (
        f"- Not judged: int8/m7. budgets.toml is exact for {written} (Debian 12), and this is GNU 99.2.1, newlib "
        "9.5.0. Build with the compiler of Debian 12, or keep budgets of your own beside those: `renode-mnist bench "
        "--update`.\n"
    ) in told
    alone = budget_table.markdown(budget_check.check(budgets.load(file), [other], file), file.name)
    assert alone.startswith("### Budgets: not judged\n")
    assert "Within" not in alone


def test_other_flags_of_the_same_compiler_are_another_toolchain(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    sized = made_by(row, row.firmware["compiler"], row.firmware["flags"].replace("-O2", "-Os"))
    (unjudged,) = budget_check.check(budgets.load(file), [sized], file).unjudged
    assert re.fullmatch(r"budgets\.toml is exact for `-mcpu\S+ .*-O2.*`, and this is `.*-Os.*`", unjudged.reason)
    assert unjudged.remedy.startswith("Build with these flags")


def test_with_and_without_fpu_is_one_toolchain_and_two_cases(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    flags = row.firmware["flags"].replace("-mfpu=fpv5-sp-d16 -mfloat-abi=hard", "-mfloat-abi=soft")
    soft = replace(made_by(row, row.firmware["compiler"], flags), case="int8/m7-soft")
    assert flags != row.firmware["flags"]
    budget_update.update(file, [row, soft])
    assert len(budgets.load(file).toolchains) == 1
    assert budget_check.check(budgets.load(file), [row, soft], file).passed


def test_budgets_of_several_compilers_stand_side_by_side_and_each_judges_its_own(
    rows: list[Row], tmp_path: Path
) -> None:
    file = tmp_path / "budgets.toml"
    first = [named(rows, case) for case in ("int8/m7", "int8/cmsis-nn")]
    second = made_by(grown(first[0], 0, 9), "GNU 99.2.1, newlib 9.5.0")
    third = made_by(first[0], "GNU 99.2.1, newlib 9.1.0")
    budget_update.update(file, first)
    before = file.read_text().splitlines()
    changes = budget_update.update(file, [second])
    assert changes[0].startswith("toolchain gcc-99 new: GNU 99.2.1, newlib 9.5.0, -mcpu")
    assert changes[1] == f"int8/m7 for gcc-99: instructions new -> {second.counts['instructions']}"
    after = file.read_text().splitlines()
    added = list(difflib.ndiff(before, after))
    assert [line for line in added if line.startswith("-")] == []
    assert "\n\n\n" not in file.read_text()
    headings = [line for line in after if line.startswith("[cases")]
    old = next(iter(budgets.load(file).toolchains))
    assert headings == [f'[cases."int8/m7".{old}]', '[cases."int8/m7".gcc-99]', f'[cases."int8/cmsis-nn".{old}]']
    budget_update.update(file, [third])
    assert [*budgets.load(file).toolchains] == [old, "gcc-99", "gcc-99-b"]
    for row in (first[0], second, third):
        assert budget_check.check(budgets.load(file), [row], file).passed
        (growth, *_) = budget_check.check(budgets.load(file), [grown(row, 1, 1)], file).grown
        assert growth.now - growth.written == 1


def test_a_file_that_names_no_compiler_is_judged_as_before_and_says_so(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row, named(rows, "int8/cmsis-nn")])
    toolchain = next(iter(budgets.load(file).toolchains))
    text = file.read_text()
    text = re.sub(r"(?s)\[toolchains.*?\n\n", "", text).replace(f".{toolchain}]", "]  # ours")
    old = text.replace("flash_bytes", "# Why.\nflash_bytes")
    assert "toolchain." not in old
    file.write_text(old)
    for made in (row, made_by(row, "GNU 99.2.1, newlib 9.5.0")):
        verdict = budget_check.check(budgets.load(file), [made], file)
        assert verdict.passed
        assert "budgets.toml does not say for which compiler" in budget_table.markdown(verdict, file.name)
        assert budget_check.check(budgets.load(file), [grown(made, 0, 1)], file).grown
    budget_update.update(file, [row])
    assert budget_check.check(budgets.load(file), [row], file).unnamed == ()
    assert [*budgets.load(file).cases["int8/cmsis-nn"]] == [budgets.UNNAMED]
    changed = [line for line in difflib.ndiff(old.splitlines(), file.read_text().splitlines()) if line[0] in "+-"]
    assert [line for line in changed if line[0] == "-"] == ['- [cases."int8/m7"]  # ours']
    assert changed[1] == f'+ [cases."int8/m7".{toolchain}]  # ours'


def test_cycles_of_another_model_are_not_judged_and_all_else_is(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    twice = {**row.counts, "cycles_modelled": row.counts["cycles_modelled"] * 2}
    now = replace(grown(row, 0, 1), target={**row.target, "cycle_model_sha256": "f" * 64})
    now = replace(now, counts={**twice, "instructions": row.counts["instructions"] + 1})
    verdict = budget_check.check(budgets.load(file), [now], file)
    assert {growth.what for growth in verdict.grown} == {"instructions"}
    assert [(each.case, each.what) for each in verdict.unjudged] == [("int8/m7", "cycles_modelled")]
    assert "Not judged, cycles modelled: int8/m7." in budget_table.markdown(verdict, file.name)


def test_engines_without_objectives_are_one_case_of_a_matrix() -> None:
    found = bench.cases(["int8"], ["m7", "reference"], ["flash", "ram"], ["hard"], max_ram=60_000)
    assert [case.name for case in found] == [
        "int8/m7-flash-max-ram-60000",
        "int8/m7-ram-max-ram-60000",
        "int8/reference-max-ram-60000",
    ]


def test_limits_of_memory_reach_the_image(rows: list[Row]) -> None:
    (case,) = bench.cases(["int8"], ["m7"], ["time"], ["hard"], max_flash=200_000)
    ((row,), refused) = bench.run([case], [216])
    assert not refused
    assert row.flash_bytes <= 200_000 < named(rows, "int8/m7").flash_bytes


def test_cycles_by_other_parameters_are_another_models(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    content = {"format": parameter_file.FORMAT, "parameters": {"axi_cycles": 9}}
    parameter_file.save(file, parameter_file.ParameterFile.model_validate(content))
    options = TargetOptions(parameters=file)
    # Engine m7 reads weights over the ITCM bus, which does not wait for this one.
    cases = bench.cases(["int8"], ["reference"], ["time"], ["hard"])
    (own,) = bench.run(cases, [216])[0]
    slow, faster_clock = bench.run(cases, [216, 288], options=options)[0]
    assert slow.counts["instructions"] == own.counts["instructions"]
    # Each line of flash that is missed over AXI, of code or data, waits for 4 cycles more; some of it is overlapped.
    missed = own.memory["flash_load_misses"] + own.memory["fetch_misses"]
    more = slow.counts["cycles_modelled"] - own.counts["cycles_modelled"]
    assert 0.9 * 4 * missed < more < 1.1 * 4 * missed
    assert faster_clock.counts["cycles_modelled"] > slow.counts["cycles_modelled"]
    for row in (slow, faster_clock):
        assert row.target["cycle_parameters"].endswith(": axi_cycles 9 for 5")
        assert row.target["cycle_model_sha256"] != own.target["cycle_model_sha256"]
    assert "cycle_parameters" not in own.target
    notes = " ".join(bench_table.grid([own, slow]).notes)
    assert "on average in" in notes
    assert "axi_cycles 9 for 5. How far off they are, is not known" in notes
    budget_file = tmp_path / "budgets.toml"
    budget_update.update(budget_file, [own])
    verdict = budget_check.check(budgets.load(budget_file), [slow], budget_file)
    assert verdict.grown == ()
    (unjudged,) = verdict.unjudged
    assert "axi_cycles 9 for 5" in unjudged.reason
    assert "Leave --parameters out" in unjudged.remedy
    with pytest.raises(BenchError, match="another model of the cycles"):
        compare.compare([own], [slow])


def test_parameters_are_refused_before_anything_is_built(tmp_path: Path) -> None:
    cases = bench.cases(["int8"], ["m7"], ["time"], ["hard"])
    with pytest.raises(TargetError, match="the target renode models no cycles"):
        bench.run(cases, [216], "renode", TargetOptions(parameters=tmp_path / "chip.toml"))
    with pytest.raises(parameter_file.ParameterError, match="cannot read"):
        bench.run(cases, [216], "embedded", TargetOptions(parameters=tmp_path / "nowhere.toml"))


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (lambda row: row, 0, ""),
        (lambda row: grown(row, 0, 1), 1, "1 case(s) grew past budgets.toml"),
        (lambda row: made_by(row, "GNU 9.1.0"), 2, "nothing was judged"),
    ],
    ids=["kept", "grown", "unjudged"],
)
def test_a_check_that_judged_nothing_is_no_pass(
    rows: list[Row],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Row], Row],
    status: int,
    said: str,
) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budget_update.update(file, [row])
    monkeypatch.setattr(bench, "run", lambda *_: ([change(row)], []))
    done = CliRunner().invoke(bench_command, ["--check", "--wide", "--budgets", str(file)], env={"COLUMNS": "400"})
    assert getattr(done.exception, "exit_code", 0) == status
    assert said in str(done.exception or "")
    assert f"{change(row).counts['instructions']:,}" in done.output
    assert ("Within budgets.toml" in done.output) is (status == 0)
    assert ("Not judged: int8/m7. " in done.output) is (status == 2)


TOOLCHAIN = CASE.replace('."int8/m7"]', '."int8/m7".a]') + '[toolchains.a]\ncompiler = "GNU 12.2.1"\n'


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        (TOOLCHAIN.replace("toolchains.a", "toolchains.b"), 2, "case int8/m7 is for the unknown toolchain a"),
        (TOOLCHAIN.replace("compiler", "compilers"), 7, "toolchain a has the unknown key compilers"),
        (TOOLCHAIN.replace('compiler = "GNU 12.2.1"\n', ""), 6, "toolchain a has no compiler"),
        (TOOLCHAIN.replace('"GNU 12.2.1"', "12.2"), 7, "toolchain a: compiler is 12.2"),
        (TOOLCHAIN.replace("instructions = 1\n", ""), 2, "case int8/m7 for a has no instructions"),
        (TOOLCHAIN.replace("ram_bytes = 1", "ram_bytes = -1"), 5, "case int8/m7 for a: ram_bytes is -1"),
        (TOOLCHAIN.replace("int8/m7", "int8/m8"), 2, "unknown case int8/m8"),
        (TOOLCHAIN.replace("[toolchains.a]\n", "[toolchains]\na = 3\n[cases.x]\n"), 7, "toolchain a is 3"),
        (CASE + '[cases."int8/m7".a]\ninstructions = 1\n', 6, "case int8/m7 has the unknown key a"),
        (CASE + "cycle_model = 3\n", 6, "cycle_model is 3"),
    ],
)
def test_a_toolchain_that_is_wrong_is_refused_by_its_line(tmp_path: Path, content: str, line: int, said: str) -> None:
    test_a_budget_file_that_is_wrong_is_refused_by_its_line(tmp_path, content, line, said)


def test_comparing_tells_layer_function_and_growth(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    result = compare.compare([row, named(rows, "int8/cmsis-nn")], [grown(row, 1, 100)])
    function = next(iter(row.layers[1].functions))
    assert [(change.what, change.after - change.before) for change in result.changes] == [
        ("total", 100),
        ("layer 1 CONV_2D+MAX_POOL_2D", 100),
        (f"layer 1 {function}", 100),
    ]
    assert result.compared == ("int8/m7",)
    assert result.alone == ("Only in the first: int8/cmsis-nn at 216 MHz.",)


@pytest.mark.parametrize(
    ("part", "key", "reason"),
    [
        ("firmware", "model_sha256", "another model"),
        ("firmware", "compiler", "another compiler"),
        ("firmware", "flags", "other compiler flags"),
        ("target", "target", "another target"),
        ("target", "cycle_model_sha256", "another model of the cycles"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    rows: list[Row], part: str, key: str, reason: str
) -> None:
    row = named(rows, "int8/m7")
    changed = {**getattr(row, part), key: "other"}
    other = replace(row, firmware=changed) if part == "firmware" else replace(row, target=changed)
    with pytest.raises(BenchError, match=rf"int8/m7 cannot be compared: {reason} .*against other"):
        compare.compare([row], [other])


def test_images_of_before_which_name_no_library_are_compared_by_their_compiler(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    compiler, _, library = row.firmware["compiler"].partition(", ")
    assert library.startswith("newlib ")
    for pair in ([row, made_by(row, compiler)], [made_by(row, compiler), row]):
        assert compare.compare(pair[:1], pair[1:]).changes == ()
    for other in ("GNU 1.2.3", f"{compiler}, newlib 1.2.3"):
        with pytest.raises(BenchError, match="another compiler"):
            compare.compare([row], [made_by(row, other)])


def test_another_clock_or_unit_is_refused(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    with pytest.raises(BenchError, match="same clock"):
        compare.compare([row], [replace(row, clock_mhz=100)])
    with pytest.raises(BenchError, match="another unit"):
        compare.compare([row], [replace(row, counts={"cycles_measured": 1})])


def test_a_commit_that_is_not_there_is_refused() -> None:
    said = "'nowhere' is neither a benchmark file nor a commit of renode-mnist's own repository"
    with pytest.raises(commits.CommitError, match=said):
        commits.resolve("nowhere")
    with pytest.raises(commits.CommitError, match="neither"):
        commits.resolve("--all")


def test_without_git_a_commit_cannot_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EnvironmentProblem, match="git is not installed"):
        commits.resolve("HEAD")


def test_from_a_wheel_there_are_no_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "is_checkout", lambda: False)
    with pytest.raises(EnvironmentProblem, match="does not run from a checkout"):
        commits.resolve("HEAD")


@pytest.mark.long
def test_a_commit_is_measured_in_a_worktree_that_goes_and_only_once() -> None:
    commit = commits.resolve("HEAD")
    wanted = bench.cases(["int8"], ["m7"], ["time"], ["hard"])
    rows, refused = commits.measure(commit, wanted, 216)
    assert refused == []
    assert rows[0].firmware["commit"] == commit[:12]
    listed = subprocess.run(
        ["git", "-C", str(paths.root()), "worktree", "list"], capture_output=True, text=True, check=True
    )
    assert f"/{commit[:12]} " not in listed.stdout
    announced: list[bench.Case] = []
    assert commits.measure(commit, wanted, 216, announced.append) == (rows, [])
    assert announced == []
