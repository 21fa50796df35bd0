"""What the package tells to do is a command that can be pasted, wherever it is printed."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
import tomllib
from email.message import Message
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from renode_mnist import doctor, paths, remedies
from renode_mnist.cli import app
from renode_mnist.images import toolchain
from renode_mnist.renode_install import locate
from renode_mnist.targets import flasher

EXTRAS = get_args(remedies.Extra)
PACKAGES = get_args(remedies.SystemPackage)
MANAGERS = {"apt-get": "apt-get install", "dnf": "dnf install", "pacman": "pacman -S", "brew": "brew install"}


@pytest.fixture
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A system with this package manager and no other."""
    if request.param:
        (tmp_path / request.param).write_text("#!/bin/sh\n")
        (tmp_path / request.param).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(request.param)


def test_no_other_module_tells_how_to_install() -> None:
    """A command written elsewhere would be Debian's, or name a package that is in no registry."""
    found = []
    for file in paths.package().rglob("*.py"):
        if file.name == "remedies.py":
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words = ("pip install", "apt-get", "brew install", "make setup", "make engines", "renode-mnist[")
                found += [f"{file.name}:{node.lineno}" for word in words if word in node.value]
    assert found == []


def test_no_other_module_names_a_page_that_a_wheel_has_not() -> None:
    found = []
    for file in paths.package().rglob("*.py"):
        tree = ast.parse(file.read_text())
        docstrings = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
                found += [f"{file.name}:{node.lineno}"] if re.search(r"\bdocs/\w+\.md", node.value) else []
    assert found == []


def test_a_page_is_in_the_checkout_or_on_the_web(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (paths.root() / remedies.page("boards")).is_file()
    urls = tomllib.loads(paths.project().read_text())["project"]["urls"]
    metadata = Message()
    for name, url in urls.items():
        metadata["Project-URL"] = f"{name}, {url}"
    monkeypatch.setattr(paths, "is_checkout", lambda: False)
    monkeypatch.setattr(remedies.metadata, "metadata", lambda distribution: metadata)
    assert remedies.page("boards") == f"{urls['Repository']}/blob/main/docs/boards.md"


@pytest.mark.parametrize("manager", MANAGERS, indirect=True)
@pytest.mark.parametrize("package", PACKAGES)
def test_the_command_is_that_of_the_systems_package_manager(manager: str, package: remedies.SystemPackage) -> None:
    command = remedies.install(package)
    assert command == "xcode-select --install" or command.removeprefix("sudo ").startswith(MANAGERS[manager])
    assert shlex.join(shlex.split(command)) == command  # a shell reads it as it stands


@pytest.mark.parametrize("manager", [""], indirect=True)
def test_without_a_known_manager_the_names_are_debians(manager: str) -> None:
    assert "apt-get install" in remedies.install("arm-compiler")


@pytest.mark.parametrize("manager", ["apt-get"], indirect=True)
def test_who_is_not_root_is_told_sudo_but_for_brew(
    manager: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert remedies.install("openocd").startswith("sudo apt-get ")
    (tmp_path / "apt-get").rename(tmp_path / "brew")
    assert remedies.install("openocd") == "brew install openocd"


def test_on_windows_it_is_for_wsl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert remedies.install("arm-compiler").startswith("wsl --install -d Debian")


@pytest.mark.parametrize("name", EXTRAS)
def test_an_extra_is_named_by_what_it_stands_for(name: remedies.Extra) -> None:
    """Which every registry has, while this package may be in none."""
    declared = tomllib.loads(paths.project().read_text())["project"]["optional-dependencies"]
    assert set(declared) == set(EXTRAS)
    words = shlex.split(remedies.extra(name))
    assert [word for word in words if word.startswith("renode-mnist")] == []
    assert set(declared[name]) - set(words) <= {"renode-mnist[build,plots,train]"}
    assert f"{remedies.DOWNLOAD_MEGABYTES[name]} MB" in remedies.run_extra(name)


def test_the_page_of_the_installation_says_the_same() -> None:
    page = (paths.root() / "docs" / "install.md").read_text()
    for name, megabytes in remedies.DOWNLOAD_MEGABYTES.items():
        (line,) = (line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert line.endswith(f" | {megabytes} |")
    for manager in remedies._MANAGERS:
        assert f"`{manager.install} {manager.packages['arm-compiler']}`" in page


def test_pip_is_that_of_this_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pip"
    other.write_text("#!/bin/sh\n")
    other.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(Path(sys.executable).parent)  # whence it might be told without its folder
    assert remedies.pip_install("x") == f"{sys.executable} -m pip install x"


def test_an_environment_without_pip_is_uvs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(paths, "scripts", lambda: tmp_path)
    monkeypatch.setattr(remedies.util, "find_spec", lambda name: None)
    assert remedies.pip_install("x") == f"uv pip install --python {sys.executable} x"


def test_a_program_that_was_called_by_its_place_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "of a venv" / "renode-mnist"
    place.parent.mkdir()
    place.write_text("#!/bin/sh\n")
    place.chmod(0o755)
    monkeypatch.setattr(paths, "scripts", lambda: place.parent)
    said = "Make it with `renode-mnist train`, as renode-mnist does."
    monkeypatch.setenv("PATH", str(place.parent))
    assert (remedies.as_called(said), remedies.own("data")) == (said, "renode-mnist data")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert remedies.as_called(said) == f"Make it with `'{place}' train`, as renode-mnist does."
    assert shlex.split(remedies.own("data")) == [str(place), "data"]


# As they are shown ---------------------------------------------------------------------------------------------


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> list[doctor.Finding]:
    """A machine that has nothing, shown 80 columns wide; what doctor finds there."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(toolchain, "_place", lambda tool: "")
    monkeypatch.setattr(toolchain, "flatc", lambda: "")
    monkeypatch.setattr(flasher, "find", lambda tool: None)
    monkeypatch.setattr(doctor, "_package", lambda distribution: "")
    monkeypatch.setattr(doctor, "_version_of", lambda tool: "")
    monkeypatch.setattr(locate, "_find_renode", lambda: None)
    monkeypatch.setattr(doctor, "_mnist", lambda: "")
    monkeypatch.setenv("RENODE_MNIST_CACHE", str(paths.project()))  # no folder
    return doctor.examine()


def test_doctor_shows_every_remedy_whole_on_a_line_of_its_own(bare: list[doctor.Finding]) -> None:
    shown = CliRunner().invoke(app, ["doctor"])
    lines = [line.strip() for line in shown.output.splitlines()]
    missing = [finding for finding in bare if not finding.found]
    assert len(missing) > 12
    for finding in missing:
        assert finding.remedy in lines, finding.what


def test_doctor_tells_the_same_as_json(bare: list[doctor.Finding]) -> None:
    told = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).output)["findings"]
    assert [each for each in told if each["found"] and (each["remedy"] or each["note"])] == []
    assert [(each["what"], each["remedy"]) for each in told] == [(each.what, each.remedy) for each in bare]
    assert {each["state"] for each in told} == {"ok", "missing", "absent"}


def test_an_error_shows_its_remedy_whole_in_a_narrow_terminal() -> None:
    """Every error goes one way: `main` prints it."""
    commands = [*map(remedies.extra, EXTRAS), *map(remedies.install, PACKAGES)]
    program = (
        "import sys; from renode_mnist import cli; from renode_mnist.errors import EnvironmentProblem\n"
        "def fail(**_): raise EnvironmentProblem('gone', sys.argv[1])\n"
        "cli.app.main = fail; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, " | ".join(commands)], capture_output=True, text=True, env={"COLUMNS": "80"}
    )
    assert done.returncode == 2
    for command in commands:
        assert command in done.stderr.splitlines()[0]
