"""The installer of Renode, against a server on this machine."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import http.server
import io
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from renode_mnist import remedies
from renode_mnist.commands.renode import renode
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import archive, locate, releases
from renode_mnist.renode_install.install import install
from renode_mnist.renode_install.releases import Release, Source

# The library compresses well, the binary does not: the archive is smaller than the library, larger than the binary.
RENODE_FILES = {"renode": random.Random(0).randbytes(300_000), "libcoreclr.so": bytes(400_000)}
DRIVER_FILES = {"src/pyrenode3/__init__.py": b"", "src/pyrenode3/loader.py": b"x = 1\n", "LICENSE": b"Apache"}


def tar_of(folder: str, files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def content_digest(files: dict[str, bytes]) -> str:
    lines = [f"{hashlib.sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class Server:
    """Serves a folder and remembers what was asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: list[str] = []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                if self.path.startswith("/short/"):  # promises more than it sends
                    self.send_response(200)
                    self.send_header("Content-Length", "1000000")
                    self.end_headers()
                    self.wfile.write(b"x" * 1000)
                elif self.path.startswith("/stall/"):
                    self.send_response(200)
                    self.send_header("Content-Length", "1000000")
                    self.end_headers()
                    self.wfile.write(b"x" * 1000)
                    self.wfile.flush()
                    stop.wait(30)
                else:
                    super().do_GET()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.stop = stop = threading.Event()
        self._http = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), functools.partial(Handler, directory=str(folder))
        )
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.stop.set()
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "renode-9.9.9.tar.gz").write_bytes(tar_of("renode_9.9.9", RENODE_FILES))
    (folder / "driver.tar.gz").write_bytes(tar_of("pyrenode3-abc", DRIVER_FILES))
    running = Server(folder)
    yield running
    running.close()


@pytest.fixture
def release(server: Server) -> Release:
    file = "renode-9.9.9.tar.gz"
    return Release("9.9.9", file, archive.file_sha256(server.folder / file), f"{server.url}/{file}")


@pytest.fixture
def driver(server: Server) -> Source:
    return Source("abc", f"{server.url}/driver.tar.gz", content_digest(DRIVER_FILES))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(tmp_path / "cache"))
    for name in ("PYRENODE_BIN", "PYRENODE_BUILD_DIR", "PYRENODE_PKG", "PYRENODE_RUNTIME"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def left_behind() -> list[str]:
    return sorted(path.name for path in locate.home().iterdir() if path.name != ".lock")


def test_brings_renode_and_its_driver(release: Release, driver: Source, server: Server) -> None:
    told: list[tuple[str, int, int]] = []
    new = install(release, driver, report=lambda *progress: told.append(progress))
    assert new == [locate.home() / "9.9.9", locate.pyrenode3_home()]
    assert left_behind() == sorted(path.name for path in new)
    binary = locate.home() / "9.9.9" / "renode_9.9.9" / "renode"
    assert binary.read_bytes() == RENODE_FILES["renode"]
    assert os.access(binary, os.X_OK)
    size = (server.folder / release.file).stat().st_size
    assert (release.file, size, size) in told


def test_a_second_run_asks_for_nothing(release: Release, driver: Source, server: Server) -> None:
    install(release, driver)
    server.asked.clear()
    assert install(release, driver) == []
    assert server.asked == []


def test_brings_only_what_is_missing(release: Release, driver: Source, server: Server) -> None:
    install(release, driver)
    other = tar_of("renode_9.9.10", RENODE_FILES)
    (server.folder / "next.tar.gz").write_bytes(other)
    newer = Release("9.9.10", "next.tar.gz", hashlib.sha256(other).hexdigest(), f"{server.url}/next.tar.gz")
    server.asked.clear()
    assert install(newer, driver) == [locate.home() / "9.9.10"]
    assert server.asked == ["/next.tar.gz"]


def test_takes_archives_in_any_order_without_a_network(release: Release, driver: Source, server: Server) -> None:
    files = [server.folder / "driver.tar.gz", server.folder / release.file]
    unreachable = Release(release.version, release.file, release.sha256, "http://127.0.0.1:1/x")
    assert (
        len(install(unreachable, Source("abc", "http://127.0.0.1:1/x", driver.content_sha256), archives=files)) == 2
    )
    assert server.asked == []


def test_refuses_a_wrong_digest(release: Release, driver: Source) -> None:
    wrong = Release(release.version, release.file, "0" * 64, release.url)
    with pytest.raises(EnvironmentProblem, match=f"SHA-256 is {release.sha256}, not 0000"):
        install(wrong, driver)
    assert left_behind() == []


def test_refuses_a_driver_with_other_content_and_leaves_no_half(release: Release, driver: Source) -> None:
    wrong = Source(driver.commit, driver.url, "0" * 64)
    with pytest.raises(EnvironmentProblem, match="is not pyrenode3 at commit abc"):
        install(release, wrong)
    assert left_behind() == []


def test_refuses_an_archive_of_another_release(release: Release, driver: Source, tmp_path: Path) -> None:
    other = tmp_path / "renode-1.0.linux.tar.gz"
    other.write_bytes(b"something else")
    with pytest.raises(EnvironmentProblem, match=r"renode-1\.0\.linux\.tar\.gz is not renode-9\.9\.9\.tar\.gz"):
        install(release, driver, archives=[other])
    with pytest.raises(EnvironmentProblem, match="is not a file"):
        install(release, driver, archives=[tmp_path / "nothing.tar.gz"])
    assert left_behind() == []


def test_says_so_when_offline(release: Release, driver: Source) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    offline = Release(release.version, release.file, release.sha256, f"http://127.0.0.1:{port}/{release.file}")
    with pytest.raises(EnvironmentProblem, match=r"Connection refused.*fetch it elsewhere and give it with --from"):
        install(offline, driver)
    assert left_behind() == []


def test_says_so_when_the_server_has_no_such_file(release: Release, driver: Source, server: Server) -> None:
    gone = Release(release.version, release.file, release.sha256, f"{server.url}/gone.tar.gz")
    with pytest.raises(EnvironmentProblem, match="404"):
        install(gone, driver)
    assert left_behind() == []


def test_says_so_when_the_download_breaks_off(release: Release, driver: Source, server: Server) -> None:
    short = Release(release.version, release.file, release.sha256, f"{server.url}/short/{release.file}")
    with pytest.raises(EnvironmentProblem, match="broke off after 1000 of 1000000 bytes"):
        install(short, driver)
    assert left_behind() == []


@contextlib.contextmanager
def files_up_to(limit_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("limit_bytes", [100_000, 303_000], ids=["download", "unpacked"])
def test_says_so_when_there_is_no_room(limit_bytes: int, release: Release, driver: Source) -> None:
    with (
        files_up_to(limit_bytes),
        pytest.raises(EnvironmentProblem, match=r"no room for Renode in .*RENODE_MNIST_CACHE"),
    ):
        install(release, driver)
    assert left_behind() == []


def test_says_so_when_the_cache_is_no_folder(release: Release, driver: Source, cache: Path) -> None:
    cache.write_text("a file")
    with pytest.raises(EnvironmentProblem, match=r"Not a directory.*RENODE_MNIST_CACHE"):
        install(release, driver)


def test_a_killed_run_leaves_nothing_that_counts_and_the_next_clears_it(
    release: Release, driver: Source, server: Server
) -> None:
    script = (
        "from renode_mnist.renode_install.install import install\n"
        "from renode_mnist.renode_install.releases import Release, Source\n"
        f"install(Release('9.9.9', 'x', '0', '{server.url}/stall/x'), Source('a', '', ''))\n"
    )
    victim = subprocess.Popen(
        [sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    give_up = time.monotonic() + 60
    while "/stall/x" not in server.asked and time.monotonic() < give_up:
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert [name for name in left_behind() if not name.startswith(".unfinished-")] == []
    assert len(left_behind()) == 1
    new = install(release, driver)
    assert left_behind() == sorted(path.name for path in new)


# Unpacking ------------------------------------------------------------------------------------------------------


def tar_with(**fields: object) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        member = tarfile.TarInfo("folder/innocent")
        for name, value in fields.items():
            setattr(member, name, value)
        with tarfile.open(path, "w") as tar:
            tar.addfile(member, io.BytesIO())

    return write


def zip_with(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as zipped:
            zipped.writestr(name, "evil")

    return write


@pytest.mark.parametrize(
    "write",
    [
        tar_with(name="../evil"),
        tar_with(name="folder/../../evil"),
        tar_with(name="/tmp/evil"),
        tar_with(type=tarfile.SYMTYPE, linkname="../../evil"),
        tar_with(type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        tar_with(type=tarfile.LNKTYPE, linkname="../evil"),
        tar_with(type=tarfile.FIFOTYPE),
        tar_with(type=tarfile.CHRTYPE),
        zip_with("../evil"),
        zip_with("folder\\..\\..\\evil"),
        zip_with("C:/evil"),
        zip_with("/evil"),
    ],
)
def test_unpacks_nothing_that_reaches_outside(write: Callable[[Path], None], tmp_path: Path) -> None:
    write(tmp_path / "archive")
    with pytest.raises(EnvironmentProblem, match="reaches outside"):
        archive.unpack(tmp_path / "archive", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("data", [b"no archive", tar_of("folder", RENODE_FILES)[:-2000], b""])
def test_says_so_when_an_archive_is_broken(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(data)
    with pytest.raises(EnvironmentProblem, match="archive cannot be unpacked"):
        archive.unpack(tmp_path / "archive", tmp_path / "out")


def test_an_archive_holds_one_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as zipped:
        zipped.writestr("a/file", "")
        zipped.writestr("b/file", "")
    with pytest.raises(EnvironmentProblem, match="exactly one folder"):
        archive.unpack(tmp_path / "two.zip", tmp_path / "out")


def test_links_that_stay_inside_are_kept(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "links.tar", "w") as tar:
        file = tarfile.TarInfo("folder/bin/tool")
        tar.addfile(file)
        link = tarfile.TarInfo("folder/lib/link")
        link.type, link.linkname = tarfile.SYMTYPE, "../bin/tool"
        tar.addfile(link)
    folder = archive.unpack(tmp_path / "links.tar", tmp_path / "out")
    assert (folder / "lib" / "link").resolve() == (folder / "bin" / "tool").resolve()


def test_content_digest_is_what_the_shell_computes(tmp_path: Path) -> None:
    for name, data in {"b/ä.txt": b"1", "b/B": b"2", "a": b"3", "B": b""}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    command = "find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    shell = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert archive.content_sha256(tmp_path) == shell.stdout.split()[0]


# The table --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("machine", [("Linux", "x86_64"), ("Linux", "aarch64"), ("Windows", "x86_64")])
@pytest.mark.parametrize("version", ["1.16.1", "1.17.0"])
def test_the_table_is_complete(machine: tuple[str, str], version: str) -> None:
    release = releases.release_for(version, machine)
    assert len(bytes.fromhex(release.sha256)) == 32
    assert release.file.startswith(f"renode-{version}.{machine[0].lower()}")
    assert ("arm64" in release.file) == (machine[1] == "aarch64")
    assert release.url.endswith(f"/v{version}/{release.file}")


def test_refuses_what_is_not_in_the_table() -> None:
    with pytest.raises(EnvironmentProblem, match=r"no portable Renode for Plan9 mips.*PYRENODE_BIN"):
        releases.release_for("1.16.1", ("Plan9", "mips"))
    with pytest.raises(EnvironmentProblem, match=r"Renode 0\.1 is not in the table.*1\.16\.1, 1\.17\.0.*--version"):
        releases.release_for("0.1", ("Linux", "x86_64"))


# Finding ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Decides which packages this Python environment seems to have."""

    def have(*names: str) -> None:
        monkeypatch.setattr(locate.importlib.util, "find_spec", lambda name: name if name in names else None)

    return have


def test_finds_what_was_installed(release: Release, driver: Source, packages: Callable[..., None]) -> None:
    packages("pythonnet")
    install(release, driver)
    found = locate.find()
    assert found.path == locate.home() / "9.9.9" / "renode_9.9.9" / "renode"
    assert found.variables["PYRENODE_BIN"] == str(found.path)
    assert found.variables["PYRENODE_RUNTIME"] == "coreclr"
    assert found.pyrenode3 == locate.pyrenode3_home() / "pyrenode3-abc" / "src"


def test_an_installed_driver_comes_before_the_cached_one(
    release: Release, driver: Source, packages: Callable[..., None]
) -> None:
    packages("pythonnet", "pyrenode3")
    install(release, driver)
    assert locate.find().pyrenode3 is None


def test_the_environment_comes_first(
    release: Release,
    driver: Source,
    packages: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages("pythonnet", "pyrenode3")
    install(release, driver)
    monkeypatch.setenv("PYRENODE_BUILD_DIR", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="not a build of Renode with output/bin/Release in it"):
        locate.find()
    (tmp_path / "output" / "bin" / "Release").mkdir(parents=True)
    found = locate.find()
    assert (found.path, found.found_by) == (tmp_path, "PYRENODE_BUILD_DIR")
    assert found.variables == {"PYRENODE_BUILD_DIR": str(tmp_path), "PYRENODE_RUNTIME": "mono"}
    monkeypatch.setenv("PYRENODE_RUNTIME", "jvm")
    with pytest.raises(EnvironmentProblem, match=r"PYRENODE_RUNTIME is 'jvm'.*mono or coreclr"):
        locate.find()
    monkeypatch.setenv("PYRENODE_BIN", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="PYRENODE_BIN and PYRENODE_BUILD_DIR exclude each other"):
        locate.find()


def test_says_what_is_missing(
    release: Release,
    driver: Source,
    packages: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(locate, "_SYSTEM_WIDE", tmp_path / "opt")
    packages()
    with pytest.raises(EnvironmentProblem, match=r"Renode is not installed.*renode-mnist renode install"):
        locate.find()
    install(release, driver)
    with pytest.raises(EnvironmentProblem, match=r"pythonnet.* 'pythonnet>=3[^&]*extra renode, 1 MB") as told:
        locate.find()
    assert f"`{locate.remedy()}`" in str(told.value)  # which doctor shows
    packages("pythonnet")
    monkeypatch.setenv("PYRENODE_BIN", str(tmp_path / "gone"))
    with pytest.raises(EnvironmentProblem, match=r"PYRENODE_BIN points to .*gone, which does not exist"):
        locate.find()
    monkeypatch.setenv("PYRENODE_BIN", str(tmp_path))
    with pytest.raises(EnvironmentProblem, match="which is not an executable file"):
        locate.find()
    monkeypatch.setenv("PYRENODE_BIN", sys.executable)
    locate.pyrenode3_home().rename(tmp_path / "moved away")
    with pytest.raises(EnvironmentProblem, match="pyrenode3, which drives it, is not installed"):
        locate.find()
    assert locate.remedy() == remedies.own("renode install")


def test_the_command_installs_and_says_where(
    release: Release,
    driver: Source,
    packages: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    packages("pythonnet")
    monkeypatch.setattr(releases, "release_for", lambda version, machine: release)
    monkeypatch.setattr(releases, "PYRENODE3", driver)
    result = CliRunner().invoke(renode, ["install"], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"installed {locate.home() / '9.9.9'}" in result.output
    assert f"export PYRENODE_BIN={locate.home() / '9.9.9' / 'renode_9.9.9' / 'renode'}" in result.output
    assert CliRunner().invoke(renode, ["where"], catch_exceptions=False).output in result.output
