"""Which Renode there is, and what pyrenode3 has to be told to use it."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from renode_mnist import paths, remedies
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install.releases import DEFAULT_VERSION, PYRENODE3

# pyrenode3's configuration; each excludes the others.
_BINARY, _BUILD, _PACKAGE = "PYRENODE_BIN", "PYRENODE_BUILD_DIR", "PYRENODE_PKG"
_RUNTIME = "PYRENODE_RUNTIME"
_RUNTIMES = ("mono", "coreclr")

_BUILD_OUTPUT = "PYRENODE_BUILD_OUTPUT", "output/bin/Release"
"""Where in a build its assemblies are, and the default of that."""

_SYSTEM_WIDE = Path("/opt/renode")
"""Where pyrenode3 looks for a Renode that a distribution's package has installed."""


class NotInstalled(EnvironmentProblem):
    """Renode, or something to drive it with, is not there; the remedy is the same everywhere."""

    def __init__(self, what: str) -> None:
        weight = "" if _has("pythonnet") else f" (extra renode, {remedies.DOWNLOAD_MEGABYTES['renode']} MB)"
        or_yours = f", or point {_BINARY} or {_BUILD} to a Renode of yours" if _find_renode() is None else ""
        super().__init__(what, f"Run `{remedy()}`{weight}{or_yours}.")


def remedy() -> str:
    """The commands that bring all that is missing of Renode and what drives it."""
    commands = [] if _has("pythonnet") else [remedies.extra("renode")]
    if _find_renode() is None or not (_has("pyrenode3") or _pyrenode3_sources()):
        commands.append(remedies.own("renode install"))
    return remedies.join(commands)


@dataclass(frozen=True)
class Installation:
    """A Renode that pyrenode3 can load.

    Attributes:
        path: The portable binary, the build's folder, the package or a system-wide installation's folder.
        found_by: What pointed to it, for messages.
        variables: What has to stand in the environment of the process that loads it.
        pyrenode3: The folder that pyrenode3 is imported from; None where this Python environment has it.
    """

    path: Path
    found_by: str
    variables: dict[str, str]
    pyrenode3: Path | None


def home() -> Path:
    """Where ``renode-mnist renode install`` puts things."""
    return paths.cache() / "renode"


def pyrenode3_home() -> Path:
    """Where it puts pyrenode3."""
    return home() / f"pyrenode3-{PYRENODE3.commit[:12]}"


def find() -> Installation:
    """The Renode to use: what ``PYRENODE_*`` says, else what this package installed, else the system's.

    Raises:
        NotInstalled: There is none, or something to drive it with is missing.
        EnvironmentProblem: A variable points to none, or the cache cannot be read.
    """
    if (found := _find_renode()) is None:
        raise NotInstalled("Renode is not installed")
    path, found_by, variables = found
    if not _has("pythonnet"):
        raise NotInstalled(f"Renode is at {path}, but pythonnet is not in this Python environment")
    return Installation(path, found_by, variables, _find_pyrenode3(path))


def _find_renode() -> tuple[Path, str, dict[str, str]] | None:
    given = [name for name in (_BINARY, _BUILD, _PACKAGE) if os.environ.get(name)]
    if len(given) > 1:
        raise EnvironmentProblem(f"{' and '.join(given)} exclude each other", "Unset all but one of them.")
    if given:
        return _from_environment(given[0])
    versions = _installed_versions()
    if versions:
        binary = versions.get(DEFAULT_VERSION) or versions[max(versions, key=_sort_key)]
        return binary, "renode-mnist renode install", _portable(binary)
    if (_SYSTEM_WIDE / "bin").is_dir() and shutil.which("renode"):
        return _SYSTEM_WIDE, "the system's package", {_RUNTIME: "mono"}
    return None


def _from_environment(name: str) -> tuple[Path, str, dict[str, str]]:
    path = Path(os.environ[name]).absolute()
    output = os.environ.get(*_BUILD_OUTPUT)
    wanted, found = {
        _BINARY: ("an executable file", path.is_file() and os.access(path, os.X_OK)),
        _BUILD: (f"a build of Renode with {output} in it", (path / output).is_dir()),
        _PACKAGE: ("a file", path.is_file()),
    }[name]
    if not found:
        why = f"is not {wanted}" if path.exists() else "does not exist"
        raise EnvironmentProblem(f"{name} points to {path}, which {why}", f"Correct or unset {name}.")
    if name == _BINARY:
        return path, name, _portable(path)
    runtime = os.environ.get(_RUNTIME, "mono")
    if runtime not in _RUNTIMES:
        raise EnvironmentProblem(f"{_RUNTIME} is '{runtime}'", f"Set it to {' or '.join(_RUNTIMES)}, or unset it.")
    return path, name, {name: str(path), _RUNTIME: runtime}


def _portable(binary: Path) -> dict[str, str]:
    return {
        _BINARY: str(binary),
        _RUNTIME: "coreclr",  # the only one that pyrenode3 takes a portable binary with
        "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1",  # else .NET wants libicu, which slim systems lack
    }


def _installed_versions() -> dict[str, Path]:
    found = {}
    for pattern in ("*/*/renode", "*/*/renode.exe"):
        for binary in home().glob(pattern):
            version = binary.parent.parent.name
            if version[0].isdigit():
                found[version] = binary
    return found


def _pyrenode3_sources() -> list[Path]:
    return [folder / "src" for folder in pyrenode3_home().glob("*") if (folder / "src" / "pyrenode3").is_dir()]


def _has(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _sort_key(version: str) -> list[int]:
    return [int(part) for part in version.split(".") if part.isdigit()]


def _find_pyrenode3(renode: Path) -> Path | None:
    if _has("pyrenode3"):
        return None
    if sources := _pyrenode3_sources():
        return sources[0]
    raise NotInstalled(f"Renode is at {renode}, but pyrenode3, which drives it, is not installed")
