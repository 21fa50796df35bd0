"""The comment of a pull request: what it shows first, that it fits, and that a report brings no markup along."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from measurements import case, layer, measurement, report
from renode_mnist.measure import change_report, findings
from renode_mnist.measure.budgets import Bounds, Budgets, Toolchain
from renode_mnist.measure.change_report import Report
from renode_mnist.measure.judged import NO_LIMITS
from renode_mnist.measure.measurement import CaseCost, MeasurementError
from renode_mnist.report import annotations, comment


def read(content: dict[str, Any], tmp_path: Path) -> Report:
    (tmp_path / "report.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return change_report.load(tmp_path / "report.json")


def body(content: dict[str, Any], tmp_path: Path, **more: Any) -> str:
    return comment.body(read(content, tmp_path), "firmware", **more)


def test_what_changed_stands_first_and_the_rest_is_folded(tmp_path: Path) -> None:
    slower = [layer("CONV_2D", 1300, 1000), layer("SOFTMAX", 100, 90)]
    head = case(instructions=1400, cycles_modelled=1090, verdict="failed", reasons=["too slow"], layers=slower)
    text = body(report(measurement(head, case("other/m7")), case(), case("other/m7")), tmp_path)
    assert text.startswith("<!-- renode-mnist ci: firmware -->\n### ❌ Firmware: 1 passed, 1 failed\n")
    before, folded = text.split("<details>", 1)
    before = before.replace("\u00a0", " ")
    assert "- `int8/m7` `too slow`" in before
    assert "| ❌ `int8/m7` | 0.005 ms (+22.5 %) | 1,400 (+27.3 %) | 30,000 B | 9,000 B |" in before
    assert "**1 layer changed by 1 % or more**" in before
    assert "| 0 `CONV_2D` | 1,000 → 1,300 (+30 %) | 800 → 1,000 (+25 %) |" in before
    assert "SOFTMAX" not in before
    assert folded.count("`SOFTMAX`") == 2
    assert text.count("<details>") == 2
    assert "kept of commit `bbbbbbbbbbbb`" in folded


def test_a_few_cycles_of_a_small_layer_are_no_news(tmp_path: Path) -> None:
    large = [layer("CONV_2D", 1_000_000, 800_000), layer("SOFTMAX", 120, 90)]
    head = case(instructions=1_000_120, cycles_modelled=800_090, layers=large)
    base = case(instructions=1_000_100, cycles_modelled=800_090, layers=[large[0], layer("SOFTMAX", 100, 90)])
    assert "No layer changed" in body(report(measurement(head), base), tmp_path)
    text = body(report(measurement(head), base, threshold_percent=0), tmp_path)
    assert "**1 layer changed" in text
    assert "| 1,000,120 (+20) |" in text


def test_cycles_alone_that_follow_the_images_layout_are_no_news(tmp_path: Path) -> None:
    large = layer("CONV_2D", 50_000, 46_000)

    def text(before: dict[str, Any], after: dict[str, Any], **more: Any) -> str:
        head, base = (
            case(instructions=51_000, cycles_modelled=47_000, layers=[large, one]) for one in (after, before)
        )
        return body(report(measurement(head), base, **more), tmp_path).split("<details>")[0]

    moved = layer("MEAN", 500, 618), layer("MEAN", 500, 701)  # 1.5 % of the inference
    assert "No layer changed" in text(*moved)
    assert "618 → 701" in text(*moved, threshold_percent=0)
    assert "618 → 701" in text(layer("MEAN", 500, 618), layer("MEAN", 501, 701))
    assert "918 → 1,001" in text(layer("MEAN", 500, 918), layer("MEAN", 500, 1001))  # 2.1 %


def test_without_limits_the_headline_says_so_once(tmp_path: Path) -> None:
    free = case(verdict="unjudged", reasons=[NO_LIMITS])
    text = body(report(measurement(free), verdict="unjudged"), tmp_path)
    assert "Firmware: 1 case measured, no limits given" in text
    assert NO_LIMITS not in text
    other = case("other/m7", verdict="unjudged", reasons=["of another compiler"])
    text = body(report(measurement(free, other), verdict="unjudged"), tmp_path)
    assert "Firmware: 2 not judged" in text
    assert f"- `int8/m7` `{NO_LIMITS}`" in text


def test_budgets_without_a_case_are_no_baseline(tmp_path: Path) -> None:
    def text(*cases: dict[str, Any]) -> str:
        budgets = {"kind": "budgets", "commit": None, "wanted": "", "cases": list(cases)}
        return body(report(measurement(case(), case("mine/m7")), base=budgets), tmp_path)

    assert "There is no baseline" in text()
    assert "Baseline: the budget file" not in text()
    assert "Baseline: the budget file" in text(case())
    assert "`mine/m7` is not compared: not in the budgets for this compiler." in text(case())


def test_less_than_the_threshold_is_not_shown_first(tmp_path: Path) -> None:
    head = case(layers=[layer("CONV_2D", 1009, 800), layer("SOFTMAX", 100, 90)])
    assert "No layer changed by 1 % or more." in body(report(measurement(head), case()), tmp_path)
    shown = body(report(measurement(head), case(), threshold_percent=0.5), tmp_path)
    assert "1 layer changed by 0.5 % or more" in shown
    assert "1 layer changed by 0 % or more" in body(report(measurement(head), case(), threshold_percent=0), tmp_path)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"compiler": "GNU 14"}, "another compiler"),
        ({"target": "renode"}, "another target"),
        ({"layers": [layer("CONV_2D")]}, "is another network: 1 layers before, 2 now"),
    ],
)
def test_what_cannot_be_compared_is_not(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    text = body(report(measurement(case()), case(instructions=1, **changed)), tmp_path)
    assert said in text
    assert "`CONV_2D`" not in text.split("<details>")[0]


def test_cycles_of_another_model_are_not_compared_and_instructions_are(tmp_path: Path) -> None:
    text = body(
        report(measurement(case()), case(instructions=1000, cycles_modelled=10, cycle_model="d" * 64)), tmp_path
    )
    assert "| 0.004 ms | 1,100 (+10\u00a0%) |" in text


def test_without_a_measurement_the_budget_is_the_base() -> None:
    head = CaseCost.model_validate(case())
    bounds = Bounds(
        instructions=1000, cycles_modelled=800, cycle_model="c" * 12, flash_bytes=1, ram_bytes=2, layers=[900, 100],
        cycles_modelled_layers=[700, 100],
    )  # fmt: skip
    makers = {"here": Toolchain(compiler="GNU 12.2.1"), "other": Toolchain(compiler="GNU 14")}
    written = Budgets(tolerance_percent=2, toolchains=makers, cases={"int8/m7": {"here": bounds}})
    (allowed,) = change_report.of_budgets(written, [head])
    assert (allowed.instructions, allowed.cycles_modelled, allowed.flash_bytes) == (1000, 800, 1)
    assert [each.instructions for each in allowed.layers] == [900, 100]
    assert [each.cycles_modelled for each in allowed.layers] == [700, 100]
    stranger = Budgets(tolerance_percent=2, toolchains=makers, cases={"int8/m7": {"other": bounds}})
    assert change_report.of_budgets(stranger, [head]) == []


def test_the_largest_report_fits(tmp_path: Path) -> None:
    wide = "𝕏" * 190
    layers = [layer(wide, number, 1) for number in range(20)]
    slower = [layer(wide, 2 * number, 2) for number in range(20)]
    reasons = [wide] * 20
    cases = [case(f"{wide}{number:03}/m7", verdict="failed", reasons=reasons, layers=slower) for number in range(40)]
    base = [{**each, "layers": layers, "reasons": [], "compiler": wide} for each in cases[:20]]
    base += [{**each, "layers": layers, "reasons": []} for each in cases[20:]]
    text = body(report(measurement(*cases), *base, problems=[wide] * 50), tmp_path)
    assert 60_000 < len(text.encode()) <= comment.MOST_BYTES
    assert "do not fit here" in text
    assert text.count("<details>") == text.count("</details>")


def test_many_layers_are_no_work(tmp_path: Path) -> None:
    before, after = [layer("C", n, 1) for n in range(1, 301)], [layer("C", 3 * n, 1) for n in range(1, 301)]
    cases = [case(f"m{number}/m7", layers=after) for number in range(60)]
    base = [case(f"m{number}/m7", layers=before) for number in range(60)]
    text = body(report(measurement(*cases), *base), tmp_path)
    assert "**18000 layers changed by 1 % or more**" in text
    assert "and 17970 more." in text


# Untrusted ----------------------------------------------------------------------------------------------------

INJECTED = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</details><h1>x</h1>", "<!-- x -->",
    "[click](https://evil.example)", "![x](https://evil.example/x.png)", "https://evil.example", "www.evil.example",
    "@team/everyone", "#1", "someone/repo#2", "`` ` `` <b>", "`](https://evil.example)`", "| a | b |", "\\` <b>",
    "**bold** _it_ ~~s~~", "&lt;b&gt;", "a@evil.example", "# heading", "$\\href{https://evil.example}{x}$", ":bomb:",
    "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef", "`", "``", " ` ", "\\",
]  # fmt: skip


def tokens(text: str) -> list[Token]:
    found = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    return [*found, *(child for token in found for child in token.children or [])]


OWN_HTML = {
    "<!-- renode-mnist ci: firmware -->",
    "<details><summary>All layers of 1 case</summary>",
    "<details><summary>What this is held against, and how it was measured</summary>",
    "</details>",
}


@pytest.mark.parametrize("evil", INJECTED)
def test_no_markup_of_a_report_passes(evil: str, tmp_path: Path) -> None:
    whole = measurement(
        case(f"{evil.replace('/', '∕')}/m7", compiler=evil, cycle_model=evil, target=evil, verdict="failed",
             reasons=[evil], layers=[layer(evil, 5, 5), layer("SOFTMAX")]),
        package=evil,
    )  # fmt: skip
    whole["commit"] = {**whole["commit"], "message": evil, "author": evil}
    base = {**whole["cases"][0], "layers": [layer(evil, 1, 1), layer("SOFTMAX")]}
    text = body(report(whole, base, problems=[evil]), tmp_path, page="https://github.com/team/product/actions/runs/1")
    html = {token.content.strip() for token in tokens(text) if token.type.startswith("html")}
    lines = {line for block in html for line in block.splitlines()}
    assert lines == OWN_HTML
    links = [token.attrs["href"] for token in tokens(text) if token.type == "link_open"]
    assert links == ["https://github.com/team/product/actions/runs/1"]
    kinds = {token.type for token in tokens(text)}
    assert not kinds & {"image", "em_open", "s_open", "code_block", "fence"}
    assert sum(token.type == "heading_open" for token in tokens(text)) == 1
    plain = " ".join(token.content for token in tokens(text) if token.type == "text")
    assert evil.strip("`\\ |") not in plain or not evil.strip("`\\ |")
    # No bar of a name makes a cell: of each table's rows there are as many as it has columns.
    columns = [line.count("|") - 1 for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    assert set(columns) == {3, 5}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": "renode-mnist/report/9"}, "schema"),
        ({"body": "<script>"}, "body"),
        ({"verdict": "<b>"}, "verdict"),
        ({"verdict": "passed", "problems": ["x"]}, "its verdict is not that of its cases"),
        ({"threshold_percent": -1}, "threshold"),
        ({"problems": ["x" * 201]}, "problems"),
        ({"problems": ["a\u0000b"]}, "problems"),
        ({"base": None}, "base"),
    ],
)
def test_a_report_that_is_none_is_refused(changed: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(MeasurementError, match=said):
        read(report(measurement(case()), **changed), tmp_path)


def test_a_report_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "report.json").open("wb") as file:
        file.truncate(1_000_000_000)  # a hole of a gigabyte
    with pytest.raises(MeasurementError, match="more than 4,000,000 bytes"):
        change_report.load(tmp_path / "report.json")


# Annotations --------------------------------------------------------------------------------------------------


def test_an_annotation_ends_where_it_should() -> None:
    found = findings.finding("error", "a, b: c", "50 % more::error x", "budgets.toml", 12)
    assert annotations.github(found) == "::error file=budgets.toml,line=12,title=a%2C b%3A c::50 %25 more::error x"
    assert annotations.plain(found) == "budgets.toml:12: error: a, b: c: 50 % more::error x"
    assert annotations.github(findings.finding("warning", "t", "x\ny")) == "::warning title=t::x y"
