"""The flame graph as a file, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

import chromium
from renode_mnist.profile import rooms
from renode_mnist.report import flame

expect.set_options(timeout=20_000)

LONG = "m7::channel_pair<engine::(anonymous namespace)::kConv2d0Tiles, 16, 324, m7::StoredAtOnce>"
STACKS = {
    ("run", "invoke", LONG): 60,
    ("run", "invoke", "copy_[i]"): 10,
    ("run", "invoke"): 5,
    ("run", "send", "copy"): 20,
    ("run",): 5,
}
ROOMS = {"run": "app", "invoke": "model", LONG: "engine m7", "send": "board"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.launched() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Page]]:
    file = tmp_path / "flame.svg"
    file.write_text(flame.svg(STACKS, title="<what> ran", unit="instructions", rooms=ROOMS), encoding="utf-8")
    contexts, problems = [], []

    def visit(width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": 700}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda request: None if request.url == file.as_uri() else problems.append(request.url))
        page.goto(file.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


def frame(page: Page, name: str) -> dict[str, float | str]:
    """What is seen of a frame: its bar's place and width, its text, what pointing at it says."""
    return page.evaluate(
        "name => { const of = [...document.querySelectorAll('.f')].find(each => each.dataset.name === name);"
        " const rect = of.querySelector('rect');"
        " return { x: Number(rect.getAttribute('x')), width: Number(rect.getAttribute('width')),"
        " text: of.querySelector('text')?.textContent ?? '', tip: of.querySelector('title').textContent,"
        " fill: getComputedStyle(rect).fill, shown: of.style.display !== 'none' } }",
        name,
    )


def test_it_waits_until_there_is_room_to_be_laid_out_in(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    graph = flame.svg(STACKS, title="what ran", unit="instructions", rooms=ROOMS)
    file.write_text(f'<div id="hidden" style="display: none">{graph}</div>', encoding="utf-8")
    said: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.goto(file.as_uri())
        as_drawn = page.evaluate("document.querySelector('svg.flame').getAttribute('viewBox')")
        assert as_drawn
        page.evaluate("document.getElementById('hidden').style.display = ''")
        page.wait_for_function("!document.querySelector('svg.flame').hasAttribute('viewBox')")
        assert frame(page, "send")["width"] > 100
    assert said == []


def test_it_is_well_formed_and_to_scale() -> None:
    graph = ElementTree.fromstring(flame.svg({("a<b>", "c"): 3, ("d & e",): 1}, title='"<t>"', unit="instructions"))
    frames = {
        each.attrib["data-name"]: (float(each.attrib["data-x"]), float(each.attrib["data-w"]))
        for each in graph.iter("{http://www.w3.org/2000/svg}g")
        if "data-name" in each.attrib
    }
    assert frames == {"all": (0, 1), "a<b>": (0, 0.75), "c": (0, 0.75), "d & e": (0.75, 0.25)}


@pytest.mark.parametrize("width", [900, 375])
def test_it_takes_the_width_and_shortens_names_in_the_middle(visit: Callable[..., Page], width: int) -> None:
    page = visit(width)
    assert frame(page, "all")["width"] == width - 20
    long = frame(page, LONG)
    assert long["width"] == pytest.approx((width - 20) * 0.6)
    start, end = str(long["text"]).split("…")
    assert LONG.startswith(start)
    assert LONG.endswith(end)
    assert len(start) > len(end) > 3
    assert long["tip"] == f"{LONG} (engine m7): 60 instructions, 60.00%"


def test_a_short_name_stays_and_a_long_one_keeps_both_ends() -> None:
    assert flame.shortened("invoke", 6) == "invoke"
    assert flame.shortened("conv_2d_int8", 9) == "conv_…nt8"
    assert flame.shortened("conv_2d_int8", 2) == ""


def test_colours_tell_the_room_in_both_schemes(visit: Callable[..., Page]) -> None:
    fills = {}
    for scheme in ("light", "dark"):
        page = visit(scheme=scheme)
        legend = page.locator(".rooms li").all_inner_texts()
        assert legend == ["engine m7 60.0%", "without source 30.0%", "app 5.0%", "model 5.0%", "board 0.0%"]
        fills[scheme] = [frame(page, name)["fill"] for name in ("run", "invoke", LONG, "send")]
        assert len(set(fills[scheme])) == 4
        assert frame(page, "copy")["fill"] not in fills[scheme]
    assert fills["light"] != fills["dark"]


def test_the_box_finds_names_and_tells_their_share_once(visit: Callable[..., Page]) -> None:
    page = visit()
    page.evaluate("document.querySelector('#find').focus()")  # a locator waits for HTML's layout, which this has not
    page.keyboard.type("COPY")
    expect(page.locator("#found")).to_have_text("2 frames, 30.0 %")
    expect(page.locator(".f.hit")).to_have_count(2)
    page.keyboard.press("Control+a")
    page.keyboard.type("n")  # run, and what is within it
    expect(page.locator("#found")).to_have_text("4 frames, 100.0 %")
    page.keyboard.press("Backspace")
    expect(page.locator(".f.hit")).to_have_count(0)


def test_a_click_widens_and_all_is_shown_again(visit: Callable[..., Page]) -> None:
    page = visit()
    page.get_by_role("button", name="send (board)").dispatch_event("click")
    assert frame(page, "send")["width"] == pytest.approx(1260)
    assert not frame(page, LONG)["shown"]
    page.locator("#all").dispatch_event("click")
    assert frame(page, LONG)["shown"]
    assert frame(page, "send")["width"] == pytest.approx(252)


def test_by_keyboard_one_walks_the_tower(visit: Callable[..., Page]) -> None:
    page = visit()
    here = "document.activeElement.dataset.name"
    page.get_by_role("button", name="all: 100").focus()
    for key, name in (
        ("ArrowUp", "run"),
        ("ArrowUp", "invoke"),
        ("ArrowRight", "send"),
        ("ArrowUp", "copy"),
        ("ArrowDown", "send"),
        ("ArrowLeft", "invoke"),
    ):
        page.keyboard.press(key)
        assert page.evaluate(here) == name
    page.keyboard.press("Enter")
    assert frame(page, "invoke")["width"] == pytest.approx(1260)
    page.keyboard.press("Escape")
    assert frame(page, "invoke")["width"] == pytest.approx(945)


@pytest.mark.parametrize(
    ("file", "room"),
    [
        ("firmware/board/uart.cpp", "board"),
        ("firmware/engine/m7/dense_int8.hpp", "engine m7"),
        ("build/generated/model.cpp", "model"),
        ("flatc/include/flatbuffers/table.h", "messages"),
        ("/usr/include/newlib/c++/12.2.1/array", "libraries"),
        ("/home/any/blinky/Drivers/hal.c", "Drivers"),
        ("main.c", "without source"),
    ],
)
def test_a_room_is_the_folder_of_the_source(file: str, room: str) -> None:
    assert rooms.of_file(file) == room
