"""Python environments of their own, filled from the one that runs the tests: no network, the locked versions.

What goes in is what the requirements ask for and nothing else, so a package that nobody declares is missing there.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_BASE_PYTHON = getattr(sys, "_base_executable", sys.executable)

_GUARD = '''"""Written by tests/support/environments.py: what an installed package must not do."""
import os
import sys

FORBIDDEN, OWN, LOG = {forbidden!r}, {own!r}, {log!r}
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def told(what):
    with os.fdopen(os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND), "a") as file:
        file.write(what + "\\n")


def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if any(path.startswith(place + os.sep) for place in FORBIDDEN):
            told(f"opened {{path}}")
        if path.startswith(OWN + os.sep) and arguments[2] & WRITES:
            told(f"wrote {{path}}")
    elif event == "socket.connect" and not str(arguments[1]).startswith(("('127.", "('::1", "/", "b'")):
        told(f"connected to {{arguments[1]}}")
    elif event == "socket.getaddrinfo" and arguments[0] not in (None, "", "localhost", "127.0.0.1", "::1"):
        told(f"looked up {{arguments[0]}}")


sys.addaudithook(hook)
'''


class Environment:
    """A virtual environment without pip.

    Args:
        folder: Where it is, or goes where there is none yet.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.exists():
            subprocess.run([_BASE_PYTHON, "-m", "venv", "--without-pip", folder], check=True)
        self.folder = folder
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / "python"
        self.packages = Path(self.say("import sysconfig; print(sysconfig.get_path('purelib'))"))
        self._held: set[str] = set()

    def say(self, program: str) -> str:
        """What a Python program prints there."""
        return subprocess.run([self.python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()

    def add(self, requirements: Iterable[str]) -> None:
        """Fills it with what these ask for, and with all that this asks for."""
        waiting = [Requirement(text) for text in requirements]
        while waiting:
            requirement = waiting.pop()
            name = canonicalize_name(requirement.name)
            if name in self._held or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
                continue
            self._held.add(name)
            found = importlib.metadata.distribution(name)
            assert requirement.specifier.contains(found.version, prereleases=True), f"{requirement}: {found.version}"
            self._copy(found)
            waiting += [Requirement(text) for text in found.requires or ()]

    def install(self, wheel: Path) -> None:
        """Unpacks a wheel without what it requires, as pip does; compiles it."""
        import zipfile

        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(self.packages)
        (entry_points,) = self.packages.glob("renode_mnist-*.dist-info/entry_points.txt")
        for line in entry_points.read_text().splitlines():
            if " = " in line:
                name, place = line.split(" = ")
                module, function = place.split(":")
                script = self.bin / name
                script.write_text(
                    f"#!{self.python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
                )
                script.chmod(0o755)
        subprocess.run([self.python, "-m", "compileall", "-q", self.packages / "renode_mnist"], check=True)

    @property
    def told(self) -> str:
        """What was done that ``guard`` watches for; empty if nothing."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def _log(self) -> Path:
        return self.folder.with_suffix(".told")

    def guard(self, *forbidden: Path) -> None:
        """Has it told, from now on, when something reads these folders, changes this one or asks the network."""
        places = [str(place.resolve()) for place in forbidden]
        (self.packages / "_guard.py").write_text(
            _GUARD.format(forbidden=places, own=str(self.folder), log=str(self._log))
        )
        (self.packages / "_guard.pth").write_text("import _guard\n")

    def run(
        self, *words: str | Path, home: Path, path: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Calls one of its programs in a folder, as a user with an empty home; ``path`` comes after its own."""
        program, *arguments = words
        return subprocess.run(
            [self.bin / program, *arguments],
            cwd=home,
            env={
                "HOME": str(home),
                "PATH": os.pathsep.join(filter(None, [str(self.bin), path])),
                "LANG": "C.UTF-8",
                "PYTHONDONTWRITEBYTECODE": "1",
                **variables,
            },
            capture_output=True,
            text=True,
        )

    def _copy(self, found: importlib.metadata.Distribution) -> None:
        assert found.files is not None, found.name
        for file in found.files:
            source = Path(str(found.locate_file(file)))
            if not source.is_file():
                continue
            if ".." not in file.parts:
                target = self.packages / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
            elif source.parent.name == self.bin.name:
                self._copy_script(source)

    def _copy_script(self, source: Path) -> None:
        content = source.read_bytes()
        first, newline, rest = content.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            content = f"#!{self.python}".encode() + newline + rest
        target = self.bin / source.name
        target.write_bytes(content)
        target.chmod(0o755)
