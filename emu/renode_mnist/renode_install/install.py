"""Puts Renode and pyrenode3 into the user's cache: all or nothing, whenever it is stopped."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from filelock import FileLock

from renode_mnist import paths
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import archive
from renode_mnist.renode_install.locate import home, pyrenode3_home
from renode_mnist.renode_install.releases import Release, Source

_UNFINISHED = ".unfinished-"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

Report = Callable[[str, int, int], None]
"""Called while downloading with the file's name, the bytes that have come and those expected (0: unknown)."""


def install(
    release: Release,
    pyrenode3: Source,
    *,
    archives: Iterable[Path] = (),
    report: Report = lambda name, done_bytes, expected_bytes: None,
) -> list[Path]:
    """Installs what of a Renode release and pyrenode3 is not there yet.

    Both are fetched, checked and unpacked beside their places and moved there at the end: whatever stops
    it, a folder under its final name is whole. What a killed run has left is cleared by the next.

    Args:
        release: The Renode to install.
        pyrenode3: What drives it.
        archives: Files to take instead of downloads; their digests say which is which.
        report: Told of the downloads' progress.

    Returns:
        The folders that are new; empty where everything was there.

    Raises:
        EnvironmentProblem: No network, a wrong digest, no room, no permission.
    """
    try:
        paths.made(home())
        with FileLock(home() / ".lock"):
            for left in home().glob(_UNFINISHED + "*"):
                shutil.rmtree(left)
            with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=home()) as work:
                return _Run(release, pyrenode3, Path(work), report).install(archives)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise EnvironmentProblem(
                f"no room for Renode in {home()} ({error.strerror})",
                "Make room (about 500 MB), or set RENODE_MNIST_CACHE to a folder on another disk.",
            ) from None
        raise EnvironmentProblem(
            f"{home()} cannot be written ({error})",
            "Check its permissions, or set RENODE_MNIST_CACHE to a folder of yours.",
        ) from None


class _Run:
    """One installation, with its working folder."""

    def __init__(self, release: Release, pyrenode3: Source, work: Path, report: Report) -> None:
        self._release = release
        self._pyrenode3 = pyrenode3
        self._report = report
        self._downloads = work / "downloads"
        self._downloads.mkdir()
        # Final places, and where what belongs there is made ready.
        self._renode = (home() / release.version, work / "renode")
        self._driver = (pyrenode3_home(), work / "pyrenode3")

    def install(self, archives: Iterable[Path]) -> list[Path]:
        for path in archives:
            self._take(path)
        for (final, ready), fetch in (
            (self._renode, self._fetch_renode),
            (self._driver, self._fetch_pyrenode3),
        ):
            if not final.exists() and not ready.exists():
                fetch()
        new = []
        for final, ready in (self._renode, self._driver):
            if ready.exists() and not final.exists():
                ready.replace(final)
                new.append(final)
        return new

    def _take(self, path: Path) -> None:
        if not path.is_file():
            raise EnvironmentProblem(f"{path} is not a file", "Give the archive that you have downloaded.")
        sha256 = archive.file_sha256(path)
        if sha256 == self._release.sha256:
            self._unpack_renode(path)
        elif path.name.startswith("renode"):
            raise self._wrong_digest(path.name, sha256)
        else:
            self._unpack_pyrenode3(path)

    def _fetch_renode(self) -> None:
        path = self._download(self._release.url, self._release.file)
        sha256 = archive.file_sha256(path)
        if sha256 != self._release.sha256:
            raise self._wrong_digest(self._release.url, sha256)
        self._unpack_renode(path)

    def _fetch_pyrenode3(self) -> None:
        self._unpack_pyrenode3(self._download(self._pyrenode3.url, "pyrenode3.tar.gz"))

    def _download(self, url: str, name: str) -> Path:
        path = self._downloads / name
        archive.download(url, path, lambda done, expected: self._report(name, done, expected))
        return path

    def _unpack_renode(self, path: Path) -> None:
        folder = archive.unpack(path, self._renode[1])
        if not any((folder / name).is_file() for name in ("renode", "renode.exe")):
            raise EnvironmentProblem(f"{path.name} holds no portable Renode", "Choose another --version.")

    def _unpack_pyrenode3(self, path: Path) -> None:
        sha256 = archive.content_sha256(archive.unpack(path, self._driver[1]))
        if sha256 != self._pyrenode3.content_sha256:
            raise EnvironmentProblem(
                f"{path.name} is not pyrenode3 at commit {self._pyrenode3.commit}: the SHA-256 of its "
                f"content is {sha256}, not {self._pyrenode3.content_sha256}",
                "Do not use it; download it again.",
            )

    def _wrong_digest(self, name: str, sha256: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"{name} is not {self._release.file}: its SHA-256 is {sha256}, not {self._release.sha256}",
            "Do not use it; download it again, or check that it is the file for this machine and --version.",
        )
