"""All pages that are files, in a real browser: for each eye, each screen, and by keyboard alone.

Pictures of them are kept in ``build/screenshots``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import chromium
from accessibility import findings
from renode_mnist import codegen, paths
from renode_mnist.images import BuildConfig, build, resolve_model
from renode_mnist.measure import bench, compare
from renode_mnist.measure.bench import PARTS, LayerCost, Row
from renode_mnist.measure.evaluation import evaluate
from renode_mnist.measure.faults import faults
from renode_mnist.measure.faults.fault import Place
from renode_mnist.measure.verify_image import verify_image
from renode_mnist.model import inputs, interface
from renode_mnist.model.labelled_files import Where
from renode_mnist.profile import profiler
from renode_mnist.report import (
    bench_page,
    bench_table,
    comparison_page,
    evaluation_page,
    faults_page,
    identity,
    profile_page,
    suites_page,
    verification_page,
)
from renode_mnist.session.evidence import Cost, Evidence, Frame, Step
from renode_mnist.session.target_options import TargetOptions
from renode_mnist.suites.report import Verdict

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
EPOCH = 1_767_225_600  # 2026-01-01 00:00 UTC

expect.set_options(timeout=20_000)


def row(case: str, layers: dict[str, int], clock_mhz: int = 216) -> Row:
    """A case whose layers take so many cycles, a fifth of them for each part."""

    def cost(op: str, cycles: int) -> LayerCost:
        counts = {"instructions": cycles // 2, "cycles_modelled": cycles}
        return LayerCost("", op, 1000, counts, {}, dict.fromkeys(PARTS, cycles // 5))

    costs = tuple(cost(*layer) for layer in layers.items())
    cycles = sum(layers.values())
    target = {"target": "embedded", "version": "Unicorn 2.1.4", "cycle_model_sha256": "5740791ef769" + "0" * 52}
    firmware = {
        "commit": "f37c575f250c",
        "compiler": "GNU 12.2.1, newlib 3.3.0",
        "flags": "-mcpu=cortex-m7 -O2",
        "engine": case.partition("/")[2],
        "model_name": f"mnist_{case.partition('/')[0]}.tflite",
        "model_sha256": "4394e119a493" + "0" * 52,
    }
    counts = {"instructions": cycles // 2, "cycles_modelled": cycles}
    split, memory = dict.fromkeys(PARTS, cycles // 5), {}
    return Row(case, clock_mhz, counts, costs, 266_188, 225_970, 46_832, target, firmware, split, memory)


LAYERS = {"CONV_2D+MAX_POOL_2D": 2_700_000, "CONV_2D": 1_080_000, "FULLY_CONNECTED": 9_000, "SOFTMAX": 90_000}


def benchmark() -> str:
    rows = [row("int8/m7", LAYERS), row("float32/m7", {op: 3 * cycles for op, cycles in LAYERS.items()})]
    return bench_page.render(rows, bench_table.grid(rows, [bench.Refused("int8/tflm", "There is no compiler.")]))


def evaluation() -> str:
    """The ten sample digits, the 3 labelled 5."""
    digits = [np.asarray(Image.open(paths.digits() / f"{digit}.png").convert("L"), np.uint8) for digit in range(10)]
    labels = np.arange(10, dtype=np.uint8)
    labels[3] = 5
    file = paths.made(paths.builds() / "pages") / "digits.npz"
    np.savez(file, image=np.stack(digits), labels=labels)
    config = BuildConfig(resolve_model("int8"))
    return evaluation_page.render(evaluate.evaluate(config, "embedded", TargetOptions(), Where(file)))


def campaign() -> str:
    config = BuildConfig(resolve_model("int8"))
    return faults_page.render(faults.run(config, count=40, seed=1, places=(Place.WEIGHTS, Place.REPLY)))


def verification() -> str:
    model = resolve_model("int8")
    samples = inputs.seeded(interface.inputs(codegen.load(model)), 1)
    config = BuildConfig(model)
    found = verify_image(config, "embedded", TargetOptions(), samples, against=resolve_model("float32"))
    return verification_page.render(found)


def profiled() -> str:
    elf = build(BuildConfig(resolve_model("int8"))).elf
    seven = np.asarray(Image.open(paths.digits() / "7.png").convert("L"), np.uint8)
    result = profiler.watch(elf, lambda session: session.classify(seven, "7.png"))
    who = identity.rows(result.record.target, result.record.firmware)
    return profile_page.render(result.profile, result.sources, title="7.png", unit="instructions", identity=who)


def comparison() -> str:
    before = [row("int8/m7", LAYERS), row("int8/reference", LAYERS)]
    after = [row("int8/m7", {**LAYERS, "CONV_2D": 1_000_000, "SOFTMAX": 100_000}), before[1]]
    return comparison_page.render(compare.compare(before, after), before, after, ("v1", "v2"))


def suites() -> str:
    """One test that passed and one that failed, with what was on the line."""
    total = Step("total", 194_688, 359_361, 1.663708)
    steps = (Step("CONV_2D", 194_688, 359_342, 1.66), Step("SOFTMAX", 0, 19, 0.003))
    cost = Cost("7.png", 7, 0.996, "instructions", "ms at 1 cycle each", steps, total)
    right, wrong = ("Sums", "Right"), ("Sums", "Wrong")
    frames = (Frame.of("sent", b"\x05abc\0", 0.25), Frame.of("reset", b"", 0.75))
    verdicts = [Verdict(right, "PASS", "", "s1-t1"), Verdict(wrong, "FAIL", "class is 7, expected 3", "s1-t2")]
    kept = {right: Evidence(right, 2, cost), wrong: Evidence(wrong, 1, cost, frames)}
    who = [
        ("Target", "embedded (Unicorn 2.1.4)"),
        ("Firmware", "commit f37c575f250c, engine m7, 216 MHz"),
        ("Model", f"mnist_int8.tflite (SHA-256 {'4394e119' * 8})"),
        ("Compiler", "GNU 12.2.1, newlib 3.3.0; -mcpu=cortex-m7 -O2"),
    ]
    return suites_page.render("embedded m7 mnist_int8.tflite", "2 tests, 1 passed, 1 failed", who, verdicts, kept)


PAGES: dict[str, Callable[[], str]] = {
    "bench": benchmark,
    "compare": comparison,
    "evaluate": evaluation,
    "faults": campaign,
    "profile": profiled,
    "test": suites,
    "verify": verification,
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.launched() as running:
        yield running


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
        patch.setenv("RENODE_MNIST_CACHE", str(folder / "cache"))
        made = {}
        for name, render in PAGES.items():
            made[name] = folder / f"{name}.html"
            made[name].write_text(render(), encoding="utf-8")
        yield made


@pytest.fixture
def visit(browser: Browser, files: dict[str, Path]) -> Iterator[Callable[..., Page]]:
    """Opens a page; it loads nothing, and nothing on it goes wrong."""
    contexts, problems = [], []

    def visit(name: str, viewport: dict[str, int] = WIDE, scheme: str = "light", **more: object) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        address = files[name].as_uri()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: None if request.url == address else problems.append(request.url))
        page.goto(address)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert problems == []


def luminance(colour: str) -> float:
    """Of ``rgb(…)``, 0 to 1 (WCAG 2)."""
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(
    ("viewport", "scheme"), [(WIDE, "light"), (WIDE, "dark"), (PHONE, "light")], ids=["light", "dark", "phone"]
)
def test_a_page_is_for_all(visit: Callable[..., Page], name: str, viewport: dict[str, int], scheme: str) -> None:
    page = visit(name, viewport, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (luminance(paper) > 0.9) is (scheme == "light")
    assert findings(page) == []
    chromium.keep(page, f"{name}-{viewport['width']}-{scheme}")


@pytest.mark.parametrize("name", PAGES)
def test_the_top_says_what_made_the_figures(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    labels = page.locator(".identity dt").all_inner_texts()
    assert {"target", "model", "compiler", "made"} <= set(labels)
    top = dict(zip(labels, page.locator(".identity dd").all_inner_texts(), strict=True))
    assert top["made"] == "2026-01-01 00:00 UTC"
    assert top["target"] == "embedded (Unicorn 2.1.4)"
    for side in ("before", "after") if name == "compare" else ("firmware",):
        assert "commit " in top[side]
        assert " m7" in top[side]
    assert "mnist_int8.tflite (SHA-256 " in top["model"]
    if name in ("bench", "compare"):
        assert "(SHA-256 5740791ef769…)" in top["model of M7"]


def test_bars_are_to_scale_and_values_have_units_and_touch_none(visit: Callable[..., Page]) -> None:
    page = visit("bench")
    chart = page.locator("figure", has_text="a colour an operator").locator(".chart")
    box, main = chart.bounding_box(), page.locator("main").bounding_box()
    assert box is not None
    assert main is not None
    assert box["width"] == main["width"]
    ends = []
    for bar in chart.locator("li:has(.value)").all():
        value = bar.locator(".value")
        last, text = bar.locator("i").last.bounding_box(), value.bounding_box()
        assert last is not None
        assert text is not None
        assert value.inner_text().endswith(" ms")
        assert last["x"] + last["width"] < text["x"]
        first = bar.locator("i").first.bounding_box()
        assert first is not None
        ends.append((last["x"] + last["width"] - first["x"]) / float(value.inner_text().split()[0]))
    assert ends[0] == pytest.approx(ends[1], rel=0.02)  # pixels a millisecond
    assert chart.locator(".axis span").last.inner_text().endswith(" ms")


def test_a_table_sorts_as_numbers_by_click_and_by_key_and_its_totals_stay(visit: Callable[..., Page]) -> None:
    page = visit("bench")
    table = page.get_by_role("region", name="all figures").locator("table")
    column = table.locator("tbody tr td:nth-child(2)")
    as_made = column.all_inner_texts()
    figures = ["12.500", "5.000", "0.042", "0.417"]
    assert [text for text in as_made if text not in ("", "↑")] == figures
    totals = table.locator("tfoot").inner_text()
    head = table.get_by_role("columnheader", name="int8/m7 216 MHz")
    assert page.evaluate("button => getComputedStyle(button).textAlign", head.element_handle()) == "right"
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    assert column.all_inner_texts()[:4] == sorted(figures, key=float, reverse=True)
    page.keyboard.press("Enter")
    expect(head).to_have_attribute("aria-sort", "ascending")
    assert column.all_inner_texts()[:4] == sorted(figures, key=float)
    page.keyboard.press("Space")
    expect(head).to_have_attribute("aria-sort", "none")
    assert column.all_inner_texts() == as_made
    assert table.locator("tfoot").inner_text() == totals
    name = table.get_by_role("columnheader", name="layer")
    name.get_by_role("button").click()
    expect(name).to_have_attribute("aria-sort", "ascending")
    assert table.locator("tbody th").all_inner_texts()[0] == "CONV_2D"


@pytest.mark.parametrize("name", PAGES)
def test_by_keyboard_one_comes_to_every_part_and_table(visit: Callable[..., Page], name: str) -> None:
    page = visit(name)
    wanted = page.locator(
        "a:visible, summary, button:enabled:visible, input:visible, .wide:visible, [tabindex='0'].f"
    ).count()
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached) == wanted
    if page.get_by_role("navigation").is_visible():  # where there are parts enough
        page.locator("nav a").last.focus()
        page.keyboard.press("Enter")
        expect(page.locator("main h2[id]").last).to_be_in_viewport()


def test_paper_is_light_without_what_is_for_screens(visit: Callable[..., Page]) -> None:
    paper = {"width": 760, "height": 1000}  # A4 within its margins
    page = visit("bench", paper, "dark")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") == paper["width"]
    expect(page.get_by_role("navigation")).to_be_hidden()
    expect(page.locator(".screen-only")).to_be_hidden()
    expect(page.locator(".paper-only").first).to_be_visible()
    assert luminance(page.evaluate("getComputedStyle(document.body).backgroundColor")) == 1


def test_without_scripts_all_is_there(visit: Callable[..., Page]) -> None:
    page = visit("profile", java_script_enabled=False)
    expect(page.get_by_role("region", name="functions").locator("tbody tr").first).to_be_visible()
    expect(page.get_by_role("button", name="engine::invoke (model)").locator("text")).to_have_text("engine::invoke")
    expect(page.get_by_role("navigation")).to_be_hidden()  # its links are made by the script


def test_a_page_is_made_again_to_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(EPOCH))
    assert benchmark() == benchmark()


def test_names_of_outside_stay_texts() -> None:
    hostile = row("<img src=x>/m7", LAYERS)
    page = bench_page.render([hostile], bench_table.grid([hostile]))
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page
