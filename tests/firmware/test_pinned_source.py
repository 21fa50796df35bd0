"""Third-party sources that the build downloads: what has come is what was pinned."""

from __future__ import annotations

import hashlib
import subprocess
import tarfile
from pathlib import Path

import pytest

from renode_mnist import paths

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SOURCES = {"include/thing.h": b"int thing(void);\n", "thing.c": b"int thing(void) { return 7; }\n"}

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(pinned NONE)
include({module})
pinned_source(THING owner/thing {commit} include/thing.h {digest})
message(STATUS "folder: ${{THING_SOURCE_DIR}}")
message(STATUS "refusal: ${{THING_REFUSAL}}")
message(STATUS "remedy: ${{THING_REMEDY}}")
"""


def digest_of(sources: dict[str, bytes]) -> str:
    """As a maintainer would compute it by sha256sum."""
    told = "".join(f"{hashlib.sha256(content).hexdigest()} {name}\n" for name, content in sorted(sources.items()))
    return hashlib.sha256(told.encode()).hexdigest()


def publish(folder: Path, sources: dict[str, bytes]) -> str:
    """A host with that archive and its files; its address."""
    tree = folder / f"thing-{COMMIT}"
    for name, content in sources.items():
        for root in (tree, folder / "owner/thing/raw" / COMMIT):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
    archive = folder / f"owner/thing/archive/{COMMIT}.tar.gz"
    archive.parent.mkdir(parents=True)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(tree, tree.name)
    return folder.as_uri()


def configure(folder: Path, host: str, digest: str) -> dict[str, str]:
    """What `pinned_source` says."""
    folder.mkdir()
    module = paths.root() / "firmware/cmake/pinned_source.cmake"
    (folder / "CMakeLists.txt").write_text(PROJECT.format(module=module.as_posix(), commit=COMMIT, digest=digest))
    command = ["cmake", "-S", folder, "-B", folder / "build", f"-DPINNED_SOURCES_FROM={host}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = (line.removeprefix("-- ").partition(": ") for line in said.splitlines())
    return {name: value for name, _, value in lines if name in ("folder", "refusal", "remedy")}


def test_what_was_pinned_is_taken(tmp_path: Path) -> None:
    said = configure(tmp_path / "project", publish(tmp_path / "host", SOURCES), digest_of(SOURCES))
    assert (said["refusal"], said["remedy"]) == ("", "")
    assert (Path(said["folder"]) / "thing.c").read_bytes() == SOURCES["thing.c"]


@pytest.mark.parametrize(
    "changed",
    [{"thing.c": b"int thing(void) { return 8; }\n"}, {"src/more.cpp": b""}, {"include/thing.h": b""}],
    ids=["a source", "one more", "a header"],
)
def test_what_was_not_is_refused(tmp_path: Path, changed: dict[str, bytes]) -> None:
    other = SOURCES | changed
    said = configure(tmp_path / "project", publish(tmp_path / "host", other), digest_of(SOURCES))
    assert (
        said["refusal"]
        == f"what was downloaded of github.com/owner/thing is not {COMMIT} (SHA-256 {digest_of(other)})"
    )
    assert said["remedy"].endswith(f"to a checkout of github.com/owner/thing at {COMMIT}.")


def test_a_host_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    said = configure(tmp_path / "project", (tmp_path / "nobody").as_uri(), digest_of(SOURCES))
    assert said["refusal"].startswith("github.com/owner/thing can't be reached (")
