"""The benchmark, its table and page, budgets and comparison, on rows that were measured once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from renode_mnist import bench, budgets, paths
from renode_mnist.bench import BenchError, Row
from renode_mnist.report import bench_table, compare, page


@pytest.fixture(scope="module")
def measured() -> tuple[list[Row], list[bench.Refused]]:
    """int8 and float32 on two engines, of which one refuses float."""
    return bench.run(bench.cases(["int8", "float32"], ["m7", "cmsis-nn"], ["instructions"], ["hard"]), [216, 288])


@pytest.fixture
def rows(measured: tuple[list[Row], list[bench.Refused]]) -> list[Row]:
    return measured[0]


def named(rows: Sequence[Row], case: str) -> Row:
    return next(row for row in rows if row.case == case)


def grown(row: Row, layer: int, by: int) -> Row:
    """The row as it would be if one layer took more instructions."""
    costly = replace(
        row.layers[layer],
        counts={**row.layers[layer].counts, "instructions": row.layers[layer].counts["instructions"] + by},
    )
    counts = {**row.counts, "instructions": row.counts["instructions"] + by}
    return replace(row, counts=counts, layers=(*row.layers[:layer], costly, *row.layers[layer + 1 :]))


def test_clocks_share_counts_and_each_row_has_its_identity(rows: list[Row]) -> None:
    slow, fast = (row for row in rows if row.case == "int8/m7")
    assert (slow.clock_mhz, fast.clock_mhz) == (216, 288)
    assert slow.counts == fast.counts
    assert set(slow.counts) == {"instructions", "cycles_modelled"}
    assert all(row.firmware["commit"] and row.target["version"] for row in rows)


def test_a_case_that_an_engine_refuses_is_told_with_its_reason(
    measured: tuple[list[Row], list[bench.Refused]],
) -> None:
    (refusal,) = measured[1]
    assert refusal.case == "float32/cmsis-nn"
    assert "float" in refusal.reason


def test_the_table_has_the_articles_rows_and_columns(rows: list[Row]) -> None:
    grid = bench_table.grid(rows)
    labels = [row[0] for row in grid.rows]
    assert labels[:8] == [
        "CONV_2D", "MAX_POOL_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "FULLY_CONNECTED", "FULLY_CONNECTED", "SOFTMAX"
    ]  # fmt: skip
    assert any("X-CUBE-AI" in heading for heading in grid.headings)
    fused = grid.rows[1][grid.headings.index("int8/m7 216 MHz")]
    assert fused == bench_table.FUSED
    assert bench_table.markdown(grid).count("\n|") == len(grid.rows) + 1


def test_the_page_is_self_contained(rows: list[Row]) -> None:
    html = page.render(rows, bench_table.grid(rows))
    assert html.count("<svg") == 3
    assert "src=" not in html
    assert "int8/m7" in html


def test_rows_come_back_from_their_file(rows: list[Row], tmp_path: Path) -> None:
    bench.save(tmp_path / "b.json", rows)
    assert bench.load(tmp_path / "b.json") == rows


@pytest.mark.parametrize("content", ["", "{}", '{"format": "other", "rows": []}', '{"format": 3'])
def test_what_is_no_benchmark_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "b.json").write_text(content)
    with pytest.raises(BenchError, match=r"b\.json is no benchmark"):
        bench.load(tmp_path / "b.json")


def test_one_instruction_too_many_breaks_the_budget_and_names_the_layer(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budgets.update(file, rows)
    assert budgets.check(budgets.load(file), rows, file) == []
    found = budgets.check(budgets.load(file), [grown(named(rows, "int8/m7"), 2, 1)], file)
    assert [(growth.what, growth.now - growth.written) for growth in found] == [
        ("instructions", 1),
        ("layer 2 CONV_2D", 1),
    ]


def test_the_repositorys_budgets_hold(rows: list[Row]) -> None:
    if "12.2" not in rows[0].firmware["compiler"]:
        pytest.skip(f"the budgets are for GCC 12.2, this is {rows[0].firmware['compiler']}")
    assert budgets.check(budgets.load(paths.budgets()), rows, paths.budgets()) == []


def test_flash_may_grow_by_the_tolerance_and_no_further(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    row = named(rows, "int8/m7")
    budgets.update(file, [row])
    within = replace(row, flash_bytes=int(row.flash_bytes * 1.02))
    assert budgets.check(budgets.load(file), [within], file) == []
    (growth,) = budgets.check(budgets.load(file), [replace(row, flash_bytes=within.flash_bytes + 1)], file)
    assert growth.what == "flash_bytes"


def test_updating_keeps_what_was_not_measured_and_tells_what_changed(rows: list[Row], tmp_path: Path) -> None:
    file = tmp_path / "budgets.toml"
    budgets.update(file, rows)
    row = named(rows, "int8/m7")
    before = row.counts["instructions"]
    assert budgets.update(file, [grown(row, 0, 5)]) == [f"int8/m7: instructions {before} -> {before + 5}"]
    assert "int8/cmsis-nn" in budgets.load(file).cases


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('[cases."a"]\ninstructions = -1\n', "line 2"),
        ('[cases."a"]\nflash_bytes = 1\n', "has no instructions"),
        ('[cases."a"]\ninstructions = 1\nspeed = 2\n', "line 3"),
        ("tolerance_percent = -2\n", "line 1"),
        ("= 3\n", "line 1"),
    ],
)
def test_a_budget_file_that_is_wrong_is_refused_by_its_line(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "budgets.toml").write_text(content)
    with pytest.raises(budgets.BudgetError, match=said):
        budgets.load(tmp_path / "budgets.toml")


def test_a_case_without_a_budget_is_named(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(budgets.BudgetError, match="has no case int8/m7"):
        budgets.check(budgets.Budgets(2, {}), [named(rows, "int8/m7")], tmp_path / "budgets.toml")


def test_comparing_tells_layer_and_growth(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    changes = compare.compare([row], [grown(row, 1, 100)])
    assert [(change.what, change.after - change.before) for change in changes] == [
        ("total", 100),
        ("layer 1 CONV_2D+MAX_POOL_2D", 100),
    ]


def test_what_cannot_be_compared_is_refused_with_the_reason(rows: list[Row]) -> None:
    row = named(rows, "int8/m7")
    with pytest.raises(BenchError, match="another model"):
        compare.compare([row], [replace(row, firmware={**row.firmware, "model_sha256": "0"})])
    with pytest.raises(BenchError, match="same clock"):
        compare.compare([row], [replace(row, clock_mhz=100)])
