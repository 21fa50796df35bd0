"""The Python library: one call for one thing, and results that show themselves."""

from __future__ import annotations

import base64
import doctest
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from click.testing import CliRunner
from PIL import Image

import renode_mnist
from renode_mnist import cli, library, paths
from renode_mnist.errors import (
    BuildError,
    CheckFailed,
    DataError,
    ImageError,
    ModelError,
    RenodeMnistError,
    TargetError,
)
from renode_mnist.measure.bench import BenchError
from renode_mnist.report import faults as report_faults
from renode_mnist.report.plots import Plot
from renode_mnist.session.session import Session
from renode_mnist.targets import auto

KERAS = paths.models() / "mnist.keras"
DOCUMENT = paths.root() / "docs" / "library.md"

Digits = dict[str, npt.NDArray[np.uint8]]


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with renode_mnist.open_target("host", engine="reference") as opened:
        yield opened


def test_importing_the_package_imports_nothing_of_it() -> None:
    program = "import sys, renode_mnist; print([m for m in sys.modules if m.startswith(('renode_mnist.', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_package_offers_what_the_library_does() -> None:
    assert renode_mnist.__all__ == library.__all__
    assert all(callable(getattr(renode_mnist, name)) for name in renode_mnist.__all__)
    with pytest.raises(AttributeError, match="no attribute 'clasify'"):
        renode_mnist.clasify  # noqa: B018


def test_each_call_is_documented_and_the_examples_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in renode_mnist.__all__ if name not in text] == []
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    examples = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, DOCUMENT.name, str(DOCUMENT), 0)
    said = io.StringIO()
    failed, tried = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=said.write)
    assert tried >= len(blocks)
    assert not failed, said.getvalue()
    assert {path.name for path in tmp_path.iterdir()} == {"layers.png", "builtin_digit.hpp"}


def test_file_image_and_array_of_a_digit_are_the_same_digit(session: Session, digits: Digits) -> None:
    pixels = digits["4"]
    pictures = [
        renode_mnist.sample(4),
        str(renode_mnist.sample(4)),
        Image.fromarray(pixels),
        Image.fromarray(255 - pixels),
        pixels,
        pixels.astype(np.int64),
        (pixels / 255).astype(np.float32)[np.newaxis, ..., np.newaxis],
        np.stack([pixels] * 3, axis=-1),
    ]
    records = [session.classify(picture) for picture in pictures]
    assert [record.pixels.tolist() for record in records] == [pixels.tolist()] * len(pictures)
    assert {record.winner for record in records} == {4}
    assert [record.picture for record in records[:3]] == ["4.png", "4.png", ""]


def test_28x28_bytes_are_sent_as_they_are(session: Session) -> None:
    blank = np.zeros((28, 28), np.uint8)
    assert session.classify(blank).pixels is blank


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((28, 28)), "blank"),
        (np.full((28, 28), np.nan), "go from nan to nan"),
        (np.full((28, 28), 256), "go from 256 to 256"),
        (np.full((28, 28), 1.5), "from 1.5 to 1.5"),
        (np.zeros((28, 28), object), "type object"),
        (np.zeros(784, np.uint8), r"shape \(784,\)"),
        (np.zeros((0, 28)), r"shape \(0, 28\)"),
        (np.zeros((2, 28, 28)), r"shape \(2, 28, 28\)"),
        (7, "a int is no picture"),
        ("nowhere.png", r"nowhere.png can't be read"),
    ],
)
def test_what_is_no_picture_is_refused(session: Session, picture: Any, said: str) -> None:
    with pytest.raises(ImageError, match=said):
        session.classify(picture)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: renode_mnist.open_target("mars"), TargetError, "embedded, renode, board, host"),
        (lambda: renode_mnist.open_target(engine="m8"), BuildError, "m7, reference, cmsis-nn, tflm"),
        (
            lambda: renode_mnist.open_target(engine="reference", objective="ram"),
            BuildError,
            "reference has no objective",
        ),
        (lambda: renode_mnist.open_target(clock_mhz=100), BuildError, "no clock mhz 100. Choose one of: 216, 288"),
        (lambda: renode_mnist.open_target(model="int4"), ModelError, "float32, int8"),
        (lambda: renode_mnist.open_target("board", flash="tape"), TargetError, "none, openocd"),
        (lambda: renode_mnist.compare_engines(target="host"), BenchError, "embedded, renode, board"),
        (lambda: renode_mnist.inspect_model(objective="fun"), BuildError, "time, flash, ram, instructions"),
        (lambda: renode_mnist.convert(KERAS, variants=["int4"]), ModelError, "float32, size, uint8, int8, qat"),
        (lambda: renode_mnist.sample(10), ImageError, "0 to 9"),
        (lambda: renode_mnist.draw_digit([]), ImageError, "no stroke"),
        (lambda: renode_mnist.draw_digit([[(0.5, 1.5)]]), ImageError, "outside"),
        (lambda: renode_mnist.evaluate(images=0), DataError, "at least one"),
        (lambda: renode_mnist.inject_faults(count=0), DataError, "at least one"),
        (lambda: renode_mnist.inject_faults(seed=-1), DataError, "no seed -1"),
        (lambda: renode_mnist.inject_faults(places=["weights", "moon"]), DataError, "'moon'. Give request, reply"),
        (lambda: renode_mnist.inject_faults(samples=3), DataError, "Give data"),
        (lambda: renode_mnist.inject_faults(samples=0, data=np.zeros((2, 28, 28, 1))), DataError, "at least one"),
        (lambda: renode_mnist.inject_faults(workers=2, scheduler="tcp://nowhere:1"), DataError, "one of the two"),
        (lambda: renode_mnist.inject_fault(-1), DataError, "no fault -1"),
        (lambda: renode_mnist.compare_engines("float32", engines=["cmsis-nn"]), CheckFailed, "no case could be run"),
    ],
)
def test_a_wrong_call_says_what_would_be_right(
    call: Callable[[], object], error: type[RenodeMnistError], said: str
) -> None:
    with pytest.raises(error, match=said):
        call()


def test_a_campaign_is_the_commands_and_each_fault_can_be_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))
    np.save(tmp_path / "inputs.npy", np.random.default_rng(1).integers(-128, 128, (9, 28, 28, 1)).astype(np.int8))
    asked = ("faults", "int8", "--seed", "3", "--workers", "1", "--inputs", str(tmp_path / "inputs.npy"))
    ran = CliRunner().invoke(cli.app, [*asked, "--samples", "2", "--place", "code", "--count", "12", "--json"])
    assert ran.exit_code == 0, ran.output
    printed = json.loads(ran.stdout)

    tensors = np.load(tmp_path / "inputs.npy")
    found = renode_mnist.inject_faults(data=tensors, samples=2, seed=3, places="code", count=12)
    told = found.to_json()
    assert {name: printed[name] for name in told if name not in ("inputs", "notes")} == {
        name: told[name] for name in told if name not in ("inputs", "notes")
    }
    assert repr(found) == f"<Campaign: {report_faults.score(found)[:-1]}; mnist_int8.tflite by m7, seed 3>"
    assert all(each.fault.place == "code" for each in found.findings)
    assert "12 faults" in found._repr_html_()
    assert found.connection.firmware.compiler in found._repr_html_()
    found.save(tmp_path / "page.html")
    assert "By place" in (tmp_path / "page.html").read_text(encoding="utf-8")

    one = renode_mnist.inject_fault(5, data=tensors, samples=2, seed=3, places=["code"])
    assert one.finding == found.findings[5]
    assert repr(one).startswith(f"fault 5: code, input {one.fault.sample}: {one.fault.said}\n{one.finding.outcome}")
    assert " sent " in repr(one)


def test_auto_is_what_the_command_line_takes() -> None:
    kind = type(renode_mnist.open_target("auto").target).__name__
    assert kind == {"embedded": "EmbeddedTarget", "renode": "RenodeTarget"}[auto.choose().target]


def test_the_connection_is_checked_by_asking(session: Session) -> None:
    connection = session.check()
    assert connection.firmware.build_id == session.firmware.build_id
    assert connection.to_json()["target"]["name"] == "host"
    assert connection.firmware.compiler in connection._repr_html_()


def test_a_record_as_html_holds_the_picture_and_takes_no_name_for_markup(session: Session, digits: Digits) -> None:
    record = session.classify(digits["5"], "<b>& co")
    html = record._repr_html_()
    assert "<b>" not in html
    assert "&lt;b&gt;&amp; co" in html
    encoded = re.search(r"data:image/png;base64,([^\"]+)", html)
    assert encoded is not None
    with Image.open(io.BytesIO(base64.b64decode(encoded[1]))) as picture:
        assert np.array_equal(np.asarray(picture), digits["5"])
    shown = re.findall(r"</div></td>\s*<td>([\d.]+)</td>", html)
    assert shown == [f"{score:.4f}" for score in record.inference.scores]
    for layer in record.inference.layers:
        assert f"<td>{layer.counter:,}</td>" in html


def test_drawn_digits_are_what_they_look_like(session: Session) -> None:
    circle = [(0.5 + 0.2 * np.cos(turn), 0.5 + 0.3 * np.sin(turn)) for turn in np.linspace(0, 2 * np.pi, 40)]
    assert session.classify(renode_mnist.draw_digit([circle])).winner == 0
    assert session.classify(renode_mnist.draw_digit([[(0.5, 0.2), (0.5, 0.8)]])).winner == 1
    assert session.classify(renode_mnist.draw_digit([[(0.3, 0.2), (0.7, 0.2), (0.45, 0.85)]])).winner == 7


def test_a_plot_takes_the_colour_of_the_page_and_is_the_same_each_time(session: Session) -> None:
    record = session.classify(renode_mnist.sample(7))
    plots = [renode_mnist.plot_layers(record) for _ in range(2)]
    assert all(isinstance(plot, Plot) for plot in plots)
    assert plots[0].svg() == plots[1].svg()
    assert "currentColor" in plots[0]._repr_html_()
    assert not re.search(r"(stroke|fill): #(000|010203)", plots[0]._repr_html_())
    for number, layer in enumerate(record.inference.layers):
        assert f"{number}  {layer.op}" in plots[0].svg()


def test_the_header_holds_the_pixels(tmp_path: Path, digits: Digits) -> None:
    file = tmp_path / "digit.hpp"
    header = renode_mnist.digit_header(renode_mnist.sample(2), file)
    numbers = re.search(r"kPixels\[784\] = \{(.*?)\}", header, re.DOTALL)
    assert numbers is not None
    assert [int(number) for number in numbers[1].split(",") if number.strip()] == digits["2"].ravel().tolist()
    assert file.read_text() == header


def test_cycles_by_parameters_of_a_file_say_so_wherever_they_are_shown(tmp_path: Path) -> None:
    file = tmp_path / "chip.toml"
    file.write_text('format = "renode-mnist calibration 1"\n[parameters]\naxi_cycles = 9\n')
    with renode_mnist.open_target("embedded", clock_model="m7", parameters=file) as session:
        record = session.classify(renode_mnist.sample(7))
        told = "of chip.toml (not told what it was measured on): axi_cycles 9 for 5"
        assert told in repr(record)
        assert told in repr(session.check())
        assert told in record._repr_html_()
        assert told in record.to_json()["target"]["cycle_parameters"]
    with pytest.raises(TargetError, match="Add `--clock-model m7`"), renode_mnist.open_target(parameters=file):
        pass
