"""The page of ``renode-mnist draw`` in a real browser: Debian's Chromium, driven by Playwright.

Pictures of the page are kept in ``build/screenshots``, for those who want to look at it.
"""

from __future__ import annotations

import math
import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Download, Page, expect

import chromium
import snippets
from accessibility import findings
from draw_server import PATIENCE_SECONDS, DrawServer, children, draw_server
from renode_mnist import codegen, images, paths
from renode_mnist.codegen import builtin_digit
from renode_mnist.images import BuildConfig, resolve_model, toolchain
from renode_mnist.measure import layer_tensors
from renode_mnist.model import golden, preprocess
from renode_mnist.session.opening import open_session
from renode_mnist.session.target_options import TargetOptions

Points = list[tuple[float, float]]
"""Shares of the drawing area's width and height."""

ONE: Points = [(0.5, 0.15), (0.5, 0.85)]
ZERO: Points = [
    (0.5 + 0.2 * math.sin(step * math.pi / 16), 0.5 - 0.34 * math.cos(step * math.pi / 16)) for step in range(33)
]
SEVEN: Points = [(0.28, 0.2), (0.7, 0.2), (0.42, 0.85)]

INT8 = BuildConfig(resolve_model("int8"))

WIDE = {"width": 1200, "height": 900}
PHONE = {"width": 375, "height": 812}

expect.set_options(timeout=PATIENCE_SECONDS * 1000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium.launched() as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[DrawServer]:
    with draw_server() as running:
        yield running


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page; nothing on it may go wrong that the test does not expect."""
    contexts, problems = [], []

    def visit(server: DrawServer, *, viewport: dict[str, int] = WIDE, scheme: str = "light", **more: object) -> Page:
        context = browser.new_context(viewport=viewport, color_scheme=scheme, reduced_motion="reduce", **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_SECONDS * 1000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: problems.extend([] if server.url in request.url else [request.url]))
        page.goto(server.url)
        return page

    yield visit
    for context in contexts:
        context.close()
    # Not the page's: a test that reads its canvas often; responses that say no, and servers that a test has ended.
    others = ("willReadFrequently", "status of 415", "status of 422", "status of 503", "net::ERR_")
    assert [problem for problem in problems if not any(other in problem for other in others)] == []


@pytest.fixture
def page(visit: Callable[..., Page], server: DrawServer) -> Page:
    return visit(server)


def draw(page: Page, points: Points) -> None:
    """A stroke of the mouse."""
    places = on_surface(page, points)
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()


def on_surface(page: Page, points: Points) -> Points:
    box = page.locator("#surface").bounding_box()
    assert box is not None
    return [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]


def seen(page: Page) -> npt.NDArray[np.uint8]:
    """What the network sees, as the page shows it."""
    levels = page.locator("#seen").evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data]")
    return np.array(levels, np.uint8).reshape(28, 28, 4)[:, :, 0]


def settled(page: Page) -> npt.NDArray[np.uint8]:
    """What the network sees once the whole stroke has been answered: there are answers to its beginning too."""
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    return seen(page)


def expect_looked(page: Page) -> None:
    """A closer look at what is drawn has come."""
    maps = page.locator("#maps-card")
    expect(maps).to_be_visible()
    expect(maps).to_have_attribute("aria-busy", "false")


def expect_class(page: Page, digit: int) -> None:
    expect(page.locator(".answer")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#live")).to_contain_text(f"Class {digit}")
    expect(page.locator("#class")).to_have_text(str(digit))


@pytest.mark.parametrize(("digit", "stroke", "scheme"), [(1, ONE, "light"), (0, ZERO, "dark")])
def test_a_drawn_digit_is_classified(
    visit: Callable[..., Page], server: DrawServer, digit: int, stroke: Points, scheme: str
) -> None:
    page = visit(server, scheme=scheme)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    draw(page, stroke)
    expect_class(page, digit)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible()
    scores = [float(text) for text in page.locator(".scores .value").all_inner_texts()]
    assert len(scores) == 10
    assert int(np.argmax(scores)) == digit
    expect(page.locator(".scores .winner")).to_contain_text(str(digit))
    expect(page.locator("#layers tbody tr")).to_have_count(6)
    expect(page.locator("#stack span")).to_have_count(6)
    fills = "parts => parts.map(part => getComputedStyle(part).backgroundColor)"
    assert len(set(page.locator("#stack span").evaluate_all(fills))) == 6
    expect(page.locator("#total")).to_contain_text("instructions")
    expect(page.locator("#unit-note")).to_contain_text("They are no cycles")
    second = max((score, label) for label, score in enumerate(scores) if label != digit)
    expect(page.locator("#verdict")).to_contain_text(f"then {scores.index(second[0])}: {second[0]:.4f}")
    expect(page.locator("#verdict")).to_contain_text(f"margin {scores[digit] - second[0]:.4f}")
    expect_looked(page)
    assert findings(page) == []
    expect(page.locator("#identity")).to_contain_text("embedded (Unicorn")
    expect(page.locator("#identity")).to_contain_text("mnist_int8.tflite")
    chromium.keep(page, f"draw-{digit}-{scheme}")


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(244, 246, 247)"), ("dark", "rgb(16, 22, 27)")])
def test_a_phone_needs_no_scrolling_to_the_side(
    visit: Callable[..., Page], server: DrawServer, scheme: str, background: str
) -> None:
    page = visit(server, viewport=PHONE, scheme=scheme, has_touch=True, is_mobile=True)
    assert page.evaluate("() => document.documentElement.scrollWidth") == 375
    touch = page.context.new_cdp_session(page)

    def send(kind: str, places: Points) -> None:
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y, "id": 1} for x, y in places]}
        )

    places = on_surface(page, [*SEVEN[:2], (0.56, 0.53), SEVEN[2]])
    send("touchStart", places[:1])
    for place in places[1:]:
        send("touchMove", [place])
    send("touchEnd", [])
    expect_class(page, 7)
    expect_looked(page)
    for seen_at_once in ("#surface", "#verdict", "#seen", "#scores li:last-child"):
        expect(page.locator(seen_at_once)).to_be_in_viewport(ratio=1)
    expect(page.locator("#keys")).to_be_hidden()
    assert findings(page) == []
    assert page.evaluate("() => scrollY") == 0
    assert page.evaluate("() => document.documentElement.scrollWidth") == 375
    assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == background
    chromium.keep(page, f"draw-phone-{scheme}")


def test_a_pen_that_presses_draws_wider(page: Page) -> None:
    pen = page.context.new_cdp_session(page)

    def ink(force: float) -> int:
        (x, top), (_, bottom) = on_surface(page, ONE)
        shared = {"x": x, "button": "left", "buttons": 1, "pointerType": "pen", "force": force, "clickCount": 1}
        pen.send("Input.dispatchMouseEvent", shared | {"type": "mousePressed", "y": top})
        pen.send("Input.dispatchMouseEvent", shared | {"type": "mouseMoved", "y": bottom})
        pen.send("Input.dispatchMouseEvent", shared | {"type": "mouseReleased", "y": bottom})
        expect(page.locator("#undo")).to_be_enabled()
        count = page.locator("#surface").evaluate(
            "canvas => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done("
            "canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
            ".filter((value, i) => i % 4 === 3 && value > 127).length))))"
        )
        page.locator("#clear").click()
        return int(count)

    assert ink(0.9) > 1.3 * ink(0.3)


def test_strokes_are_taken_back_and_all_is_cleared(page: Page) -> None:
    draw(page, ONE)
    expect_class(page, 1)
    one = settled(page)
    draw(page, ZERO)
    expect(page.locator("#seen")).not_to_have_accessible_name("What the network sees: nothing yet")
    page.locator("#undo").click()
    expect_seen(page, one)
    page.locator("#clear").click()
    expect(page.locator("#class")).to_have_text("–")
    expect(page.locator("#hint")).to_be_visible()
    expect(page.locator("#clear")).to_be_disabled()
    expect(page.locator("#export-png")).to_be_disabled()
    assert not seen(page).any()
    page.keyboard.press("Control+z")  # also a clearing is taken back
    expect_seen(page, one)
    expect_class(page, 1)
    page.keyboard.press("Control+z")
    expect(page.locator("#undo")).to_be_disabled()


def expect_seen(page: Page, pixels: npt.NDArray[np.uint8]) -> None:
    for _ in range(PATIENCE_SECONDS * 20):
        if np.array_equal(seen(page), pixels):
            return
        page.wait_for_timeout(50)
    raise AssertionError("the network sees another picture")


def test_the_stroke_gets_wider_by_its_control(page: Page) -> None:
    width = page.get_by_label("Stroke")
    width.focus()
    page.keyboard.press("Home")
    draw(page, ONE)
    expect_class(page, 1)
    thin = settled(page).sum()
    page.locator("#clear").click()
    width.focus()
    page.keyboard.press("End")
    assert width.get_attribute("aria-valuetext") == "14 % of the drawing area"
    draw(page, ONE)
    expect_class(page, 1)
    assert settled(page).sum() > 1.5 * thin


def test_a_digit_is_drawn_by_keyboard_and_every_control_is_reached(page: Page) -> None:
    def tab_to(control: str) -> None:
        for _ in range(12):
            page.keyboard.press("Tab")
            if page.evaluate("() => document.activeElement.id") == control:
                return
        raise AssertionError(f"no way to {control}")

    expect(page.locator("#engine")).to_be_visible()  # the lists are there once the server has said what it offers
    for control in ("target", "model", "engine", "surface"):
        tab_to(control)
    for _ in range(10):
        page.keyboard.press("ArrowUp")
    for _ in range(20):
        page.keyboard.press("Shift+ArrowDown")
    expect_class(page, 1)
    chromium.keep(page, "draw-keyboard")
    page.keyboard.press("Delete")
    expect(page.locator("#class")).to_have_text("–")
    for _ in range(20):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    expect_class(page, 1)
    for control in (
        "undo",
        "clear",
        "import",
        "stroke",
        "export-png",
        "export-header",
        "export-npy",
        "export-golden",
    ):
        tab_to(control)


def test_every_control_has_a_name(page: Page) -> None:
    for role, names in {
        "combobox": ["Target", "Model", "Engine"],
        "button": ["Undo", "Clear", "Open a picture", "PNG", "C header", "Tensor", "Test case"],
        "slider": ["Stroke"],
        "application": ["Drawing area"],
        "img": ["What the network sees: nothing yet", "No result yet"],
        "list": ["Scores"],
    }.items():
        for name in names:
            expect(page.get_by_role(role, name=name, exact=True)).to_have_count(1)
    expect(page.locator("#surface")).to_have_accessible_description(re.compile("arrow keys"))
    expect(page.locator("#keys")).to_be_visible()  # where a mouse is
    assert findings(page) == []


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A photograph, as it were: large, dark on light, the digit off its middle."""
    digit = Image.open(paths.digits() / "5.png").convert("L")
    paper = Image.new("L", (900, 1300), 250)
    paper.paste(digit.resize((450, 450)).point(lambda value: 250 - int(value * 0.9)), (300, 700))
    paper.save(tmp_path / "scan.jpg")
    return tmp_path / "scan.jpg"


def test_a_picture_comes_by_file_and_is_seen_as_run_sees_it(page: Page, scan: Path) -> None:
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Open a picture").click()
    choosing.value.set_files(scan)
    expect_class(page, 5)
    assert np.array_equal(seen(page), preprocess.read(scan).pixels)
    chromium.keep(page, "draw-imported")
    page.locator("#undo").click()
    expect(page.locator("#class")).to_have_text("–")


def drop(page: Page, name: str, kind: str, content: bytes) -> None:
    carried = page.evaluate_handle(
        "([name, type, bytes]) => { const all = new DataTransfer();"
        "all.items.add(new File([new Uint8Array(bytes)], name, { type })); return all; }",
        [name, kind, list(content)],
    )
    page.locator("#surface").dispatch_event("dragover", {"dataTransfer": carried})
    page.locator("#surface").dispatch_event("drop", {"dataTransfer": carried})


def test_a_picture_is_dropped_and_drawn_onto(page: Page) -> None:
    picture = paths.digits() / "3.png"
    drop(page, picture.name, "image/png", picture.read_bytes())
    expect_class(page, 3)
    assert np.array_equal(seen(page), builtin_digit.load(picture))
    draw(page, [(0.4, 0.15), (0.4, 0.85)])
    expect_class(page, 8)
    page.locator("#undo").click()
    expect_seen(page, builtin_digit.load(picture))


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("notes.txt", 10, "must be one of image/png"),
        ("broken.png", 10, "no picture"),
        ("huge.png", 20_000_001, "larger than 20 MB"),
    ],
)
def test_what_is_no_picture_is_told_and_leaves_the_drawing(
    page: Page, tmp_path: Path, name: str, size: int, said: str
) -> None:
    (tmp_path / name).write_bytes(bytes(size))
    draw(page, ONE)
    expect_class(page, 1)
    page.locator("#file").set_input_files(tmp_path / name)
    expect(page.locator("#note")).to_contain_text(said)
    expect(page.locator("#note")).to_contain_text(name)
    expect(page.locator("#class")).to_have_text("1")


def test_what_the_network_sees_is_saved_as_a_picture_and_as_a_header(page: Page, tmp_path: Path) -> None:
    draw(page, ZERO)
    expect_class(page, 0)
    pixels = settled(page)

    def saved(button: str) -> Download:
        with page.expect_download() as downloading:
            page.get_by_role("button", name=button).click()
        return downloading.value

    png = saved("PNG")
    png.save_as(tmp_path / png.suggested_filename)
    assert png.suggested_filename == "digit.png"
    assert np.array_equal(builtin_digit.load(tmp_path / "digit.png"), pixels)

    header = saved("C header")
    assert header.suggested_filename == "builtin_digit.hpp"
    header.save_as(tmp_path / "builtin_digit.hpp")
    written = (tmp_path / "builtin_digit.hpp").read_text()
    assert written == builtin_digit.emit(pixels, "a drawing (`renode-mnist draw`)")
    use = '#include "builtin_digit.hpp"\nstatic_assert(sizeof builtin_digit::kPixels == 784);\n'
    compiler = toolchain.find_compiler("host")
    subprocess.run(
        [compiler, "-std=c++17", "-Wall", "-Werror", "-fsyntax-only", "-x", "c++", "-"],
        input=use, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip


def test_each_layer_shows_its_activations_and_its_modelled_time(page: Page) -> None:
    draw(page, ZERO)
    expect_class(page, 0)
    expect_looked(page)
    with open_session("embedded", images.build(INT8).elf, TargetOptions(clock_model="m7")) as session:
        record = session.classify(settled(page))
        plan = codegen.plan(codegen.load(INT8.model), INT8.engine, images.aim(INT8))
        watched = layer_tensors.observer(session, plan, images.build(INT8).elf)
        tensors = watched.infer((settled(page).astype(np.int16) - 128).astype(np.int8).reshape(1, 1, 28, 28, 1))
    expect(page.locator("#how")).to_contain_text("Read from memory at the layer marks")
    expect(page.locator("#maps figcaption strong")).to_have_text(
        [f"{each.step} {plan.steps[each.step].op}" for each in watched.seen]
    )
    expect(page.locator("#other-heading")).to_have_text("ms (modelled)")
    expect(page.locator("#other-note")).to_contain_text("% off on average")
    times = [float(text) for text in page.locator("#layers tbody td:last-child").all_inner_texts()]
    modelled = [record.milliseconds(layer.counter) for layer in record.inference.layers]
    assert times == pytest.approx(modelled, abs=0.02)  # what the run before left in the caches is another's
    first = tensors.tensors[watched.seen[0].tensor.index].astype(float)
    low, high = first.min(), first.max()
    corner = page.locator("#maps canvas").first.evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 13, 13).data].filter((_, i) => i % 4 === 0)"
    )
    expected = np.round((first[0, :, :, 0] - low) / (high - low) * 255)
    assert np.array_equal(np.reshape(corner, (13, 13)), expected)


def test_drawings_of_the_visit_come_back_by_a_click(page: Page) -> None:
    draw(page, ONE)
    expect_class(page, 1)
    one = settled(page)
    page.locator("#clear").click()
    draw(page, ZERO)
    expect_class(page, 0)
    past = page.get_by_role("region", name="Drawn in this visit").get_by_role("button")
    expect(past).to_have_text(["0", "1"])
    expect(past.first).to_have_attribute("aria-current", "true")
    past.nth(1).press("Enter")
    expect_class(page, 1)
    assert np.array_equal(settled(page), one)
    expect(past).to_have_text(["0", "1"])  # it is there already
    expect(past.nth(1)).to_have_attribute("aria-current", "true")
    draw(page, [(0.3, 0.5), (0.7, 0.5)])  # it goes on as a drawing
    expect(past).to_have_count(3)
    page.locator("#undo").click()
    expect_seen(page, one)
    page.locator("#undo").click()
    expect_class(page, 0)


def test_a_drawing_becomes_a_test_case(page: Page, tmp_path: Path) -> None:
    draw(page, ZERO)
    expect_class(page, 0)
    stored = (settled(page).astype(np.int16) - 128).astype(np.int8).reshape(1, 28, 28, 1)
    scores = [float(text) for text in page.locator(".scores .value").all_inner_texts()]
    for button, name in (("Tensor", "drawing.npy"), ("Test case", "drawing.npz")):
        with page.expect_download() as downloading:
            page.get_by_role("button", name=button, exact=True).click()
        assert downloading.value.suggested_filename == name
        downloading.value.save_as(tmp_path / name)
    assert np.array_equal(np.load(tmp_path / "drawing.npy"), stored)
    vectors = golden.read(tmp_path / "drawing.npz")
    assert vectors.identity.model_name == "mnist_int8.tflite"
    assert np.array_equal(vectors.inputs[0][0], stored)
    answer = vectors.output_specs[0].reals(vectors.outputs[0][0]).ravel()
    assert answer.tolist() == pytest.approx(scores, abs=1e-4)
    expect(page.locator("#note")).to_contain_text("renode-mnist test --golden drawing.npz")


def test_engine_and_target_are_switched_and_the_drawing_is_classified_anew(
    visit: Callable[..., Page], host_program: Path
) -> None:
    with draw_server() as server:
        page = visit(server)
        draw(page, ONE)
        expect_class(page, 1)
        page.get_by_label("Engine").select_option("reference")
        expect(page.locator("#identity")).to_contain_text("engine reference")
        expect(page.locator("#layers")).to_be_visible()
        page.get_by_label("Target").select_option("host")
        expect(page.locator("#identity")).to_contain_text("host (")
        expect(page.locator("#total")).to_contain_text("nanoseconds (this PC)")
        expect(page.locator("#unit-note")).to_contain_text("Time on this PC")
        expect(page.locator("#how")).to_contain_text("built without --trace. To see activations here: --trace")
        expect(page.locator("#maps li")).to_have_count(0)
        expect_class(page, 1)
        # What is built is said to be: the list was made anew after each build.
        expect(page.get_by_label("Engine").locator("option:checked")).to_have_text("reference")
        expect(page.get_by_label("Target").locator("option:checked")).to_have_text("host")


def test_a_target_that_dies_is_shown_and_comes_back_by_a_button(
    visit: Callable[..., Page], host_program: Path
) -> None:
    with draw_server("--engine", "reference", target="host") as server:
        page = visit(server)
        expect(page.get_by_text("Ready", exact=True)).to_be_visible()
        os.kill(children(server.worker())[0], signal.SIGKILL)
        draw(page, ONE)
        expect(page.get_by_role("alert")).to_contain_text("Lost the program")
        expect(page.get_by_text("Failed", exact=True)).to_be_visible()
        expect(page.locator("#class")).to_have_text("–")
        expect(page.locator("#identity")).to_be_hidden()
        assert seen(page).any()
        chromium.keep(page, "draw-failed")
        page.get_by_role("button", name="Try again").click()
        expect_class(page, 1)
        expect(page.get_by_role("alert")).to_be_hidden()


def test_a_target_that_is_slow_is_shown_while_the_page_stays_usable(
    visit: Callable[..., Page], host_program: Path
) -> None:
    with draw_server("--engine", "reference", "--deadline", "3600", target="host") as server:
        page = visit(server)
        expect(page.get_by_text("Ready", exact=True)).to_be_visible()
        program = children(server.worker())[0]
        os.kill(program, signal.SIGSTOP)
        draw(page, ONE)
        expect(page.locator("#state")).to_contain_text("Working")
        one = seen(page)
        page.locator("#clear").click()
        draw(page, ZERO)
        expect(page.locator("#export-png")).to_be_enabled()
        assert not np.array_equal(seen(page), one)
        os.kill(program, signal.SIGCONT)
        expect_class(page, 0)


def test_an_image_that_hangs_is_stopped_and_another_target_is_no_offer(visit: Callable[..., Page]) -> None:
    # Each look at a register costs the emulator far more than the core: virtual deadlines come late. The count makes
    # each round another, which the emulator does not take for a loop without end.
    hangs = snippets.build("function run\n  ldr r0, =0x40023800\n0: ldr r1, [r0]\n  adds r2, #1\n  b 0b\n")
    with draw_server("--elf", hangs, "--deadline", "1.5") as server:
        page = visit(server)
        expect(page.get_by_role("alert")).to_contain_text("has not answered for 1.5 s and was stopped")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
        expect(page.locator("#elf")).to_have_text("snippet.elf")
        expect(page.get_by_label("Model")).to_be_hidden()
        assert "host" not in page.get_by_label("Target").inner_text()
        draw(page, ONE)
        expect(page.locator("#export-png")).to_be_enabled()


def test_a_page_whose_server_has_gone_says_so(visit: Callable[..., Page]) -> None:
    with draw_server() as server:
        page = visit(server)
        expect(page.get_by_text("Ready", exact=True)).to_be_visible()
        assert server.stop() == 0
        expect(page.get_by_text("Disconnected")).to_be_visible()
        expect(page.get_by_role("alert")).to_contain_text("Start it again")
        page.goto("about:blank")
