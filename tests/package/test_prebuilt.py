"""A prebuilt image is taken where it is what would be built, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from renode_mnist import build, paths, prebuilt, toolchain, version
from renode_mnist.build import BuildConfig
from renode_mnist.errors import BuildError, EnvironmentProblem
from renode_mnist.prebuild import check, configs
from renode_mnist.prebuilt import Prebuilt


@pytest.fixture
def config(tmp_path: Path) -> BuildConfig:
    model = tmp_path / "own.tflite"
    model.write_bytes((paths.models() / "mnist_int8.tflite").read_bytes())
    return BuildConfig(model)


@pytest.fixture
def folder(config: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that carries the image of ``config``, on a machine without compilers."""
    monkeypatch.setenv("PATH", "")  # of git as well, so that the commit is the version here
    folder = tmp_path / "prebuilt"
    folder.mkdir()
    (folder / "own.elf").touch()
    prebuilt.write_index(folder, [Prebuilt(folder / "own.elf", build.identity(config), "some GCC")])
    monkeypatch.setattr(paths, "prebuilt", lambda: folder)
    prebuilt.images.cache_clear()
    yield folder
    prebuilt.images.cache_clear()


def test_the_same_is_taken_without_a_compiler(config: BuildConfig, folder: Path) -> None:
    image = build.build(config)
    assert (image.elf, image.fresh, image.is_prebuilt) == (folder / "own.elf", False, True)


def test_it_is_taken_where_there_is_no_cache(
    config: BuildConfig, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(paths, "_WHEEL_DATA", tmp_path / "data")  # so that builds would go there
    monkeypatch.setattr(paths, "root", lambda: paths.package().parent.parent)
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(config.model))  # no folder
    assert build.build(config).is_prebuilt
    monkeypatch.setattr(toolchain, "require", lambda machine: None)
    monkeypatch.setattr(build, "find_compiler", lambda machine: "")
    with pytest.raises(EnvironmentProblem, match=r"the cache .* cannot be read"):
        build.build(replace(config, clock_mhz=288))


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "reference"},
        {"objective": "cycles"},
        {"board": "article"},
        {"clock_mhz": 288},
        {"fpu": "soft"},
        {"definitions": (("SOME", "thing"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_option_is_built(config: BuildConfig, folder: Path, change: dict[str, object]) -> None:
    with pytest.raises(EnvironmentProblem, match="Ready-made are own with engine m7 on disco-f746ng"):
        build.build(replace(config, **change))  # type: ignore[arg-type]


def test_another_model_of_that_name_is_built(config: BuildConfig, folder: Path) -> None:
    config.model.write_bytes((paths.models() / "mnist_uint8.tflite").read_bytes())
    with pytest.raises(EnvironmentProblem):
        build.build(config)


def test_another_commit_is_built(config: BuildConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "commit", lambda: "another")
    with pytest.raises(EnvironmentProblem):
        build.build(config)


@pytest.mark.parametrize(
    "changed",
    ["firmware/app/new.cpp", "schema/mnist.fbs", "models/digits/8.png", "emu/renode_mnist/codegen/deep/new.py"],
)
def test_the_digest_of_the_sources_sees_every_file(tmp_path: Path, changed: str) -> None:
    before = prebuilt.sources_sha256(tmp_path, tmp_path / "emu")
    (tmp_path / changed).parent.mkdir(parents=True)
    (tmp_path / changed).touch()
    assert prebuilt.sources_sha256(tmp_path, tmp_path / "emu") != before


def test_the_digest_is_the_same_wherever_the_sources_lie(tmp_path: Path) -> None:
    for place in (tmp_path / "here", tmp_path / "there"):
        (place / "firmware").mkdir(parents=True)
        (place / "firmware" / "main.cpp").write_text("int main() {}")
    digests = {prebuilt.sources_sha256(place, place) for place in (tmp_path / "here", tmp_path / "there")}
    assert len(digests) == 1


def test_a_wheel_takes_no_images_of_other_sources(folder: Path) -> None:
    with pytest.raises(BuildError, match="lacks images of these sources: mnist_float32 for disco-f746ng, "):
        check(folder)


def test_a_wheel_carries_every_committed_model_for_every_board() -> None:
    wanted = [(config.model.stem.removeprefix("mnist_"), config.board) for config in configs()]
    assert wanted == [(model, board) for model in build.committed_models() for board in build.BOARDS]
