"""Archives: fetched, checked against a digest, unpacked without reaching outside."""

from __future__ import annotations

import hashlib
import http.client
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from renode_mnist.errors import EnvironmentProblem

_CHUNK_BYTES = 1 << 20
_STALL_SECONDS = 60.0
"""How long a server may send nothing."""

Progress = Callable[[int, int], None]
"""Called with the bytes that have come and those expected in all (0 where the server does not say)."""


def download(url: str, destination: Path, progress: Progress) -> None:
    """Fetches ``url`` into a file.

    Raises:
        EnvironmentProblem: It cannot be had, or not whole.
        OSError: The file cannot be written.
    """
    done_bytes = 0
    with destination.open("wb") as file:
        for chunk, expected_bytes in _chunks(url):
            done_bytes += file.write(chunk)
            progress(done_bytes, expected_bytes)


def _chunks(url: str) -> Iterator[tuple[bytes, int]]:
    remedy = f"Check the network, or fetch it elsewhere and give it with --from {url.rpartition('/')[2]}."
    done_bytes = 0
    try:
        with urllib.request.urlopen(url, timeout=_STALL_SECONDS) as response:
            expected_bytes = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK_BYTES):
                done_bytes += len(chunk)
                yield chunk, expected_bytes
    except urllib.error.HTTPError as error:
        with error:  # it is the open response, too
            raise EnvironmentProblem(f"{url} cannot be downloaded ({error})", remedy) from None
    except (OSError, http.client.HTTPException) as error:  # OSError: URLError, timeouts, resets
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise EnvironmentProblem(f"{url} cannot be downloaded ({reason})", remedy) from None
    if done_bytes < expected_bytes:
        raise EnvironmentProblem(f"{url} broke off after {done_bytes} of {expected_bytes} bytes", remedy)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sha256(folder: Path) -> str:
    """SHA-256 of what ``sha256sum`` prints for all files under ``folder``, sorted by their paths' bytes."""
    names = sorted(p.relative_to(folder).as_posix().encode() for p in folder.rglob("*") if not p.is_dir())
    lines = (f"{file_sha256(folder / name.decode())}  {name.decode()}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def unpack(archive: Path, destination: Path) -> Path:
    """Unpacks a tar or zip archive that holds one folder.

    Returns:
        That folder, under ``destination``.

    Raises:
        EnvironmentProblem: It is no archive, a broken one, holds more than one folder, or reaches outside.
        OSError: A file cannot be written.
    """
    destination.mkdir()
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                _check_names(archive, zipped.namelist())
                zipped.extractall(destination)
        else:
            with tarfile.open(archive) as tarred:
                _check_tar(archive, tarred)
                if hasattr(tarfile, "data_filter"):  # from Python 3.11.4 on
                    tarred.extractall(destination, filter="data")
                else:
                    tarred.extractall(destination)
    except tarfile.ReadError as error:
        why = "it is no archive" if "\n" in str(error) else error  # a line for each compression that it is not
        raise EnvironmentProblem(f"{archive.name} cannot be unpacked ({why})", "Download it again.") from None
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise EnvironmentProblem(f"{archive.name} cannot be unpacked ({error})", "Download it again.") from None
    folders = list(destination.iterdir())
    if len(folders) != 1 or not folders[0].is_dir():
        raise EnvironmentProblem(f"{archive.name} does not hold exactly one folder", "Download it again.")
    return folders[0]


def _check_tar(archive: Path, tarred: tarfile.TarFile) -> None:
    members = tarred.getmembers()
    for member in members:
        if not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            raise _unsafe(archive, member.name)
        if member.islnk():
            _check_names(archive, [member.linkname])
        if member.issym():
            _check_names(archive, [f"{PurePosixPath(member.name).parent}/{member.linkname}"])
            if member.linkname.startswith("/"):
                raise _unsafe(archive, member.linkname)
    _check_names(archive, [member.name for member in members])


def _check_names(archive: Path, names: list[str]) -> None:
    for name in names:
        depth = 0
        for part in name.replace("\\", "/").split("/"):
            depth += {"..": -1, ".": 0, "": 0}.get(part, 1)
            if depth < 0:
                raise _unsafe(archive, name)
        if name.startswith(("/", "\\")) or ":" in name.split("/")[0]:
            raise _unsafe(archive, name)


def _unsafe(archive: Path, name: str) -> EnvironmentProblem:
    return EnvironmentProblem(f"{archive.name} reaches outside of its folder with {name!r}", "Do not use it.")
