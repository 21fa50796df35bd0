"""What can be installed: the files, where they are, and what they have to be."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from renode_mnist.errors import EnvironmentProblem

DEFAULT_VERSION = "1.16.1"
"""The version that this package is tested with."""

_DOWNLOADS = "https://github.com/renode/renode/releases/download"


@dataclass(frozen=True)
class Release:
    """One archive of Renode.

    Attributes:
        version: As in the tag, without its ``v``.
        file: The archive's name.
        sha256: Of the archive, in hexadecimal.
        url: Where it is.
    """

    version: str
    file: str
    sha256: str
    url: str


@dataclass(frozen=True)
class Source:
    """A source archive that its forge packs anew at each request, so that only its content can be pinned.

    Attributes:
        commit: The full commit.
        url: Where the archive is.
        content_sha256: SHA-256 of what ``sha256sum`` prints for all files, sorted by their paths' bytes:
            ``find . -type f | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum`` in a checkout.
    """

    commit: str
    url: str
    content_sha256: str


PYRENODE3 = Source(
    commit="dde4a47660ef1b8874a91ed514a0bd04b33a5add",
    url="https://github.com/antmicro/pyrenode3/archive/dde4a47660ef1b8874a91ed514a0bd04b33a5add.tar.gz",
    content_sha256="deaac62a4f609edba29d71d13bf4de2fc56bca9133b888c6ce4ca2a77986d63c",
)

# The names changed from 1.16 to 1.17, so they stand here one by one; digests as other projects have pinned
# them. The portable build for macOS is a disk image: it is not unpacked here.
_ARCHIVES: dict[tuple[str, str], dict[str, tuple[str, str]]] = {
    ("Linux", "x86_64"): {
        "1.16.1": (
            "renode-1.16.1.linux-portable-dotnet.tar.gz",
            "00e113cdbd0f5354cf2f64bbe3f5a070d8958409542fca66e45ac97d982938c0",
        ),
        "1.17.0": (
            "renode-1.17.0.linux-portable.tar.gz",
            "4ba7c68b59e2447f188ef4b4b112fcccd2802582c460beedceb63b84e5605a5f",
        ),
    },
    ("Linux", "aarch64"): {
        "1.16.1": (
            "renode-1.16.1.linux-arm64-portable-dotnet.tar.gz",
            "fff3a098c96ed0a4ffbdff3f028c9c5fde432db09587c7bd7c99406180f90007",
        ),
        "1.17.0": (
            "renode-1.17.0.linux-arm64-portable.tar.gz",
            "e9051578411441bfb47b77de0381cfba3badce03663367fab561472fd7807f1f",
        ),
    },
    ("Windows", "x86_64"): {
        "1.16.1": (
            "renode-1.16.1.windows-portable-dotnet.zip",
            "d09b7934cfd560cd06bde8f131ef78f521f10d423d5aac6096f2a583224aeb3e",
        ),
        "1.17.0": (
            "renode-1.17.0.windows-portable.zip",
            "18bcf145422039e8702c3e5f9864c7787561bfd5deb7a3ee6e168ecf19e2b9db",
        ),
    },
}

_BY_HAND = "Install Renode by hand and set PYRENODE_BIN to its portable binary or PYRENODE_BUILD_DIR to its build."


def this_machine() -> tuple[str, str]:
    """System and processor, as the table names them."""
    processor = platform.machine()
    return platform.system(), {"AMD64": "x86_64", "arm64": "aarch64", "ARM64": "aarch64"}.get(processor, processor)


def release_for(version: str, machine: tuple[str, str]) -> Release:
    """The archive of ``version`` for ``machine``.

    Raises:
        EnvironmentProblem: There is none, or its digest is not known here.
    """
    if machine not in _ARCHIVES:
        known = ", ".join(sorted(" ".join(key) for key in _ARCHIVES))
        raise EnvironmentProblem(f"no portable Renode for {' '.join(machine)} (there is one for {known})", _BY_HAND)
    versions = _ARCHIVES[machine]
    if version not in versions:
        raise EnvironmentProblem(
            f"Renode {version} is not in the table of checked downloads ({', '.join(versions)})",
            f"Choose one of them with --version, or {_BY_HAND[0].lower()}{_BY_HAND[1:]}",
        )
    file, sha256 = versions[version]
    return Release(version, file, sha256, f"{_DOWNLOADS}/v{version}/{file}")
