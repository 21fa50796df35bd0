"""The page of ``renode-mnist history`` in a real browser, from a file, as who downloaded it has it.

Pictures of it are kept in ``build/screenshots``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import chromium
from accessibility import findings
from histories import commit, cost, measurement
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.measure.history import HistoryError
from renode_mnist.measure.measurement import Measurement
from renode_mnist.report import history_page

expect.set_options(timeout=20_000)

HOSTILE = "</script><img src=x onerror=alert(1)> <!-- <b>bold</b> &lt;"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}


def commits() -> list[Measurement]:
    """Another compiler at 15, another model of cycles at 30, a failure at 21, a case that begins at 6."""
    found = []
    for number in range(40):
        instructions = 1_400_000 - number // 6 * 30_000 + (90_000 if number == 21 else 0)
        made_by = {
            "compiler": "GNU 14.2.0, newlib 4.4.0" if number >= 15 else "GNU 12.2.1, newlib 3.3.0",
            "cycle_model": ("b" if number >= 30 else "a") * 64,
            "verdict": "failed" if number == 21 else "passed",
        }
        costs = [cost("int8/m7", instructions, **made_by)]
        if number >= 6:
            costs.append(cost("float32/m7", instructions * 3, **made_by))
        changed = {"message": HOSTILE, "author": "<i>Eve</i>", "url": ""} if number == 20 else {}
        found.append(measurement(number, *costs, **changed))
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.launched() as running:
        yield running


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("page") / "history.html"
    made.write_text(history_page.render(commits(), "What <each> commit costs"), encoding="utf-8")
    return made


@pytest.fixture
def visit(browser: Browser, file: Path) -> Iterator[Callable[..., Page]]:
    """Opens the page; it loads nothing, and nothing on it goes wrong."""
    contexts, problems = [], []

    def visit(viewport: dict[str, int] = WIDE, scheme: str = "light", state: str = "", **more: object) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("dialog", lambda dialog: problems.append(dialog.message))
        page.on(
            "request", lambda request: None if request.url.startswith(file.as_uri()) else problems.append(request.url)
        )
        page.goto(file.as_uri() + state)
        expect(page.locator("#chart .main-svg").first).to_be_visible()
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


def drawn(page: Page) -> int:
    """How many commits are seen: marks within the axes, without the ring around the chosen one."""
    return page.locator("#chart").evaluate(
        "chart => chart.data.filter((each) => each.customdata).flatMap((each) => each.customdata)"
        ".filter((x) => x >= chart.layout.xaxis.range[0] && x <= chart.layout.xaxis.range[1]).length"
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, PHONE], ids=["wide", "phone"])
def test_it_fits_and_follows_the_scheme(visit: Callable[..., Page], viewport: dict[str, int], scheme: str) -> None:
    page = visit(viewport, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    box = page.locator("#chart").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= viewport["width"]
    paper, ink = page.evaluate(
        "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
    tick = page.locator("#chart .ytick text").first.evaluate("text => getComputedStyle(text).fill")
    assert tick == ink
    assert findings(page) == []
    chromium.keep(page, f"history-{viewport['width']}-{scheme}")


def test_the_scheme_can_change_while_it_is_open(visit: Callable[..., Page]) -> None:
    page = visit()
    page.emulate_media(color_scheme="dark")
    ink = page.evaluate("getComputedStyle(document.body).color")
    expect(page.locator("#chart .ytick text").first).to_have_css("fill", ink)


def test_no_line_leads_across_a_break(visit: Callable[..., Page]) -> None:
    page = visit()
    data = page.locator("#chart").evaluate(
        "chart => chart.data.filter(each => each.customdata).map(each => each.x.length)"
    )
    assert data == [15, 15, 10]
    expect(page.locator("#chart .shapelayer path")).to_have_count(2)
    expect(page.locator("#breaks li")).to_have_text(
        [
            f"{commit(15).id[:7]}: compiler GNU 12.2.1, newlib 3.3.0 → GNU 14.2.0, newlib 4.4.0",
            f"{commit(30).id[:7]}: cycle model aaaaaaaaaaaa → bbbbbbbbbbbb",
        ]
    )
    page.get_by_label("instructions").check()  # no model is in them
    expect(page.locator("#breaks li")).to_have_count(1)
    page.locator("#part").select_option("layer 1 MAX_POOL_2D")
    expect(page.get_by_label("flash")).to_be_disabled()
    expect(page.locator("#shown")).to_have_text("int8/m7, layer 1 MAX_POOL_2D: instructions")
    expect(page.locator("tbody tr").last.locator("td").nth(2)).to_have_text("466,666")


def test_keys_choose_commits_and_zoom(visit: Callable[..., Page]) -> None:
    page = visit()
    chart, told = page.get_by_role("slider", name="commit"), page.locator("#commit")
    chart.focus()
    expect(chart).to_have_attribute("aria-valuenow", "40")
    page.keyboard.press("ArrowLeft")
    expect(told).to_contain_text("Change 38")
    page.keyboard.press("Home")
    expect(told).to_contain_text("Change 0")
    expect(told).to_contain_text("2,800,000 cycles")
    expect(page.get_by_role("button", name="older")).to_be_disabled()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    expect(told).to_contain_text("2,740,000 cycles -2.14 %")
    assert (chart.get_attribute("aria-valuetext") or "").startswith("2,740,000 cycles -2.14 %, Change 6, ")
    assert drawn(page) == 40
    page.keyboard.press("+")
    assert drawn(page) == 20
    page.keyboard.press("-")
    page.keyboard.press("+")
    page.keyboard.press("End")
    expect(told).to_contain_text("Change 39")
    assert drawn(page) == 20  # moved along, so that what is chosen is seen
    page.keyboard.press("0")
    assert drawn(page) == 40


def test_dragging_zooms_and_a_double_click_shows_all(visit: Callable[..., Page]) -> None:
    page = visit()
    box = page.locator("#chart .nsewdrag").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.25, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, y, steps=5)
    page.mouse.up()
    page.wait_for_function("document.getElementById('chart').layout.xaxis.range[1] < 30")
    assert 8 <= drawn(page) <= 12
    page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + 3)
    page.wait_for_function("document.getElementById('chart').layout.xaxis.range[1] > 39")
    assert drawn(page) == 40


def test_texts_of_commits_stay_texts(visit: Callable[..., Page]) -> None:
    page = visit(state="#case=int8%2Fm7&metric=instructions")
    assert page.title() == "What <each> commit costs"
    x, y = page.locator("#chart").evaluate(
        "chart => { const {left, top} = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout;"
        " return [left + xaxis._offset + xaxis.c2p(20), top + yaxis._offset + yaxis.c2p(chart.data[1].y[5])] }"
    )
    page.mouse.move(x, y)
    hover = page.locator("#chart .hoverlayer .hovertext")
    expect(hover).to_be_visible()
    said = " ".join((hover.text_content() or "").split())
    for part in ("1,310,000 instructions", commit(20).id[:7], "2026-03-21", "<i>Eve</i>", "</script><img", "&lt;"):
        assert part in said
    page.mouse.click(x, y)
    expect(page.locator("#commit p").nth(1)).to_have_text(HOSTILE)
    expect(page.locator("#commit")).to_contain_text("<i>Eve</i>")
    expect(page.locator("#commit a")).to_have_count(0)  # it has no page
    expect(page.locator("img, i, #chart b")).to_have_count(0)
    expect(page.locator("tbody tr").nth(19).locator(".message")).to_have_text(HOSTILE)


def test_the_table_sorts_and_stays_sorted_when_another_figure_is_chosen(visit: Callable[..., Page]) -> None:
    page = visit(state="#case=int8%2Fm7&metric=instructions")
    head, first = page.get_by_role("columnheader", name="instructions"), page.locator("tbody tr").first
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(first.locator("td").nth(2)).to_have_text("1,400,000")
    page.get_by_label("cycles modelled").check()
    expect(first.locator("td").nth(2)).to_have_text("2,800,000")
    expect(first.locator(".message")).to_have_text("Change 21")  # as dear as the first six, and newer


def test_its_address_leads_to_what_is_shown(visit: Callable[..., Page]) -> None:
    page = visit(state="#case=float32%2Fm7&layer=2&metric=instructions")
    expect(page.locator("#shown")).to_have_text("float32/m7, layer 2 FULLY_CONNECTED: instructions")
    expect(page.locator("tbody tr").last).to_contain_text("none")  # the case begins later
    page.locator("#case").select_option("int8/m7")
    assert page.evaluate("location.hash") == "#case=int8%2Fm7&metric=instructions&layer=2"
    expect(page.locator("#commit a")).to_have_attribute("href", commit(39).url)
    page.goto(page.url.partition("#")[0] + "#case=gone&layer=99&metric=x")
    expect(page.locator("#shown")).to_have_text("int8/m7, whole case: cycles modelled")


def test_a_finger_moves_the_page_and_buttons_zoom(visit: Callable[..., Page]) -> None:
    page = visit(PHONE, has_touch=True, is_mobile=True)
    assert page.locator("#chart").evaluate("chart => chart.layout.dragmode") is False
    page.get_by_role("button", name="zoom in").tap()
    assert drawn(page) == 20
    page.get_by_role("button", name="older").tap()
    expect(page.locator("#commit")).to_contain_text("Change 38")
    page.get_by_role("button", name="all", exact=True).tap()
    assert drawn(page) == 40


def test_a_single_commit_without_cycles_is_shown(browser: Browser, tmp_path: Path) -> None:
    bare = cost().model_copy(update={"cycles_modelled": None, "instructions": None, "ram_bytes": None, "layers": []})
    file = tmp_path / "page.html"
    file.write_text(history_page.render([measurement(0, bare)], "t"), encoding="utf-8")
    page = browser.new_page()
    page.goto(file.as_uri())
    expect(page.locator("#shown")).to_have_text("int8/m7, whole case: flash")
    expect(page.locator("#commit")).to_contain_text("50,000 bytes")
    page.close()


def test_without_a_case_there_is_nothing_to_draw() -> None:
    empty = measurement(0).model_copy(update={"cases": []})
    with pytest.raises(HistoryError, match="no commit of the history has a case"):
        history_page.render([empty], "t")


def test_without_plotly_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(EnvironmentProblem, match=r"the page needs plotly.* \(extra plots, \d+ MB\)"):
        history_page.render([measurement(0)], "t")
