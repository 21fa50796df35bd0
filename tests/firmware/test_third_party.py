"""Libraries of others: made once for all images that can share them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from renode_mnist import paths
from renode_mnist.images import toolchain

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(image LANGUAGES C CXX)
set(TFLM_KERNELS reference CACHE STRING "")
include({module})
if(THIRD_PARTY_LIBRARY)
  third_party_library()
  return()
endif()
third_party(thing)
add_executable(image main.c)
target_link_libraries(image PRIVATE thing)
"""

LIBRARY = """
function(add_thing target)
  if(TFLM_KERNELS STREQUAL "none")
    message(FATAL_ERROR "there is no thing. Take another.")
  endif()
  add_library(${target}_inner STATIC EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/inner.c)
  add_library(${target} STATIC EXCLUDE_FROM_ALL ${CMAKE_SOURCE_DIR}/thing.c)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/include)
  target_compile_definitions(${target} PUBLIC MORE=1)
  target_link_libraries(${target} PUBLIC ${target}_inner)
endfunction()
"""

SOURCES = {
    "engine/thing/thing.cmake": LIBRARY,
    "include/thing.h": "int thing(void);\n",
    "inner.c": "int inner(void) { return 6; }\n",
    "thing.c": '#include "thing.h"\nint inner(void);\nint thing(void) { return inner() + 1; }\n',
    "main.c": '#include "thing.h"\nint main(void) { return thing() + MORE; }\n',
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    module = paths.firmware() / "cmake" / "third_party.cmake"
    for name, text in {"CMakeLists.txt": PROJECT.format(module=module.as_posix()), **SOURCES}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def build(project: Path, image: str, *settings: str) -> tuple[int, str]:
    """The status of the image's program, and what was said; a build that fails has the status 1."""
    folder = project.parent / image
    cmake, ninja = toolchain.find("cmake"), toolchain.find("ninja")
    said = ""
    for command in (
        [
            cmake, "-S", str(project), "-B", str(folder), "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}",
            f"-DTHIRD_PARTY={project.parent / 'shared'}", *(f"-D{setting}" for setting in settings),
        ],
        [cmake, "--build", str(folder)],
    ):  # fmt: skip
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said += done.stdout
        if done.returncode != 0:
            return 1, said
    return subprocess.run([folder / "image"]).returncode, said


def libraries(project: Path) -> list[Path]:
    return sorted((project.parent / "shared").glob("*/libthing.a"))


def test_a_second_image_compiles_nothing_of_it(project: Path) -> None:
    status, said = build(project, "one")
    assert (status, "thing.c.o" in said) == (8, True)
    (library,) = libraries(project)
    made = library.stat().st_mtime_ns
    status, said = build(project, "two")
    assert (status, "thing.c.o" in said) == (8, False)
    assert [(each, each.stat().st_mtime_ns) for each in libraries(project)] == [(library, made)]


def test_what_changes_it_makes_another(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(project, "one")
    build(project, "one", "CMAKE_C_FLAGS=-O1")
    build(project, "two", "TFLM_KERNELS=cmsis-nn")
    assert len(libraries(project)) == 3
    monkeypatch.setenv("TFLM_SOURCE_DIR", "elsewhere")
    build(project, "one")
    assert len(libraries(project)) == 4


def test_a_source_that_was_edited_reaches_every_image(project: Path) -> None:
    assert build(project, "one")[0] == build(project, "two")[0] == 8
    (project / "inner.c").write_text("int inner(void) { return 60; }\n")
    assert build(project, "two")[0] == build(project, "one")[0] == 62
    assert len(libraries(project)) == 1


def test_what_it_refuses_is_told_as_it_stands(project: Path) -> None:
    status, said = build(project, "one", "TFLM_KERNELS=none")
    assert status == 1
    assert "there is no thing.  Take another.\n" in said


def test_what_the_compiler_says_is_told(project: Path) -> None:
    (project / "thing.c").write_text("int thing(void) { return missing; }\n")
    status, said = build(project, "one")
    assert status == 1
    assert "undeclared" in said
