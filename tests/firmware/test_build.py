"""Options of the firmware's CMake project: what cannot work is refused before anything is compiled."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from firmware_builds import configure, cross
from renode_mnist import paths
from renode_mnist.commands.inspect import inspect
from renode_mnist.errors import BuildError, EnvironmentProblem
from renode_mnist.images import BuildConfig, Tree, build, make, resolve_model, toolchain


@pytest.mark.parametrize(
    ("settings", "reason", "way_out"),
    [
        (cross("ENGINE=fast"), 'ENGINE cannot be "fast"', "Choose one of reference, m7, cmsis-nn, tflm"),
        (cross("BOARD=uno"), 'BOARD cannot be "uno"', "Choose one of disco-f746ng, nucleo-f746zg, article"),
        (cross("CLOCK_MHZ=480"), 'CLOCK_MHZ cannot be "480"', "Choose one of 216, 288"),
        (cross("FPU=double"), 'FPU cannot be "double"', "Choose one of hard, soft"),
        (cross("OBJECTIVE=beauty"), 'OBJECTIVE cannot be "beauty"', "Choose one of time, flash"),
        (cross("SANITIZE=ON"), "run on the PC only", "host-sanitize"),
        (("FPU=soft",), "this builds for the PC", "Leave FPU out"),
        (("FUZZ=ON", "ENGINE=test"), "libFuzzer comes with clang", "CMAKE_CXX_COMPILER=clang++"),
        (("MODEL=/nowhere/model.tflite",), "There is no model /nowhere/model.tflite", "-DMODEL="),
        (("ENGINE=test", "DIGIT=/nowhere/8.png"), "There is no picture /nowhere/8.png", "-DDIGIT="),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else "",
)
def test_what_cannot_work_is_refused_with_a_way_out(
    tmp_path: Path, settings: tuple[str, ...], reason: str, way_out: str
) -> None:
    result = configure(tmp_path / "build", *settings)
    said = " ".join(result.stdout.split())
    assert result.returncode != 0
    assert reason in said
    assert way_out in said


def test_a_model_that_the_engine_cannot_take_is_refused_at_configure_time(tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.tflite"
    truncated.write_bytes((paths.models() / "mnist_int8.tflite").read_bytes()[:5000])
    result = configure(tmp_path / "build", f"MODEL={truncated}")
    assert result.returncode != 0
    assert "truncated.tflite" in result.stdout
    assert "Traceback" not in result.stdout


def test_a_digit_of_another_size_is_refused(tmp_path: Path) -> None:
    from PIL import Image

    from renode_mnist.codegen.builtin_digit import main

    Image.new("L", (20, 28)).save(tmp_path / "digit.png")
    for picture, reason in [("digit.png", "20x28"), ("none.png", "cannot be read"), ("text.png", "cannot be read")]:
        (tmp_path / "text.png").write_text("no picture")
        result = CliRunner().invoke(main, [str(tmp_path / picture), "--output", str(tmp_path / "digit.hpp")])
        assert result.exit_code == 2
        assert reason in result.output
        assert not (tmp_path / "digit.hpp").exists()


NAMES = {
    "what CMake reads": b'my;model" \\${d}[1]$(x)\n.tflite',
    "what is no UTF-8": b"mod\xff\xfeel [bold].tflite",
    "long": b"x" * 240 + b".tflite",
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, id=what, marks=() if "CMake" in what else pytest.mark.long) for what, name in NAMES.items()],
)
def test_a_models_name_is_data_to_cmake_and_to_the_image(tmp_path: Path, name: bytes) -> None:
    model = tmp_path / os.fsdecode(name)
    shutil.copy(paths.models() / "mnist_int8.tflite", model)
    config = BuildConfig(model, engine="reference", machine="host")
    elf = make(config, tmp_path / "build", Tree.here())
    assert name.decode("utf-8", errors="replace").encode() in elf.read_bytes()
    assert re.fullmatch(r"[\w.-]+", config.name, re.ASCII)
    assert len(config.name) < 150


def test_inspect_shows_a_name_as_it_is(tmp_path: Path) -> None:
    model = tmp_path / "my[bold]model.tflite"
    shutil.copy(paths.models() / "mnist_int8.tflite", model)
    assert "my[bold]model.tflite" in CliRunner().invoke(inspect, [str(model)]).output


def test_an_image_that_is_there_needs_no_folder_that_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    config = BuildConfig(resolve_model("int8"), machine="host")
    there = build(config)

    def closed(folder: Path) -> Path:
        raise EnvironmentProblem(f"{folder} cannot be written", "Open it.")

    monkeypatch.setattr(paths, "made", closed)
    found = build(config)
    assert (found.elf, found.fresh) == (there.elf, False)
    with pytest.raises(EnvironmentProblem, match="cannot be written"):
        build(replace(config, definitions=(("NEVER_BUILT", "1"),)))


FULL_DISK = """\
-- The C compiler identification is GNU 12.2.1
CMake Error at /opt/cmake/share/cmake-3.30/Modules/CMakeTestCCompiler.cmake:67 (message):
  The C compiler

    "/usr/bin/arm-none-eabi-gcc"

  is not able to compile a simple test program.

  It fails with the following output:

    as: BFD error writing final output: No space left on device

CMake Error: CMAKE_ASM_COMPILER not set, after EnableLanguage
-- Configuring incomplete, errors occurred!
"""


def failing_cmake(folder: Path, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cmake that says so and fails, in front of the real one."""
    (folder / "cmake").write_text(f"#!/bin/sh\ncat <<'END'\n{said}END\nexit 1\n")
    (folder / "cmake").chmod(0o755)
    monkeypatch.setattr(toolchain, "find", lambda tool: str(folder / tool))


def test_cmakes_own_error_is_shown_with_what_the_tool_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_cmake(tmp_path, FULL_DISK, monkeypatch)
    with pytest.raises(BuildError, match="No space left on device") as refused:
        make(BuildConfig(resolve_model("int8")), tmp_path, Tree.here())
    assert f"look at {tmp_path}/failed.log for all of it" in str(refused.value)
    assert (tmp_path / "failed.log").read_text() == FULL_DISK


def test_without_room_for_a_log_the_error_says_how_to_see_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_cmake(tmp_path, FULL_DISK, monkeypatch)
    (tmp_path / "failed.log").mkdir()
    with pytest.raises(BuildError, match="run `renode-mnist build -v` to see all of it"):
        make(BuildConfig(resolve_model("int8")), tmp_path, Tree.here())


def test_a_refusal_of_this_project_is_told_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = 'CMake Error at cmake/Options.cmake:28 (message):\n  BOARD cannot be "x".  Choose another.\n\n'
    failing_cmake(tmp_path, own, monkeypatch)
    with pytest.raises(BuildError, match=r'^BOARD cannot be "x"\. Choose another\.$'):
        make(BuildConfig(resolve_model("int8")), tmp_path, Tree.here())
