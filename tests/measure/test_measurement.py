"""A measurement as a file: what is none is refused, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from measurements import case, layer, measurement
from renode_mnist.measure import measurement as files
from renode_mnist.measure.measurement import MeasurementError
from renode_mnist.measure.of_commit import commit_here
from renode_mnist.plain_text import MOST_CHARACTERS, harmless, one_line


def parsed(content: Any) -> files.Measurement:
    return files.parse(json.dumps(content).encode(), "it")


def test_a_measurement_comes_back_from_its_file(tmp_path: Path) -> None:
    wanted = parsed(measurement(case(accuracy=0.5), case("a b/reference", ram_bytes=None, clock_mhz=0, layers=[])))
    files.save(tmp_path / "m.json", wanted)
    assert files.load(tmp_path / "m.json") == wanted
    assert json.loads((tmp_path / "m.json").read_text())["schema"] == files.SCHEMA


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"instructions": -1}, "cases.0.instructions"),
        ({"instructions": True}, "cases.0.instructions"),
        ({"instructions": 1.0}, "cases.0.instructions"),
        ({"instructions": 2**53}, "cases.0.instructions"),
        ({"instructions": "1"}, "cases.0.instructions"),
        ({"accuracy": 1.5}, "cases.0.accuracy"),
        ({"accuracy": float("nan")}, "Invalid JSON|cases.0.accuracy"),
        ({"verdict": "fine"}, "cases.0.verdict"),
        ({"case": "no engine"}, "cases.0.case"),
        ({"case": "a/b/c"}, "cases.0.case"),
        ({"case": "a\nb/m7"}, "cases.0.case"),
        ({"case": "a\u202eb/m7"}, "cases.0.case"),
        ({"case": "x" * 200 + "/m7"}, "cases.0.case"),
        ({"more": 1}, "cases.0.more"),
        ({"layers": [layer("CONV_2D")] * 1001}, "cases.0.layers"),
        ({"reasons": ["x"] * 101}, "cases.0.reasons"),
    ],
)
def test_a_field_that_is_none_is_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(MeasurementError, match=said) as refused:
        parsed(measurement(case(**changed)))
    assert "\u202e" not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"null", b"\xff\xfe", b'{"schema": "renode-mnist/measurement/2"}', b"[" * 100_000],
    ids=["empty", "list", "null", "no text", "another schema", "deep"],
)
def test_what_is_no_measurement_is_refused(content: bytes) -> None:
    with pytest.raises(MeasurementError, match="is no measurement"):
        files.parse(content, "it")


def test_sizes_are_limited(tmp_path: Path) -> None:
    (tmp_path / "large.json").write_bytes(b" " * (files.MOST_BYTES + 1))
    with pytest.raises(MeasurementError, match="more than 4,000,000 bytes"):
        files.load(tmp_path / "large.json")
    with pytest.raises(MeasurementError, match="cases"):
        parsed(measurement(*(case(f"m{number}/m7") for number in range(201))))
    with pytest.raises(MeasurementError, match="a case more than once"):
        parsed(measurement(case(), case()))


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "HEAD"}, {"id": "a" * 39}, {"url": "javascript:alert(1)"}, {"url": "https://a/<script>"},
        {"timestamp": "2026-01-01T00:00:00"}, {"timestamp": "yesterday"}, {"message": "two\nlines"},
    ],
)  # fmt: skip
def test_a_commit_is_one(changed: dict[str, str]) -> None:
    whole = measurement(case())
    with pytest.raises(MeasurementError, match=f"commit.{next(iter(changed))}"):
        parsed({**whole, "commit": {**whole["commit"], **changed}})


def test_a_refusal_holds_nothing_that_was_given() -> None:
    evil = "##[add-mask]x ::stop-commands::y"
    whole = measurement(case())
    given = [
        {**whole, evil: 1},
        measurement(case(**{evil: 1})),
        measurement(case(verdict=evil)),
        measurement(case(evil)),
    ]
    given += [{**whole, "commit": {**whole["commit"], name: evil}} for name in ("id", "url", "timestamp")]
    for content in given:
        with pytest.raises(MeasurementError) as refused:
            parsed(content)
        assert "##[" not in str(refused.value)
        assert "::" not in str(refused.value)


def test_texts_are_made_to_fit() -> None:
    assert one_line("a\n\tb\u202e  c") == "a b c"
    assert len(one_line("x" * 500)) == MOST_CHARACTERS


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n::set-output name=x::y", "a\n| ::set-output name=x::y"),
        ("::error::x", "| ::error::x"),
        ("a\r  ::error::x", "a\n|   ::error::x"),
        ("a ##[add-mask]b", "a ## [add-mask]b"),
        ("int8/m7: a::b\n\tc", "int8/m7: a::b\n\tc"),
        ("\x1b[31mred\x07", " [31mred "),
        ("a\udcff.tflite", "a\udcff.tflite"),
        ("5\u00a0%\u202e", "5\u00a0% "),
    ],
)
def test_no_line_is_a_command(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_the_commit_is_the_folders_and_of_a_pull_request_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-c", "user.name=A. Person", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "First\n\nmore"], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    desk = commit_here({})
    assert (desk.message, desk.author, desk.url, len(desk.id)) == ("First", "A. Person", "", 40)
    job = commit_here({"GITHUB_REPOSITORY": "a/b"})
    assert job.url == f"https://github.com/a/b/commit/{desk.id}"
    pull = {"title": "Title", "user": {"login": "x"}, "html_url": "https://github.com/a/b/pull/1"}
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {**pull, "head": {"sha": "b" * 40}}}))
    asked = commit_here({"GITHUB_EVENT_PATH": str(event)})
    assert (asked.id, asked.message, asked.author) == ("b" * 40, "Title", "x")
