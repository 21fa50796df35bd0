"""What to do where something is missing: commands that work where they are printed, as they stand.

Every message that tells to install something takes its command from here. None names an extra of this package to
pip: a checkout is in no registry, and neither is a wheel before its release. The requirements that the extra stands
for are in the registries, so they are what is named, with what they weigh.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from renode_mnist import paths

Extra = Literal["build", "plots", "verify", "train", "renode", "cluster", "notebook"]
SystemPackage = Literal["arm-compiler", "c++", "c-headers", "openocd", "st-flash", "llvm-mca", "git", "npm"]

_DISTRIBUTION = "renode-mnist"

DOWNLOAD_MEGABYTES: dict[Extra, int] = {
    "build": 36,
    "plots": 28,
    "verify": 23,
    "train": 339,
    "renode": 1,
    "cluster": 5,
    "notebook": 446,
}
"""What an extra adds to a plain installation, on Linux for x86_64 and Python 3.11 (docs/install.md: how measured)."""


@dataclass(frozen=True)
class _Manager:
    """A system's package manager.

    Attributes:
        program: By which it is told.
        install: The words before the packages.
        packages: What holds the program or library; what it has no package for is left out.
        needs_root: Whether it is for the administrator.
    """

    program: str
    install: str
    packages: dict[SystemPackage, str]
    needs_root: bool = True


_APT = _Manager(
    "apt-get",
    "apt-get install --no-install-recommends",
    {
        # Without recommendations: the C++ library for newlib (313 MB) is not needed.
        "arm-compiler": "gcc-arm-none-eabi libnewlib-arm-none-eabi libnewlib-dev libstdc++-arm-none-eabi-dev",
        "c++": "g++ libc6-dev",
        "c-headers": "gcc libc6-dev python3-dev",
        "openocd": "openocd",
        "st-flash": "stlink-tools",
        "llvm-mca": "llvm",
        "git": "git",
        "npm": "npm",
    },
)
_MANAGERS = (
    _APT,
    _Manager(
        "dnf",
        "dnf install",
        {
            "arm-compiler": "arm-none-eabi-gcc-cs arm-none-eabi-gcc-cs-c++ arm-none-eabi-newlib",
            "c++": "gcc-c++",
            "c-headers": "gcc python3-devel",
            "openocd": "openocd",
            "st-flash": "stlink",
            "llvm-mca": "llvm",
            "git": "git",
            "npm": "npm",
        },
    ),
    _Manager(
        "pacman",
        "pacman -S",
        {
            "arm-compiler": "arm-none-eabi-gcc arm-none-eabi-newlib",
            "c++": "gcc",
            "c-headers": "gcc",
            "openocd": "openocd",
            "st-flash": "stlink",
            "llvm-mca": "llvm",
            "git": "git",
            "npm": "npm",
        },
    ),
    _Manager(
        "brew",
        "brew install",
        {
            # The formula arm-none-eabi-gcc comes without newlib; this cask is Arm's own toolchain.
            "arm-compiler": "--cask gcc-arm-embedded",
            "openocd": "openocd",
            "st-flash": "stlink",
            "llvm-mca": "llvm",
            "git": "git",
            "npm": "node",
        },
        needs_root=False,
    ),
)

_CMSIS_NN = "aidge-export-arm-cortexm==0.2.1"
"""As in requirements/no-deps.in."""

# Where the manager has no package of its own.
_OTHERWISE: dict[SystemPackage, str] = {
    "c++": "xcode-select --install",
    "c-headers": "xcode-select --install",
}


def install(package: SystemPackage) -> str:
    """The command of this system's package manager that brings a program or library.

    On Windows it is to be given in a Linux of WSL, and says so. Where no manager is known, it is Debian's.
    """
    if sys.platform == "win32":
        return f"wsl --install -d Debian (once), then in it: {_command(_APT, package, sudo=True)}"
    manager = next((known for known in _MANAGERS if shutil.which(known.program)), _APT)
    return _command(manager, package, sudo=os.geteuid() != 0)


def _command(manager: _Manager, package: SystemPackage, *, sudo: bool) -> str:
    if package not in manager.packages:
        return _OTHERWISE[package]
    return f"{'sudo ' if sudo and manager.needs_root else ''}{manager.install} {manager.packages[package]}"


def page(name: str) -> str:
    """Where a page of the documentation is, as ``boards``: in the checkout, else on the web."""
    file = f"docs/{name}.md"
    if paths.is_checkout():
        return file
    urls = dict(line.split(", ", 1) for line in metadata.metadata(_DISTRIBUTION).get_all("Project-URL") or ())
    return f"{urls['Repository']}/blob/main/{file}" if "Repository" in urls else file


def own(command: str) -> str:
    """A call of this program that works from any folder: by its name where that is found, else by its place."""
    return as_called(f"`{_DISTRIBUTION} {command}`").strip("`")


def as_called(message: str) -> str:
    """A message whose calls of this program, `` `renode-mnist ...` ``, work where it is shown, from any folder."""
    place = paths.scripts() / _DISTRIBUTION
    if _is_first(_DISTRIBUTION) or not place.exists():
        return message
    return message.replace(f"`{_DISTRIBUTION} ", f"`{shlex.quote(str(place))} ")


def _is_first(program: str) -> bool:
    """Whether the path leads to this environment's own, and not to another's or nowhere."""
    place = paths.scripts() / program
    first = shutil.which(program)
    return first is not None and place.exists() and Path(first).samefile(place)


def pip_install(*requirements: str, options: Sequence[str] = ()) -> str:
    """The command that installs into the environment of this very Python, whichever pip comes first on the path."""
    return shlex.join([*_pip_install(), *options, *requirements])


def extra(name: Extra) -> str:
    """The command that installs what an extra stands for."""
    return pip_install(*requirements(name))


def container_step() -> str:
    """What a job in a bare container of Debian runs first, so that it can check out and make."""
    return "apt-get update && apt-get install -y --no-install-recommends git make ca-certificates"


def cmsis_nn() -> str:
    """The command that brings the sources of engine ``cmsis-nn``, without TensorFlow, which their package wants."""
    if paths.is_checkout():
        return shlex.join(["make", "-C", str(paths.root()), "engines"])
    return pip_install(_CMSIS_NN, options=["--no-deps"])


def run_extra(name: Extra) -> str:
    """A sentence for the end of an error: the command, and what it will download."""
    return f"Run `{extra(name)}` (extra {name}, {DOWNLOAD_MEGABYTES[name]} MB)."


def run_install(package: SystemPackage) -> str:
    """A sentence for the end of an error."""
    return f"Run `{install(package)}`."


@cache
def requirements(name: Extra) -> tuple[str, ...]:
    """What an extra stands for, one requirement each; extras that it is made of are resolved."""
    written = _written()
    found: dict[str, None] = {}
    for requirement in written[name]:
        if requirement.startswith(f"{_DISTRIBUTION}["):
            inner = requirement[len(_DISTRIBUTION) + 1 :].split("]")[0].split(",")
            found.update(dict.fromkeys(each for part in inner for each in requirements(part)))
        else:
            found[requirement] = None
    return tuple(found)


def _written() -> dict[str, list[str]]:
    """Each extra as it is declared: in the checkout's pyproject.toml, else in what pip wrote of the wheel."""
    if paths.is_checkout():
        content = tomllib.loads(paths.project().read_text(encoding="utf-8"))
        return dict(content["project"]["optional-dependencies"])
    found: dict[str, list[str]] = {}
    for line in metadata.requires(_DISTRIBUTION) or ():
        requirement, marker, condition = line.partition("; extra == ")
        if marker:
            found.setdefault(condition.strip("\"' "), []).append(requirement.strip())
    return found


def _pip_install() -> list[str]:
    if _is_first("pip"):
        return ["pip", "install"]
    if util.find_spec("pip") is None:  # as uv makes environments, which has a pip of its own
        return ["uv", "pip", "install", "--python", sys.executable]
    return [sys.executable, "-m", "pip", "install"]


def join(commands: Iterable[str]) -> str:
    """Several commands as one that stops at the first which fails."""
    return " && ".join(commands)
