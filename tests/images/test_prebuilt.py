"""A prebuilt image is taken where it is what would be built, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from renode_mnist import images, paths, remedies, version
from renode_mnist.cli import app
from renode_mnist.errors import BuildError, EnvironmentProblem, ModelError
from renode_mnist.images import BuildConfig, prebuilt, stamp, toolchain
from renode_mnist.images.prebuild import check, configs
from renode_mnist.images.prebuilt import Prebuilt
from renode_mnist.measure import bench
from renode_mnist.renode_install import locate
from renode_mnist.session import opening


@pytest.fixture
def config(tmp_path: Path) -> BuildConfig:
    model = tmp_path / "own.tflite"
    model.write_bytes((paths.models() / "mnist_int8.tflite").read_bytes())
    return BuildConfig(model)


@pytest.fixture
def folder(config: BuildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package that carries the image of ``config``, on a machine without compilers."""
    monkeypatch.setenv("PATH", "")  # of git as well, so that the commit is the version here
    monkeypatch.setattr(paths, "scripts", lambda: tmp_path)
    folder = tmp_path / "prebuilt"
    folder.mkdir()
    (folder / "own.elf").touch()
    prebuilt.write_index(folder, [Prebuilt(folder / "own.elf", images.identity(config), "some GCC")])
    monkeypatch.setattr(paths, "prebuilt", lambda: folder)
    prebuilt.images.cache_clear()
    yield folder
    prebuilt.images.cache_clear()


def test_the_same_is_taken_without_a_compiler(config: BuildConfig, folder: Path) -> None:
    image = images.build(config, starting=lambda: pytest.fail("nothing is compiled"))
    assert (image.elf, image.fresh, image.is_prebuilt) == (folder / "own.elf", False, True)


def test_it_is_taken_where_there_is_no_cache(
    config: BuildConfig, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(paths, "_WHEEL_DATA", tmp_path / "data")  # so that builds would go there
    monkeypatch.setattr(paths, "root", lambda: paths.package().parent.parent)
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(config.model))  # no folder
    assert images.build(config).is_prebuilt
    monkeypatch.setattr(toolchain, "require", lambda *_: None)
    monkeypatch.setattr(toolchain, "find_compiler", lambda machine: "")
    with pytest.raises(EnvironmentProblem, match=r"the cache .* cannot be read"):
        images.build(replace(config, clock_mhz=288))


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "reference"},
        {"objective": "flash"},
        {"board": "article"},
        {"clock_mhz": 288},
        {"fpu": "soft"},
        {"definitions": (("SOME", "thing"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_option_is_built(config: BuildConfig, folder: Path, change: dict[str, object]) -> None:
    with pytest.raises(EnvironmentProblem) as told:
        images.build(replace(config, **change))  # type: ignore[arg-type]
    there, _, asked = str(told.value).partition("; asked was ")
    assert there.endswith(
        f"(extra build, {remedies.DOWNLOAD_MEGABYTES['build']} MB). Ready-made are own, with engine m7, "
        "on disco-f746ng, at 216 MHz, with hard floating point, minimising time."[: None if not asked else -1]
    )
    if "definitions" not in change:
        assert str(*change.values()) in asked


def test_another_model_of_that_name_is_built(config: BuildConfig, folder: Path) -> None:
    config.model.write_bytes((paths.models() / "mnist_uint8.tflite").read_bytes())
    with pytest.raises(EnvironmentProblem, match=r"asked was own\.tflite\."):
        images.build(config)


def test_another_name_of_that_model_is_built_and_told_the_name_that_is_there(
    config: BuildConfig, folder: Path
) -> None:
    other = config.model.rename(config.model.with_name("other.tflite"))
    with pytest.raises(EnvironmentProblem, match=r"other\.tflite is own\.tflite to the byte.* give own\.tflite"):
        images.build(replace(config, model=other))


@pytest.mark.parametrize("content", [b"", b"a text", (paths.models() / "mnist_int8.tflite").read_bytes()[:9999]])
def test_what_is_no_model_is_told_before_a_compiler_is_asked_for(
    config: BuildConfig, folder: Path, content: bytes
) -> None:
    config.model.write_bytes(content)
    with pytest.raises(ModelError, match=r"own\.tflite"):
        images.build(config)


def test_a_benchmark_without_a_compiler_has_what_is_ready_made_and_says_what_is_not(
    config: BuildConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "own.elf").unlink()
    model = str(config.model)

    def row(case: bench.Case, clock_mhz: int, *_: object) -> str:
        images.build(replace(config, engine=case.engine, fpu=case.fpu, clock_mhz=clock_mhz))
        return case.name

    monkeypatch.setattr(bench, "_measure", lambda case, clocks, *_: [row(case, clocks[0])])
    rows, refused = bench.run(bench.cases([model], ["reference", "m7"], ["time"], ["hard", "soft"]), [216])
    assert rows == ["own/m7"]
    assert all(refusal.for_want_of_tools for refusal in refused)
    (sentence,) = bench.told(refused)
    assert sentence.startswith("own/reference, own/reference-soft, own/m7-soft: building this image takes arm-none")
    assert sentence.endswith("(extra build, 36 MB).")


def test_parity_without_a_compiler_says_what_would_bring_a_second_target(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locate, "_find_renode", lambda: None)
    assert opening.available() == ["embedded"]
    gcc, done = remedies.install("c++"), CliRunner().invoke(app, ["parity"])
    assert isinstance(done.exception, EnvironmentProblem)
    said = str(done.exception)
    assert said.startswith("two targets are needed, and this machine has embedded alone. renode: Renode is not")
    assert f" host: building this image takes c++, cmake and ninja, not found on this machine. Run `{gcc} &&" in said


def test_another_commit_is_built(config: BuildConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "commit", lambda: "another")
    with pytest.raises(EnvironmentProblem):
        images.build(config)


@pytest.mark.parametrize(
    "changed",
    ["firmware/app/new.cpp", "schema/mnist.fbs", "models/digits/8.png", "emu/renode_mnist/codegen/deep/new.py"],
)
def test_the_digest_of_the_sources_sees_every_file(tmp_path: Path, changed: str) -> None:
    before = stamp.sources_sha256(tmp_path, tmp_path / "emu")
    (tmp_path / changed).parent.mkdir(parents=True)
    (tmp_path / changed).touch()
    assert stamp.sources_sha256(tmp_path, tmp_path / "emu") != before


def test_the_digest_is_the_same_wherever_the_sources_lie(tmp_path: Path) -> None:
    for place in (tmp_path / "here", tmp_path / "there"):
        (place / "firmware").mkdir(parents=True)
        (place / "firmware" / "main.cpp").write_text("int main() {}")
    digests = {stamp.sources_sha256(place, place) for place in (tmp_path / "here", tmp_path / "there")}
    assert len(digests) == 1


def test_a_wheel_takes_no_images_of_other_sources(folder: Path) -> None:
    with pytest.raises(BuildError, match="lacks images of these sources: mnist_float32 for disco-f746ng, "):
        check(folder)


def test_a_wheel_carries_every_committed_model_for_every_board() -> None:
    wanted = [(config.model.stem.removeprefix("mnist_"), config.board) for config in configs()]
    assert wanted == [(model, board) for model in images.committed_models() for board in images.BOARDS]
