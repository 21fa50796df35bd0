"""A cache that cannot be is one error with what to do, and stops nobody who needs none."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from renode_mnist import doctor, paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.model import data
from renode_mnist.renode_install import locate
from renode_mnist.targets import auto


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of a user who is not root and may not write there."""
    for name in ("RENODE_MNIST_CACHE", "XDG_CACHE_HOME", "PYRENODE_BIN", "PYRENODE_BUILD_DIR", "PYRENODE_PKG"):
        monkeypatch.delenv(name, raising=False)
    paths.scripts()  # imports what the other user may not read, and so does this, of Python's own
    list(doctor.examine())
    mine = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to others
        Path(folder).chmod(0o555)
        monkeypatch.setenv("HOME", folder)
        if mine == 0:
            os.seteuid(pwd.getpwnam("nobody").pw_uid)  # nothing is forbidden to root
        try:
            yield Path(folder)
        finally:
            os.seteuid(mine)
            Path(folder).chmod(0o755)


def told_by_doctor() -> doctor.Finding:
    (finding,) = (each for each in doctor.examine() if each.what == "cache folder")
    return finding


def test_a_home_that_is_closed_stops_only_what_needs_the_cache(home: Path) -> None:
    mine = os.geteuid()
    os.seteuid(os.getuid())
    home.chmod(0)
    os.seteuid(mine)
    said = r"cannot be read \(Permission denied\)\. Set RENODE_MNIST_CACHE"
    for ask in (paths.cache, locate.find, data.fetch):
        with pytest.raises(EnvironmentProblem, match=said):
            ask()
    assert auto.choose().target == "embedded"
    assert "Permission denied" in told_by_doctor().note


def test_a_home_that_cannot_be_written_is_told_by_who_writes(home: Path) -> None:
    assert paths.cache() == home / ".cache" / "renode-mnist"
    with pytest.raises(EnvironmentProblem, match=r"cannot be written \(Permission denied\).*RENODE_MNIST_CACHE"):
        data.fetch()
    assert told_by_doctor().note == f"{paths.cache()} cannot be written."


def test_a_user_without_a_home_is_told_which_variable(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    with pytest.raises(EnvironmentProblem, match=r"no home folder.* Set RENODE_MNIST_CACHE"):
        paths.cache()
    assert auto.choose().target == "embedded"
    assert told_by_doctor().remedy.startswith("export RENODE_MNIST_CACHE=")


def test_a_cache_that_can_be_is_found_and_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "new" / "cache"))
    assert told_by_doctor().found == f"{tmp_path / 'new' / 'cache'}, can be written"
    assert not (tmp_path / "new").exists()
