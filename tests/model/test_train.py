"""Training on the command line: the same seed gives the same weights, and what it writes can be exported."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import json_page
from renode_mnist.model import data
from renode_mnist.model.card import Card


def renode_mnist(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as determinism and imports are a process's."""
    return subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "160"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640 training and 200 test pictures as idx files."""
    folder = tmp_path_factory.mktemp("small")
    data.write_subset(folder, training=640, test=200)
    return folder


@pytest.fixture(scope="module")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    done = renode_mnist("train", "--epochs", "1", "--seed", "7", "--qat", "--data", small, "--output", folder)
    assert done.returncode == 0, done.stderr
    assert "answers by true class" in done.stdout
    return folder


@pytest.mark.long
def test_the_same_seed_gives_the_same_weights(trained: Path, small: Path, tmp_path: Path) -> None:
    again = renode_mnist("train", "--epochs", "1", "--seed", "7", "--qat", "--data", small, "--output", tmp_path)
    assert again.returncode == 0, again.stderr
    first, second = (
        {name: dataclasses.replace(record, command="", bytes=0) for name, record in Card.load(folder).trained.items()}
        for folder in (trained, tmp_path)
    )
    assert list(first) == ["float32", "qat"]
    assert first == second


@pytest.mark.long
def test_another_seed_gives_other_weights(trained: Path, small: Path, tmp_path: Path) -> None:
    other = renode_mnist("train", "--epochs", "1", "--seed", "8", "--data", small, "--output", tmp_path)
    assert other.returncode == 0, other.stderr
    digests = {Card.load(folder).trained["float32"].weights_sha256 for folder in (trained, tmp_path)}
    assert len(digests) == 2


def test_what_was_trained_is_told_as_json(small: Path, tmp_path: Path) -> None:
    done = renode_mnist("train", "--epochs", "1", "--data", small, "--output", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    fields = {name.removeprefix("models[].") for name in json_page.COMMANDS["train"][1]}
    assert told.pop("schema") == "renode-mnist/train/1"
    assert told["folder"] == str(tmp_path)
    (model,) = told["models"]
    assert set(model) | {"folder"} == fields
    assert model == dataclasses.asdict(Card.load(tmp_path).trained["float32"])


def test_the_card_adds_up(trained: Path) -> None:
    for record in Card.load(trained).trained.values():
        confusion = np.array(record.confusion)
        assert confusion.shape == (10, 10)
        assert confusion.sum() == record.count == 200
        assert np.trace(confusion) == record.correct


def test_what_was_trained_is_exported_in_every_way(trained: Path, small: Path) -> None:
    done = renode_mnist("export", trained / "mnist.keras", "--c-array", "--data", small)
    assert done.returncode == 0, done.stderr
    card = Card.load(trained)
    assert list(card.converted) == ["float32", "size", "uint8", "int8", "qat"]
    for record in card.converted.values():
        assert (trained / record.file).stat().st_size == record.bytes
        assert f"{record.bytes:,}" in done.stdout
        assert f"[{record.bytes}]" in (trained / record.file).with_suffix(".h").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("export", "nowhere.keras"), "There is no file nowhere.keras"),
        (("train", "--data", "nowhere"), "nowhere is not a folder"),
        (("train", "--epochs", "0"), "--epochs"),
        (("export", "x.keras", "--variant", "int4"), "--variant"),
    ],
)
def test_a_wrong_call_exits_with_2_and_a_message(arguments: tuple[str, ...], message: str) -> None:
    done = renode_mnist(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
