"""Commands on a network that is none for digits, and in places where one would not look."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from renode_mnist import paths

MOTIONS = paths.models() / "motions" / "motions_int8.tflite"


def call(*arguments: str | Path, folder: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, cwd=folder, env={**os.environ, **variables},
    )  # fmt: skip


def test_a_profile_is_of_the_inference_that_run_has() -> None:
    ran = json.loads(call("run", "--model", MOTIONS, "--target", "embedded", "--json").stdout)
    done = call("profile", "--model", MOTIONS, "--top", "500", "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["record"]["instructions"] == ran["instructions"]
    assert [layer["instructions"] for layer in said["record"]["layers"]] == [
        layer["instructions"] for layer in ran["layers"]
    ]
    assert any("channel_pair" in function["name"] for function in said["functions"])


def test_a_profile_takes_tensors_as_run_does_and_no_picture(tmp_path: Path) -> None:
    done = call("profile", "--model", MOTIONS, "--image", paths.digits() / "7.png")
    assert done.returncode == 2
    assert "none for 28x28 pictures" in done.stderr
    (tmp_path / "short.bin").write_bytes(bytes(7))
    done = call("profile", "--model", MOTIONS, "--input", tmp_path / "short.bin")
    assert done.returncode == 2
    assert "short.bin" in done.stderr


def test_an_elf_from_elsewhere_is_profiled_by_what_its_firmware_takes() -> None:
    built = call("build", "--model", MOTIONS)
    (elf,) = re.findall(r"\S+\.elf", built.stdout)[:1]
    done = call("profile", "--elf", elf, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["record"]["firmware"]["model_name"] == MOTIONS.name


def test_parity_asks_seeded_inputs() -> None:
    done = call("parity", "--model", MOTIONS, "--target", "embedded", "--target", "host", "--json")
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert len(answers) == 10
    assert len({answer["input"] for answer in answers}) == 10
    assert len({answer["class"] for answer in answers}) > 1, "inputs that tell targets apart"
    assert all(answer["differences"] == [] for answer in answers)


def test_draw_refuses_it_before_there_is_a_page() -> None:
    done = call("draw", "--model", MOTIONS, "--http-port", "0", "--no-browser")
    assert done.returncode == 2
    assert "none for 28x28 pictures of ten classes" in done.stderr
    assert done.stdout == ""


def test_a_project_holds_its_model(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    shutil.copy(MOTIONS, tmp_path / "mine.tflite")
    for model in (tmp_path / "mine.tflite", "../mine.tflite"):
        done = call("init", "--model", model, folder=tmp_path / "own")
        assert done.returncode == 2
        assert f"is outside {tmp_path / 'own'}" in done.stderr
        assert "--model mine.tflite" in done.stderr
        assert list((tmp_path / "own").iterdir()) == []


@pytest.mark.parametrize(("columns", "longest"), [("0", 80), ("5", 20), ("20", 20), ("many", 80)])
def test_a_width_that_is_none_or_too_small_shows_figures_all_the_same(columns: str, longest: int) -> None:
    done = call("run", "--target", "embedded", COLUMNS=columns)
    assert done.returncode == 0
    assert "1,416,362" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if "CONV_2D" in line) <= longest


def test_doctor_tells_a_project_file_that_is_wrong(tmp_path: Path) -> None:
    assert "project file" not in call("doctor", folder=tmp_path).stdout
    (tmp_path / "renode-mnist.toml").write_text('model = "int8"\n')
    assert re.search(r"ok +project file", call("doctor", folder=tmp_path).stdout)
    (tmp_path / "renode-mnist.toml").write_text('modle = "int8"\n')
    done = call("doctor", folder=tmp_path)
    assert done.returncode == 2
    assert "modle is unknown. Did you mean model?" in done.stdout
    (tmp_path / "renode-mnist.toml").write_text('[test]\njobs = "two"\n')
    assert "jobs" in call("doctor", folder=tmp_path).stdout
