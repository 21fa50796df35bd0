"""What this machine has of what the package uses."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from renode_mnist import paths, remedies, version
from renode_mnist.errors import EnvironmentProblem
from renode_mnist.images import prebuilt, toolchain
from renode_mnist.renode_install import locate
from renode_mnist.targets import flasher


@dataclass(frozen=True)
class Finding:
    """One thing looked for.

    Attributes:
        what: Its name.
        purpose: What needs it.
        found: Version or place; empty where it is missing.
        required: Whether ``renode-mnist run`` needs it.
        remedy: The command that brings it; empty where there is none.
        note: A sentence on what is done without it; empty where that goes without saying.
    """

    what: str
    purpose: str
    found: str
    required: bool
    remedy: str = ""
    note: str = ""

    @property
    def state(self) -> Literal["ok", "missing", "absent"]:
        """``missing`` is required, ``absent`` is not."""
        return "ok" if self.found else "missing" if self.required else "absent"


def examine() -> list[Finding]:
    """Looks for everything, required things first; what is there needs neither remedy nor note."""
    found = [replace(each, remedy="", note="") if each.found else each for each in _everything()]
    return sorted(found, key=lambda finding: not finding.required)


def _everything() -> Iterator[Finding]:
    yield Finding("renode-mnist", "this package", f"{version.version()}, commit {version.commit()}", True)
    yield Finding("Python", "3.11 or newer", platform.python_version(), True)
    models = ", ".join(sorted(path.name for path in paths.models().glob("*.tflite")))
    folder = shlex.quote(str(paths.models()))
    anew = (remedies.own(f"train --output {folder}"), remedies.own(f"export {folder}/mnist.keras"))
    yield Finding("trained models", "run", models, True, remedies.join(anew))
    yield Finding("unicorn", "embedded emulator", _package("unicorn"), True, remedies.pip_install("unicorn==2.1.4"))
    ready_made = prebuilt.images()
    if not paths.is_checkout():
        yield Finding(
            "prebuilt firmware",
            "run without a compiler",
            _described(ready_made),
            False,
            note="This wheel was built without a cross compiler: every image has to be built on this machine.",
        )
    for part in toolchain.parts():
        found = _version_of(part.place) if part.name in _PROGRAMS else part.place
        yield Finding(part.name, "building firmware", found, not ready_made, part.remedy)
    again = f": {remedies.pip_install('--editable', '.')}" if paths.is_checkout() else ""
    yield Finding(
        "C block hook",
        "faster counting",
        "built" if importlib.util.find_spec("renode_mnist.stm32f746._blockhook") else "",
        False,
        remedies.install("c-headers"),
        f"Then install renode-mnist anew{again}; without it counts are the same.",
    )
    yield Finding("c++", "target host", _version_of("c++"), False, remedies.install("c++"))
    yield Finding("matplotlib", "the library's plots", _package("matplotlib"), False, remedies.extra("plots"))
    yield Finding("Plotly", "history page", _package("plotly"), False, remedies.extra("plots"))
    yield Finding("LiteRT", "verify, golden", _package("ai-edge-litert"), False, remedies.extra("verify"))
    yield _renode()
    for tool in flasher.TOOLS:
        yield Finding(tool, "--flash of a board", flasher.find(tool) or "", False, flasher.remedy(tool))
    yield Finding("tensorflow", "train, export", _package("tensorflow-cpu"), False, remedies.extra("train"))
    fetch = remedies.own("data")
    has_fetcher = shutil.which("npm") or _package("keras")
    yield Finding(
        "MNIST",
        "train, export",
        _mnist(),
        False,
        fetch if has_fetcher else remedies.join((remedies.extra("train"), fetch)),
    )
    yield _cache()


_PROGRAMS = (toolchain.COMPILER, "cmake", "ninja")


def _described(images: tuple[prebuilt.Prebuilt, ...]) -> str:
    if not images:
        return ""
    return f"{len(images)} images by {', '.join(sorted({image.compiler for image in images}))}"


def _package(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _version_of(tool: str) -> str:
    if not tool:
        return ""
    try:
        said = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True, timeout=20).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(said.splitlines()), "")


def _renode() -> Finding:
    found, remedy, note = "", "", ""
    try:
        found = str(locate.find().path)
    except locate.NotInstalled as problem:
        remedy, note = locate.remedy(), "" if problem.what == "Renode is not installed" else f"{problem.what}."
    except EnvironmentProblem as problem:
        note = f"{str(problem)[0].upper()}{str(problem)[1:]}"
    return Finding("Renode", "target renode", found, False, remedy, note)


def _mnist() -> str:
    try:
        folder = paths.cache() / "mnist"
    except EnvironmentProblem:
        return ""
    return str(folder) if folder.is_dir() else ""


def _cache() -> Finding:
    """Where what is built and fetched goes; asked without making it."""
    found = note = ""
    try:
        folder = paths.cache()
        first_there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
        if os.access(first_there, os.W_OK | os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            found = f"{folder}, can be written"
        else:
            note = f"{folder} cannot be written."
    except EnvironmentProblem as problem:
        note = f"{problem.what[0].upper()}{problem.what[1:]}."
    purpose = "data, renode install" if paths.is_checkout() else "building firmware, data, renode install"
    remedy = f'export {paths.CACHE_VARIABLE}="$PWD/renode-mnist-cache"'
    return Finding("cache folder", f"{purpose}, the lock of a board's port", found, False, remedy, note)
